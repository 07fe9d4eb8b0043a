"""The rest of the switch: a few quick closings, growing waits after that, and few operations in a day."""

import unittest

from wattpurse.core.guards import switch_rest

DAY_S = 86_400
BEGIN_S = 1_800_000_000


class TestSwitchRest(unittest.TestCase):
    def setUp(self):
        self.now_s = BEGIN_S
        self.forgotten_s = 0

    def _open(self):
        """Open once, and return the wait before the switch closes again."""
        self.forgotten_s = switch_rest.forgotten_after_opening_s(self.forgotten_s, self.now_s)
        return switch_rest.wait_s(switch_rest.openings(self.forgotten_s, self.now_s))

    def _closings(self, duration_s, pause_s):
        """Count the closings of somebody who wants another one `pause_s` after each opening."""
        count = 0
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self.now_s += max(pause_s, self._open())
            count += 1
        return count

    def test_six_openings_are_followed_at_once_and_then_the_waits_double(self):
        waits = [self._open() for _ in range(16)]
        self.assertEqual(waits, [0] * 6 + [10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 1_800])

    def test_a_card_in_and_out_every_six_seconds_closes_the_switch_62_times_in_a_day_and_48_in_the_next(self):
        self.assertTrue(55 <= self._closings(DAY_S, 6) <= 62)
        self.assertTrue(self._closings(DAY_S, 6) <= 48)
        self.assertTrue(self._closings(365 * DAY_S, 6) <= 17_520)

    def test_a_student_who_comes_and_goes_every_half_hour_never_waits(self):
        for _ in range(1_000):
            self.assertEqual(self._open(), 0)
            self.now_s += switch_rest.FORGOTTEN_AFTER_S

    def test_a_quiet_evening_forgets_all(self):
        for _ in range(100):
            self._open()
        self.now_s += 16 * switch_rest.FORGOTTEN_AFTER_S
        self.assertEqual([self._open() for _ in range(7)], [0] * 6 + [10])

    def test_a_clock_that_goes_back_makes_no_wait_longer_than_the_longest(self):
        for _ in range(100):
            self._open()
        self.now_s -= 1_000 * DAY_S
        self.assertEqual(self._open(), switch_rest.LONGEST_WAIT_S)
        self.assertTrue(self.forgotten_s <= self.now_s + 16 * switch_rest.FORGOTTEN_AFTER_S)

    def test_a_wait_is_counted_down_and_a_clock_that_goes_back_ends_it(self):
        left = [switch_rest.left_s(BEGIN_S + 20, BEGIN_S + second) for second in (-2_000, 0, 19, 20, 21)]
        self.assertEqual(left, [0, 20, 1, 0, 0])


if __name__ == "__main__":
    unittest.main()
