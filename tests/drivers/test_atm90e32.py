"""The metering chip: set up, verified, watched, and its pulses charged for imports alone."""

import gc
import sys
import unittest

from boards.host.chips.random_bits import RandomBits
from boards.host.chips.waves import wave
from tests.drivers.chip_house import ChipHouse
from wattpurse.drivers import atm90e32_calibration as rules
from wattpurse.drivers.atm90e32 import Atm90e32, is_60_hertz
from wattpurse.drivers.pulse_counter import PulseCounter

PLCONST_H, PLCONST_L, MMODE0, METER_EN = 0x31, 0x32, 0x33, 0x00
UNLOCK, LOCK_REGISTER = 0x55AA, 0x7F


def frame(register, value):
    """Return the bytes of a frame that writes a register."""
    return bytes((register >> 8, register & 0xFF, value >> 8, value & 0xFF))


def send(chip, data):
    """Send one frame past the driver."""
    chip.select(0)
    chip.write(data)
    chip.select(1)


class TestSetUp(unittest.TestCase):
    def test_a_fresh_chip_gets_every_register_and_is_locked(self):
        house = ChipHouse()
        self.assertFalse(house.front_end.is_lost)
        for register, value in house.calibration.registers(3, True):
            self.assertEqual(house.chip.registers[register], value, hex(register))
        send(house.chip, frame(MMODE0, 0))
        self.assertEqual(house.chip.registers[MMODE0], rules.mode(3, True), "a locked chip ignores a write")
        self.assertEqual(house.chip.violations, [])

    def test_the_meter_constant_is_that_of_the_data_sheet(self):
        calibration = rules.default(2)
        calibration.impulses, calibration.legs[0].clamp_ma, calibration.legs[1].clamp_ma = 3_200, 80_000, 80_000
        registers = dict(calibration.registers(3, False))
        self.assertEqual((registers[PLCONST_H], registers[PLCONST_L]), (0x0861, 0xC468))
        calibration.legs[0].clamp_ma = 600_600
        registers = dict(calibration.registers(3, False))
        constant = registers[PLCONST_H] << 16 | registers[PLCONST_L]
        self.assertEqual(constant * 3_200 * calibration.divisor, 450_000_000_000)

    def test_metering_begins_after_everything_else_is_set(self):
        self.assertEqual(rules.default(2).registers(3, True)[-1], (METER_EN, 1))

    def test_a_restart_of_the_board_writes_nothing_into_a_running_chip_and_loses_no_energy(self):
        house = ChipHouse()
        house.draw(20, 20)
        house.pass_s(30.05)
        pulses, resets = house.chip.pulses, house.chip.resets
        writes = []
        original = house.chip._write
        house.chip._write = lambda register, value: (writes.append(register), original(register, value))
        house.start()
        self.assertEqual([one for one in writes if one != LOCK_REGISTER], [])
        house.pass_s(30)
        self.assertEqual(house.chip.resets, resets)
        self.assertEqual(house.chip.pulses - pulses, house.taken - pulses)
        self.assertTrue(abs(house.taken - 4_800 * 60 / 3_600) <= 1)

    def test_a_frame_of_another_length_changes_nothing_and_is_a_violation(self):
        house = ChipHouse()
        send(house.chip, frame(LOCK_REGISTER, UNLOCK))
        send(house.chip, frame(MMODE0, 0)[:3])
        self.assertEqual(house.chip.registers[MMODE0], rules.mode(3, True))
        self.assertEqual(len(house.chip.violations), 1)

    def test_the_energy_registers_which_a_read_clears_are_never_read(self):
        house = ChipHouse()
        house.draw(50, 50)
        house.pass_s(20)
        self.assertEqual([one for one in house.chip.reads if 0x80 <= one < 0xA0], [])
        chip = Atm90e32(spi=house.chip, select=house.chip.select)
        self.assertEqual(chip.read(0x81), 0, "a second read finds it cleared")

    def test_the_frequency_sets_the_mode_of_the_mains(self):
        house = ChipHouse()
        house.inputs.millihertz = 50_000
        house.pass_s(2)
        self.assertFalse(house.chip.registers[MMODE0] & rules.SIXTY_HERTZ)
        self.assertEqual(house.front_end.readings.millihertz(1), 50_000)
        self.assertTrue(is_60_hertz(5_500, True))
        self.assertFalse(is_60_hertz(5_500, False))


