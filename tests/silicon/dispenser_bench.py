"""The dispensing unit's image on the emulated RP2040, with display, keypad and reader around the chip."""

from boards.dispenser.pins import GPIO
from boards.host.chips.keypad import COLUMNS, ROWS, KeyMatrix
from boards.host.chips.lcd import LcdModel
from boards.host.chips.random_bits import RandomBits
from wattpurse.drivers.lcd_hd44780 import ADDRESS
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.parts import I2cRegisterParts, wire_reader

KEY_MS = 100
PULL_UP = 1


class EmulatedKeypad:
    """The contacts between the row pins and the column pins of the chip."""

    def __init__(self, pico):
        self._matrix = KeyMatrix(pico.clock)
        self._rows = [pico.pins[GPIO[f"keypad_row_{row + 1}"]] for row in range(ROWS)]
        self._columns = [pico.pins[GPIO[f"keypad_column_{column + 1}"]] for column in range(COLUMNS)]
        for row, pin in enumerate(self._rows):
            pin.watch(lambda drive, row=row: self._driven(row, drive))

    def hold(self, key):
        """Press a key and keep it pressed."""
        self._matrix.hold(key)
        self._settle()

    def let_go(self, key):
        """Release a key."""
        self._matrix.let_go(key)
        self._settle()

    def _driven(self, row, drive):
        self._matrix.drive(row, 1 if drive is None else drive)
        self._settle()

    def _settle(self):
        for column, pin in enumerate(self._columns):
            pin.drive(None if self._matrix.level(ROWS + column) else 0)


class EmulatedDispenser:
    """The chip with the file `flash` and the program `image`, and the parts around it."""

    def __init__(self, flash, image, seed=1):
        self.pico = EmulatedPico(flash, image, seed)
        clock = self.pico.clock
        self.lcd = LcdModel(clock, RandomBits(seed))
        self.pico.attach_i2c(0, I2cRegisterParts({ADDRESS: self.lcd}))
        self.keypad = EmulatedKeypad(self.pico)
        self.reader, _ = wire_reader(self.pico, GPIO)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.pico.close()

    def power_up(self):
        self.lcd.power_up()
        self.reader.reset_registers()
        self.pico.power_on()

    def cut_power(self):
        self.pico.cut_power()
        self.reader.power_cut()

    def shows(self, *texts, limit_s=20):
        """Run until the display has these texts, one in each line. Return False if they do not come."""
        return self.pico.run_until(
            lambda: all(text in line for text, line in zip(texts, self.lcd.text, strict=False)), limit_s * 1000, 20_000
        )

    def type(self, keys):
        """Press keys one after the other, as a person does."""
        for key in keys:
            self.keypad.hold(key)
            self.pico.run_ms(KEY_MS)
            self.keypad.let_go(key)
            self.pico.run_ms(KEY_MS)

    def lay(self, card):
        self.reader.field.insert(card)

    def lift(self, card):
        self.reader.field.remove(card)
        self.pico.run_ms(1_000)
