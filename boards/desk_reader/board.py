"""The devices of the desk reader: see `pins` for the wiring."""

import machine
from machine import Pin

from boards.desk_reader.pins import CHIP, GPIO
from boards.micropython.clock import Clock
from boards.micropython.reader_parts import build_reader, expect_chip
from boards.micropython.usb_line import UsbLine
from boards.micropython.watchdog import Watchdog
from wattpurse.core.messages import reader_frames as frames
from wattpurse.services.reader_board import ReaderBoard


def build_reader_board() -> ReaderBoard:
    """Return the reader board over its devices. Raises ValueError on another chip."""
    expect_chip(CHIP)
    clock = Clock()
    return ReaderBoard(
        line=UsbLine(),
        reader=build_reader(GPIO, clock),
        clock=clock,
        watchdog=Watchdog(False),
        led=Pin(GPIO["led"], Pin.OUT, value=0),
        role=frames.DESK_READER,
        identity=machine.unique_id(),
    )
