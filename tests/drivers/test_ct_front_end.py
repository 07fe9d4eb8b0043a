"""The CT front end: energy of two legs without a gap, never netted, none without load, no sample lost in silence."""

import gc
import sys
import unittest
from array import array

from boards.host.chips.converter import Converter
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.waves import wave
from tests.drivers.clamp_house import ClampHouse
from wattpurse.drivers import ct_kernel as kernel
from wattpurse.drivers.ct_calibration import LegCalibration
from wattpurse.drivers.ct_front_end import Leg


class TestEnergy(unittest.TestCase):
    def test_two_legs_are_counted_in_mwh_with_nothing_left_over(self):
        house = ClampHouse()
        house.inputs.legs[0].amps = 10
        house.inputs.legs[1].amps = 2.5
        house.pass_s(1)
        before = house.taken_mwh
        house.pass_s(20)
        expected_mwh = 120 * 12.5 * 20 / 3.6
        self.assertTrue(abs(house.taken_mwh - before - expected_mwh) < expected_mwh * 0.01)
        imported = sum(leg.import_mwh for leg in house.front_end.legs)
        self.assertTrue(0 <= imported - house.taken_mwh < 200, "less than two lumps wait")

    def test_no_fraction_of_a_mwh_is_lost_over_thousands_of_looks(self):
        leg = Leg(0, LegCalibration(173_000, 97_000), array("i", [0] * kernel.WORDS))
        bits, total, taken = RandomBits(11), 0, 0
        for look in range(5_000):
            products = bits.below(3_000_000) - 200_000
            total += products
            leg.pending += products
            taken += leg.take()
            if look % 20 == 19:
                leg.end_second(2_000)
        self.assertEqual((leg.export_mwh, leg.import_mwh), (0, taken))
        self.assertEqual(taken * leg.products_per_mwh + leg.pending, total)

    def test_a_short_burst_between_two_looks_is_measured(self):
        house = ClampHouse(1)
        house.inputs.legs[0].amps = 1
        house.pass_s(1)
        before = house.leg_mwh(0)
        for amps, part_us in ((1, 10_000), (101, 33_333), (1, 6_667)):
            house.ring.catch_up()
            house.inputs.legs[0].amps = amps
            house.clock.advance_us(part_us)
            house.ring.catch_up()
        house.inputs.legs[0].amps = 1
        house.pass_s(2)
        burst_mwh = house.leg_mwh(0) - before - 120 * 2.05 / 3.6
        self.assertTrue(abs(burst_mwh - 120 * 100 / 30 / 3.6) < 3)

    def test_one_leg_and_fifty_hertz_need_no_setting(self):
        house = ClampHouse(1)
        house.inputs.millihertz = 50_000
        house.inputs.legs[0].volts, house.inputs.legs[0].amps = 100, 20
        house.pass_s(1)
        self.assertTrue(abs(house.measured_w(10) / 2_000 - 1) < 0.01)
        self.assertTrue(abs(house.front_end.readings.millihertz(0) - 50_000) < 30)

    def test_a_reactive_load_is_neither_imported_nor_exported(self):
        house = ClampHouse(1)
        house.inputs.legs[0].amp_wave = wave(90)
        house.inputs.legs[0].amps = 100
        house.pass_s(60)
        leg = house.front_end.legs[0]
        self.assertTrue(leg.export_mwh + leg.import_mwh <= 12_000 * 60 / 3.6 * 0.001)


class TestDirection(unittest.TestCase):
    def test_a_clamp_put_on_backwards_is_not_netted_against_the_other_leg(self):
        house = ClampHouse()
        house.inputs.legs[0].amps, house.inputs.legs[1].amps = 10, 5
        house.inputs.legs[1].is_reversed = True
        house.pass_s(21)
        one, other = house.front_end.legs
        self.assertTrue(abs(one.import_mwh - 120 * 10 * 21 / 3.6) < 150)
        self.assertEqual(one.export_mwh, 0)
        self.assertTrue(abs(other.export_mwh - 120 * 5 * 21 / 3.6) < 75)
        self.assertEqual(other.import_mwh, 0)
        self.assertTrue(house.front_end.flows_backwards)

    def test_a_turn_of_the_flow_gives_both_directions_their_energy(self):
        house = ClampHouse(1)
        house.inputs.legs[0].amps = 10
        house.pass_s(10)
        house.inputs.legs[0].is_reversed = True
        house.pass_s(10)
        leg = house.front_end.legs[0]
        self.assertTrue(abs(leg.import_mwh - leg.export_mwh) < 30)
        self.assertTrue(leg.is_backwards)


class TestNoLoad(unittest.TestCase):
    def test_noise_alone_is_no_energy(self):
        house = ClampHouse(2, Converter(2))
        self.assertEqual(house.pass_s(120), 0)
        self.assertEqual([leg.export_mwh for leg in house.front_end.legs], [0, 0])

    def test_forty_milliamperes_are_counted(self):
        house = ClampHouse(1, Converter(2))
        house.inputs.legs[0].amps = 0.04
        house.pass_s(300)
        expected_mwh = 120 * 0.04 * 300 / 3.6
        self.assertTrue(abs(house.leg_mwh(0) - expected_mwh) < expected_mwh * 0.1)

    def test_pickup_that_was_calibrated_away_stays_away_at_another_voltage(self):
        house = ClampHouse(1)
        leg = house.inputs.legs[0]
        leg.pickup = 2.2 / 120 / 120
        house.calibration.legs[0].offset = round((1 << 24) * leg.pickup * leg.volt_uv / leg.amp_ua)
        house.connect()
        for volts in (102, 120, 138):
            leg.volts = volts
            house.pass_s(5)
            house.front_end.begin_measurement()
            house.pass_s(18.35)
            (seen,) = house.front_end.end_measurement()
            self.assertTrue(abs(seen.milliwatts(house.calibration.legs[0])) < 250, volts)