class TestEnergy(unittest.TestCase):
    def exact_impulses(self, house, energies):
        """Return whole impulses, from watt seconds of each leg and the gains that the registers hold."""
        numerator = 0
        chip = house.chip
        for place, watt_seconds in enumerate(energies):
            gains = chip.registers[0x61 + 4 * place] * chip.registers[0x62 + 4 * place] * 32_768
            numerator += watt_seconds * gains * 195_300 * 1_953_000
        constant = chip.registers[PLCONST_H] << 16 | chip.registers[PLCONST_L]
        return numerator * 450_000_000_000 // (600_600 * 1_001_000 * (1 << 45) * constant * 3_600_000)

    def test_every_impulse_is_exact_at_every_meter_constant(self):
        for impulses in (1_000, 1_600, 2_000, 3_200):
            house, bits = ChipHouse(impulses=impulses), RandomBits(impulses)
            energies = [0, 0]
            for _ in range(25):
                amps = 1 + bits.below(150), 1 + bits.below(150)
                house.draw(*amps)
                house.pass_s(2)
                for place in range(2):
                    energies[place] += round(house.chip.power_uw(place)) * 2
            expected = self.exact_impulses(house, energies) // 1_000_000
            self.assertTrue(abs(house.taken - expected) <= 1, (impulses, house.taken, expected))
            true = sum(energies) * impulses / 3_600_000_000_000
            self.assertTrue(abs(house.taken - true) <= 1 + true * 0.000_2, "rounding of gains is below 0.02 %")

    def test_200_amperes_on_both_legs_are_read_and_charged_in_full(self):
        house = ChipHouse()
        house.draw(200, 200)
        house.pass_s(60)
        self.assertTrue(abs(house.taken - 48_000 * 60 / 3_600) <= 1)
        self.assertTrue(abs(house.front_end.readings.milliamperes(0) - 200_000) < 100)
        self.assertTrue(abs(house.front_end.readings.milliwatts(1) - 24_000_000) < 5_000)
        self.assertTrue(37_000 < house.chip.pulse_us < 38_000, "13.3 pulses a second, high for half of the time")

    def test_a_current_beyond_the_register_of_a_chip_without_divisor_would_end_at_65_amperes(self):
        house = ChipHouse()
        house.draw(200, 0)
        house.chip.disturb(0x62, min(0xFFFF, house.chip.registers[0x62] * house.calibration.divisor))
        self.assertEqual(house.chip._value(0xDD), 0xFFFF)
        self.assertTrue(house.calibration.divisor >= 4)

    def test_40_milliamperes_are_charged_and_less_than_2_watts_are_not(self):
        house = ChipHouse(impulses=3_200)
        house.draw(0.04, 0)
        house.pass_s(900)
        self.assertTrue(3 <= house.taken <= 4)
        house.draw(0.016, 0.016)
        self.assertTrue(house.pass_s(900) <= 1)

    def test_50_hertz_230_volts_and_one_leg_are_charged_exactly(self):
        house = ChipHouse(1, nominal_v=230)
        house.inputs.millihertz = 50_000
        house.change(0, volts=230.0)
        house.draw(16)
        house.pass_s(60)
        self.assertTrue(abs(house.taken - 230 * 16 * 60 / 3_600) <= 1)

    def test_a_look_for_pulses_takes_no_heap(self):
        house = ChipHouse()
        counts = [0]

        class Bus:
            def write_readinto(self, data, values):
                pass

        def count():
            counts[0] += 1
            return counts[0] & 0x3FFF

        house.driver._spi, house.driver._select = Bus(), lambda level: None
        house.front_end._counter = PulseCounter(count, 0x4000)
        house.front_end.take()
        if sys.implementation.name != "micropython":
            return
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for _ in range(100):
            house.front_end.take()
        used = gc.mem_alloc() - before
        gc.enable()
        self.assertTrue(used <= 64, used)


class TestDirection(unittest.TestCase):
    def test_a_reversed_clamp_is_told_and_is_neither_charged_nor_netted(self):
        house = ChipHouse()
        house.draw(10, 5)
        house.change(1, is_reversed=True)
        house.pass_s(120)
        self.assertTrue(house.front_end.flows_backwards)
        self.assertTrue(abs(house.taken - 1_200 * 120 / 3_600) <= 1, house.taken)
        self.assertTrue(abs(house.front_end.legs[1].export_mwh - 600 * 120 / 3.6) < 200)
        self.assertEqual(house.front_end.legs[1].import_mwh, 0)
        house.change(1, is_reversed=False)
        before = house.taken
        house.pass_s(120)
        self.assertTrue(abs(house.taken - before - 1_800 * 120 / 3_600) <= 1)
        self.assertFalse(house.front_end.flows_backwards)

    def test_a_house_that_feeds_in_is_charged_nothing(self):
        house = ChipHouse()
        house.change(0, is_reversed=True)
        house.change(1, is_reversed=True)
        house.draw(100, 100)
        house.pass_s(60)
        self.assertEqual(house.taken, 0)
        self.assertEqual(house.chip.registers[MMODE0] & 0x6, 0, "neither leg is part of the sum")

    def test_pulses_of_reverse_energy_are_counted_apart(self):
        house = ChipHouse()
        house.change(0, is_reversed=True)
        house.draw(200, 0)
        for _ in range(20):  # nobody looks at the direction meanwhile
            house.clock.advance_us(500_000)
            house.taken += house.front_end.take()
        self.assertEqual(house.taken, 0)
        self.assertTrue(house.front_end.export_pulses >= 60)

    def test_a_load_that_turns_back_and_forth_is_charged_its_imports(self):
        house = ChipHouse(1)
        house.draw(50)
        for _ in range(10):
            house.change(0, is_reversed=False)
            house.pass_s(10)
            house.change(0, is_reversed=True)
            house.pass_s(10)
        imports = 6_000 * 100 / 3_600
        self.assertTrue(abs(house.taken - imports) <= 4, (house.taken, imports))


