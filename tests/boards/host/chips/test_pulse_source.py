"""The house's load: exact energy, exact pulses, and none while the circuit is open."""

import unittest

from boards.host.chips.pulse_source import PulseSource
from boards.host.world.clock import VirtualClock

HOUR_US = 3_600_000_000


class TestPulseSource(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.house = PulseSource(self.clock, 3_200)

    def test_a_kilowatt_hour(self):
        self.house.set_load_w(1_000)
        self.clock.advance_us(HOUR_US - 1)
        self.assertEqual(self.house.pulses_total, 3_199)
        self.clock.advance_us(1)
        self.assertEqual(self.house.pulses_total, 3_200)
        self.assertEqual(self.house.energy_mwh, 1_000_000)

    def test_nothing_is_rounded_when_the_load_changes_often(self):
        house = PulseSource(self.clock, 10_000, 3)
        for step in range(1, 1_000):
            house.set_load_w(step * 7 % 23_000)
            self.clock.advance_us(step * 977)
        expected_uj = sum((step * 7 % 23_000) * step * 977 for step in range(1, 1_000))
        self.assertEqual(house.energy_uj, expected_uj)
        self.assertEqual(house.pulses_total, expected_uj * 10_000 // (3 * 3_600_000_000_000))

    def test_no_energy_without_mains_or_with_the_contact_open(self):
        self.house.set_load_w(1_000)
        for switch in (self.house.set_mains, self.house.set_contact):
            before = self.house.energy_uj
            switch(False)
            self.assertEqual(self.house.power_w, 0)
            self.clock.advance_us(HOUR_US)
            self.assertEqual(self.house.energy_uj, before)
            switch(True)
            self.clock.advance_us(HOUR_US)
            self.assertEqual(self.house.energy_mwh * 3_600_000, before + 3_600_000_000_000)

    def test_the_counter_wraps_and_begins_anew_with_the_board(self):
        house = PulseSource(self.clock, 3_200, modulus=1_000)
        house.set_load_w(1_000)
        self.clock.advance_us(HOUR_US)
        self.assertEqual(house.read_raw(), 200)
        house.board_powered()
        self.assertEqual(house.read_raw(), 0)
        self.clock.advance_us(HOUR_US)
        self.assertEqual(house.read_raw(), 200)
        self.assertEqual(house.pulses_total, 6_400)


if __name__ == "__main__":
    unittest.main()
