"""The devices of a dispensing unit on a Raspberry Pi Pico: see `pins`, and `dispenser.app` for the devices."""

import gc
import time

import machine
from cryptolib import aes
from machine import I2C, Pin, mem32

from boards.dispenser.pins import GPIO
from boards.micropython.clock import Clock
from boards.micropython.console import ConsoleStream
from boards.micropython.reader_parts import build_reader
from boards.micropython.watchdog import Watchdog
from boards.pico import storage
from boards.pico.flash import PicoFlash
from wattpurse.drivers.keypad import Keypad, PinLines
from wattpurse.drivers.lcd_hd44780 import TextLcd

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

LCD_HZ = 100_000  # the most that a PCF8574 takes
LAST_OUTPUT_MS = 20
COLLECT_EVERY_MS = 5_000

# The cause of the last reset (RP2040 data sheet, 4.7.6, REASON).
_WATCHDOG_REASON = 0x40058008
_TIMER_RAN_OUT = 1


class DispenserPico:
    """The devices, on the pins of `pins`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.watchdog = Watchdog(bool(mem32[_WATCHDOG_REASON] & _TIMER_RAN_OUT))
        self.console = ConsoleStream()
        self.flash = PicoFlash(storage.ring_blocks(), lambda: 0)
        self.reader = build_reader(GPIO, self.clock)
        rows = tuple([_open_drain(f"keypad_row_{number}") for number in (1, 2, 3, 4)])
        columns = tuple([Pin(GPIO[f"keypad_column_{number}"], Pin.IN, Pin.PULL_UP) for number in (1, 2, 3)])
        self.keypad = Keypad(PinLines(rows, columns))
        i2c = I2C(0, sda=Pin(GPIO["lcd_data"]), scl=Pin(GPIO["lcd_clock"]), freq=LCD_HZ)
        self.lcd = TextLcd(i2c, self.clock)
        # The stubs take an IV that is missing, but not one that is None; cryptolib takes both.
        self.aes: Aes = aes  # pyright: ignore[reportAttributeAccessIssue]
        self._collected_ms = time.ticks_ms()

    def rest(self, has_littered: bool) -> bool:
        """Collect garbage if some seconds have passed since the last time. Return False: nothing more is to do."""
        if has_littered or time.ticks_diff(time.ticks_ms(), self._collected_ms) >= COLLECT_EVERY_MS:
            gc.collect()
            self._collected_ms = time.ticks_ms()
        return False

    def reset(self) -> None:
        """Send the rest of the console's output, then start the board anew."""
        self.console.flush()
        time.sleep_ms(LAST_OUTPUT_MS)
        machine.reset()


def _open_drain(signal: str) -> Pin:
    return Pin(GPIO[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
