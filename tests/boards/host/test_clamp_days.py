"""Short forms of the long measurements of clamps: pickup that creeps, and a load in bursts."""

import unittest

from boards.host import clamp_days


class TestClampDays(unittest.TestCase):
    def test_pickup_that_was_calibrated_away_counts_nothing_at_a_higher_voltage(self):
        self.assertEqual(clamp_days.creep(60), {"creep_mwh_24h": 0})

    def test_a_load_in_bursts_is_counted_though_windows_miss_it(self):
        self.assertTrue(clamp_days.burst(60)["burst_day_error_percent"] < 0.3)


if __name__ == "__main__":
    unittest.main()
