"""Parts that the boards of readers and dispensing units have in common. A meter builds its own in `chip_board`."""

import sys

from machine import SPI, Pin

from boards.micropython.pin_signal import PinSignal
from wattpurse.cards.mfrc522 import Mfrc522

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.micropython.clock import Clock

READER_BAUD = 8_000_000  # the RC522 takes 10 MHz; the margin is for the module's wires


def expect_chip(chip: str) -> None:
    """Raise ValueError on another chip: its pins have other numbers."""
    if not sys.implementation._machine.endswith(" with " + chip):
        raise ValueError("this image is for another chip than the one that it runs on")


def build_reader(gpio: "dict[str, int]", clock: "Clock") -> Mfrc522:
    """Return the reader on SPI 0, at the pins of these GPIO numbers by signal."""
    sck, mosi, miso = Pin(gpio["reader_clock"]), Pin(gpio["reader_mosi"]), Pin(gpio["reader_miso"])
    spi = SPI(0, baudrate=READER_BAUD, sck=sck, mosi=mosi, miso=miso)
    irq = PinSignal(Pin(gpio["reader_irq"], Pin.IN), Pin.IRQ_FALLING, True)
    select, reset = Pin(gpio["reader_select"], Pin.OUT, value=1), Pin(gpio["reader_reset"], Pin.OUT, value=1)
    return Mfrc522(spi, select, reset, irq, clock)
