"""The counting PCNT unit of an ESP32, and the pulse counter above it, through every kind of reset."""

import unittest

from tests.boards import chip_fakes
from tests.boards.esp32.chip_registers import Chip, modules_of
from wattpurse.drivers.pulse_counter import PulseCounter

PULSE_GPIO = 4


class TestUnitCounter(unittest.TestCase):
    def setUp(self):
        self.chip = Chip()
        pin, rtc, pcnt = modules_of(self.chip)
        chip_fakes.install("machine", Pin=pin, RTC=rtc, mem32=self.chip)
        chip_fakes.install("esp32", PCNT=pcnt)
        from boards.esp32 import counter, rtc_memory

        counter.PCNT, counter.Pin, counter.mem32, rtc_memory.RTC = pcnt, pin, self.chip, rtc
        self.board_counter = counter
        self.rtc_memory = rtc_memory
        self.counter = self.start()

    def start(self):
        self.board_counter.start_counting(PULSE_GPIO)
        return PulseCounter(*self.board_counter.take_over(PULSE_GPIO))

    def pulses(self, count):
        self.chip.rising_edges(count, PULSE_GPIO)

    def test_it_counts_at_the_pin_which_has_a_pull_up(self):
        self.assertEqual(self.chip.pulls, {PULSE_GPIO: 2})
        self.pulses(12)
        self.assertEqual(self.counter.take(), 12)

    def test_pulses_between_boot_script_and_board_are_counted(self):
        self.pulses(5)
        self.assertEqual(self.start().take(), 5)

    def test_a_visit_that_ends_in_a_soft_reset_costs_no_pulse(self):
        self.pulses(7)
        self.assertEqual(self.counter.take(), 7)
        self.pulses(3)
        self.chip.soft_reset()
        self.pulses(2)
        self.assertEqual(self.start().take(), 5)

    def test_a_reset_by_the_watchdog_costs_no_pulse(self):
        self.pulses(7)
        self.assertEqual(self.counter.take(), 7)
        self.pulses(3)
        self.chip.reset_processors()
        self.pulses(4)
        self.assertEqual(self.start().take(), 7)

    def test_no_pulse_counts_twice_after_a_loss_of_power_that_the_rtc_memory_survives(self):
        self.pulses(7)
        self.assertEqual(self.counter.take(), 7)
        self.chip.power_on()
        self.assertEqual(self.start().take(), 0)

    def test_no_pulse_counts_twice_if_other_software_used_the_rtc_memory(self):
        self.pulses(7)
        self.assertEqual(self.counter.take(), 7)
        self.chip.rtc_bytes = b"another program"
        self.chip.reset_processors()
        started = self.start()
        self.assertEqual(started.take(), 0)
        self.pulses(2)
        self.assertEqual(started.take(), 2)

    def test_a_unit_that_counts_another_pin_is_set_up_anew(self):
        self.board_counter.start_counting(5)
        self.chip.rising_edges(3, 5)
        self.assertEqual(PulseCounter(*self.board_counter.take_over(5)).take(), 3)

    def test_no_pulse_is_lost_where_the_unit_starts_again(self):
        taken = 0
        for _ in range(10):
            self.pulses(9_999)
            taken += self.counter.take()
        self.assertEqual(taken, 99_990)
        self.chip.reset_processors()
        self.pulses(31_000)
        self.assertEqual(self.start().take(), 31_000)

    def test_a_panic_is_told_from_a_reset_that_the_meter_asked_for(self):
        self.assertFalse(self.rtc_memory.RtcMemory().take_asked())
        self.pulses(3)
        self.assertEqual(self.counter.take(), 3)
        self.rtc_memory.RtcMemory().ask_for_reset()
        self.assertTrue(self.rtc_memory.RtcMemory().take_asked())
        self.assertFalse(self.rtc_memory.RtcMemory().take_asked())
        self.assertEqual(self.rtc_memory.RtcMemory().taken, 3)


if __name__ == "__main__":
    unittest.main()
