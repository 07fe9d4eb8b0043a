"""The devices of the room reader: see `pins` for the wiring, and `services.room_board.Board` for their contract."""

import os
import time

import machine
from cryptolib import aes
from machine import SPI, Pin

from boards.micropython.clock import Clock
from boards.micropython.pin_signal import PinSignal
from boards.micropython.rs485 import Rs485Line
from boards.micropython.watchdog import Watchdog
from boards.room_reader.pairing import FlashPairing
from boards.room_reader.pins import CHIP, DISPLAY_ORDER, GPIO, LINE_UART
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.led_display import LedDisplay

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

READER_BAUD = 8_000_000  # the RC522 takes 10 MHz; the margin is for the module's wires


class RoomDevices:
    """The devices. Raises ValueError on another chip."""

    def __init__(self) -> None:
        import sys

        if not sys.implementation._machine.endswith(" with " + CHIP):
            raise ValueError("this image is for another chip than the one that it runs on")
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
        self.display = LedDisplay(
            _open_drain("display_clock"), _open_drain("display_data"), time.sleep_us, DISPLAY_ORDER
        )
        self.reader = self._build_reader()
        self.pairing = FlashPairing()
        pins = Pin(GPIO["line_send"]), Pin(GPIO["line_receive"], Pin.IN, Pin.PULL_UP), _output("line_drive", 0)
        self.line = Rs485Line(LINE_UART, *pins)

    def _build_reader(self) -> Mfrc522:
        sck, mosi, miso = Pin(GPIO["reader_clock"]), Pin(GPIO["reader_mosi"]), Pin(GPIO["reader_miso"])
        spi = SPI(0, baudrate=READER_BAUD, sck=sck, mosi=mosi, miso=miso)
        irq = PinSignal(Pin(GPIO["reader_irq"], Pin.IN), Pin.IRQ_FALLING, True)
        return Mfrc522(spi, _output("reader_select", 1), _output("reader_reset", 1), irq, self.clock)


def _output(signal: str, level: int) -> Pin:
    return Pin(GPIO[signal], Pin.OUT, value=level)


def _open_drain(signal: str) -> Pin:
    return Pin(GPIO[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
