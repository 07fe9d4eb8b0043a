"""The chip models of `boards.host` at the pins of the emulated chip.

The models are unchanged: a wire of the simulated board is joined to a pin here, and the calls of `machine.SPI` and
`machine.I2C` are split into the bytes that the chip really sends.
"""

from collections.abc import Mapping
from typing import Protocol

from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.pin import Wire
from wattpurse_tools.emulation.emulator import EmulatedPico


class Spi(Protocol):
    """The part of `machine.SPI` that a model serves."""

    def write_readinto(self, sent: bytes, received: bytearray, /) -> None:
        """Shift `sent` out and `received` in."""


class RegisterDevice(Protocol):
    """A model on the I2C bus whose registers are read and written byte by byte."""

    def answers(self) -> bool:
        """Return True if the device acknowledges its address."""
        ...

    def select(self, register: int, /) -> None:
        """Choose the register of the next byte."""

    def read_byte(self) -> int:
        """Return the next byte."""
        ...

    def write_byte(self, value: int, /) -> None:
        """Take the next byte."""


class _ChipEnd:
    """The chip as one more pin on a wire. `drives` is its level, or None for an input."""

    def __init__(self) -> None:
        self.drives: int | None = None


class EmulatedWire(Wire):
    """A wire with a GPIO of the emulated chip on it; `pull` is a resistor of the board.

    Models attach to it and listen to it as on the simulated board. The chip waits at each change it makes.
    """

    def __init__(self, pico: EmulatedPico, pin: int, pull: int = 1) -> None:
        super().__init__(pull)
        self._gpio = pico.pins[pin]
        self._chip = _ChipEnd()
        self._parts_drive: int | None = None
        self.attach(self._chip)
        self._gpio.resistor(pull)
        self._gpio.watch(self._chip_changed)

    def settle(self) -> None:
        """Compute the level anew. If the parts drive the wire differently now, drive the pin of the chip."""
        drives = {pin.drives for pin in self._pins if pin is not self._chip}
        parts_drive = 0 if 0 in drives else 1 if 1 in drives else None
        if parts_drive != self._parts_drive:
            self._parts_drive = parts_drive
            self._gpio.drive(parts_drive)
        super().settle()

    def _chip_changed(self, drive: int | None) -> None:
        self._chip.drives = drive
        self.settle()


class SpiPart:
    """A model in the shape of `machine.SPI`, byte by byte."""

    def __init__(self, spi: Spi) -> None:
        self._spi = spi
        self._received = bytearray(1)

    def exchange(self, byte: int) -> int:
        """Shift `byte` into the model. Return the byte that the model shifts out meanwhile."""
        self._spi.write_readinto(bytes((byte,)), self._received)
        return self._received[0]


class I2cRegisterParts:
    """Register devices on one I2C bus, by address: the first byte written after the address selects the register."""

    def __init__(self, devices: dict[int, RegisterDevice]) -> None:
        self._devices = devices
        self._device: RegisterDevice | None = None
        self._selecting = False

    def start(self) -> None:
        """Begin a transfer, or begin it again: the address follows."""
        self._device = None

    def address(self, address: int, reading: bool) -> bool:
        """Return True if a device acknowledges this address."""
        device = self._devices.get(address)
        if device is None or not device.answers():
            return False
        self._device = device
        self._selecting = not reading
        return True

    def write(self, byte: int) -> bool:
        """Give one byte to the addressed device, which acknowledges every byte."""
        device = self._addressed()
        if self._selecting:
            device.select(byte)
            self._selecting = False
        else:
            device.write_byte(byte)
        return True

    def read(self) -> int:
        """Return one byte from the addressed device."""
        return self._addressed().read_byte()

    def stop(self) -> None:
        """End the transfer."""
        self._device = None

    def _addressed(self) -> RegisterDevice:
        if self._device is None:
            raise ValueError("I2C: a byte before any address")
        return self._device


def wire_reader(pico: EmulatedPico, gpio: Mapping[str, int]) -> tuple[Mfrc522Model, EmulatedWire]:
    """Return the model of the RC522 at the pins of these GPIO numbers by signal, and its wire of chip select."""
    reader = Mfrc522Model(pico.clock)
    select = EmulatedWire(pico, gpio["reader_select"])
    select.listen(reader.select)
    EmulatedWire(pico, gpio["reader_reset"]).listen(reader.reset)
    irq = pico.pins[gpio["reader_irq"]]
    irq.drive(reader.irq_level)
    reader.on_irq = irq.drive
    pico.attach_spi(0, SpiPart(reader.spi))
    return reader, select
