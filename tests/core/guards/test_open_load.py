"""Energy through an open switch: detected while it flows, not for late pulses, and with few retries."""

import unittest

from wattpurse.core.guards.open_load import QUICK_RETRIES, OpenLoad

SECOND_MS = 1_000
HOUR_S = 3_600
DAY_S = 86_400
PULSE_MWH = 1_000


class TestOpenLoad(unittest.TestCase):
    def setUp(self):
        self.watch = OpenLoad()
        self.second = 0

    def _live(self, seconds, every_s=0, is_open=True, pulse_mwh=PULSE_MWH):
        """Look once a second, with a pulse every `every_s` seconds (0: none). Return the seconds of the findings."""
        found = []
        for _ in range(seconds):
            self.second += 1
            pulses = 1 if every_s and self.second % every_s == 0 else 0
            if self.watch.look(SECOND_MS, pulses, pulse_mwh, is_open):
                found.append(self.second)
        return found

    def test_closed_or_without_load_there_is_nothing(self):
        self.assertEqual(self._live(DAY_S, 1, is_open=False), [])
        self.assertEqual(self._live(DAY_S), [])
        self.assertEqual(self.watch.retries, 0)

    def test_pulses_counted_while_the_contact_opens_do_not_count(self):
        self._live(60, 1, is_open=False)
        self.assertEqual(self._live(3, 1), [])
        self.assertEqual(self._live(DAY_S), [])

    def test_a_welded_contact_is_found_within_seconds(self):
        self._live(10, 2, is_open=False)
        found = self._live(20, 2)
        self.assertTrue(10 < found[0] <= 18, found)

    def test_a_single_pulse_now_and_then_is_a_disturbance(self):
        self.assertEqual(self._live(30 * DAY_S, HOUR_S + 1), [])

    def test_tiny_pulses_have_to_be_more(self):
        self._live(10)
        self.assertEqual(self._live(4, 1, pulse_mwh=100), [])
        self.assertEqual(len(self._live(1, 1, pulse_mwh=100)), 1)

    def test_large_pulses_are_no_proof_alone(self):
        self._live(10)
        self.assertEqual(self._live(9, 10, pulse_mwh=10_000_000), [])
        self.assertEqual(len(self._live(11, 10, pulse_mwh=10_000_000)), 1)

    def test_three_quick_retries_and_then_one_an_hour(self):
        found = self._live(DAY_S, 1)
        pauses = [later - earlier for earlier, later in zip(found, found[1:])]
        self.assertEqual(pauses[: QUICK_RETRIES - 1], [10] * (QUICK_RETRIES - 1))
        self.assertEqual(set(pauses[QUICK_RETRIES - 1 :]), {HOUR_S})
        self.assertTrue(len(found) <= QUICK_RETRIES + 24)
        self.assertEqual(self.watch.retries, len(found))

    def test_a_retry_that_works_is_the_last(self):
        self.assertEqual(len(self._live(6, 1)), 1)
        self.assertEqual(self._live(2, 1), [])  # energy that flows until the contact opens
        self.assertEqual(self._live(DAY_S), [])

    def test_closing_and_opening_begins_anew(self):
        self._live(DAY_S, 1)
        self._live(10, 1, is_open=False)
        self.assertEqual(self.watch.retries, 0)
        found = self._live(60, 1)
        self.assertEqual(len(found), QUICK_RETRIES)


if __name__ == "__main__":
    unittest.main()
