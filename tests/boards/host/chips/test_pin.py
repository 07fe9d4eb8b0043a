"""Wires: pull resistors, contending pins, and listeners."""

import unittest

from boards.host.chips.pin import INPUT, PUSH_PULL, Pin, Wire
from boards.host.world.clock import VirtualClock


class TestWire(unittest.TestCase):
    def setUp(self):
        self.wire = Wire()
        self.levels = []
        self.wire.listen(self.levels.append)

    def test_an_open_drain_wire_is_low_while_anyone_pulls(self):
        first, second = Pin(self.wire), Pin(self.wire)
        first(0)
        second(0)
        first(1)
        self.assertEqual(second(), 0)
        second(1)
        self.assertEqual(first(), 1)
        self.assertEqual(self.levels, [0, 1])
        self.assertEqual(self.wire.contentions, 0)

    def test_a_push_pull_pin_against_another_is_a_short_circuit(self):
        Pin(self.wire)(0)
        Pin(self.wire, PUSH_PULL)(1)
        self.assertEqual(self.wire.contentions, 1)
        self.assertEqual(self.wire.level, 0)

    def test_a_pin_of_a_dead_chip_does_nothing(self):
        pin = Pin(self.wire)
        pin(0)
        pin.disconnect()
        self.assertEqual(self.wire.level, 1)
        pin(0)
        pin.disconnect()
        self.assertEqual(self.wire.level, 1)

    def test_pulled_down(self):
        wire = Wire(pull=0)
        pin = Pin(wire, PUSH_PULL)
        self.assertEqual(pin(), 0)
        pin(1)
        self.assertEqual(wire.level, 1)

    def test_an_input_does_not_drive(self):
        with self.assertRaises(ValueError):
            Pin(self.wire, INPUT)(0)

    def test_calls_cost_time(self):
        clock = VirtualClock()
        pin = Pin(self.wire, clock=clock, call_us=2)
        pin(0)
        pin()
        self.assertEqual(clock.now_us, 4)


if __name__ == "__main__":
    unittest.main()
