"""Money, energy and time as text for people."""

import unittest

from wattpurse.core.tariffs.calendar import Zone, days_from_civil
from wattpurse.core.text import clock_text, date_text, kwh_text, month_text, parse_time, time_text

BERLIN = Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)
NEWFOUNDLAND = Zone(-210)
NOON_S = days_from_civil(2026, 11, 22) * 86_400 + 12 * 3600


class TestAmounts(unittest.TestCase):
    def test_energy_is_kwh(self):
        self.assertEqual(kwh_text(1_234_567, 3), "1.234")
        self.assertEqual(kwh_text(312, 3), "0.000")
        self.assertEqual(kwh_text(-312, 3), "-0.001")
        self.assertEqual(kwh_text(98_765_432_100, 0), "98765")


class TestTimes(unittest.TestCase):
    def test_wall_time_carries_its_offset(self):
        self.assertEqual(time_text(NOON_S, Zone(0)), "2026-11-22T12:00:00+00:00")
        self.assertEqual(time_text(NOON_S, BERLIN), "2026-11-22T13:00:00+01:00")
        self.assertEqual(time_text(NOON_S - 120 * 86_400, BERLIN), "2026-07-25T14:00:00+02:00")
        self.assertEqual(time_text(NOON_S + 59, NEWFOUNDLAND), "2026-11-22T08:30:59-03:30")

    def test_written_times_can_be_read(self):
        for zone in (Zone(0), BERLIN, NEWFOUNDLAND, Zone(840), Zone(-720)):
            for time_s in (0, NOON_S, NOON_S - 200 * 86_400 + 12_345, days_from_civil(2028, 2, 29) * 86_400):
                self.assertEqual(parse_time(time_text(time_s, zone)), time_s)

    def test_z_is_utc(self):
        self.assertEqual(parse_time("2026-11-22T12:00:00Z"), NOON_S)

    def test_other_text_is_no_time_and_is_refused(self):
        for text in (
            "",
            "now",
            "2026-11-22",
            "2026-11-22T12:00:00",
            "2026-11-22 12:00:00Z",
            "2026-11-22T12:00Z",
            "2026-13-22T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-00-10T12:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T12:60:00Z",
            "2026-11-22T12:00:60Z",
            "2026-11-22T12:00:00+1:00",
            "2026-11-22T12:00:00+15:00",
            "2026-11-22T12:00:00+01:60",
            "2026-11-22T12:00:00 01:00",
            "2026-11-22T12:00:00+01:00 ",
            "+026-11-22T12:00:00Z",
            "2026-11-22T1_:00:00Z",
        ):
            with self.subTest(text=text), self.assertRaises(ValueError):
                parse_time(text)

    def test_dates_months_and_minutes(self):
        self.assertEqual(date_text(0), "1970-01-01")
        self.assertEqual(month_text(2026 * 12), "2026-01")
        self.assertEqual(month_text(2026 * 12 + 11), "2026-12")
        self.assertEqual(clock_text(6 * 60 + 5), "06:05")


if __name__ == "__main__":
    unittest.main()
