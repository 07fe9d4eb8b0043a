"""The clamps at the console: chosen, read, calibrated and refused; and the events about them."""

import unittest

from boards.host.chips.waves import wave
from tests.services.console.clamp_bench import LOOK_MS, MeasuringBench
from tests.services.console.console_bench import COMMISSION, Bench
from wattpurse.core import leg_energy
from wattpurse.core.guards import tamper
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.drivers.ct_front_end import MWH_PER_KWH


class ClampBench(MeasuringBench):
    front_end = "ct"

    def setUp(self):
        super().setUp()
        self.house = self.bench.hardware.clamps
        self.house.stop()  # the login took time, in which nobody metered
        self.meter.measure_with_clamps()

    def draw(self, watts):
        self.bench.hardware.source.set_load_w(watts)

    def change(self, leg, **changes):
        """Change an input of a leg, after the samples before were made."""
        self.house.hold()
        for name, value in changes.items():
            setattr(self.house.inputs.legs[leg], name, value)
        self.house.follow()

    def measure(self, seconds=10):
        self.meter.clamps.front_end.begin_measurement()
        self.live(seconds)
        self.meter.clamps.measurements = self.meter.clamps.front_end.end_measurement()

    def noted(self, code):
        """Return `(number, extra)` of the events of one kind, newest first."""
        return [
            (event.number, event.extra & 0xFFFFFFFF) for event in self.meter.events.recent(50) if event.code == code
        ]


class TestEnergyOfLegs(ClampBench):
    def test_the_registers_show_each_leg_in_both_directions_and_never_netted(self):
        self.draw(3_600)
        self.live(20)
        self.change(1, is_reversed=True)
        self.live(20)
        one, other = self.bench.facts("registers")["legs"]
        self.assertTrue(abs(one["import_wh"] - 20) <= 1 and one["export_wh"] == 0, one)
        self.assertTrue(abs(other["import_wh"] - 10) <= 1 and abs(other["export_wh"] - 10) <= 1, other)
        self.assertIn("L2  in 0.0", self.bench.say("registers"))

    def test_a_restart_and_another_number_of_legs_keep_the_energy_of_each_leg(self):
        self.draw(3_600)
        self.live(40)
        before = self.bench.facts("registers")["legs"]
        self.meter.clamps.keep_energies()
        self.meter.clamps = None
        self.meter.measure_with_clamps()
        self.assertEqual(self.bench.facts("registers")["legs"], before)
        self.bench.say("ct set legs 1")
        self.assertEqual(self.bench.facts("registers")["legs"], before[:1])
        self.bench.say("ct set legs 2")
        self.assertEqual(self.bench.facts("registers")["legs"], before)

    def test_the_settings_hold_the_energy_a_quarter_of_an_hour_later_at_most(self):
        self.draw(3_600)
        self.live(20)
        for _ in range(900):
            self.meter.clamps.step()
        kept = leg_energy.split(self.meter.settings.get("leg_imports"))
        self.assertEqual(list(kept), [leg["import_wh"] for leg in self.bench.facts("registers")["legs"]])


