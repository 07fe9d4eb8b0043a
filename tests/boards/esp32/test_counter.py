"""The counting PCNT unit of an ESP32, and the pulse counter above it."""

import unittest

from tests.boards import chip_fakes
from wattpurse.drivers.pulse_counter import PulseCounter

PULSE_GPIO = 4


class Pcnt:
    """esp32.PCNT of ports/esp32/esp32_pcnt.c: paused until started, zero again when it reaches `max`.

    There is one unit of each number. Asking for it again stops it.
    """

    INCREMENT = 1
    asked_for = 0

    def __init__(self, unit, pin, rising, max, filter, value):
        if not 1 <= max <= 32_767 or not 0 <= filter <= 1_023 or value != 0 or not 0 <= unit < 8:
            raise ValueError("a unit has no such setting")
        self.pin = pin
        self.limit = max
        self.counts_rising = rising == self.INCREMENT
        self.count = value
        self.is_running = False
        Pcnt.last = self
        Pcnt.asked_for += 1

    def start(self):
        self.is_running = True

    def value(self):
        return self.count

    def rising_edges(self, count):
        if self.is_running and self.counts_rising:
            self.count = (self.count + count) % self.limit


class Pin:
    IN, PULL_UP = 1, 2

    def __init__(self, gpio, mode, pull=None):
        self.gpio = gpio
        self.mode = mode
        self.pull = pull


class TestUnitCounter(unittest.TestCase):
    def setUp(self):
        chip_fakes.install("machine", Pin=Pin)
        chip_fakes.install("esp32", PCNT=Pcnt)
        from boards.esp32 import counter

        counter.PCNT = Pcnt
        counter.Pin = Pin
        counter._counting.clear()  # a reset, for this module
        Pcnt.asked_for = 0
        self.board_counter = counter
        counter.start_counting(PULSE_GPIO)
        self.counter = PulseCounter(*counter.take_over(PULSE_GPIO))

    def test_it_counts_at_the_pin(self):
        pin = Pcnt.last.pin
        self.assertEqual((pin.gpio, pin.mode, pin.pull), (PULSE_GPIO, Pin.IN, Pin.PULL_UP))
        Pcnt.last.rising_edges(12)
        self.assertEqual(self.counter.take(), 12)

    def test_pulses_between_boot_script_and_board_are_counted(self):
        Pcnt.last.rising_edges(5)
        self.board_counter.start_counting(PULSE_GPIO)
        self.assertEqual(Pcnt.asked_for, 1)
        self.assertEqual(PulseCounter(*self.board_counter.take_over(PULSE_GPIO)).take(), 5)

    def test_no_pulse_is_lost_where_the_unit_starts_again(self):
        taken = 0
        for _ in range(10):
            Pcnt.last.rising_edges(9_999)
            taken += self.counter.take()
        self.assertEqual(taken, 99_990)


if __name__ == "__main__":
    unittest.main()
