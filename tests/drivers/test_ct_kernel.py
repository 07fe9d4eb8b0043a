"""The sums of the CT front end: equal to plain arithmetic on every Python, over the end of the ring, at full range."""

import unittest
from array import array

from boards.host.chips.random_bits import RandomBits
from wattpurse.drivers import ct_kernel as kernel

LENGTH = 1_024
CHANNELS = 4


def random_ring(seed):
    bits = RandomBits(seed)
    return array("H", [bits(12) if bits(2) else bits(3) * 512 for _ in range(LENGTH)])


def state_of(phase=0, offset=0):
    state = array("i", [0] * kernel.WORDS)
    state[kernel.LEGS] = 1
    state[kernel.MASK] = LENGTH - 1
    state[kernel.AMP_MEAN] = 2_240
    state[kernel.VOLT_MEAN] = 2_048 << kernel.MEAN_BITS
    state[kernel.PHASE] = kernel.PHASE_BIAS + phase
    state[kernel.OFFSET] = kernel.OFFSET_BIAS + offset
    state[kernel.LUMP] = 1 << 27
    return state


def products_of(ring, table, state, place, frames):
    """Return the products that a call adds to the pending ones and, divided by 64, to those of the second."""
    state[kernel.PENDING] = state[kernel.SECOND] = kernel.SUM_BIAS
    is_due = kernel.add_products(ring, table, state, place | frames << 16)
    products = state[kernel.PENDING] - kernel.SUM_BIAS
    if is_due != (abs(products) >= state[kernel.LUMP]) or state[kernel.SECOND] - kernel.SUM_BIAS != products >> 6:
        raise ValueError("the call and its sums do not agree")
    return products


