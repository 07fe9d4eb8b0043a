"""The civil calendar and the zone with its daylight rule, on dates with answers from an almanac."""

import unittest

from wattpurse.core.tariffs.calendar import Zone, civil_from_days, days_from_civil, days_in_month, month_index, weekday

SUNDAY = 6
EU_START = (3, 5, SUNDAY, 60)
EU_END = (10, 5, SUNDAY, 60)
US_START = (3, 2, SUNDAY, 120)
US_END = (11, 1, SUNDAY, 120)


def utc(year, month, day, hour=0, minute=0, second=0):
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


def berlin():
    return Zone(60, EU_START, EU_END, True)


def new_york():
    return Zone(-300, US_START, US_END)


def sydney():
    return Zone(600, (10, 1, SUNDAY, 120), (4, 1, SUNDAY, 180))


def azores():
    """Return a zone in which daylight time begins and ends at midnight of standard time."""
    return Zone(-60, EU_START, EU_END, True)


def nuuk():
    """Return a zone in which the clock is set back from midnight to eleven in the evening."""
    return Zone(-120, EU_START, EU_END, True)


class Calendar(unittest.TestCase):
    def test_known_dates_both_ways(self):
        known = (
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11016),
            ((2000, 3, 1), 11017),
            ((2024, 2, 29), 19782),
            ((2026, 11, 22), 20779),
            ((2100, 3, 1), 47541),
            ((1, 1, 1), -719162),
        )
        for date, days in known:
            self.assertEqual(days_from_civil(*date), days)
            self.assertEqual(civil_from_days(days), date)

    def test_every_day_of_sixteen_years_follows_the_one_before(self):
        before = civil_from_days(days_from_civil(2096, 12, 31))
        for days in range(days_from_civil(2097, 1, 1), days_from_civil(2113, 1, 1)):
            year, month, day = civil_from_days(days)
            if day == 1:
                self.assertEqual(before[2], days_in_month(before[0], before[1]))
                self.assertEqual(month, before[1] % 12 + 1)
            else:
                self.assertEqual((year, month, day), (before[0], before[1], before[2] + 1))
            self.assertEqual(days_from_civil(year, month, day), days)
            before = (year, month, day)

    def test_leap_years(self):
        self.assertEqual([days_in_month(year, 2) for year in (2000, 2023, 2024, 2100)], [29, 28, 29, 28])
        self.assertEqual(sum([days_in_month(2026, month) for month in range(1, 13)]), 365)

    def test_weekdays_begin_on_monday(self):
        self.assertEqual(weekday(0), 3)
        self.assertEqual(weekday(-1), 2)
        self.assertEqual(weekday(days_from_civil(2026, 11, 22)), SUNDAY)

    def test_months_are_numbered_without_a_gap_over_new_year(self):
        december = month_index(days_from_civil(2026, 12, 31))
        self.assertEqual(december, 2026 * 12 + 11)
        self.assertEqual(month_index(days_from_civil(2027, 1, 1)), december + 1)


