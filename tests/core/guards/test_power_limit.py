"""The power limit: the allowed power, the trip, and the return of supply."""

import unittest

from wattpurse.core.guards.power_limit import (
    NOTHING,
    PATIENCE_MS,
    RECONNECTED,
    TRIPPED,
    TRIPPED_FOR_GOOD,
    TRIPS_WITHIN_MS,
    PowerLimit,
)

LIMIT_W = 2_000
RECONNECT_S = 60
SECOND_MS = 1_000


class TestPowerLimit(unittest.TestCase):
    def setUp(self):
        self.limit = PowerLimit()

    def _look(self, power_w, seconds=1, limit_w=LIMIT_W, last_trip=3):
        """Look once a second. Return every result but NOTHING."""
        results = [self.limit.look(SECOND_MS, power_w, limit_w, last_trip, RECONNECT_S) for _ in range(seconds)]
        return [result for result in results if result != NOTHING]

    def _trip_once(self, last_trip=3):
        """Draw too much power until there is a result."""
        return self._look(5_000, PATIENCE_MS // SECOND_MS, last_trip=last_trip)

    def test_a_tenth_more_is_borne_for_ever(self):
        self.assertEqual(self._look(2_200, 100_000), [])
        self.assertEqual(self._look(2_201, 29), [])
        self.assertEqual(self._look(2_201, 1), [TRIPPED])
        self.assertTrue(self.limit.is_tripped)
        self.assertEqual(self.limit.trips, 1)

    def test_short_peaks_are_allowed_again_and_again(self):
        for _ in range(50):
            self.assertEqual(self._look(9_000, 29), [])
            self.assertEqual(self._look(2_200, 1), [])
        self.assertEqual(self.limit.trips, 0)

    def test_supply_returns_after_its_time_at_any_measured_power(self):
        self._trip_once()
        self.assertEqual(self._look(9_000, RECONNECT_S - 1), [])
        self.assertTrue(self.limit.is_tripped)
        self.assertEqual(self._look(0, 1), [RECONNECTED])
        self.assertFalse(self.limit.is_tripped)

    def test_the_third_within_an_hour_waits_for_the_button(self):
        for _ in range(2):
            self.assertEqual(self._trip_once(), [TRIPPED])
            self.assertEqual(self._look(0, RECONNECT_S), [RECONNECTED])
        self.assertEqual(self._trip_once(), [TRIPPED_FOR_GOOD])
        self.assertFalse(self.limit.is_tripped)
        self.assertEqual(self.limit.trips, 3)

    def test_after_the_button_another_series_begins(self):
        for _ in range(2):
            self._trip_once()
            self._look(0, RECONNECT_S)
        self._trip_once()
        self.assertEqual(self._trip_once(), [TRIPPED])

    def test_a_restart_ends_neither_the_wait_nor_the_series(self):
        self._trip_once()
        self._look(0, 10)
        self.limit = PowerLimit()
        self.limit.resume(1, 40 * SECOND_MS, 10 * SECOND_MS, RECONNECT_S)
        self.assertTrue(self.limit.is_tripped)
        self.assertEqual(self._look(0, RECONNECT_S - 11), [])
        self.assertEqual(self._look(0, 1), [RECONNECTED])
        self._trip_once()
        self.limit = PowerLimit()
        self.limit.resume(2, 100 * SECOND_MS, RECONNECT_S * SECOND_MS, RECONNECT_S)
        self.assertFalse(self.limit.is_tripped)
        self.assertEqual(self._trip_once(), [TRIPPED_FOR_GOOD])

    def test_a_series_that_is_an_hour_old_at_the_restart_is_over(self):
        self.limit.resume(2, TRIPS_WITHIN_MS + 1, TRIPS_WITHIN_MS, RECONNECT_S)
        self.assertEqual(self._trip_once(), [TRIPPED])

    def test_trips_of_more_than_an_hour_ago_do_not_count(self):
        for _ in range(2):
            self._trip_once()
            self._look(0, RECONNECT_S)
        self._look(0, TRIPS_WITHIN_MS // SECOND_MS)
        self.assertEqual(self._trip_once(), [TRIPPED])

    def test_one_trip_and_none(self):
        self.assertEqual(self._trip_once(last_trip=1), [TRIPPED_FOR_GOOD])
        for _ in range(20):
            self.assertEqual(self._trip_once(last_trip=0), [TRIPPED])
            self._look(0, RECONNECT_S)

    def test_without_a_limit_nothing_trips_and_tripped_supply_returns(self):
        self.assertEqual(self._look(100_000, 1_000, limit_w=0), [])
        self._trip_once()
        self.assertEqual(self._look(0, 1, limit_w=0), [RECONNECTED])

    def test_a_look_that_comes_late_counts_for_all_its_time(self):
        self.assertEqual(self.limit.look(PATIENCE_MS, 9_000, LIMIT_W, 3, RECONNECT_S), TRIPPED)
        self.assertEqual(self.limit.look(RECONNECT_S * 1000, 0, LIMIT_W, 3, RECONNECT_S), RECONNECTED)


if __name__ == "__main__":
    unittest.main()
