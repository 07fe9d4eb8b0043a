"""The sums of the CT front end: equal to plain arithmetic on every Python, over the end of the ring, at full range."""

import unittest
from array import array

from boards.host.chips.random_bits import RandomBits
from wattpurse.drivers import ct_kernel as kernel

LENGTH = 1_024
CHANNELS = 4


def random_ring(seed):
    bits = RandomBits(seed)
    return array("H", [bits(12) for _ in range(LENGTH)])


def state_of(place, frames, amp_base=2_240, volt_base=2_048):
    state = array("i", [0] * kernel.WORDS)
    state[kernel.PLACE] = place
    state[kernel.MASK] = LENGTH - 1
    state[kernel.STEP] = CHANNELS
    state[kernel.FRAMES] = frames
    state[kernel.AMP_BASE] = amp_base
    state[kernel.VOLT_BASE] = volt_base
    return state


class TestProducts(unittest.TestCase):
    def test_sums_equal_plain_arithmetic_over_the_end_of_the_ring(self):
        ring, table = random_ring(3), kernel.step_table()
        for begin in (0, 400, 900, LENGTH - CHANNELS):
            state = state_of(begin, kernel.MOST_FRAMES)
            kernel.add_products(ring, table, state)
            places = [(begin + CHANNELS * n) % LENGTH for n in range(kernel.MOST_FRAMES + 1)]
            amps = [ring[place] + table[ring[place]] - 2_240 for place in places]
            volts = [ring[place + 1] + table[ring[place + 1]] - 2_048 for place in places]
            frames = range(kernel.MOST_FRAMES)
            self.assertEqual(state[kernel.PRODUCTS], sum(volts[n] * amps[n] for n in frames))
            self.assertEqual(state[kernel.SHIFTED], sum((volts[n + 1] - volts[n]) * amps[n] for n in frames))
            self.assertEqual(state[kernel.VOLTS], sum(volts[:-1]))
            self.assertEqual(state[kernel.AMPS], sum(amps[:-1]))

    def test_the_largest_signal_stays_below_the_small_integers_of_the_chip(self):
        for level in (0, 4_095):
            ring = array("H", [level] * LENGTH)
            state = state_of(0, kernel.MOST_FRAMES)
            kernel.add_products(ring, kernel.plain_table(), state)
            self.assertTrue(0 < state[kernel.PRODUCTS] < 1 << 30)

    def test_negative_products_keep_their_sign(self):
        ring = array("H", [3_000, 1_000, 0, 0] * (LENGTH // CHANNELS))
        state = state_of(0, 100)
        kernel.add_products(ring, kernel.plain_table(), state)
        self.assertEqual(state[kernel.PRODUCTS], 100 * (3_000 - 2_240) * (1_000 - 2_048))


class TestSquares(unittest.TestCase):
    def test_squares_and_crossings_of_several_calls_are_those_of_one(self):
        ring, table = random_ring(4), kernel.plain_table()
        whole, parts = state_of(1, 200), state_of(1, 40)
        whole[kernel.BASE] = parts[kernel.BASE] = 2_000
        whole[kernel.BEGUN] = 0
        kernel.add_squares(ring, table, whole)
        total = 0
        for part in range(5):
            parts[kernel.PLACE] = 1 + 40 * part * CHANNELS
            parts[kernel.BEGUN] = 40 * part
            kernel.add_squares(ring, table, parts)
            total += parts[kernel.SUM]
        values = [ring[1 + CHANNELS * n] - 2_000 for n in range(200)]
        self.assertEqual(whole[kernel.SUM], sum(values))
        self.assertEqual(total, sum(values))
        self.assertTrue(abs(whole[kernel.SQUARES] - parts[kernel.SQUARES]) <= 5)
        self.assertTrue(abs(whole[kernel.SQUARES] - sum(value * value for value in values) // 16) <= 1)
        crossings = [n for n in range(1, 200) if values[n - 1] < 0 <= values[n]]
        for state in (whole, parts):
            self.assertEqual(state[kernel.CROSSINGS], len(crossings))
            self.assertEqual(state[kernel.FIRST], crossings[0])
            self.assertEqual(state[kernel.LAST], crossings[-1])
            self.assertEqual(state[kernel.LAST_ABOVE], values[crossings[-1]])
            self.assertEqual(state[kernel.LAST_BELOW], -values[crossings[-1] - 1])


class TestStepTable(unittest.TestCase):
    def test_the_codes_that_are_missing_behind_wide_codes_are_added(self):
        table = kernel.step_table()
        self.assertEqual(
            [table[code] for code in (0, 511, 513, 1_535, 1_537, 2_100, 3_000, 4_095)], [0, 0, 10, 10, 19, 20, 29, 39]
        )
        self.assertEqual(len(table), kernel.CODES)


if __name__ == "__main__":
    unittest.main()
