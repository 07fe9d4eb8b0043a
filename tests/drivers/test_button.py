"""The button driver: short and long presses through a bouncing contact, and signals too short for a press."""

import unittest

from boards.host.chips.button import ButtonModel
from boards.host.chips.pin import INPUT, Pin, Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.button import LONG, SHORT, Button


class TestButton(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.wire = Wire()
        self.finger = ButtonModel(self.clock, self.wire, RandomBits(3))
        self.button = Button(Pin(self.wire, INPUT), self.clock)

    def _press_at_ms(self, *presses):
        for at_ms, duration_ms in presses:
            self.clock.call_at_us(at_ms * 1000, lambda duration_ms=duration_ms: self.finger.press(duration_ms))

    def _wait(self, timeout_ms=5_000):
        return self.clock.run(self.button.wait_press(timeout_ms))

    def test_nothing_pressed(self):
        self.assertIsNone(self._wait(500))
        self.assertEqual(self.clock.now_us, 500_000)

    def test_a_short_press_is_reported_when_let_go(self):
        self._press_at_ms((100, 200))
        self.assertEqual(self._wait(), SHORT)
        self.assertTrue(300_000 <= self.clock.now_us <= 350_000)

    def test_a_long_press_is_reported_while_held_and_once(self):
        self._press_at_ms((100, 3_000))
        self.assertEqual(self._wait(), LONG)
        self.assertTrue(1_100_000 <= self.clock.now_us <= 1_160_000)
        self.assertIsNone(self._wait())
        self._press_at_ms((self.clock.now_us // 1000 + 50, 100))
        self.assertEqual(self._wait(), SHORT)

    def test_each_press_is_one_press_however_it_bounces(self):
        self._press_at_ms(*[(100 + 150 * index, 60) for index in range(100)])
        presses = 0
        while self._wait(1_000) == SHORT:
            presses += 1
        self.assertEqual(presses, 100)

    def test_a_touch_shorter_than_a_sample_is_none(self):
        self._press_at_ms(*[(110 + 100 * index, 15) for index in range(20)])
        self.assertIsNone(self._wait())

    def test_a_press_over_the_end_of_the_wait_is_not_lost(self):
        self._press_at_ms((100, 300))
        self.assertIsNone(self._wait(200))
        self.assertEqual(self._wait(), SHORT)

    def test_a_long_press_over_the_end_of_the_wait_is_timed_from_its_beginning(self):
        self._press_at_ms((100, 3_000))
        self.assertIsNone(self._wait(600))
        self.assertEqual(self._wait(), LONG)
        self.assertTrue(self.clock.now_us <= 1_160_000)

    def test_the_other_way_round(self):
        wire = Wire(pull=0)
        button = Button(Pin(wire, INPUT), self.clock, pressed_level=1)
        self.assertIsNone(self.clock.run(button.wait_press(200)))


if __name__ == "__main__":
    unittest.main()
