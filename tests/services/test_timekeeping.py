"""The meter's clock over the DS3231 model: the times that it believes, and that it never goes back by itself."""

import asyncio
import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.rtc import RtcModel
from boards.host.world.clock import TICKS_PERIOD, VirtualClock
from wattpurse.drivers.rtc_ds3231 import ADDRESS, Ds3231
from wattpurse.services.timekeeping import PERIOD_MS, TimeKeeper

NOW_S = 1_800_000_000
DAY_S = 86_400
LATEST_S = NOW_S + 3_660 * DAY_S


class _Chip:
    """A clock chip that reads as `read` says."""

    def __init__(self, read):
        self.read = read


class TestTimeKeeper(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.bus = I2cBus(self.clock)

    def _with_chip(self, utc_s, drift_ppm=0, battery=True):
        self.chip = RtcModel(self.clock, utc_s, drift_ppm, battery)
        self.bus.attach(ADDRESS, self.chip)
        return TimeKeeper(Ds3231(self.bus), self.clock)

    def _started(self, chip_s=NOW_S, not_before_s=NOW_S - 1_000, drift_ppm=0):
        keeper = self._with_chip(chip_s, drift_ppm)
        keeper.start(not_before_s, LATEST_S)
        return keeper

    def _live(self, keeper, minutes):
        """Let minutes pass with a look at the time every second. It must never go back."""
        before_s = keeper.now_s()
        for _ in range(minutes):
            for _ in range(60):
                self.clock.advance_us(1_000_000)
                now_s = keeper.now_s()
                self.assertTrue(before_s <= now_s <= before_s + 2, (before_s, now_s))
                before_s = now_s
            keeper.follow_chip()

    def test_the_chip_leads(self):
        keeper = self._started()
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S)
        self.clock.advance_us(3_500_000)
        self.assertEqual(keeper.now_s(), NOW_S + 3)

    def test_parts_of_a_second_are_not_lost(self):
        keeper = self._started()
        for _ in range(1_000):
            self.clock.advance_us(999_000)
            keeper.now_s()
        self.assertEqual(keeper.now_s(), NOW_S + 999)

    def test_a_chip_that_lost_its_time_is_not_believed(self):
        keeper = self._with_chip(None)
        keeper.start(NOW_S, LATEST_S)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S)
        self.clock.advance_us(60_000_000)
        keeper.follow_chip()
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 60)

    def test_a_battery_that_was_empty_shows_at_the_next_start(self):
        keeper = self._with_chip(NOW_S, battery=False)
        self.chip.power_lost()
        self.clock.advance_us(5_000_000)
        self.chip.power_restored()
        keeper.start(NOW_S, LATEST_S)
        self.assertFalse(keeper.trusted)

    def test_a_chip_before_the_ledgers_time_is_not_believed(self):
        keeper = self._started(NOW_S - 3_600, not_before_s=NOW_S)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S)
        self._live(keeper, 3)
        self.assertFalse(keeper.trusted)

    def test_a_second_behind_the_ledger_is_drift_and_waited_out(self):
        keeper = self._started(NOW_S - 2, not_before_s=NOW_S)
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S)
        self.clock.advance_us(2_000_000)
        self.assertEqual(keeper.now_s(), NOW_S)
        self.clock.advance_us(1_000_000)
        self.assertEqual(keeper.now_s(), NOW_S + 1)

    def test_a_chip_years_ahead_is_not_believed(self):
        keeper = self._started(LATEST_S + 1, not_before_s=NOW_S)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S)

    def test_years_without_power_are_believed(self):
        keeper = self._started(LATEST_S, not_before_s=NOW_S)
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), LATEST_S)

    def test_a_chip_that_answers_late_is_believed_then(self):
        keeper = self._with_chip(NOW_S + 5_000)
        self.bus.jammed = True
        keeper.start(NOW_S, LATEST_S)
        self.assertFalse(keeper.trusted)
        self.bus.jammed = False
        self.clock.advance_us(60_000_000)
        keeper.follow_chip()
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 5_060)

    def test_a_chip_that_is_silent_for_a_while_is_believed_again(self):
        keeper = self._started()
        self.bus.jammed = True
        self._live(keeper, 2)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 120)
        self.bus.jammed = False
        self._live(keeper, 1)
        self.assertTrue(keeper.trusted)

    def test_a_fast_chip_is_followed(self):
        keeper = self._started(drift_ppm=200)
        self._live(keeper, 24 * 60)
        self.assertTrue(keeper.trusted)
        self.assertTrue(abs(keeper.now_s() - Ds3231(self.bus).read()) <= 1)
        self.assertTrue(abs(keeper.now_s() - (NOW_S + DAY_S + 17)) <= 1)

    def test_a_slow_chip_is_followed_and_time_never_goes_back(self):
        keeper = self._started(drift_ppm=-2_000)
        self._live(keeper, 24 * 60)
        self.assertTrue(keeper.trusted)
        self.assertTrue(0 <= keeper.now_s() - Ds3231(self.bus).read() <= 1)

    def test_a_chip_that_is_misread_once_is_not_believed(self):
        wrong = [NOW_S + 300 * DAY_S]
        keeper = TimeKeeper(_Chip(lambda: wrong.pop() if wrong else NOW_S), self.clock)
        keeper.start(NOW_S, LATEST_S)
        self.assertEqual((keeper.now_s(), keeper.trusted), (NOW_S, False))
        keeper.follow_chip()
        self.assertTrue(keeper.trusted)

    def test_a_leap_of_the_chip_is_not_believed_until_it_is_gone(self):
        keeper = self._started()
        year = self.chip.registers[6]
        self.chip.corrupt(6, 0x40)
        self._live(keeper, 1)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 60)
        self.chip.corrupt(6, year)
        self._live(keeper, 1)
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 120)

    def test_a_chip_that_stops_while_running_is_not_believed(self):
        keeper = self._started()
        self.chip.stop_oscillator()
        self._live(keeper, 1)
        self.assertFalse(keeper.trusted)

    def test_the_ticks_may_wrap(self):
        self.clock.now_us = (TICKS_PERIOD - 1_500) * 1000
        keeper = self._started()
        for second in range(1, 5):
            self.clock.advance_us(1_000_000)
            self.assertEqual(keeper.now_s(), NOW_S + second)
        for day in range(1, 30):
            self.clock.advance_us(DAY_S * 1_000_000)
            self.assertEqual(keeper.now_s(), NOW_S + 4 + day * DAY_S)

    def test_five_days_between_two_looks(self):
        keeper = self._started()
        self.clock.advance_us(5 * DAY_S * 1_000_000)
        self.assertEqual(keeper.now_s(), NOW_S + 5 * DAY_S)

    def test_it_can_be_set_back_and_ahead(self):
        keeper = self._started()
        for utc_s in (NOW_S - 40 * DAY_S, NOW_S + 40 * DAY_S):
            keeper.set(utc_s)
            self.assertEqual(keeper.now_s(), utc_s)
            self.clock.advance_us(61_000_000)
            keeper.follow_chip()
            self.assertTrue(keeper.trusted)
            self.assertEqual(keeper.now_s(), utc_s + 61)
            self.assertEqual(Ds3231(self.bus).read(), utc_s + 61)

    def test_setting_makes_it_trusted_again_and_lasts(self):
        keeper = self._with_chip(None)
        keeper.start(NOW_S, LATEST_S)
        keeper.set(NOW_S + 100)
        self.assertTrue(keeper.trusted)
        again = TimeKeeper(Ds3231(self.bus), self.clock)
        again.start(NOW_S, LATEST_S)
        self.assertTrue(again.trusted)
        self.assertEqual(again.now_s(), NOW_S + 100)

    def test_a_chip_that_does_not_take_the_time_is_said_and_time_holds_without_it(self):
        keeper = self._started()
        self.bus.jammed = True
        self.assertFalse(keeper.set(NOW_S + 500))
        self.assertEqual(keeper.now_s(), NOW_S + 500)
        keeper.follow_chip()
        self.assertFalse(keeper.trusted)

    def test_the_task_follows_once_a_minute(self):
        keeper = self._started(drift_ppm=100_000)

        async def main():
            asyncio.create_task(keeper.run())
            await self.clock.sleep_ms(PERIOD_MS + 1_000)

        self.clock.run(main())
        self.assertTrue(NOW_S + 66 <= keeper.now_s() <= NOW_S + 67)


if __name__ == "__main__":
    unittest.main()
