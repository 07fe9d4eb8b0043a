"""The wait after mains returned, and the countdown that it and other stretches of time run by."""

import unittest

from wattpurse.core.countdown import Countdown
from wattpurse.core.restoration import RANDOM_BYTES, wait_s


class TestWait(unittest.TestCase):
    def test_without_delay_and_spread_there_is_none(self):
        for filler in (0x00, 0x5A, 0xFF):
            self.assertEqual(wait_s(0, 0, bytes((filler,)) * RANDOM_BYTES), 0)

    def test_the_delay_is_for_all_and_the_spread_by_chance(self):
        drawn = [wait_s(30, 9, number.to_bytes(RANDOM_BYTES, "little")) for number in range(1_000)]
        self.assertEqual(sorted(set(drawn)), list(range(30, 40)))
        self.assertEqual([drawn.count(wait) for wait in range(30, 40)], [100] * 10)

    def test_every_byte_matters(self):
        drawn = {wait_s(0, 86_400, bytes(place) + b"\x01" + bytes(RANDOM_BYTES - place - 1)) for place in range(4)}
        self.assertEqual(len(drawn), RANDOM_BYTES)


class TestCountdown(unittest.TestCase):
    def test_it_runs_out(self):
        countdown = Countdown()
        self.assertFalse(countdown.is_running)
        countdown.begin(2)
        countdown.pass_time(1_001)
        self.assertTrue(countdown.is_running)
        self.assertEqual(countdown.left_s, 1)
        countdown.pass_time(998)
        self.assertTrue(countdown.is_running)
        countdown.pass_time(1)
        self.assertFalse(countdown.is_running)
        self.assertEqual(countdown.left_s, 0)

    def test_more_time_than_there_was(self):
        countdown = Countdown()
        countdown.begin(1)
        countdown.pass_time(10_000)
        countdown.begin(1)
        self.assertEqual(countdown.left_s, 1)

    def test_zero_ends_it(self):
        countdown = Countdown()
        countdown.begin(100)
        countdown.begin(0)
        self.assertFalse(countdown.is_running)


if __name__ == "__main__":
    unittest.main()
