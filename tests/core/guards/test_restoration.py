"""The delay after mains return, and the countdown that measures it."""

import unittest

from wattpurse.core.guards.countdown import Countdown
from wattpurse.core.guards.restoration import RANDOM_BYTES, drawn_s


class TestSpread(unittest.TestCase):
    def test_without_a_spread_there_is_nothing_to_wait(self):
        for filler in (0x00, 0x5A, 0xFF):
            self.assertEqual(drawn_s(0, bytes((filler,)) * RANDOM_BYTES), 0)

    def test_every_second_up_to_the_spread_is_as_likely(self):
        drawn = [drawn_s(9, number.to_bytes(RANDOM_BYTES, "little")) for number in range(1_000)]
        self.assertEqual([drawn.count(wait) for wait in range(11)], [100] * 10 + [0])

    def test_every_byte_matters(self):
        drawn = {drawn_s(86_400, bytes(place) + b"\x01" + bytes(RANDOM_BYTES - place - 1)) for place in range(4)}
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
