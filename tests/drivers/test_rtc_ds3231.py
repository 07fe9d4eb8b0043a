"""The clock driver over I2C into the chip model: times that are right, and times that must not be believed."""

import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.power import PowerCut
from boards.host.chips.rtc import RtcModel
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.rtc_ds3231 import ADDRESS, Ds3231

YEAR_2000_S = 946_684_800
NOON_S = 1_782_216_000  # 2026-06-23 12:00:00 UTC


class TestDs3231(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self._fit(RtcModel(self.clock, NOON_S))

    def _fit(self, chip):
        self.chip = chip
        self.bus = I2cBus(self.clock)
        self.bus.attach(ADDRESS, chip)
        self.rtc = Ds3231(self.bus)

    def _pass_s(self, seconds):
        self.clock.advance_us(seconds * 1_000_000)

    def test_reads_the_time(self):
        self.assertEqual(self.rtc.read(), NOON_S)
        self._pass_s(100_000)
        self.assertEqual(self.rtc.read(), NOON_S + 100_000)

    def test_sets_the_time_and_believes_it(self):
        self._fit(RtcModel(self.clock))
        self.assertIsNone(self.rtc.read())
        for utc_s, registers in (
            (YEAR_2000_S, b"\x00\x00\x00\x06\x01\x01\x00"),
            (1_709_251_199, b"\x59\x59\x23\x04\x29\x02\x24"),
            (NOON_S, b"\x00\x00\x12\x02\x23\x06\x26"),
            (4_102_444_800, b"\x00\x00\x00\x05\x01\x81\x00"),
            (7_258_118_399, b"\x59\x59\x23\x02\x31\x92\x99"),
        ):
            with self.subTest(utc_s=utc_s):
                self.rtc.set(utc_s)
                self.assertEqual(bytes(self.chip.registers[:7]), registers)
                self.assertEqual(self.rtc.read(), utc_s)

    def test_goes_on_over_month_ends_leap_days_and_the_century(self):
        for utc_s in (1_709_164_799, 1_709_251_199, 1_772_323_199, 1_798_761_599, 4_102_444_799):
            with self.subTest(utc_s=utc_s):
                self.rtc.set(utc_s)
                self._pass_s(1)
                self.assertEqual(self.rtc.read(), utc_s + 1)

    def test_refuses_to_set_what_the_chip_cannot_hold(self):
        for utc_s in (YEAR_2000_S - 1, 7_258_118_400, -1):
            with self.assertRaises(ValueError):
                self.rtc.set(utc_s)
        self.assertEqual(self.rtc.read(), NOON_S)

    def test_a_stopped_oscillator_is_not_believed_until_set(self):
        self.chip.stop_oscillator()
        self.assertIsNone(self.rtc.read())
        self.rtc.set(NOON_S)
        self.assertEqual(self.rtc.read(), NOON_S)

    def test_a_power_cut_with_and_without_battery(self):
        for battery, expected in ((True, NOON_S + 60), (False, None)):
            with self.subTest(battery=battery):
                self.clock = VirtualClock()
                self._fit(RtcModel(self.clock, NOON_S, battery=battery))
                self.chip.power_lost()
                with self.assertRaises(OSError):
                    self.rtc.read()
                self._pass_s(60)
                self.chip.power_restored()
                self.assertEqual(self.rtc.read(), expected)

    def test_setting_switches_the_oscillator_on_for_the_battery(self):
        self.chip.corrupt(0x0E, 0x9C)
        self.rtc.set(NOON_S)
        self.chip.power_lost()
        self._pass_s(3_600)
        self.chip.power_restored()
        self.assertEqual(self.rtc.read(), NOON_S + 3_600)
        self.assertEqual(self.chip.registers[0x0E], 0x1C)

    def test_registers_that_hold_no_time_are_not_believed(self):
        for register, value in (
            (0, 0x60), (0, 0x0A), (1, 0x60), (1, 0x5F), (2, 0x24), (2, 0x52), (2, 0x1A), (4, 0x00), (4, 0x31),
            (4, 0x2A), (5, 0x00), (5, 0x13), (5, 0x0C), (6, 0xA0), (6, 0x0A),
        ):  # fmt: skip
            with self.subTest(register=register, value=value):
                self.rtc.set(NOON_S)
                self.chip.corrupt(register, value)
                self.assertIsNone(self.rtc.read())

    def test_29_february_of_a_common_year_is_not_believed(self):
        self.rtc.set(NOON_S)
        self.chip.corrupt(4, 0x29)
        self.chip.corrupt(5, 0x02)
        self.assertIsNone(self.rtc.read())
        self.chip.corrupt(6, 0x28)
        self.assertEqual(self.rtc.read(), 1_835_438_400)

    def test_the_leap_day_that_2100_does_not_have_is_not_believed(self):
        self.rtc.set(4_107_542_399)
        self._pass_s(1)
        self.assertIsNone(self.rtc.read())

    def test_a_power_cut_while_it_is_first_set_leaves_it_unbelieved(self):
        byte_count = 0
        cut = True
        while cut:
            self.clock = VirtualClock()
            self._fit(RtcModel(self.clock))
            self.bus.plan_cut(byte_count)
            cut = self._set_through_cut()
            if cut:
                self.assertIsNone(self.rtc.read())
            byte_count += 1
        self.assertTrue(byte_count > 7)

    def _set_through_cut(self):
        try:
            self.rtc.set(NOON_S)
        except PowerCut:
            return True
        return False

    def test_reads_one_instant_at_any_moment_of_a_rollover(self):
        self.rtc.set(NOON_S + 59)
        self.clock.advance_us(998_000)
        for _ in range(30):
            self.assertIn(self.rtc.read(), (NOON_S + 59, NOON_S + 60))
        self.assertEqual(self.rtc.read(), NOON_S + 60)

    def test_nobody_answers(self):
        self.bus.detach(ADDRESS)
        with self.assertRaises(OSError):
            self.rtc.read()
        with self.assertRaises(OSError):
            self.rtc.set(NOON_S)


if __name__ == "__main__":
    unittest.main()
