"""A whole dispensing unit on chip models: reader, keypad, display, flash, and a person who uses it."""

from boards.host.chips.aes import aes
from boards.host.chips.console import ConsoleModel
from boards.host.chips.flash import FlashModel
from boards.host.chips.i2c import I2cBus
from boards.host.chips.keypad import KeyMatrix, Mcp23008Model
from boards.host.chips.lcd import LcdModel
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.power import BoardReset, PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.watchdog import WatchdogModel
from boards.host.world.clock import Pause, VirtualClock
from tests.dispenser import kiosk
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.dispenser.app import BOOK_SECTORS, Dispenser
from wattpurse.drivers.keypad import ADDRESS as KEYPAD_ADDRESS
from wattpurse.drivers.keypad import ExpanderLines, Keypad
from wattpurse.drivers.lcd_hd44780 import ADDRESS as LCD_ADDRESS
from wattpurse.drivers.lcd_hd44780 import TextLcd

KEY_MS = 100
BETWEEN_KEYS_MS = 100


class _Devices:
    """The devices of one life of the processor."""

    def __init__(self, chips):
        self.clock = chips.clock
        self.flash = chips.flash
        self.console = chips.console
        self.watchdog = chips.watchdog
        self.aes = aes
        model = chips.reader
        self.reader = Mfrc522(model.spi, model.select, model.reset, model.irq, self.clock)
        self.keypad = Keypad(ExpanderLines(chips.bus))
        self.lcd = TextLcd(chips.bus, self.clock)

    def rest(self, _has_littered):
        pass

    def reset(self):
        raise BoardReset("by the program")


class WholeUnit:
    """The chips of one unit. `dispenser` is the program that runs on them; `starts` counts its lives."""

    def __init__(self, seed=1, memory=None):
        self.clock = VirtualClock()
        self.flash = FlashModel(self.clock, 2 * BOOK_SECTORS, RandomBits(seed), memory)
        self.console = ConsoleModel(self.clock)
        self.watchdog = WatchdogModel(self.clock)
        self.reader = Mfrc522Model(self.clock)
        self.bus = I2cBus(self.clock)
        self.keys = KeyMatrix(self.clock, RandomBits(seed))
        self.expander = Mcp23008Model(self.keys)
        self.lcd = LcdModel(self.clock, RandomBits(seed))
        self.bus.attach(KEYPAD_ADDRESS, self.expander)
        self.bus.attach(LCD_ADDRESS, self.lcd)
        self.clock.on_idle = self._on_idle
        self._end_us = 0
        self.starts = 0
        self.dispenser = None

    def power_up(self):
        """Switch the supply on."""
        self.lcd.power_up()
        self.expander.power_up()
        self.reader.reset_registers()
        self.console.board_started()
        self.starts += 1
        self.dispenser = Dispenser(_Devices(self))
        self.clock.start(self.dispenser.run())

    def run_ms(self, duration_ms):
        """Let the unit run. After a power cut or a reset it starts anew."""
        self._end_us = self.clock.now_us + duration_ms * 1000
        while self.clock.now_us < self._end_us:
            try:
                self.clock.resume()
            except Pause:
                return
            except (PowerCut, BoardReset):
                self.watchdog.stop()
                self.power_up()

    def _on_idle(self, until_us):
        if self.clock.now_us >= self._end_us:
            raise Pause
        return min(until_us, self._end_us)

    def close(self):
        """End the unit, so that other clocks can use the event loop."""
        self.clock.abandon()

    def run_until(self, is_so, limit_s=20, step_ms=50):
        """Run until `is_so()`, which is asked each `step_ms`. Return False if the limit passes before."""
        for _ in range(limit_s * 1_000 // step_ms):
            if is_so():
                return True
            self.run_ms(step_ms)
        return is_so()

    def type(self, keys):
        """Press keys one after the other, as a person does."""
        for key in keys:
            self.keys.press(key, KEY_MS)
            self.run_ms(KEY_MS + BETWEEN_KEYS_MS)

    def shows(self, *texts):
        """Run until the display has these texts, one in each line. Return False if they do not come."""
        return self.run_until(lambda: all(text in line for text, line in zip(texts, self.lcd.text)))

    def set_up(self):
        """Set the unit up at its console, as the office's clerk does."""
        self.console.type_line(f"setup {kiosk.ISSUER} {kiosk.UNIT_KEY.hex()}")
        self.run_ms(100)
        return self.console.take_output()
