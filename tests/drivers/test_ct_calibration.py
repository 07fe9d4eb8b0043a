"""Calibration of the clamps: two loads find gain and phase, no load finds the offset, and nonsense is refused."""

import unittest

from boards.host.chips.converter import Converter
from boards.host.chips.waves import wave
from tests.drivers.clamp_house import ClampHouse
from wattpurse.drivers import ct_calibration as calibration

LOAD_MW = 1_200_000


class CalibrationBench(unittest.TestCase):
    def measure(self, house, lag_degrees=0, amps=10.0, seconds=20):
        for leg in house.inputs.legs:
            leg.amps, leg.amp_wave = amps, wave(lag_degrees)
        house.pass_s(2)
        house.front_end.begin_measurement()
        house.pass_s(seconds)
        return house.front_end.end_measurement()

    def house(self, gains=(1.05, 0.95), phases=(3, -3), converter=None):
        house = ClampHouse(2, converter)
        for leg, gain, phase in zip(house.inputs.legs, gains, phases):
            leg.gain, leg.phase_degrees = gain, phase
        return house

    def calibrate(self, house):
        legs = house.calibration.legs
        resistive = self.measure(house)
        inductive = self.measure(house, 60)
        made = [
            calibration.with_phase(leg, two, LOAD_MW // 2, one, LOAD_MW)
            for leg, one, two in zip(legs, resistive, inductive)
        ]
        house.calibration.legs = made
        house.front_end.set_calibration(house.calibration)


class TestTwoLoads(CalibrationBench):
    def test_five_percent_and_three_degrees_are_calibrated_to_a_twentieth_of_a_percent(self):
        for seed in (3,):
            house = self.house(converter=Converter(seed))
            self.calibrate(house)
            for lag_degrees, load_w in ((0, 1_200), (60, 600)):
                self.measure(house, lag_degrees, seconds=1)
                before = [house.leg_mwh(0), house.leg_mwh(1)]
                house.pass_s(40)
                for leg in (0, 1):
                    error = (house.leg_mwh(leg) - before[leg]) / (load_w * 40 / 3.6) - 1
                    self.assertTrue(abs(error) < 0.0005, (seed, lag_degrees, leg, error))

    def test_the_gain_alone_is_found_from_one_load(self):
        house = self.house(phases=(0, 0))
        for leg, seen in zip(house.calibration.legs, self.measure(house)):
            made = calibration.with_gain(leg, seen, LOAD_MW)
            self.assertTrue(abs(seen.milliwatts(made) - LOAD_MW) <= 2)

    def test_the_phase_alone_is_found_from_a_load_that_lags(self):
        house = self.house((1, 1), (1.5, 1.5))
        gained = [
            calibration.with_gain(leg, seen, LOAD_MW) for leg, seen in zip(house.calibration.legs, self.measure(house))
        ]
        for leg, seen in zip(gained, self.measure(house, 60)):
            made = calibration.with_phase(leg, seen, LOAD_MW // 2)
            self.assertTrue(abs(seen.milliwatts(made) - LOAD_MW // 2) <= 40)


class TestNoLoad(CalibrationBench):
    def test_the_offset_takes_pickup_away(self):
        house = self.house((1, 1), (0, 0))
        for leg in house.inputs.legs:
            leg.pickup = 1.5 / 120 / 120
        for leg, seen in zip(house.calibration.legs, self.measure(house, amps=0)):
            self.assertTrue(seen.milliwatts(leg) > 1_300)
            made = calibration.with_offset(leg, seen)
            power_mw = made.milliwatts(seen.volt_square * made.offset >> calibration.OFFSET_BITS, 1)
            self.assertTrue(abs(power_mw - seen.milliwatts(leg)) < 30)


class TestRefusals(CalibrationBench):
    def refused(self, function, *arguments):
        try:
            function(*arguments)
        except ValueError as error:
            return str(error)
        self.fail("it was accepted")

    def test_a_gain_beyond_twenty_percent_is_refused(self):
        house = self.house()
        leg, seen = house.calibration.legs[0], self.measure(house, seconds=2)[0]
        self.assertTrue("beyond 20 %" in self.refused(calibration.with_gain, leg, seen, 2_000_000))

    def test_a_load_that_is_too_small_is_refused(self):
        house = self.house()
        leg, seen = house.calibration.legs[0], self.measure(house, amps=0.01, seconds=2)[0]
        self.assertTrue("too small" in self.refused(calibration.with_gain, leg, seen, LOAD_MW))
        self.assertTrue("too small" in self.refused(calibration.with_gain, leg, seen, 1_000))

    def test_a_clamp_put_on_backwards_is_told_before_it_is_calibrated(self):
        house = self.house()
        house.inputs.legs[0].is_reversed = True
        leg, seen = house.calibration.legs[0], self.measure(house, seconds=2)[0]
        self.assertTrue("turn it round" in self.refused(calibration.with_gain, leg, seen, LOAD_MW))

    def test_a_heater_is_no_load_for_the_phase(self):
        house = self.house(phases=(0, 0))
        leg, seen = house.calibration.legs[0], self.measure(house, seconds=2)[0]
        self.assertTrue("power factor near 0.5" in self.refused(calibration.with_phase, leg, seen, LOAD_MW))

    def test_a_load_is_no_offset(self):
        house = self.house(phases=(0, 0))
        leg, seen = house.calibration.legs[0], self.measure(house, seconds=2)[0]
        self.assertTrue("really no load" in self.refused(calibration.with_offset, leg, seen))


class TestPacking(unittest.TestCase):
    def test_a_calibration_survives_its_settings(self):
        made = calibration.default(2)
        made.legs[1] = calibration.LegCalibration(43_000, 97_000, 1_012_345, -777, 55)
        made.nominal_v = 230
        again = calibration.unpack(made.pack())
        self.assertEqual(again.pack(), made.pack())
        self.assertEqual((again.nominal_v, again.legs[1].phase, again.legs[1].gain_ppm), (230, -777, 1_012_345))

    def test_bytes_of_another_version_or_length_are_refused(self):
        data = calibration.default(1).pack()
        for wrong in (b"", b"\x02" + data[1:], data[:-1], data + b"\x00"):
            self.assertRaises(ValueError, calibration.unpack, wrong)

    def test_figures_of_no_clamp_are_refused(self):
        for amp_ua, volt_uv in ((1_000, 97_000), (10_000_000, 97_000), (173_000, 10)):
            made = calibration.Calibration([calibration.LegCalibration(amp_ua, volt_uv)])
            self.assertRaises(ValueError, made.check)

    def test_clamps_of_5_to_200_amperes_and_dividers_of_120_and_230_volts_are_plausible(self):
        for amp_ua in (4_325, 17_300, 86_500, 173_000):
            for volt_uv in (97_000, 190_000):
                calibration.Calibration([calibration.LegCalibration(amp_ua, volt_uv)]).check()


if __name__ == "__main__":
    unittest.main()