class TestFaults(unittest.TestCase):
    def test_torn_frames_mislead_neither_the_readings_nor_the_configuration_nor_the_energy(self):
        house = ChipHouse()
        house.draw(30, 20)
        house.chip.flip_every = 12
        readings = house.front_end.readings
        for _ in range(60):
            house.pass_s(2)
            for leg, amps in ((0, 30), (1, 20)):
                if readings.millivolts(leg):
                    self.assertTrue(abs(readings.millivolts(leg) - 120_000) < 200)
                    self.assertTrue(abs(readings.milliamperes(leg) - amps * 1000) < 50)
                    self.assertTrue(abs(readings.milliwatts(leg) - amps * 120_000) < 2_000)
        house.chip.flip_every = 0
        house.pass_s(2)
        for register, value in house.calibration.registers(3, True):
            self.assertEqual(house.chip.registers[register], value)
        expected = 6_000 * 122 / 3_600
        self.assertTrue(expected - 3 - house.chip.resets <= house.taken <= expected + 1, (house.taken, expected))

    def test_torn_frames_during_the_set_up_end_with_the_right_registers(self):
        for seed in range(30):
            house = ChipHouse()
            house.chip.flip_every = 0
            house.chip.power_up()
            house.chip._random_bits = RandomBits(seed)
            house.chip.flip_every = 15
            house.pass_s(1)
            house.chip.flip_every = 0
            house.pass_s(1.5)
            fresh = ChipHouse()
            self.assertNotEqual(house.chip.registers.pop(LOCK_REGISTER), UNLOCK, seed)
            fresh.chip.registers.pop(LOCK_REGISTER)
            self.assertEqual(house.chip.registers, fresh.chip.registers, seed)
            self.assertFalse(house.front_end.is_lost)

    def test_a_chip_that_a_dip_resets_meters_again_after_a_tenth_of_a_second_and_it_is_counted(self):
        house = ChipHouse()
        house.draw(100, 100)
        house.pass_s(10)
        for _ in range(5):
            house.chip.power_up()
            house.pass_s(10)
        self.assertEqual(house.driver.restorations, 5)
        expected = 24_000 * 60 / 3_600
        self.assertTrue(expected - 5 * 2 <= house.taken <= expected, (house.taken, expected))

    def test_a_register_changed_behind_the_lock_is_found_by_the_check_sum(self):
        house = ChipHouse()
        house.chip.disturb(0x62, 0x1234)
        house.pass_s(0.2)
        self.assertEqual(dict(house.calibration.registers(3, True))[0x62], house.chip.registers[0x62])
        self.assertEqual(house.driver.restorations, 1)

    def test_a_register_that_the_check_sum_does_not_show_is_found_within_two_seconds(self):
        house = ChipHouse()
        house.chip.disturb(PLCONST_L, 0x1234)
        house.chip._digest = house.chip._check_sum()
        house.driver._digest = house.chip._digest
        house.pass_s(2)
        self.assertEqual(dict(house.calibration.registers(3, True))[PLCONST_L], house.chip.registers[PLCONST_L])
        self.assertEqual(house.driver.restorations, 1)

    def test_an_absent_chip_is_lost_without_readings_and_one_that_is_back_meters(self):
        house = ChipHouse()
        house.draw(10, 10)
        house.pass_s(2)
        house.chip.is_connected = False
        house.pass_s(2)
        self.assertTrue(house.front_end.is_lost)
        self.assertEqual(house.front_end.readings.millivolts(0), 0)
        self.assertEqual(house.front_end.readings.milliwatts(0), 0)
        house.chip.is_connected = True
        house.chip.power_up()
        before = house.taken
        house.pass_s(60)
        self.assertFalse(house.front_end.is_lost)
        self.assertTrue(abs(house.taken - before - 2_400 * 60 / 3_600) <= 1)

    def test_a_chip_whose_output_wire_is_pulled_is_lost_and_goes_on_giving_pulses(self):
        for stuck in (0x00, 0xFF):
            house = ChipHouse()
            house.draw(10, 10)
            house.pass_s(2)
            house.chip.stuck = stuck
            house.pass_s(60)
            self.assertTrue(house.front_end.is_lost)
            self.assertTrue(abs(house.taken - 2_400 * 62 / 3_600) <= 1)

    def test_a_chip_that_never_answered_is_lost_from_the_start(self):
        house = ChipHouse()
        house.chip.is_connected = False
        house.start()
        self.assertTrue(house.front_end.is_lost)
        self.assertEqual(house.pass_s(1), 0)

    def test_a_sag_is_read_within_a_second_and_a_dead_leg_has_no_frequency(self):
        house = ChipHouse()
        house.pass_s(1)
        house.change(0, volts=85.0)
        house.pass_s(1)
        self.assertTrue(abs(house.front_end.readings.millivolts(0) - 85_000) < 200)
        house.change(0, volts=0.0)
        house.change(1, volts=0.0)
        house.pass_s(1)
        self.assertEqual(house.front_end.readings.millihertz(0), 0)


