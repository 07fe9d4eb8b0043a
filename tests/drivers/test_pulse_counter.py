"""The pulse counter: every pulse once, over wraps and late looks, up to the interval it states."""

import gc
import sys
import unittest

from boards.host.chips.pulse_source import PulseSource
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.pulse_counter import PulseCounter, longest_read_interval_ms


class TestPulseCounter(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()

    def _house(self, modulus, load_w=23_000, impulses=10_000):
        house = PulseSource(self.clock, impulses, modulus=modulus)
        house.set_load_w(load_w)
        return house

    def test_counts_every_pulse_once_over_many_wraps(self):
        house = self._house(1_000)
        counter = PulseCounter(house.read_raw, 1_000)
        random_bits = RandomBits(5)
        counted = 0
        for _ in range(2_000):
            house.set_load_w(random_bits.below(23_001))
            self.clock.advance_us(random_bits.below(15_000_000))
            counted += counter.take()
        self.assertEqual(counted, house.pulses_total)
        self.assertTrue(counted > 100_000)

    def test_what_came_since_the_counter_began_is_counted(self):
        house = self._house(65_536)
        self.clock.advance_us(60_000_000)
        counter = PulseCounter(house.read_raw, 65_536)
        self.assertEqual(counter.take(), house.pulses_total)
        self.assertEqual(counter.take(), 0)

    def test_the_next_program_goes_on_where_the_last_one_took_pulses(self):
        house = self._house(1_000)
        kept = [0]

        def keep(raw):
            kept[0] = raw

        taken = 0
        for _ in range(50):
            counter = PulseCounter(house.read_raw, 1_000, kept[0], keep)
            for _ in range(3):
                self.clock.advance_us(7_000_000)
                taken += counter.take()
                self.assertEqual(taken, house.pulses_total)
            self.clock.advance_us(3_000_000)

    def test_a_look_at_the_stated_interval_loses_nothing_and_one_turn_later_does(self):
        house = self._house(500, load_w=3_600, impulses=10_000)  # 10 pulses a second
        counter = PulseCounter(house.read_raw, 500)
        interval_ms = longest_read_interval_ms(500, 10)
        self.assertEqual(interval_ms, 49_900)
        self.clock.advance_us(interval_ms * 1000)
        self.assertEqual(counter.take(), 499)
        self.clock.advance_us(interval_ms * 1000 + 100_000)
        self.assertEqual(counter.take(), 0)

    def test_a_16_bit_counter_at_the_quickest_s0_output_may_wait_an_hour(self):
        self.assertEqual(longest_read_interval_ms(65_536, 17), 3_855_000)

    def test_the_steady_tick_does_not_grow_the_heap(self):
        # CPython counts blocks in use, and the test runner's own come and go; MicroPython counts every byte ever taken.
        on_micropython = sys.implementation.name == "micropython"
        allocated = gc.mem_alloc if on_micropython else sys.getallocatedblocks
        reading = [0]

        def read_raw():
            reading[0] = (reading[0] + 7) % 65_536
            return reading[0]

        take = PulseCounter(read_raw, 65_536).take
        take()
        gc.collect()
        before = allocated()
        for _ in range(20_000):
            take()
        self.assertLessEqual(allocated() - before, 0 if on_micropython else 100)


if __name__ == "__main__":
    unittest.main()
