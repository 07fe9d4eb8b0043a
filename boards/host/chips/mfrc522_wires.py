"""The driver's ends of the wires to the MFRC522 model: SPI bus, chip select and reset pin."""

from boards.host.chips import mfrc522_registers as regs

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.mfrc522 import Mfrc522Model

_READ_FIFO = 0x80 | regs.FIFO_DATA << 1
_WRITE_FIFO = regs.FIFO_DATA << 1


class Spi:
    """The bus, like `machine.SPI`. The first byte after select is an address, then data (clause 8.1.2)."""

    def __init__(self, model: "Mfrc522Model") -> None:
        self._model = model
        self._address = None

    def begin(self) -> None:
        self._model.statistics.chip_selects += 1
        self._address = None

    def end(self) -> None:
        self._address = None

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        """Send bytes to the chip and drop its answer."""
        start = self._fill_fifo(data) if len(data) > 2 and data[0] == _WRITE_FIFO else 0
        for index in range(start, len(data)):
            self._byte(data[index])

    def write_readinto(self, data: "bytes | bytearray", values: bytearray) -> None:
        """Send bytes to the chip and receive as many at the same time. Both buffers have the same length."""
        if len(data) != len(values):
            raise ValueError("buffers must be the same length")
        if len(values) > 4 and len(values) % 4:  # shorter ones take no memory there
            self._model.violation(f"a read of {len(values)} bytes: an ESP32 that is short of memory waits for ever")
        index = 0
        while index < len(data):
            done = self._empty_fifo(data, values, index) if self._address == _READ_FIFO else 0
            if not done:
                values[index] = self._byte(data[index])
                done = 1
            index += done

    def _fill_fifo(self, data: "bytes | bytearray | memoryview") -> int:
        """Take a whole frame for the FIFO at once. Return the number of bytes taken: all, or 0 if it is no such case.

        The result is the same as byte by byte. A case that a fault or the state of the chip changes is left to that.
        """
        model = self._model
        if self._address is not None or not self._is_plain() or not model.write_fifo(data, 1):
            return 0
        self._address = _WRITE_FIFO
        model.statistics.spi_bytes += len(data)
        return len(data)

    def _empty_fifo(self, data: "bytes | bytearray", values: bytearray, start: int) -> int:
        """Read a row of bytes from the FIFO at once. Return their number, 0 if the bytes have to go one by one."""
        if not self._is_plain():
            return 0
        end = start
        while end < len(data) - 1 and data[end] == _READ_FIFO:
            end += 1
        count = end + 1 - start  # the byte behind the row reads the FIFO too
        found = self._model.read_fifo(count)
        values[start : end + 1] = found + bytes(count - len(found))
        self._model.statistics.spi_bytes += count
        self._take_address(data[end])
        return count

    def _is_plain(self) -> bool:
        """Return True if bus and chip work, and the chip is selected."""
        model = self._model
        return bool(not model.select.level and model.reset.level and model.faults.spi_dead is None)

    def _byte(self, byte: int) -> int:
        model = self._model
        if model.select.level:
            model.violation("SPI clocked while the chip is not selected")
            return 0
        model.statistics.spi_bytes += 1
        value = self._exchange(byte)
        return value if model.faults.spi_dead is None else model.faults.spi_dead

    def _exchange(self, byte: int) -> int:
        model = self._model
        address = self._address
        if address is None:
            self._take_address(byte)
            return 0
        if not address & 0x80:
            model.write(address >> 1, byte)
            return 0
        value = model.read(address >> 1 & 0x3F) if model.reset.level else 0
        self._take_address(byte)
        return value

    def _take_address(self, byte: int) -> None:
        if byte & 1:
            self._model.violation(f"address byte {byte:02x} has its lowest bit set")
        self._address = byte


class Select:
    """Active-low chip select."""

    def __init__(self, model: "Mfrc522Model") -> None:
        self._model = model
        self.level = 1

    def __call__(self, value: int | None = None) -> int | None:
        if value is None:
            return self.level
        if value == 0 and self.level:
            self._model.spi.begin()
        self.level = 1 if value else 0
        return None


class Reset:
    """NRSTPD: low is hard power-down; the rising edge restarts the chip (clause 8.6.1)."""

    def __init__(self, model: "Mfrc522Model") -> None:
        self._model = model
        self.level = 1

    def __call__(self, value: int | None = None) -> int | None:
        if value is None:
            return self.level
        if bool(value) != bool(self.level):
            self.level = 1 if value else 0
            self._model.faults.hung = False
            self._model.reset_registers()
        return None
