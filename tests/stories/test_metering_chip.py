"""The metering chip in a whole meter: cuts, resets of the chip, a pulled wire, an electrician and a technician."""

import unittest

from tests.stories.measuring_story import MeasuringStory
from tests.stories.whole_meter import PIN

_PULSE_MWH = 1_000


class ChipStory(MeasuringStory):
    """A meter with a metering chip and credit, in a house that draws 6 kW."""

    load_w = 6_000
    front_end = "chip"
    credit_microunits = 500_000_000
    settling_s = 5

    @property
    def chip(self):
        return self.world.hardware.clamps.chip

    def lacking_mwh(self, live):
        """Return the energy that the house drew and the meter did not count while `live` ran."""
        counted, drawn = self.account.registers.total_mwh, self.world.hardware.source.energy_mwh
        live()
        return self.world.hardware.source.energy_mwh - drawn - self.account.registers.total_mwh + counted


class TestHouse(ChipStory):
    def test_a_house_is_metered_through_cuts_and_resets_without_losing_a_pulse(self):
        def live():
            for _ in range(6):
                self.world.run_for(50)
                self.outage(20)
                self.world.run_for(50)
                self.world.reset_board()
                self.world.run_until(lambda: self.world.account is not None, 10)
                self.world.run_for(2)

        pulses, counted = self.chip.pulses, self.account.registers.total_mwh
        lacking = self.lacking_mwh(live)
        self.assertEqual(self.account.registers.total_mwh - counted, (self.chip.pulses - pulses) * _PULSE_MWH)
        start_mwh = 6_000 * 1_000 // 3_600  # between the return of the mains and the set-up of the chip
        self.assertTrue(-_PULSE_MWH <= lacking <= _PULSE_MWH + 6 * (_PULSE_MWH + start_mwh), lacking)

    def test_a_chip_that_is_reset_again_and_again_loses_less_than_a_pulse_and_a_look_each_time(self):
        def live():
            for _ in range(10):
                self.world.run_for(20)
                self.chip.power_up()
            self.world.run_for(20)

        look_mwh = 6_000 * 200 // 3_600
        lacking = self.lacking_mwh(live)
        self.assertTrue(-_PULSE_MWH <= lacking <= 11 * (_PULSE_MWH + look_mwh), lacking)
        self.assertIn("metering chip had lost its configuration and has it again", self.type("events 5"))

    def test_disturbed_wires_lose_no_pulse(self):
        def live():
            self.chip.flip_every = 15
            self.world.run_for(120)
            self.chip.flip_every = 0
            self.world.run_for(5)

        pulses, counted = self.chip.pulses, self.account.registers.total_mwh
        self.lacking_mwh(live)
        self.assertEqual(self.account.registers.total_mwh - counted, (self.chip.pulses - pulses) * _PULSE_MWH)


class TestPulledWire(ChipStory):
    def test_a_chip_that_stops_answering_is_told_and_counts_as_tampering_by_the_terms(self):
        self.technician("terms set tamper_reverse 1")
        self.chip.is_connected = False
        self.world.run_for(5)
        self.assertIn("the metering chip does not answer", self.type("ct"))
        self.assertIn("energy flowed backwards", self.type("status"))
        self.assertIn("metering chip does not answer", self.type("events 4"))
        self.chip.is_connected = True
        self.world.run_for(5)
        self.assertNotIn("does not answer", self.type("ct"))
        self.assertIn("metering chip answers again", self.type("events 4"))

    def test_terms_that_ignore_reverse_flow_ignore_a_silent_chip_too(self):
        self.chip.is_connected = False
        self.world.run_for(5)
        self.assertTrue(self.is_lit())
        self.assertNotIn("backwards", self.type("status"))

    def test_a_start_without_the_chip_is_a_start_and_metering_begins_with_the_chip(self):
        self.chip.is_connected = False
        self.outage(5)
        self.assertIn("does not answer", self.type("status"))
        self.chip.is_connected = True
        self.world.run_for(5)
        lacking = self.lacking_mwh(lambda: self.world.run_for(60))
        self.assertTrue(abs(lacking) <= _PULSE_MWH, lacking)


class TestPeople(ChipStory):
    def test_a_clamp_put_on_backwards_is_told_and_the_legs_are_not_netted(self):
        self.change(1, is_reversed=True)
        self.assertIn("L2: the clamp reads backwards: turn it round", self.type("ct"))
        lacking = self.lacking_mwh(lambda: self.world.run_for(60))
        self.assertTrue(abs(lacking - 3_000 * 60_000 // 3_600) <= 2 * _PULSE_MWH, lacking)
        self.change(1, is_reversed=False)
        self.assertNotIn("backwards", self.type("ct"))

    def test_a_voltage_that_sags_is_an_event_and_so_is_its_return(self):
        self.change(0, volts=90.0)
        self.assertIn("V (too low)", self.type("ct"))
        self.assertIn("voltage too low, leg 1", self.type("events 3"))
        self.change(0, volts=120.0)
        self.assertIn("voltage within its limits again", self.type("events 3"))
        self.change(0, volts=150.0)
        self.assertIn("voltage too high, leg 1", self.type("events 3"))

    def test_a_technician_calibrates_a_clamp_and_it_outlasts_a_cut(self):
        self.change(0, gain=1.05)
        answer = self.technician("ct measure 10", "ct gain L1 3000")
        self.assertIn("L1: gain 0.952", answer)
        self.outage(5)
        lacking = self.lacking_mwh(lambda: self.world.run_for(120))
        self.assertTrue(abs(lacking) <= _PULSE_MWH, lacking)

    def test_other_impulses_change_chip_and_account_together(self):
        self.technician("ct set impulses 3200")
        self.assertEqual(self.account.impulses, 3_200)
        lacking = self.lacking_mwh(lambda: self.world.run_for(60))
        self.assertTrue(abs(lacking) <= _PULSE_MWH, lacking)
        self.outage(5)
        self.assertEqual(self.account.impulses, 3_200)

    def test_a_cut_between_the_chip_and_the_account_ends_with_the_impulses_of_the_chip(self):
        self.world.meter.ledger.change(lambda altered: altered.calibrate(1_600, 1))
        self.outage(5)
        self.assertEqual(self.account.impulses, 1_000)

    def test_one_leg_is_enough_and_a_refused_figure_changes_nothing(self):
        self.type("login " + PIN)
        self.assertIn("legs is 1 legs", self.type("ct set legs 1"))
        self.assertNotIn("L2", self.type("ct"))
        answer = "\n".join(self.world.type_line("ct set clamp L1 5000"))
        self.assertIn("a clamp for", answer)
        self.assertIn("1000", "\n".join(self.world.type_line("ct set impulses 5000")))
        self.type("calibrate 1000")
        self.assertIsNone(self.world.meter.clamps)


if __name__ == "__main__":
    unittest.main()
