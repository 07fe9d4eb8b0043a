"""A closing pulse without energy behind it: three more, and then only for a person who asks."""

import unittest

from wattpurse.core.guards.closed_load import QUICK_RETRIES, ClosedLoad

SECOND_MS = 1_000
HOUR_S = 3_600


class TestClosedLoad(unittest.TestCase):
    def setUp(self):
        self.watch = ClosedLoad()
        self.second = 0

    def _live(self, seconds, every_s=0, is_closed=True):
        """Look once a second, with a pulse every `every_s` seconds (0: none). Return the seconds of the pulses."""
        found = []
        for _ in range(seconds):
            self.second += 1
            pulses = 1 if every_s and self.second % every_s == 0 else 0
            if self.watch.look(SECOND_MS, pulses, is_closed):
                found.append(self.second)
        return found

    def test_without_energy_the_switch_is_closed_three_more_times_ten_seconds_apart(self):
        self.assertEqual(self._live(HOUR_S), [11, 21, 31])
        self.assertEqual(self.watch.retries, QUICK_RETRIES)
        self.assertFalse(self.watch.is_proven)

    def test_energy_proves_that_it_closed(self):
        self.assertEqual(self._live(HOUR_S, 7), [])
        self.assertTrue(self.watch.is_proven)
        self.assertEqual(self._live(HOUR_S), [])

    def test_energy_after_the_second_pulse_ends_the_pulses(self):
        self.assertEqual(self._live(HOUR_S, 25), [11, 21])

    def test_an_open_switch_is_not_closed(self):
        self.assertEqual(self._live(HOUR_S, is_closed=False), [])

    def test_a_pulse_that_was_counted_while_the_switch_was_open_proves_nothing(self):
        self._live(5, 1, is_closed=False)
        self.assertEqual(self._live(1, 1), [])
        self.assertEqual(len(self._live(HOUR_S)), QUICK_RETRIES)

    def test_a_press_in_the_dark_gives_one_more_pulse_and_ten_presses_give_one(self):
        self._live(HOUR_S)
        for _ in range(10):
            self.watch.ask()
        self.assertEqual(len(self._live(HOUR_S)), 1)

    def test_a_press_with_energy_flowing_gives_none(self):
        self._live(60, 1)
        self.watch.ask()
        self.assertEqual(self._live(HOUR_S), [])

    def test_each_closing_begins_anew(self):
        self._live(HOUR_S)
        self._live(10, is_closed=False)
        self.assertEqual(len(self._live(HOUR_S)), QUICK_RETRIES)


if __name__ == "__main__":
    unittest.main()
