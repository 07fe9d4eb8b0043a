"""The driver's ends of the wires to the MFRC522 model: SPI bus, chip select and reset pin."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.mfrc522 import Mfrc522Model


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
        for byte in data:
            self._byte(byte)

    def write_readinto(self, data: "bytes | bytearray", values: bytearray) -> None:
        """Send bytes to the chip and receive as many at the same time. Both buffers have the same length."""
        if len(data) != len(values):
            raise ValueError("buffers must be the same length")
        if len(values) > 4 and len(values) % 4:  # shorter ones take no memory there
            self._model.violation(f"a read of {len(values)} bytes: an ESP32 that is short of memory waits for ever")
        for index, byte in enumerate(data):
            values[index] = self._byte(byte)

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
