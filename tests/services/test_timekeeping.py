"""The meter's clock over the DS3231 model: the times that it believes, and that it never goes back by itself."""

import asyncio
import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.rtc import RtcModel
from boards.host.world.clock import TICKS_PERIOD, VirtualClock
from wattpurse.core.tariffs import calendar
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

    def _follow(self, keeper, minutes):
        for _ in range(minutes):
            self.clock.advance_us(60_000_000)
            keeper.follow_chip()

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

    def test_a_second_behind_the_ledger_is_drift_and_waited_out_when_the_chip_is_seen_to_run(self):
        keeper = self._started(NOW_S - 2, not_before_s=NOW_S)
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 1)
        self._live(keeper, 2)
        self.assertEqual(keeper.now_s(), NOW_S + 118)

    def test_a_chip_that_has_not_run_since_the_newest_note_costs_a_second_at_each_start(self):
        for behind_s in (1, 5):
            keeper = self._started(NOW_S - behind_s, not_before_s=NOW_S)
            self.assertTrue(keeper.trusted)
            self.assertEqual(keeper.now_s(), NOW_S + 1)
        self.assertFalse(self._started(NOW_S - 6, not_before_s=NOW_S).trusted)

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

    def test_a_chip_that_is_late_is_not_believed_when_it_passes_the_time_of_the_start(self):
        keeper = self._with_chip(NOW_S - 3_600)
        keeper.start(NOW_S - 30, LATEST_S, NOW_S)
        self.assertFalse(keeper.trusted)
        for _ in range(180):
            self._follow(keeper, 1)
            self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 180 * 60)

    def test_a_chip_that_answers_after_days_is_believed_then(self):
        keeper = self._with_chip(NOW_S, drift_ppm=-50)
        self.bus.detach(ADDRESS)
        keeper.start(NOW_S - 60, LATEST_S, NOW_S)
        self._follow(keeper, 3 * 1_440)
        self.assertFalse(keeper.trusted)
        self.bus.attach(ADDRESS, self.chip)
        self._follow(keeper, 1)
        self.assertTrue(keeper.trusted)

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

    def test_a_chip_that_leaps_and_stays_there_is_not_believed_again_until_somebody_sets_it(self):
        keeper = self._started()
        year = self.chip.registers[6]
        self.chip.corrupt(6, 0x40)
        self._follow(keeper, 2)
        self.assertTrue(keeper.doubted)
        self.chip.corrupt(6, year)
        self._follow(keeper, 3)
        self.assertFalse(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 300)
        self.assertTrue(keeper.set(NOW_S + 301))
        self.assertTrue(keeper.trusted)
        self.assertFalse(keeper.doubted)

    def test_a_chip_that_stands_still_does_not_hold_time_back(self):
        keeper = self._started()
        readings = Ds3231(self.bus).read()
        keeper._rtc = _Chip(lambda: readings)
        self._follow(keeper, 1)
        self.assertFalse(keeper.trusted)
        self._follow(keeper, 4)
        self.assertTrue(keeper.doubted)
        self.assertEqual(keeper.now_s(), NOW_S + 300)

    def test_a_chip_that_falls_behind_again_and_again_holds_time_back_two_minutes_and_no_more(self):
        keeper = self._started()
        lag_s = 0
        keeper._rtc = _Chip(lambda: NOW_S + self.clock.now_us // 1_000_000 - lag_s)
        for _ in range(200):
            lag_s += 2
            self._follow(keeper, 1)
        self.assertTrue(keeper.doubted)
        self.assertTrue(0 <= NOW_S + 12_000 - keeper.now_s() <= 140, keeper.now_s() - NOW_S)

    def test_a_lost_clock_begins_where_it_may_have_been(self):
        keeper = self._with_chip(None)
        keeper.start(NOW_S, LATEST_S, NOW_S + 600)
        self.assertFalse(keeper.trusted)
        self.assertTrue(keeper.was_lost)
        self.assertEqual(keeper.now_s(), NOW_S + 600)

    def test_a_late_chip_is_believed_though_the_clock_began_ahead_of_it(self):
        keeper = self._with_chip(NOW_S + 10)
        self.bus.jammed = True
        keeper.start(NOW_S, LATEST_S, NOW_S + 600)
        self.bus.jammed = False
        self._live(keeper, 20)
        self.assertTrue(keeper.trusted)
        self.assertEqual(keeper.now_s(), NOW_S + 1_210)

    def test_a_chip_that_keeps_no_time_is_not_trusted_when_it_is_set(self):
        for level in (0x00, 0xFF):
            keeper = self._started()
            self.bus.stuck_at = level
            self.assertFalse(keeper.set(NOW_S + 50))
            self.assertFalse(keeper.trusted)
            self.assertEqual(keeper.now_s(), NOW_S + 50)
            self._follow(keeper, 3)
            self.assertFalse(keeper.trusted)
            self.bus.stuck_at = None
            self.clock = VirtualClock()
            self.bus = I2cBus(self.clock)

    def test_the_clock_stands_at_the_last_time_that_is_stored(self):
        for begin_s in (calendar.LATEST_S - 30, calendar.LATEST_S):
            keeper = self._with_chip(begin_s)
            keeper.start(begin_s, calendar.LATEST_S)
            self._follow(keeper, 3)
            self.assertEqual(keeper.now_s(), calendar.LATEST_S)
            self.assertFalse(keeper.trusted)

    def test_a_chip_in_any_year_to_2199_raises_nothing(self):
        for chip_s in (946_684_800, 1 << 31, (1 << 32) - 1, 1 << 32, 7_258_118_399):
            for not_before_s in (NOW_S, calendar.LATEST_S - 5, calendar.LATEST_S):
                keeper = self._with_chip(chip_s)
                keeper.start(not_before_s, min(not_before_s + 31 * DAY_S, calendar.LATEST_S))
                self._follow(keeper, 3)
                self.assertTrue(not_before_s <= keeper.now_s() <= calendar.LATEST_S)

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