class TestCalibration(unittest.TestCase):
    def calibrate(self, gain, degrees):
        """Return a house whose first leg was calibrated with two loads, as docs/ct.md says."""
        house = ChipHouse(1)
        house.change(0, gain=gain, phase_degrees=degrees)
        house.draw(10)
        resistive, leg = house.measure(), house.calibration.legs[0]
        leg = rules.with_gain(leg, resistive, 1_200_000)
        self.use(house, leg)
        resistive = rules.Measurement(1_200_000, resistive.apparent_mva, resistive.millihertz)
        house.change(0, amp_wave=wave(60))
        leg = rules.with_phase(leg, house.measure(), self.load_mw(house), resistive, 1_200_000)
        self.use(house, leg)
        return house

    def use(self, house, leg):
        house.calibration.legs[0] = leg
        house.front_end.set_calibration(house.calibration)
        house.pass_s(1)

    def load_mw(self, house):
        return house.chip.power_uw(0) // 1_000

    def test_gain_and_phase_of_a_poor_clamp_are_right_at_both_loads(self):
        for gain, degrees in ((1.05, 3.0), (0.95, -3.0), (1.03, -1.0), (1.0, 0.0)):
            house = self.calibrate(gain, degrees)
            for lag in (60, 0, -36.9):
                house.change(0, amp_wave=wave(lag))
                house.pass_s(2)
                error = house.measure().power_mw / self.load_mw(house) - 1
                self.assertTrue(abs(error) < 0.001 if lag else abs(error) < 0.000_5, (gain, degrees, lag, error))

    def test_the_offset_takes_the_pickup_away(self):
        house = ChipHouse(1, impulses=3_200)
        house.change(0, pickup=0.000_3)
        house.draw(0)
        house.pass_s(900)
        self.assertTrue(house.taken >= 3)
        leg = rules.with_offset(house.calibration.legs[0], house.measure())
        self.use(house, leg)
        before = house.taken
        house.pass_s(900)
        self.assertEqual(house.taken, before)

    def test_implausible_loads_are_refused(self):
        leg = rules.LegCalibration()
        seen = rules.Measurement(1_200_000, 1_201_000, 60_000)
        for refused in (
            lambda: rules.with_gain(leg, seen, 2_400_000),
            lambda: rules.with_gain(leg, seen, 1_000),
            lambda: rules.with_gain(leg, rules.Measurement(-1_200_000, 1_201_000, 60_000), 1_200_000),
            lambda: rules.with_phase(leg, seen, 1_200_000),
            lambda: rules.with_phase(leg, rules.Measurement(600_000, 1_200_000, 60_000), 900_000),
            lambda: rules.with_offset(leg, seen),
            lambda: rules.with_offset(leg, rules.Measurement(1_000, 1_000, 0)),
        ):
            with self.assertRaises(ValueError):
                refused()

    def test_a_calibration_survives_its_bytes_and_others_are_refused(self):
        made = rules.default(2)
        made.impulses, made.legs[1].phase, made.legs[0].offset = 3_200, -12, 40
        again = rules.unpack(made.pack())
        self.assertEqual((again.impulses, again.legs[1].phase, again.legs[0].offset), (3_200, -12, 40))
        self.assertEqual(again.registers(3, True), made.registers(3, True))
        for data in (b"", made.pack()[:-1], b"\x02" + made.pack()[1:]):
            with self.assertRaises(ValueError):
                rules.unpack(data)


if __name__ == "__main__":
    unittest.main()