class TestLostSamples(unittest.TestCase):
    def test_a_stall_of_the_longest_erase_and_a_late_look_loses_nothing(self):
        house = ClampHouse()
        house.inputs.legs[0].amps = 10
        house.pass_s(1)
        before = house.leg_mwh(0)
        for _ in range(5):
            house.clock.advance_us(490_000)
            house.front_end.take()
        self.assertEqual(house.front_end.samples_lost, 0)
        self.assertTrue(abs(house.leg_mwh(0) - before - 120 * 10 * 2.45 / 3.6) < 15)

    def test_a_longer_stall_is_counted_as_lost_frames(self):
        house = ClampHouse()
        house.pass_s(1)
        house.clock.advance_us(3_000_000)
        house.pass_s(1)
        self.assertTrue(4_000 < house.front_end.samples_lost < 6_000)
        lost = house.front_end.samples_lost
        house.pass_s(2)
        self.assertEqual(house.front_end.samples_lost, lost)

    def test_channels_that_changed_places_are_put_right(self):
        house = ClampHouse()
        house.inputs.legs[0].amps = 10
        house.pass_s(1)
        house.ring.drops = 1
        house.pass_s(1)
        self.assertEqual((house.ring.restarts, house.front_end.samples_lost), (1, 1))
        self.assertTrue(abs(house.measured_w(5) / 1_200 - 1) < 0.01)

    def test_a_new_program_goes_on_where_the_last_one_stopped(self):
        house = ClampHouse()
        house.inputs.legs[0].amps = 50
        house.pass_s(2)
        before = house.leg_mwh(0)
        house.clock.advance_us(450_000)
        house.front_end = house.build()
        house.pass_s(1)
        self.assertEqual(house.front_end.samples_lost, 0)
        self.assertTrue(abs(house.leg_mwh(0) - 120 * 50 * 1.45 / 3.6) < 40, before)


class TestReadings(unittest.TestCase):
    def test_volts_amperes_power_factor_and_hertz(self):
        house = ClampHouse()
        one, other = house.inputs.legs
        one.volts, one.amps, one.amp_wave = 118, 12, wave(60)
        other.volts, other.amps = 123, 3
        house.pass_s(4)
        readings = house.front_end.readings
        self.assertTrue(abs(readings.millivolts(0) - 118_000) < 300)
        self.assertTrue(abs(readings.millivolts(1) - 123_000) < 300)
        self.assertTrue(abs(readings.milliamperes(0) - 12_000) < 200)
        self.assertTrue(abs(readings.milliwatts(0) - 708_000) < 8_000)
        self.assertTrue(abs(readings.factor_percent(0) - 50) <= 2)
        self.assertTrue(readings.factor_percent(1) >= 97)
        self.assertTrue(abs(readings.millihertz(0) - 60_000) < 30)


class TestMeans(unittest.TestCase):
    def test_looks_that_break_periods_do_not_move_the_mean_of_the_voltage(self):
        for millihertz in (60_000, 60_013, 49_900, 47_300):
            house = ClampHouse(1, Converter(2))
            house.inputs.millihertz = millihertz
            house.inputs.legs[0].amps, house.inputs.legs[0].amp_wave = 40, wave(60)
            leg, means = house.front_end.legs[0], []
            for look in range(400):
                house.clock.advance_us(50_700 + look % 5 * 211)
                house.front_end.take()
                means.append(leg.state[kernel.VOLT_MEAN])
            settled = means[200:]
            self.assertTrue(
                max(settled) - min(settled) < 1 << kernel.MEAN_BITS, (millihertz, min(settled), max(settled))
            )

    def test_a_voltage_in_broken_periods_reads_its_volts(self):
        house = ClampHouse(1)
        house.inputs.millihertz = 47_300
        house.inputs.legs[0].amps = 40
        for look in range(100):
            house.clock.advance_us(50_700 + look % 5 * 211)
            house.front_end.take()
            if look > 60:
                self.assertTrue(abs(house.front_end.readings.millivolts(0) - 120_000) < 150)


class TestHeap(unittest.TestCase):
    def test_a_look_allocates_nothing(self):
        if sys.implementation.name != "micropython":
            return
        house = ClampHouse()
        house.inputs.legs[0].amps = 30
        house.inputs.legs[1].amps = 200
        house.pass_s(3)
        take, catch_up, advance = house.front_end.take, house.ring.catch_up, house.clock.advance_us
        for _ in range(60):
            advance(50_000)
            catch_up()
            house.ring.catch_up = _nothing
            house.ring.read_raw = lambda: 0
            raw = house.ring._written % house.ring.modulus
            house.front_end._read_raw = lambda raw=raw: raw
            gc.collect()
            before = gc.mem_alloc()
            take()
            after = gc.mem_alloc()
            self.assertTrue(after - before <= 64, "the frame of the lambda alone")


def _nothing():
    pass


if __name__ == "__main__":
    unittest.main()
