"""The devices of the desk reader: see `pins` for the wiring."""

import machine
from machine import SPI, Pin

from boards.desk_reader.pins import CHIP, GPIO
from boards.micropython.clock import Clock
from boards.micropython.pin_signal import PinSignal
from boards.micropython.usb_line import UsbLine
from boards.micropython.watchdog import Watchdog
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.messages import reader_frames as frames
from wattpurse.services.reader_board import ReaderBoard

READER_BAUD = 8_000_000  # the RC522 takes 10 MHz; the margin is for the module's wires


def build_reader_board() -> ReaderBoard:
    """Return the reader board over its devices. Raises ValueError on another chip."""
    import sys

    if not sys.implementation._machine.endswith(" with " + CHIP):
        raise ValueError("this image is for another chip than the one that it runs on")
    clock = Clock()
    return ReaderBoard(
        line=UsbLine(),
        reader=_build_reader(clock),
        clock=clock,
        watchdog=Watchdog(False),
        led=Pin(GPIO["led"], Pin.OUT, value=0),
        role=frames.DESK_READER,
        identity=machine.unique_id(),
    )


def _build_reader(clock: Clock) -> Mfrc522:
    sck, mosi, miso = Pin(GPIO["reader_clock"]), Pin(GPIO["reader_mosi"]), Pin(GPIO["reader_miso"])
    spi = SPI(0, baudrate=READER_BAUD, sck=sck, mosi=mosi, miso=miso)
    irq = PinSignal(Pin(GPIO["reader_irq"], Pin.IN), Pin.IRQ_FALLING, True)
    select, reset = Pin(GPIO["reader_select"], Pin.OUT, value=1), Pin(GPIO["reader_reset"], Pin.OUT, value=1)
    return Mfrc522(spi, select, reset, irq, clock)
