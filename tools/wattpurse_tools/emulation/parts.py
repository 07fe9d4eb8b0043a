"""The chip models of `boards.host` at the pins of the emulated chip.

The models stay as they are: a wire of the simulated board is joined to a pin here, and the buses are cut down from
`machine.SPI` and `machine.I2C` calls to the bytes that the chip really sends.
"""

from boards.host.chips.pin import Wire


class _ChipEnd:
    """The chip as one more pin on a wire: what it drives."""

    def __init__(self) -> None:
        self.drives = None


class EmulatedWire(Wire):
    """A wire with a GPIO of the emulated chip on it; `pull` is a resistor of the board.

    Models attach to it and listen to it as on the simulated board. The chip waits at each change it makes.
    """

    def __init__(self, pico, pin: int, pull: int = 1) -> None:
        super().__init__(pull)
        self._gpio = pico.pins[pin]
        self._chip = _ChipEnd()
        self._parts_drive = None
        self.attach(self._chip)
        self._gpio.resistor(pull)
        self._gpio.watch(self._chip_changed)

    def settle(self) -> None:
        """Work out the level anew, and tell the chip when the parts drive otherwise."""
        drives = {pin.drives for pin in self._pins if pin is not self._chip}
        parts_drive = 0 if 0 in drives else 1 if 1 in drives else None
        if parts_drive != self._parts_drive:
            self._parts_drive = parts_drive
            self._gpio.drive(parts_drive)
        super().settle()

    def _chip_changed(self, drive) -> None:
        self._chip.drives = drive
        self.settle()


class SpiPart:
    """A model in the shape of `machine.SPI`, byte by byte."""

    def __init__(self, spi) -> None:
        self._spi = spi
        self._sent = bytearray(1)
        self._received = bytearray(1)

    def exchange(self, byte: int) -> int:
        """What the model shifts out while `byte` is shifted in."""
        self._sent[0] = byte
        self._spi.write_readinto(self._sent, self._received)
        return self._received[0]


class I2cRegisterParts:
    """Register devices on one I2C bus, by address: the first byte written after the address selects the register.

    A device has `answers()`, `select(register)`, `read_byte()` and `write_byte(value)`.
    """

    def __init__(self, devices: dict) -> None:
        self._devices = devices
        self._device = None
        self._selecting = False

    def start(self) -> None:
        """A start or repeated start condition: the address follows."""
        self._device = None

    def address(self, address: int, reading: bool) -> bool:
        """Whether a device acknowledges."""
        device = self._devices.get(address)
        if device is None or not device.answers():
            return False
        self._device = device
        self._selecting = not reading
        return True

    def write(self, byte: int) -> bool:
        """One byte to the device; it takes them all."""
        if self._selecting:
            self._device.select(byte)
            self._selecting = False
        else:
            self._device.write_byte(byte)
        return True

    def read(self) -> int:
        """One byte from the device."""
        return self._device.read_byte()

    def stop(self) -> None:
        """The transfer is over."""
        self._device = None