class ZoneTime(unittest.TestCase):
    def test_without_daylight_time_the_offset_is_all(self):
        kathmandu = Zone(345)
        self.assertEqual(kathmandu.local_s(utc(2026, 7, 1, 18, 15)), utc(2026, 7, 2))
        self.assertEqual(kathmandu.day(utc(2026, 7, 1, 18, 14, 59)), days_from_civil(2026, 7, 1))
        self.assertEqual(kathmandu.day_start_s(days_from_civil(2026, 7, 2)), utc(2026, 7, 1, 18, 15))
        self.assertIsNone(kathmandu.next_shift_s(utc(2026, 7, 1)))

    def test_the_european_rule_changes_at_one_utc(self):
        zone = berlin()
        self.assertEqual(zone.offset_s(utc(2026, 3, 29, 0, 59, 59)), 3600)
        self.assertEqual(zone.offset_s(utc(2026, 3, 29, 1)), 7200)
        self.assertEqual(zone.offset_s(utc(2026, 10, 25, 0, 59, 59)), 7200)
        self.assertEqual(zone.offset_s(utc(2026, 10, 25, 1)), 3600)

    def test_the_rule_of_the_united_states_changes_at_two_on_the_wall(self):
        zone = new_york()
        self.assertEqual(zone.offset_s(utc(2026, 3, 8, 6, 59, 59)), -5 * 3600)
        self.assertEqual(zone.offset_s(utc(2026, 3, 8, 7)), -4 * 3600)
        self.assertEqual(zone.offset_s(utc(2026, 11, 1, 5, 59, 59)), -4 * 3600)
        self.assertEqual(zone.offset_s(utc(2026, 11, 1, 6)), -5 * 3600)

    def test_south_of_the_equator_daylight_time_runs_over_new_year(self):
        zone = sydney()
        self.assertEqual(zone.offset_s(utc(2026, 12, 31, 12)), 39600)
        self.assertEqual(zone.offset_s(utc(2027, 1, 1, 12)), 39600)
        self.assertEqual(zone.offset_s(utc(2027, 4, 3, 15, 59, 59)), 39600)
        self.assertEqual(zone.offset_s(utc(2027, 4, 3, 16)), 36000)
        self.assertEqual(zone.offset_s(utc(2027, 10, 2, 15, 59, 59)), 36000)
        self.assertEqual(zone.offset_s(utc(2027, 10, 2, 16)), 39600)

    def test_a_shift_need_not_be_an_hour(self):
        lord_howe = Zone(630, (10, 1, SUNDAY, 120), (4, 1, SUNDAY, 120), False, 30)
        self.assertEqual(lord_howe.offset_s(utc(2026, 1, 15)), 39600)
        self.assertEqual(lord_howe.offset_s(utc(2026, 7, 15)), 37800)

    def test_a_rule_may_name_an_hour_of_the_following_day(self):
        jerusalem = Zone(120, (3, 4, 3, 26 * 60), (10, 5, SUNDAY, 120))
        self.assertEqual(jerusalem.next_shift_s(utc(2026, 1, 1)), utc(2026, 3, 27, 0))

    def test_the_next_shift_is_after_the_instant_itself(self):
        zone = berlin()
        spring = utc(2026, 3, 29, 1)
        autumn = utc(2026, 10, 25, 1)
        self.assertEqual(zone.next_shift_s(spring - 1), spring)
        self.assertEqual(zone.next_shift_s(spring), autumn)
        self.assertEqual(zone.next_shift_s(autumn), utc(2027, 3, 28, 1))

    def test_answers_do_not_depend_on_earlier_questions(self):
        zone = berlin()
        instants = [utc(2026, month, 15) for month in (1, 7, 12, 3, 8, 2)] + [utc(1990, 6, 1), utc(2105, 1, 1)]
        for first in instants:
            for second in instants:
                zone.offset_s(first)
                self.assertEqual(zone.offset_s(second), berlin().offset_s(second))

    def test_days_of_23_24_and_25_hours(self):
        zone = berlin()
        for month, day, hours in ((3, 28, 24), (3, 29, 23), (3, 30, 24), (10, 24, 24), (10, 25, 25), (10, 26, 24)):
            today = days_from_civil(2026, month, day)
            self.assertEqual(zone.day_start_s(today + 1) - zone.day_start_s(today), hours * 3600)

    def test_a_skipped_midnight_opens_the_day_after_the_gap(self):
        sunday = days_from_civil(2026, 3, 29)
        self.assertEqual(azores().day_start_s(sunday), utc(2026, 3, 29, 1))
        self.assertEqual(azores().local_s(utc(2026, 3, 29, 1)), utc(2026, 3, 29, 1))
        self.assertEqual(nuuk().day_start_s(sunday), utc(2026, 3, 29, 1))
        self.assertEqual(nuuk().local_s(utc(2026, 3, 29, 1)), utc(2026, 3, 29, 0))

    def test_a_gap_that_begins_before_midnight_opens_the_day_where_it_ends(self):
        zone = Zone(0, (3, 4, SUNDAY - 1, 23 * 60 + 30), (10, 4, SUNDAY - 1, 23 * 60))
        gap_s = utc(2026, 3, 28, 23, 30)
        self.assertEqual(zone.local_s(gap_s), utc(2026, 3, 29, 0, 30))
        self.assertEqual(zone.day_start_s(days_from_civil(2026, 3, 29)), gap_s)

    def test_a_doubled_midnight_opens_the_day_the_first_time(self):
        sunday = days_from_civil(2026, 10, 25)
        self.assertEqual(azores().day_start_s(sunday), utc(2026, 10, 25, 0))
        self.assertEqual(azores().local_s(utc(2026, 10, 25, 1)), utc(2026, 10, 25, 0))

    def test_a_wall_set_back_before_midnight_lengthens_the_old_day(self):
        saturday = days_from_civil(2026, 10, 24)
        zone = nuuk()
        self.assertEqual(zone.day(utc(2026, 10, 25, 0, 59, 59)), saturday)
        self.assertEqual(zone.day(utc(2026, 10, 25, 1)), saturday)
        self.assertEqual(zone.day_start_s(saturday + 1), utc(2026, 10, 25, 2))

    def test_a_wall_set_back_over_midnight_returns_to_the_old_day(self):
        zone = Zone(0, (3, 5, SUNDAY, 0), (10, 5, SUNDAY, 30))
        sunday = days_from_civil(2026, 10, 25)
        start_s = zone.day_start_s(sunday)
        self.assertEqual(start_s, utc(2026, 10, 24, 23))
        days = [zone.day(start_s + minutes * 60) - sunday for minutes in (-1, 0, 29, 30, 59, 60)]
        self.assertEqual(days, [-1, 0, 0, -1, -1, 0])

    def test_rules_that_make_no_sense_are_refused(self):
        wrong = (
            (900,),
            (-721,),
            (60, EU_START),
            (60, None, EU_END),
            (60, (13, 5, 6, 60), EU_END),
            (60, (3, 0, 6, 60), EU_END),
            (60, (3, 6, 6, 60), EU_END),
            (60, (3, 5, 7, 60), EU_END),
            (60, (3, 5, 6, 2881), EU_END),
            (60, (3, 5, 6, 60), (3, 1, 6, 60)),
            (60, (12, 5, 6, 60), (1, 1, 6, 60)),
            (60, EU_START, EU_END, True, 0),
            (60, EU_START, EU_END, True, 181),
        )
        for arguments in wrong:
            with self.assertRaises(ValueError):
                Zone(*arguments)


if __name__ == "__main__":
    unittest.main()
