"""An I2C bus with chip models on it, with the interface of `machine.I2C` for register devices.

A device has `answers()` (True if it acknowledges its address), `select(register)` (a start condition and the register
pointer), and `read_byte()` and `write_byte(value)`, which advance the pointer. The bus charges the clock for each byte.
"""

from boards.host.chips.power import PowerCut

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import ChargedClock, RegisterDevice


ENODEV = 19
ETIMEDOUT = 110
BYTE_US = 23  # nine bits at 400 kHz


class I2cBus:
    """The bus master's side.

    While `jammed` is True a chip holds the data line low, and every transfer fails. While `stuck_at` is a number, the
    line is dead in a way that the master does not notice: every byte reads as that number, and no byte arrives.
    """

    def __init__(self, clock: "ChargedClock") -> None:
        self.jammed = False
        self.stuck_at: int | None = None
        self._clock = clock
        self._devices: dict[int, RegisterDevice] = {}
        self._bytes_to_cut: int | None = None

    def attach(self, address: int, device: "RegisterDevice") -> None:
        """Put a device on the bus."""
        self._devices[address] = device

    def detach(self, address: int) -> None:
        """Take a device off the bus, as a broken joint does."""
        del self._devices[address]

    def plan_cut(self, byte_count: int) -> None:
        """Cut the board's power after `byte_count` more data bytes."""
        self._bytes_to_cut = byte_count

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer` from `register` on. Raises OSError if no device answers or the bus is jammed."""
        device = self._select(address, register)
        self._clock.advance_us(BYTE_US)
        for index in range(len(buffer)):
            self._count_byte()
            buffer[index] = device.read_byte() if self.stuck_at is None else self.stuck_at

    def writeto_mem(self, address: int, register: int, data: bytes | bytearray) -> None:
        """Write `data` from `register` on. Raises OSError if no device answers or the bus is jammed."""
        device = self._select(address, register)
        for value in data:
            self._count_byte()
            if self.stuck_at is None:
                device.write_byte(value)

    def writeto(self, address: int, data: bytes | bytearray) -> int:
        """Write `data` to a device without registers, which takes the first byte by `select`. Raises as above."""
        self.writeto_mem(address, data[0], data[1:])
        return len(data)

    def readfrom_into(self, address: int, buffer: bytearray) -> None:
        """Fill `buffer` from a device without registers. Raises OSError if no device answers or the bus is jammed."""
        device = self._answering(address)
        for index in range(len(buffer)):
            self._count_byte()
            buffer[index] = device.read_byte() if self.stuck_at is None else self.stuck_at

    def _select(self, address: int, register: int) -> "RegisterDevice":
        self._clock.advance_us(2 * BYTE_US)
        device = self._answering(address)
        device.select(register)
        return device

    def _answering(self, address: int) -> "RegisterDevice":
        if self.jammed:
            raise OSError(ETIMEDOUT)
        device = self._devices.get(address)
        if device is None or not device.answers():
            raise OSError(ENODEV)
        return device

    def _count_byte(self) -> None:
        if self._bytes_to_cut is not None:
            if self._bytes_to_cut == 0:
                self._bytes_to_cut = None
                raise PowerCut("power failed during an I2C transfer")
            self._bytes_to_cut -= 1
        self._clock.advance_us(BYTE_US)
