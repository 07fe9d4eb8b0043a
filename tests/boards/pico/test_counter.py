"""The registers of a counting PWM slice, and the pulse counter above it, across every kind of reset."""

import unittest

from tests.boards import chip_fakes
from wattpurse.drivers.pulse_counter import PulseCounter

PULSE_GPIO = 15


class TestSliceCounter(unittest.TestCase):
    def setUp(self):
        self.registers = chip_fakes.PwmRegisters()
        pin_class = chip_fakes.pin_class(self.registers)
        chip_fakes.install("machine", mem32=self.registers, Pin=pin_class)
        from boards.pico import counter

        self.board_counter = counter
        counter.mem32 = self.registers  # the module may have been imported with those of another test
        counter.Pin = pin_class

    def start(self, gpio=PULSE_GPIO):
        """Start the counter as the boot script does, then build the board's counter."""
        self.board_counter.start_counting(gpio)
        return PulseCounter(*self.board_counter.take_over(gpio))

    def pulse(self, count, gpio=PULSE_GPIO):
        for _ in range(count):
            self.registers.rising_edge(gpio)

    def test_it_counts_the_edges_of_its_pin(self):
        counter = self.start()
        self.assertEqual(counter.take(), 0)
        self.pulse(1000)
        self.pulse(7, gpio=13)
        self.pulse(7, gpio=14)
        self.assertEqual(counter.take(), 1000)

    def test_pulses_between_boot_script_and_board_are_counted(self):
        self.board_counter.start_counting(PULSE_GPIO)
        self.pulse(3)
        self.board_counter.start_counting(PULSE_GPIO)
        self.pulse(4)
        self.assertEqual(PulseCounter(*self.board_counter.take_over(PULSE_GPIO)).take(), 7)

    def test_a_soft_reset_loses_only_pulses_while_the_slice_stands(self):
        counter = self.start()
        self.pulse(100)
        self.assertEqual(counter.take(), 100)
        self.pulse(20)  # the program is interrupted and takes them no more
        self.registers.soft_reset()
        self.pulse(1)
        counter = self.start()
        self.pulse(3)
        self.assertEqual(counter.take(), 23)
        self.registers.soft_reset()
        self.assertEqual(self.start().take(), 0)

    def test_a_soft_reset_across_the_wrap_loses_no_more(self):
        counter = self.start()
        self.pulse(65_530)
        self.assertEqual(counter.take(), 65_530)
        self.pulse(10)
        self.registers.soft_reset()
        self.assertEqual(self.start().take(), 10)

    def test_any_other_reset_begins_at_zero(self):
        counter = self.start()
        self.pulse(100)
        counter.take()
        self.registers.slices = chip_fakes.PwmRegisters().slices  # the watchdog's scratch registers stay
        counter = self.start()
        self.pulse(5)
        self.assertEqual(counter.take(), 5)

    def test_settings_of_another_program_do_not_matter(self):
        address = chip_fakes.PWM_BASE + 7 * chip_fakes.SLICE_BYTES
        for register, value in ((0x00, 0x3F), (0x04, 0xFFF), (0x08, 4321), (0x10, 99)):
            self.registers[address + register] = value
        counter = self.start()
        self.pulse(150)
        self.assertEqual(counter.take(), 150)

    def test_a_pin_that_someone_took_for_something_else_counts_again_after_a_soft_reset(self):
        self.start()
        self.board_counter.Pin(PULSE_GPIO, self.board_counter.Pin.IN)
        self.registers.soft_reset()
        counter = self.start()
        self.pulse(5)
        self.assertEqual(counter.take(), 5)

    def test_the_pulse_output_is_never_driven_against(self):
        for _ in range(2):
            self.start()
            self.registers.soft_reset()
        self.assertEqual(self.registers.driven, set())

    def test_it_wraps_where_the_modulus_says(self):
        counter = self.start()
        self.pulse(65_000)
        self.assertEqual(counter.take(), 65_000)
        self.pulse(1_000)
        self.assertEqual(counter.take(), 1_000)

    def test_no_other_slice_is_touched(self):
        before = [dict(registers) for registers in self.registers.slices]
        self.start()
        self.assertEqual(self.registers.slices[:7], before[:7])

    def test_pins_above_sixteen_share_the_slices(self):
        counter = self.start(17)
        self.pulse(3, gpio=17)
        self.assertEqual(counter.take(), 3)
        self.assertEqual(self.registers.slices[0][0x08], 3)

    def test_only_b_pins_will_do(self):
        for gpio in (14, 0, -1, 30, 31):
            self.assertRaises(ValueError, self.board_counter.start_counting, gpio)


if __name__ == "__main__":
    unittest.main()
