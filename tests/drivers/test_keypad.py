"""The keypad over the models of its contacts and its expander: bounces, ghosts, rollover, disturbances."""

import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.keypad import DIRECTION, INVERSION, PULL_UPS, KeyMatrix, Mcp23008Model
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.keypad import ADDRESS, KEYS, ExpanderLines, Keypad, PinLines


class KeypadTests:
    """The same tests for both kinds of lines."""

    def setUp(self):
        self.clock = VirtualClock()
        self.matrix = KeyMatrix(self.clock, RandomBits(7))
        self.keypad = Keypad(self.new_lines())

    def typed(self, duration_ms):
        """Return the keys that are reported within a time."""
        keys = ""
        end_us = self.clock.now_us + duration_ms * 1_000
        while self.clock.now_us < end_us:
            keys += self.keypad.sample() or ""
            self.clock.advance_us(self.keypad.pause_ms * 1_000)
        return keys

    def test_every_key_is_reported_once_in_spite_of_bounces(self):
        for key in KEYS:
            self.matrix.press(key, 100)
            self.assertEqual(self.typed(300), key)

    def test_a_key_that_is_held_is_reported_once(self):
        self.matrix.hold("5")
        self.assertEqual(self.typed(2_000), "5")
        self.matrix.let_go("5")
        self.assertEqual(self.typed(100), "")

    def test_the_same_key_twice_is_reported_twice(self):
        for _ in range(2):
            self.matrix.press("8", 60)
            self.assertEqual(self.typed(200), "8")

    def test_the_same_key_very_quickly_is_reported_each_time(self):
        keys = ""
        for _ in range(10):
            self.matrix.press("0", 50)
            keys += self.typed(90)
        self.assertEqual(keys + self.typed(100), "0" * 10)

    def test_a_touch_shorter_than_a_sample_is_no_key(self):
        self.clock.advance_us(1_000)
        self.matrix.press("8", 5)
        self.assertEqual(self.typed(200), "")

    def test_a_quick_typist_presses_the_next_key_before_the_last_is_released(self):
        self.matrix.press("1", 120)
        keys = self.typed(80)
        self.matrix.press("2", 160)
        self.assertEqual(keys + self.typed(400), "12")

    def test_three_keys_of_a_rectangle_and_their_ghost_are_no_key(self):
        for key in "124":
            self.matrix.hold(key)
        self.assertEqual(self.typed(300), "")
        for key in "124":
            self.matrix.let_go(key)
        self.assertEqual(self.typed(300), "")

    def test_two_keys_at_once_are_none(self):
        self.matrix.hold("1")
        self.matrix.hold("9")
        self.assertEqual(self.typed(300), "")
        self.matrix.let_go("1")
        self.assertEqual(self.typed(300), "9")


class TestPins(KeypadTests, unittest.TestCase):
    def new_lines(self):
        rows = tuple([self.matrix.pin(line) for line in range(4)])
        return PinLines(rows, tuple([self.matrix.pin(line) for line in range(4, 7)]))


class TestExpander(KeypadTests, unittest.TestCase):
    def new_lines(self):
        self.bus = I2cBus(self.clock)
        self.chip = Mcp23008Model(self.matrix)
        self.bus.attach(ADDRESS, self.chip)
        return ExpanderLines(self.bus)

    def tearDown(self):
        self.assertEqual(self.chip.violations, [])

    def test_a_chip_that_lost_its_registers_is_configured_again_within_a_second(self):
        self.typed(100)
        for register, value in ((PULL_UPS, 0), (INVERSION, 0xFF), (DIRECTION, 0xFF)):
            self.chip.registers[register] = value
            self.typed(1_100)
            self.matrix.press("6", 100)
            self.assertEqual(self.typed(300), "6")

    def test_a_chip_without_supply_for_a_moment_is_configured_again(self):
        self.typed(100)
        self.chip.power_up()
        self.typed(1_100)
        self.matrix.press("0", 100)
        self.assertEqual(self.typed(300), "0")

    def test_a_chip_that_does_not_answer_raises_oserror(self):
        self.bus.detach(ADDRESS)
        with self.assertRaises(OSError):
            self.keypad.sample()