def number_of(code, table):
    return code + table[code // 512 if code % 512 else 8 + code // 512]


def exact_sums(ring, table, place, frames, volt_mean):
    """Return the exact sums of products and of shifted products."""
    places = [(place + CHANNELS * n) % LENGTH for n in range(frames + 1)]
    amps = [number_of(ring[place], table) - 2_240 for place in places]
    volts = [number_of(ring[place + 1], table) - volt_mean for place in places]
    products = sum(volts[n] * amps[n] for n in range(frames))
    return products, sum((volts[n + 1] - volts[n]) * amps[n] for n in range(frames))


class TestProducts(unittest.TestCase):
    def test_sums_equal_plain_arithmetic_up_to_the_end_of_the_ring(self):
        ring, table = random_ring(3), kernel.step_table()
        for begin, frames in ((0, 200), (400, 1), (402, 50), (LENGTH - 4, 1), (LENGTH - 402, 100)):
            state = state_of()
            result = products_of(ring, table, state, begin, frames)
            products, shifted = exact_sums(ring, table, begin, frames, 2_048)
            self.assertEqual((state[kernel.PRODUCTS], state[kernel.SHIFTED]), (products, shifted))
            self.assertEqual(result, products)

    def test_phase_and_offset_are_exact_over_many_blocks(self):
        ring, table, bits = random_ring(7), kernel.step_table(), RandomBits(5)
        for phase, offset in ((-4_096, 0), (-11_000, 900), (3_000, -70_000)):
            state, total, exact_phase, exact_offset, exact = state_of(phase, offset), 0, 0, 0, 0
            for _ in range(300):
                frames = 1 + bits.below(40)
                place = 4 * bits.below(LENGTH // 4 - frames)
                total += products_of(ring, table, state, place, frames)
                products, shifted = exact_sums(ring, table, place, frames, 2_048)
                exact += products
                exact_phase += shifted * phase
                exact_offset += offset * frames
            exact += (exact_phase >> kernel.PHASE_BITS) - (exact_offset >> kernel.OFFSET_BITS)
            self.assertEqual(total, exact)

    def test_the_fraction_of_the_mean_is_subtracted_as_often_as_it_says(self):
        ring = array("H", [2_241, 2_048, 0, 0] * (LENGTH // CHANNELS))
        state = state_of()
        state[kernel.VOLT_MEAN] += 64
        total = sum(products_of(ring, kernel.plain_table(), state, 0, 1) for _ in range(400))
        self.assertEqual(total, -100)

    def test_the_largest_signal_stays_below_the_small_integers_of_the_chip(self):
        for level in (0, 4_095):
            ring = array("H", [level] * LENGTH)
            products = products_of(ring, kernel.plain_table(), state_of(), 0, kernel.MOST_FRAMES)
            self.assertTrue(0 < products < 1 << 30)

    def test_negative_products_keep_their_sign(self):
        ring = array("H", [3_000, 1_000, 0, 0] * (LENGTH // CHANNELS))
        products = products_of(ring, kernel.plain_table(), state_of(), 0, 100)
        self.assertEqual(products, 100 * (3_000 - 2_240) * (1_000 - 2_048))


class TestLegs(unittest.TestCase):
    def test_two_legs_in_one_call_are_two_calls_of_one_leg(self):
        ring, table = random_ring(9), kernel.step_table()
        both = array("i", [0] * 2 * kernel.WORDS)
        for begin, frames in ((0, 200), (LENGTH - 80, 20), (400, 1)):
            alone = [state_of(-4_096, 300), state_of(2_000, -900)]
            for state in alone:
                state[kernel.PENDING] = state[kernel.SECOND] = kernel.SUM_BIAS
            both[: kernel.WORDS], both[kernel.WORDS :] = alone
            both[kernel.LEGS] = 2
            both[kernel.WORDS + kernel.LUMP] = alone[1][kernel.LUMP] = 1
            run = begin | frames << 16
            self.assertEqual(kernel.add_products(ring, table, both, run), 1)
            self.assertEqual([kernel.add_products(ring, table, alone[0], run)], [0])
            self.assertEqual([kernel.add_products(ring, table, alone[1], run + 2)], [1])
            alone[0][kernel.LEGS] = 2
            self.assertEqual(list(both), list(alone[0]) + list(alone[1]))


class TestSquares(unittest.TestCase):
    def test_squares_and_crossings_of_several_calls_are_those_of_one(self):
        ring, table = random_ring(4), kernel.plain_table()
        whole, parts = array("i", [0] * kernel.WORDS), array("i", [0] * kernel.WORDS)
        whole[kernel.BASE] = parts[kernel.BASE] = 2_000
        whole[kernel.PLACE], whole[kernel.FRAMES], parts[kernel.FRAMES] = 1, 200, 40
        whole[kernel.SUM] = parts[kernel.SUM] = kernel.SUM_BIAS
        kernel.add_squares(ring, table, whole)
        for part in range(5):
            parts[kernel.PLACE] = 1 + 40 * part * CHANNELS
            parts[kernel.BEGUN] = 40 * part
            kernel.add_squares(ring, table, parts)
        values = [ring[1 + CHANNELS * n] - 2_000 for n in range(200)]
        for state in (whole, parts):
            self.assertEqual(state[kernel.SUM] - kernel.SUM_BIAS, sum(values))
        self.assertTrue(abs(whole[kernel.SQUARES] - parts[kernel.SQUARES]) <= 5)
        self.assertTrue(abs(whole[kernel.SQUARES] - sum(value * value for value in values) // 16) <= 1)
        crossings = [n for n in range(1, 200) if values[n - 1] < 0 <= values[n]]
        for state in (whole, parts):
            self.assertEqual(state[kernel.CROSSINGS], len(crossings))
            self.assertEqual(state[kernel.FIRST], crossings[0])
            self.assertEqual(state[kernel.LAST_CROSSING], crossings[-1])
            self.assertEqual(state[kernel.LAST_ABOVE], values[crossings[-1]])
            self.assertEqual(state[kernel.LAST_BELOW], -values[crossings[-1] - 1])
            for crossing, place in ((crossings[0], kernel.FIRST_SUM), (crossings[-1], kernel.LAST_SUM)):
                before = values[:crossing]
                self.assertEqual(state[place] - kernel.SUM_BIAS, sum(before))
                self.assertTrue(abs(state[place + 1] - sum(value * value for value in before) // 16) <= 5)


class TestStepTable(unittest.TestCase):
    def test_the_codes_that_are_missing_behind_wide_codes_are_added(self):
        table = kernel.step_table()
        self.assertEqual(
            [number_of(code, table) - code for code in (0, 511, 512, 513, 1_535, 1_537, 2_100, 3_000, 4_095)],
            [0, 0, 5, 10, 10, 19, 20, 29, 39],
        )


if __name__ == "__main__":
    unittest.main()
