"""An I2C bus with chip models on it, in the shape of `machine.I2C` for register devices.

A device has `answers()` (whether it acknowledges its address), `select(register)` (a start condition and the register
pointer), and `read_byte()` and `write_byte(value)`, which move its pointer on. Each byte is charged to the clock.
"""

from boards.host.chips.power import PowerCut

ENODEV = 19
ETIMEDOUT = 110
BYTE_US = 23  # nine bits at 400 kHz


class I2cBus:
    """The bus master's side. `jammed`: a chip holds the data line low and nothing gets through."""

    def __init__(self, clock) -> None:
        self.jammed = False
        self._clock = clock
        self._devices = {}
        self._bytes_to_cut = None

    def attach(self, address: int, device) -> None:
        """Put a device on the bus."""
        self._devices[address] = device

    def detach(self, address: int) -> None:
        """Take a device off the bus: a broken joint."""
        del self._devices[address]

    def plan_cut(self, byte_count: int) -> None:
        """Cut the board's power after `byte_count` more data bytes."""
        self._bytes_to_cut = byte_count

    def readfrom_mem_into(self, address: int, register: int, buffer) -> None:
        """Fill `buffer` from `register` on. Raises OSError when nobody answers or the bus is jammed."""
        device = self._select(address, register)
        self._clock.advance_us(BYTE_US)
        for index in range(len(buffer)):
            self._count_byte()
            buffer[index] = device.read_byte()

    def writeto_mem(self, address: int, register: int, data) -> None:
        """Write `data` from `register` on. Raises OSError when nobody answers or the bus is jammed."""
        device = self._select(address, register)
        for value in data:
            self._count_byte()
            device.write_byte(value)

    def _select(self, address, register):
        self._clock.advance_us(2 * BYTE_US)
        if self.jammed:
            raise OSError(ETIMEDOUT)
        device = self._devices.get(address)
        if device is None or not device.answers():
            raise OSError(ENODEV)
        device.select(register)
        return device

    def _count_byte(self) -> None:
        if self._bytes_to_cut is not None:
            if self._bytes_to_cut == 0:
                self._bytes_to_cut = None
                raise PowerCut("power failed during an I2C transfer")
            self._bytes_to_cut -= 1
        self._clock.advance_us(BYTE_US)
