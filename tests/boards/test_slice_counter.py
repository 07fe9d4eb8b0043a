"""The registers of a PWM slice that counts, and the pulse counter above it."""

import unittest

from tests.boards import chip_fakes
from wattpurse.drivers.pulse_counter import PulseCounter

PULSE_GPIO = 15


class TestSliceCounter(unittest.TestCase):
    def setUp(self):
        self.registers = chip_fakes.PwmRegisters()
        pin_class = chip_fakes.pin_class(self.registers)
        chip_fakes.install("machine", mem32=self.registers, Pin=pin_class)
        from boards.pico import slice_counter

        self.slice_counter = slice_counter
        slice_counter.mem32 = self.registers  # the module may have been imported with those of another test
        slice_counter.Pin = pin_class

    def pulse(self, count, gpio=PULSE_GPIO):
        for _ in range(count):
            self.registers.rising_edge(gpio)

    def test_it_counts_the_edges_of_its_pin(self):
        read_raw = self.slice_counter.start_counting(PULSE_GPIO)
        self.assertEqual(read_raw(), 0)
        self.pulse(1000)
        self.pulse(7, gpio=13)
        self.pulse(7, gpio=14)
        self.assertEqual(read_raw(), 1000)

    def test_what_a_soft_reset_left_in_the_slice_does_not_matter(self):
        address = chip_fakes.PWM_BASE + 7 * chip_fakes.SLICE_BYTES
        for register, value in ((0x00, 0x3F), (0x04, 0xFFF), (0x08, 4321), (0x10, 99)):
            self.registers[address + register] = value
        read_raw = self.slice_counter.start_counting(PULSE_GPIO)
        self.pulse(150)
        self.assertEqual(read_raw(), 150)

    def test_the_pulse_output_is_never_driven_against(self):
        for _ in range(2):
            self.slice_counter.start_counting(PULSE_GPIO)
        self.assertEqual(self.registers.driven, set())

    def test_it_wraps_where_the_modulus_says(self):
        counter = PulseCounter(self.slice_counter.start_counting(PULSE_GPIO), self.slice_counter.MODULUS)
        self.pulse(65_000)
        self.assertEqual(counter.take(), 65_000)
        self.pulse(1_000)
        self.assertEqual(counter.take(), 1_000)

    def test_no_other_slice_is_touched(self):
        before = [dict(registers) for registers in self.registers.slices]
        self.slice_counter.start_counting(PULSE_GPIO)
        self.assertEqual(self.registers.slices[:7], before[:7])

    def test_pins_above_sixteen_share_the_slices(self):
        read_raw = self.slice_counter.start_counting(17)
        self.pulse(3, gpio=17)
        self.assertEqual(read_raw(), 3)
        self.assertEqual(self.registers.slices[0][0x08], 3)

    def test_only_b_pins_will_do(self):
        for gpio in (14, 0, -1, 30, 31):
            self.assertRaises(ValueError, self.slice_counter.start_counting, gpio)


if __name__ == "__main__":
    unittest.main()
