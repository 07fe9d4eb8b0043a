"""A sensor's loop: believed when samples agree, through every bounce; an open or cut loop is an alarm."""

import unittest

from boards.host.chips.pin import INPUT, Pin, Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.sensor import SensorModel
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.contact import QUICK_SAMPLES, SAMPLE_MS, SLOW_SAMPLES, Contact


class TestContact(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.wire = Wire()
        self.sensor = SensorModel(self.clock, self.wire, RandomBits(8))
        self.contact = Contact(Pin(self.wire, INPUT), QUICK_SAMPLES)

    def _samples(self, count):
        """Return the results of the next samples, SAMPLE_MS apart."""
        said = []
        for _ in range(count):
            self.clock.advance_us(SAMPLE_MS * 1000)
            said.append(self.contact.sample())
        return said

    def _at_ms(self, delay_ms, senses):
        self.clock.call_at_us(self.clock.now_us + delay_ms * 1000, lambda: self.sensor.sense(senses))

    def test_a_closed_loop_is_no_alarm(self):
        self.assertFalse(self.contact.is_open)
        self.assertEqual(set(self._samples(1_000)), {False})

    def test_opened_and_closed_again_each_believed_at_the_third_sample(self):
        for senses in (True, False) * 5:
            self.sensor.sense(senses)
            self.assertEqual(self._samples(4), [not senses] * 2 + [senses] * 2)
            self.assertEqual(self.contact.is_open, senses)

    def test_what_is_shorter_than_the_samples_is_not_believed_wherever_it_falls(self):
        for offset_ms in range(SAMPLE_MS):
            self._at_ms(offset_ms, True)
            self._at_ms(offset_ms + (QUICK_SAMPLES - 1) * SAMPLE_MS - 10, False)
            self.assertEqual(set(self._samples(10)), {False}, offset_ms)

    def test_what_lasts_is_believed_wherever_it_falls(self):
        for offset_ms in range(SAMPLE_MS):
            self._at_ms(offset_ms, True)
            self._at_ms(offset_ms + QUICK_SAMPLES * SAMPLE_MS + 10, False)
            self.assertTrue(True in self._samples(10), offset_ms)
            self.assertFalse(self.contact.is_open)

    def test_a_loop_that_opens_now_and_then_is_not_added_up(self):
        for _ in range(20):
            self.sensor.sense(True)
            self._samples(2)
            self.sensor.sense(False)
            self._samples(1)
        self.assertFalse(self.contact.is_open)

    def test_the_slow_one_takes_a_second(self):
        self.contact = Contact(Pin(self.wire, INPUT), SLOW_SAMPLES)
        self.sensor.sense(True)
        self.assertEqual(self._samples(10), [False] * 9 + [True])

    def test_a_cut_wire_and_an_open_input_are_alarms(self):
        self.sensor.cut_wire()
        self.assertEqual(self._samples(3)[-1], True)
        unconnected = Contact(Pin(Wire(), INPUT), QUICK_SAMPLES)
        self.assertEqual([unconnected.sample() for _ in range(3)], [False, False, True])


if __name__ == "__main__":
    unittest.main()
