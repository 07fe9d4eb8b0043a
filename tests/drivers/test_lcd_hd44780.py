"""The text display is set up from any state, keeps the data sheet's times, and comes back after it was unplugged."""

import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.lcd import LcdModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.lcd_hd44780 import ADDRESS, TextLcd

BYTE_US_AT_100_KHZ = 90


class SlowBus(I2cBus):
    """The bus at 100 kHz, the most that a PCF8574 takes."""

    def __init__(self, clock):
        super().__init__(clock)
        self._slow = clock

    def _count_byte(self):
        super()._count_byte()
        self._slow.advance_us(BYTE_US_AT_100_KHZ - 23)


class TestTextLcd(unittest.TestCase):
    def bench(self, seed=1):
        self.clock = VirtualClock()
        self.model = LcdModel(self.clock, RandomBits(seed))
        self.bus = SlowBus(self.clock)
        self.bus.attach(ADDRESS, self.model)
        self.lcd = TextLcd(self.bus, self.clock)

    def refresh(self):
        self.clock.run(self.lcd.refresh())

    def test_the_display_shows_its_text_whatever_its_state_was_at_power_up(self):
        for seed in range(30):
            self.bench(seed)
            self.lcd.show("Lay system card", "# = report")
            self.refresh()
            self.assertEqual(self.model.text, ("Lay system card", "# = report"))
            self.assertEqual(self.model.violations, [])

    def test_it_is_set_up_again_from_the_middle_of_a_text(self):
        self.bench()
        self.lcd.show("one", "two")
        self.refresh()
        self.bus.writeto(ADDRESS, bytes((0x38, 0x3C, 0x38)))  # half of an instruction
        self.lcd = TextLcd(self.bus, self.clock)
        self.lcd.show("three", "four")
        self.refresh()
        self.assertEqual(self.model.text, ("three", "four"))
        self.assertEqual(self.model.violations, [])

    def test_letters_that_stay_are_not_written_again(self):
        self.bench()
        self.lcd.show("Amount: 20.00")
        self.refresh()
        before_us = self.clock.now_us
        self.refresh()
        self.assertEqual(self.clock.now_us, before_us)
        self.lcd.show("Amount: 20.50")
        self.refresh()
        self.assertLess(self.clock.now_us - before_us, 3_000)
        self.assertEqual(self.model.text, ("Amount: 20.50", ""))

    def test_a_long_text_is_cut_and_a_letter_that_the_chip_lacks_becomes_a_question_mark(self):
        self.bench()
        self.lcd.show("0123456789abcdefXYZ", "20 € ~")
        self.refresh()
        self.assertEqual(self.model.text, ("0123456789abcdef", "20 ? ?"))

    def test_a_display_that_was_unplugged_comes_back(self):
        self.bench()
        self.lcd.show("before")
        self.refresh()
        self.model.has_supply = False
        self.lcd.show("while away")
        self.assertRaises(OSError, self.refresh)
        self.assertFalse(self.lcd.is_ready)
        self.model.has_supply = True
        self.model.power_up()
        self.refresh()
        self.assertEqual(self.model.text, ("while away", ""))
        self.assertEqual(self.model.violations, [])

    def test_a_disturbed_display_is_right_again_after_it_is_renewed(self):
        self.bench()
        self.lcd.show("right")
        self.refresh()
        self.model.power_up()
        self.refresh()
        self.assertEqual(self.model.text, ("", ""))
        self.lcd.renew()
        self.refresh()
        self.assertEqual(self.model.text, ("right", ""))


class TestModel(unittest.TestCase):
    """The model forgives no more than the chip."""

    def setUp(self):
        self.clock = VirtualClock()
        self.model = LcdModel(self.clock, RandomBits(1))

    def begin(self):
        """Take the outputs from all high to a write with E low."""
        self.model.write_byte(0xFB)
        self.model.write_byte(0x08)

    def test_a_write_before_the_chip_is_ready_is_lost(self):
        self.begin()
        for value in (0x38, 0x3C, 0x38):
            self.model.write_byte(value)
        self.assertIn("too early", self.model.violations[0])

    def test_rs_that_rises_with_e_is_a_violation(self):
        self.begin()
        self.clock.advance_us(50_000)
        self.model.write_byte(0x0D)
        self.assertEqual(len(self.model.violations), 1)

    def test_a_clear_that_is_not_awaited_is_a_violation(self):
        self.begin()
        self.clock.advance_us(50_000)
        for _ in range(3):
            for value in (0x38, 0x3C, 0x38):
                self.model.write_byte(value)
            self.clock.advance_us(5_000)
        for value in (0x28, 0x2C, 0x28):
            self.model.write_byte(value)
        self.clock.advance_us(100)
        for value in (0x08, 0x0C, 0x08, 0x1C, 0x18, 0x0C, 0x08):
            self.model.write_byte(value)
        self.assertIn("too early", self.model.violations[0])


if __name__ == "__main__":
    unittest.main()