class TestLoadProfile(ClampBench):
    def test_half_hours_show_each_leg_in_both_directions(self):
        self.at_s = self.meter.timekeeper.now_s()
        self.change(1, is_reversed=True)
        self.end_half_hour()
        self.draw(3_600)
        self.live(20)
        self.end_half_hour()
        kept = self.meter.settings.get("leg_imports")
        self.assertTrue(abs(leg_energy.split(kept)[0] - 10) <= 1, "the reading was not kept in the settings")
        self.draw(0)
        self.bench.say("calibrate 1000")
        self.end_half_hour()
        rows = [row["legs_wh"] for row in self.bench.facts("profile")["profile"]]
        self.assertEqual((rows[0], rows[-1]), (None, None))
        of_legs = [row for row in rows if row is not None]
        one, other = [[sum(row[leg][way] for row in of_legs) for way in (0, 1)] for leg in (0, 1)]
        self.assertTrue(abs(one[0] - 10) <= 1 and one[1] == 0, rows)
        self.assertTrue(other[0] <= 1 and abs(other[1] - 10) <= 1, rows)
        self.assertIn("L1 in 0.0", self.bench.say("profile"))

    def end_half_hour(self):
        """Let the profile, and no other part, see the time pass up to the reading that is due."""
        end_s = (self.at_s // 1800 + 1) * 1800
        while self.at_s < end_s:
            self.at_s = min(end_s, self.at_s + 100)
            self.meter.load_profile.step(self.meter.ledger.account, self.at_s)


class TestChoice(ClampBench):
    def test_a_meter_is_commissioned_with_clamps(self):
        self.assertTrue(self.answer.startswith("commissioned"), self.answer)
        self.assertEqual(self.meter.ledger.account.impulses, MWH_PER_KWH)
        self.draw(3_600)
        self.live(3)
        before = self.meter.ledger.account.pulses_total
        self.live(10)
        self.assertTrue(abs(self.meter.ledger.account.pulses_total - before - 10_000) < 300)

    def test_a_meter_without_a_converter_refuses_clamps_and_says_why(self):
        bench = Bench()
        bench.meter.stores.test_flash = lambda by_records: ()
        bench.meter.board.build_sampler = lambda: None
        self.assertIn("has no converter for clamps", bench.say(COMMISSION.replace("3200", "ct")))
        bench.commission()
        bench.log_in()
        bench.meter.board.build_sampler = lambda: None
        self.assertIn("has no converter for clamps", bench.say("calibrate ct"))
        self.assertEqual(bench.meter.ledger.account.impulses, 3_200)

    def test_an_image_without_a_converter_keeps_supply_off_in_a_meter_with_clamps(self):
        self.bench.hardware.clamps.sampler = lambda: None
        self.bench.restart()
        self.assertEqual(self.meter.decide(), supply.FAULT)

    def test_pulses_and_clamps_change_places_without_a_foreign_pulse(self):
        self.draw(36_000)
        self.live(5)
        before = self.meter.ledger.account.pulses_total
        self.bench.say("calibrate 1000")
        self.assertIsNone(self.meter.clamps)
        self.assertTrue(self.meter.ledger.account.pulses_total - before <= 500)
        before = self.meter.ledger.account.pulses_total
        for _ in range(200):
            self.bench.clock.advance_us(LOOK_MS * 1000)
            self.meter.metering.step()
        self.assertTrue(99 <= self.meter.ledger.account.pulses_total - before <= 101)
        self.assertIn("the clamps measure", self.bench.say("calibrate ct"))
        self.assertEqual(self.meter.ledger.account.impulses, MWH_PER_KWH)

    def test_a_cut_between_settings_and_account_ends_with_mwh(self):
        self.meter.ledger.change(lambda altered: altered.calibrate(1_000, 1))
        self.bench.restart()
        self.assertEqual(self.meter.ledger.account.impulses, MWH_PER_KWH)

    def test_a_meter_that_counts_pulses_says_how_to_choose_clamps(self):
        bench = Bench()
        bench.commission()
        bench.log_in()
        for line in ("ct", "ct measure 5", "ct gain L1 100"):
            self.assertIn("'calibrate ct'", bench.say(line))


class TestReadings(ClampBench):
    def test_status_shows_both_legs(self):
        self.draw(2_400)
        self.live(5)
        facts = self.bench.facts("status")
        self.assertEqual([leg["leg"] for leg in facts["legs"]], [1, 2])
        for leg in facts["legs"]:
            self.assertTrue(abs(leg["volts_mv"] - 120_000) < 600)
            self.assertTrue(abs(leg["power_mw"] - 1_200_000) < 12_000)
            self.assertTrue(abs(leg["frequency_mhz"] - 60_000) < 50)
            self.assertEqual((leg["export_wh"], leg["voltage"]), (0, "fine"))
        self.assertTrue(facts["legs"][0]["factor_percent"] >= 98)
        self.assertTrue(90 <= facts["legs"][1]["factor_percent"] <= 96)
        self.assertIn("V, 10.", self.bench.say("status"))

    def test_the_power_limit_uses_the_measured_power(self):
        self.draw(2_400)
        for _ in range(25):
            self.live(1)
            self.meter.supply_watch.step()
        self.assertTrue(abs(self.meter.supply_watch.power_w - 2_400) < 30)


class TestCalibration(ClampBench):
    def test_a_technician_calibrates_by_two_loads(self):
        self.change(0, gain=1.04, phase_degrees=2)
        self.draw(2_400)
        self.live(2)
        self.measure()
        self.assertIn("gain 0.9", self.bench.say("ct gain L1 1200"))
        self.change(0, amp_wave=wave(60), amps=10)
        self.live(2)
        self.measure()
        self.assertIn("phase 2.", self.bench.say("ct phase L1 600"))
        self.measure(20)
        leg = self.meter.clamps.front_end.calibration.legs[0]
        self.assertTrue(abs(self.meter.clamps.measurements[0].milliwatts(leg) - 600_000) < 600)
        self.bench.restart()
        again = self.meter.clamps.front_end.calibration.legs[0]
        self.assertEqual((again.gain_ppm, again.phase), (leg.gain_ppm, leg.phase))
        self.assertEqual(len(self.noted(events.CLAMPS_SET)), 2)

    def test_an_offset_takes_pickup_away(self):
        self.change(1, pickup=1.5 / 120 / 120)
        self.draw(0)
        self.live(2)
        self.measure(18)
        self.assertIn("offset", self.bench.say("ct offset L2"))
        self.live(2)
        self.measure(18)
        leg = self.meter.clamps.front_end.calibration.legs[1]
        self.assertTrue(abs(self.meter.clamps.measurements[1].milliwatts(leg)) < 500)

    def test_implausible_calibrations_are_refused_in_words_and_change_nothing(self):
        before = self.meter.settings.get("clamps")
        self.assertIn("measure first", self.bench.say("ct gain L1 1200"))
        self.draw(2_400)
        self.live(2)
        self.measure(3)
        for line, words in (
            ("ct gain L1 3000", "beyond 20 %"),
            ("ct gain L1 0", "too small"),
            ("ct gain L3 1200", "the leg is L1 or L2"),
            ("ct phase L1 600", "power factor near 0.5"),
            ("ct offset L1", "no load"),
            ("ct set clamp L1 1", "must be"),
            ("ct set clamp L1 1000", "5 to 200 A"),
            ("ct set volts 3", "no figure"),
            ("ct set nominal L1 230", "usage"),
            ("ct gain L1 12.3456", "three decimals"),
        ):
            answer = self.bench.say(line)
            self.assertTrue(answer.startswith("refused"), line + ": " + answer)
            self.assertIn(words, answer)
        self.assertEqual(self.meter.settings.get("clamps"), before)
        self.assertEqual(self.noted(events.CLAMPS_SET), [])

    def test_figures_of_the_installation_are_set_and_noted(self):
        self.bench.say("ct set clamp L2 118100")
        self.bench.say("ct set nominal 110")
        self.bench.say("ct set legs 1")
        self.assertEqual(len(self.meter.clamps.front_end.legs), 1)
        self.bench.restart()
        calibration = self.meter.clamps.front_end.calibration
        self.assertEqual((len(calibration.legs), calibration.nominal_v), (1, 110))
        self.assertEqual([number for number, _ in self.noted(events.CLAMPS_SET)], [33, 33, 34])

    def test_measuring_needs_a_login_and_shows_the_power(self):
        self.draw(2_400)
        answer = self.bench.say("ct measure 2")
        self.assertIn("L1: ", answer)
        self.bench.say("logout")
        self.assertIn("needs a login", self.bench.say("ct measure 2"))


class TestEvents(ClampBench):
    def test_low_and_high_voltage_are_events_with_their_leg_and_volts(self):
        self.live(5)
        self.change(1, volts=95)
        self.live(8)
        self.change(1, volts=142)
        self.live(8)
        self.change(1, volts=120)
        self.live(8)
        self.assertEqual([number for number, _ in self.noted(events.VOLTAGE_LOW)], [2])
        ((leg, volts),) = self.noted(events.VOLTAGE_HIGH)
        self.assertEqual(leg, 2)
        self.assertTrue(140 <= volts <= 143)
        self.assertEqual([number for number, _ in self.noted(events.VOLTAGE_BACK)], [2])

    def test_a_short_dip_is_no_event(self):
        self.live(5)
        self.change(0, volts=60)
        self.live(1)
        self.change(0, volts=120)
        self.live(8)
        self.assertEqual(self.noted(events.VOLTAGE_LOW), [])

    def test_a_cable_that_was_pulled_is_told_in_words(self):
        self.draw(2_400)
        self.live(5)
        self.change(0, is_plugged=False)
        self.live(6)
        self.assertEqual(self.meter.clamps.faults(), ["L1: nothing is plugged in for the clamp"])
        self.assertIn("nothing is plugged in", self.bench.say("status"))
        self.change(0, is_plugged=True)
        self.live(6)
        self.assertEqual(self.meter.clamps.faults(), [])
        self.assertEqual((len(self.noted(events.CLAMP_WRONG)), len(self.noted(events.CLAMP_RIGHT))), (1, 1))

    def test_a_clamp_put_on_backwards_is_told_and_is_reverse_flow(self):
        self.bench.say("terms set tamper_reverse 1")
        self.draw(2_400)
        self.change(1, is_reversed=True)
        self.live(6)
        self.assertIn("L2: the clamp reads backwards", self.meter.clamps.faults()[0])
        self.assertEqual(self.meter.guard.latched, tamper.REVERSE)

    def test_clamps_on_each_others_leg_are_told_in_one_sentence(self):
        self.draw(2_400)
        for leg in (0, 1):
            self.change(leg, is_reversed=True)
        self.live(6)
        self.assertEqual(len(self.meter.clamps.faults()), 1)
        self.assertIn("each is on the other leg", self.meter.clamps.faults()[0])

    def test_lost_samples_are_an_event_with_their_number(self):
        self.live(3)
        self.bench.clock.advance_us(4_000_000)
        self.live(2)
        ((frames, _),) = self.noted(events.SAMPLES_LOST)
        self.assertTrue(6_000 < frames < 8_000, frames)


if __name__ == "__main__":
    unittest.main()
