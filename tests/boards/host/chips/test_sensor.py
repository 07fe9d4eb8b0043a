"""Sensors in a loop to ground: open while they sense tampering or after a cut, with bounces."""

import unittest

from boards.host.chips.pin import Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.sensor import SensorModel
from boards.host.world.clock import VirtualClock

BOUNCE_US = 3_100


class TestSensorModel(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.wire = Wire()
        self.sensor = SensorModel(self.clock, self.wire, RandomBits(4))
        self._settle()

    def _settle(self):
        self.clock.advance_us(BOUNCE_US)
        return self.wire.level

    def test_the_loop_is_closed_until_something_is_sensed(self):
        self.assertEqual(self._settle(), 0)
        for senses in (True, False, True, False):
            self.sensor.sense(senses)
            self.assertEqual(self._settle(), int(senses))

    def test_it_bounces_only_when_it_moves(self):
        edges = []
        self.wire.listen(edges.append)
        for _ in range(50):
            self.sensor.sense(True)
            self.sensor.sense(True)
            self._settle()
            self.sensor.sense(False)
            self._settle()
        self.assertTrue(len(edges) > 150, len(edges))
        edges.clear()
        self.sensor.sense(False)
        self._settle()
        self.assertEqual(edges, [])

    def test_a_cut_wire_stays_open(self):
        self.sensor.cut_wire()
        self.assertEqual(self._settle(), 1)
        self.sensor.sense(True)
        self.sensor.sense(False)
        self.assertEqual(self._settle(), 1)


if __name__ == "__main__":
    unittest.main()
