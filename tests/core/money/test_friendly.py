"""Friendly hours: by local time, over midnight, through daylight changes, on weekdays and holidays."""

import unittest

from tests import samples
from wattpurse.core.money import friendly
from wattpurse.core.tariffs.calendar import Zone, days_from_civil

BERLIN = Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)
HOUR = 3_600
EIGHT = 8 * 60
TEN_IN_THE_EVENING = 22 * 60


def utc_s(month, day, hour, minute=0):
    """Return a UTC time of 2026."""
    return days_from_civil(2026, month, day) * 86_400 + hour * HOUR + minute * 60


def account_with(zone=None, dates=(), **terms):
    """Return an account; `dates` are the tariff's holidays, `terms` those of friendly hours."""
    account = samples.new_account(samples.flat_tariff(zone=zone or Zone(0), holidays=dates))
    for name in terms:
        account.terms.set("friendly_" + name, terms[name])
    return account


class TestHours(unittest.TestCase):
    def _edges(self, account, day, *hours):
        return [friendly.is_friendly(account, utc_s(6, day, 0) + int(hour * HOUR)) for hour in hours]

    def test_none_unless_the_terms_say_so(self):
        account = account_with()
        self.assertFalse(any(friendly.is_friendly(account, utc_s(6, 1, 0) + hour * HOUR) for hour in range(200)))

    def test_from_the_first_minute_up_to_the_last(self):
        account = account_with(from_minute=9 * 60, to_minute=17 * 60)
        self.assertEqual(self._edges(account, 3, 8.99, 9, 16.99, 17), [False, True, True, False])

    def test_over_midnight(self):
        account = account_with(from_minute=TEN_IN_THE_EVENING, to_minute=EIGHT)
        self.assertEqual(
            self._edges(account, 3, 7.99, 8, 21.99, 22, 24, 31.99, 32), [True, False, False, True, True, True, False]
        )

    def test_the_same_minute_twice_is_never_and_the_whole_day_is_always(self):
        account = account_with(from_minute=EIGHT, to_minute=EIGHT)
        self.assertEqual(self._edges(account, 3, 0, 8, 12), [False, False, False])
        account = account_with(from_minute=0, to_minute=1440)
        self.assertEqual(self._edges(account, 3, 0, 8, 23.999), [True, True, True])

    def test_weekdays(self):
        account = account_with(weekdays=0b1000001)
        monday = days_from_civil(2026, 6, 1) * 86_400
        days = [friendly.is_friendly(account, monday + day * 86_400 + 43_200) for day in range(8)]
        self.assertEqual(days, [True, False, False, False, False, False, True, True])

    def test_holidays_of_the_tariff(self):
        account = account_with(dates=((12, 25, 0), (6, 4, 2026)))
        christmas, corpus_christi = utc_s(12, 25, 12), utc_s(6, 4, 12)
        self.assertFalse(friendly.is_friendly(account, christmas))
        account.terms.set("friendly_holidays", 1)
        for time_s in (christmas, corpus_christi):
            self.assertTrue(friendly.is_friendly(account, time_s))
            self.assertFalse(friendly.is_friendly(account, time_s + 86_400))

    def test_by_the_wall_in_summer_and_in_winter(self):
        account = account_with(zone=BERLIN, from_minute=TEN_IN_THE_EVENING, to_minute=EIGHT)
        for month, hour in ((1, 21), (7, 20)):
            self.assertFalse(friendly.is_friendly(account, utc_s(month, 3, hour) - 1))
            self.assertTrue(friendly.is_friendly(account, utc_s(month, 3, hour)))


class TestEnd(unittest.TestCase):
    """`ends_s` against a look at every minute."""

    def _assert_ends(self, account, now_s, expected_s):
        self.assertEqual(friendly.ends_s(account, now_s), expected_s)
        time_s = now_s
        while friendly.is_friendly(account, time_s):
            time_s += 60
        self.assertEqual(time_s - time_s % 60, expected_s)

    def test_the_night_ends_in_the_morning(self):
        account = account_with(from_minute=TEN_IN_THE_EVENING, to_minute=EIGHT)
        for hour in (22, 23, 24, 26, 31):
            self._assert_ends(account, utc_s(6, 3, 0) + hour * HOUR + 17, utc_s(6, 4, 8))

    def test_sunday_runs_on_into_the_night(self):
        account = account_with(weekdays=0b1000000, from_minute=TEN_IN_THE_EVENING, to_minute=EIGHT)
        self._assert_ends(account, utc_s(6, 6, 22), utc_s(6, 8, 8))

    def test_the_night_of_a_daylight_change_ends_at_eight_by_the_wall(self):
        account = account_with(zone=BERLIN, from_minute=TEN_IN_THE_EVENING, to_minute=EIGHT)
        self._assert_ends(account, utc_s(3, 28, 22), utc_s(3, 29, 6))
        self._assert_ends(account, utc_s(10, 24, 22), utc_s(10, 25, 7))

    def test_hours_that_a_daylight_change_repeats_or_skips(self):
        account = account_with(zone=BERLIN, from_minute=60, to_minute=150)
        self._assert_ends(account, utc_s(10, 24, 23, 30), utc_s(10, 25, 0, 30))
        self._assert_ends(account, utc_s(10, 25, 1), utc_s(10, 25, 1, 30))
        self._assert_ends(account, utc_s(3, 29, 0, 30), utc_s(3, 29, 1))

    def test_holidays_join_what_is_beside_them(self):
        account = account_with(
            dates=((12, 25, 0), (12, 26, 0)),
            holidays=1,
            weekdays=0b1000000,
            from_minute=TEN_IN_THE_EVENING,
            to_minute=EIGHT,
        )
        self._assert_ends(account, utc_s(12, 24, 22), utc_s(12, 28, 8))

    def test_without_an_end(self):
        for terms in ({"weekdays": 127}, {"from_minute": 0, "to_minute": 1440}):
            self.assertEqual(friendly.ends_s(account_with(**terms), utc_s(6, 3, 5)), friendly.ALWAYS_S)


if __name__ == "__main__":
    unittest.main()
