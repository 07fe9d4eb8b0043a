"""The button's contact: it follows the finger, and bounces on the way."""

import unittest

from boards.host.chips.button import ButtonModel
from boards.host.chips.pin import Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock


class TestButtonModel(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.wire = Wire()
        self.edges = []
        self.wire.listen(lambda level: self.edges.append((self.clock.now_us, level)))

    def test_a_perfect_contact(self):
        ButtonModel(self.clock, self.wire).press(200)
        self.clock.advance_us(1_000_000)
        self.assertEqual(self.edges, [(0, 0), (200_000, 1)])

    def test_bounces_and_settles_within_the_stated_time(self):
        button = ButtonModel(self.clock, self.wire, RandomBits(7))
        bounced = False
        for _ in range(50):
            self.edges.clear()
            button.hold()
            self.clock.advance_us(10_000)
            button.let_go()
            self.clock.advance_us(10_000)
            start_us = self.clock.now_us - 20_000
            moments_us = [moment_us - start_us for moment_us, _ in self.edges]
            self.assertTrue(all(at_us <= 3_100 or 10_000 <= at_us <= 13_100 for at_us in moments_us))
            self.assertEqual(self.wire.level, 1)
            bounced = bounced or len(self.edges) > 2
        self.assertTrue(bounced)

    def test_a_second_press_before_the_first_ends_counts_as_held(self):
        button = ButtonModel(self.clock, self.wire)
        button.press(100)
        self.clock.advance_us(50_000)
        button.press(100)
        self.clock.advance_us(60_000)
        self.assertEqual(self.wire.level, 0)
        self.clock.advance_us(60_000)
        self.assertEqual(self.wire.level, 1)


if __name__ == "__main__":
    unittest.main()
