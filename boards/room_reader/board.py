"""The devices of the room reader: see `pins` for the wiring, and `services.room_board.Board` for their contract."""

import os
import time

import machine
from cryptolib import aes
from machine import Pin

from boards.micropython.clock import Clock
from boards.micropython.reader_parts import build_reader, expect_chip
from boards.micropython.rs485 import Rs485Line
from boards.micropython.watchdog import Watchdog
from boards.room_reader.pairing import FlashPairing
from boards.room_reader.pins import CHIP, DISPLAY_ORDER, GPIO, LINE_UART
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.room_digits import RoomDigits

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes


class RoomDevices:
    """The devices. Raises ValueError on another chip."""

    def __init__(self) -> None:
        expect_chip(CHIP)
        self.clock = Clock()
        # The stubs take an IV that is missing, but not one that is None; cryptolib takes both.
        self.aes: Aes = aes  # pyright: ignore[reportAttributeAccessIssue]
        self.unique_id = machine.unique_id()
        self.random_bytes = os.urandom
        self.watchdog = Watchdog(False)
        button = Pin(GPIO["button"], Pin.IN, Pin.PULL_UP)
        self.is_held = not button()
        self.button = Button(button, self.clock)
        self.buzzer = Buzzer(_output("buzzer", 0), self.clock)
        self.display = RoomDigits(
            _open_drain("display_clock"), _open_drain("display_data"), time.sleep_us, DISPLAY_ORDER
        )
        self.reader = build_reader(GPIO, self.clock)
        self.pairing = FlashPairing()
        pins = Pin(GPIO["line_send"]), Pin(GPIO["line_receive"], Pin.IN, Pin.PULL_UP), _output("line_drive", 0)
        self.line = Rs485Line(LINE_UART, *pins)


def _output(signal: str, level: int) -> Pin:
    return Pin(GPIO[signal], Pin.OUT, value=level)


def _open_drain(signal: str) -> Pin:
    return Pin(GPIO[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
