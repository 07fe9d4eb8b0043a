"""Registers as data lines: snapshots that stay the same, months from their end, and times that a reader writes."""

import unittest

from tests import samples
from wattpurse.core.records.load_profile import Demand
from wattpurse.core.records.readout_registers import Identity, Readings, local_text, offset_text, time_of
from wattpurse.core.tariffs.calendar import Zone, days_from_civil

EUROPE = Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)


def at(year, month, day, hour=0, minute=0, second=0):
    return days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second


def lines_of(readings):
    found = {}
    for line in readings.lines():
        code, _, value = line.partition("(")
        found[code] = "(" + value
    return found


class TestReadings(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account(samples.day_and_night_tariff())

    def live(self, months, mwh=1_000_000):
        registers = self.account.registers
        for _ in range(months):
            registers.add_energy(0, mwh)
            registers.add_energy(1, 2 * mwh)
            registers.enter_month(registers.month.index + 1)

    def test_energy_is_rounded_down_to_wh(self):
        self.account.registers.add_energy(0, 1_999)
        found = lines_of(Readings(self.account, ()))
        self.assertEqual((found["1.8.0"], found["1.8.1"]), ("(000000.001*kWh)", "(000000.001*kWh)"))
        self.assertEqual((found["1.8.2"], found["0.2.2"]), ("(000000.000*kWh)", "(2)"))

    def test_a_register_beyond_six_digits_shows_all_of_them(self):
        self.account.registers.add_energy(0, 12_345_678 * 1_000_000)
        self.assertEqual(lines_of(Readings(self.account, ()))["1.8.0"], "(12345678.000*kWh)")

    def test_the_energy_of_legs_is_told_in_both_directions_and_never_netted(self):
        found = lines_of(Readings(self.account, (), [(1_234, 500), (70, 8_000)]))
        self.assertEqual(found["2.8.0"], "(000008.500*kWh)")
        self.assertEqual((found["21.8.0"], found["22.8.0"]), ("(000001.234*kWh)", "(000000.500*kWh)"))
        self.assertEqual((found["41.8.0"], found["42.8.0"]), ("(000000.070*kWh)", "(000008.000*kWh)"))
        self.assertNotIn("2.8.0", lines_of(Readings(self.account, ())))

    def test_the_lines_do_not_change_while_the_meter_goes_on(self):
        self.live(3)
        readings = Readings(self.account, ())
        before = list(readings.lines())
        self.live(2, 5_000_000)
        self.account.registers.add_energy(1, 7_000_000)
        self.assertEqual(list(readings.lines()), before)

    def test_each_month_shows_the_register_at_its_end_and_its_own_energy(self):
        self.live(15)
        self.account.registers.add_energy(0, 4_000_000)
        found = lines_of(Readings(self.account, ()))
        self.assertEqual(found["1.8.0"], "(000049.000*kWh)")
        self.assertEqual(found["1.9.0"], "(000004.000*kWh)")
        for month in range(1, 13):
            whole = 3 * (16 - month)
            self.assertEqual(found[f"1.8.0*{month:02d}"], f"(0000{whole:02d}.000*kWh)")
            self.assertEqual(found[f"1.8.1*{month:02d}"], f"(0000{whole // 3:02d}.000*kWh)")
            self.assertEqual(found[f"1.9.0*{month:02d}"], "(000003.000*kWh)")
        self.assertNotIn("1.8.0*13", found)

    def test_the_end_of_a_month_has_the_offset_that_holds_then(self):
        self.live(11)  # January to November 2026
        found = lines_of(Readings(self.account, ()))
        self.assertEqual(found["0.1.2*01"], "(2612010000)(+01:00)")
        self.assertEqual(found["0.1.2*04"], "(2609010000)(+02:00)")

    def test_demand_stands_at_its_month_with_the_begin_of_its_half_hour(self):
        self.live(2)
        index = self.account.registers.month.index
        demands = [Demand(index, 1_700_000, at(2026, 3, 29, 1)), Demand(index - 2, 500_000, at(2026, 1, 5, 17, 30))]
        found = lines_of(Readings(self.account, demands))
        self.assertEqual(found["1.6.0"], "(0003.400*kW)(2603290300)(+02:00)")
        self.assertEqual(found["1.6.0*02"], "(0001.000*kW)(2601051830)(+01:00)")
        self.assertNotIn("1.6.0*01", found)

    def test_a_meter_without_an_account_has_its_identity(self):
        identity = Identity(7, "WEG7", "0.1.0", 0x12, at(2026, 11, 22, 9), EUROPE)
        self.assertEqual(
            list(identity.lines()),
            [
                "F.F(00000012)",
                "0.0.0(WEG7)",
                "C.1.0(7)",
                "0.2.0(0.1.0)",
                "0.9.1(100000)",
                "0.9.2(261122)",
                "C.70(+01:00)",
            ],
        )


class TestTimes(unittest.TestCase):
    def test_local_times_and_offsets_as_text(self):
        self.assertEqual(local_text(at(2026, 1, 2, 3, 4, 5)), "260102030405")
        self.assertEqual([offset_text(one) for one in (0, 3_600, -12_600)], ["+00:00", "+01:00", "-03:30"])

    def test_a_time_of_day_is_the_nearest_one(self):
        now_s = at(2026, 11, 22, 22, 59)  # 23:59 local
        self.assertEqual(time_of("0.9.1", "235000", EUROPE, now_s), now_s - 540)
        self.assertEqual(time_of("0.9.1", "000100", EUROPE, now_s), now_s + 120)
        self.assertEqual(time_of("0.9.1", "235800", EUROPE, at(2026, 11, 22, 23, 1)), at(2026, 11, 22, 22, 58))

    def test_a_date_keeps_the_time_of_day(self):
        now_s = at(2026, 11, 22, 9, 30, 15)
        self.assertEqual(time_of("0.9.2", "261123", EUROPE, now_s), now_s + 86_400)
        self.assertEqual(time_of("1.0.0", "261122103000", EUROPE, now_s), now_s - 15)

    def test_an_hour_that_comes_twice_is_the_one_that_is_now(self):
        first_s, second_s = at(2026, 10, 25, 0, 30), at(2026, 10, 25, 1, 30)  # both are 02:30 local
        self.assertEqual(time_of("0.9.1", "023500", EUROPE, first_s), first_s + 300)
        self.assertEqual(time_of("0.9.1", "023500", EUROPE, second_s), second_s + 300)

    def test_a_time_across_the_change_has_the_offset_that_holds_then(self):
        before_s = at(2026, 3, 29, 0, 58)  # 01:58 local, and at 02:00 it becomes 03:00
        self.assertEqual(time_of("0.9.1", "030300", EUROPE, before_s), at(2026, 3, 29, 1, 3))

    def test_other_values_are_refused(self):
        now_s = at(2026, 11, 22)
        for register, value in (
            ("0.9.1", "240000"),
            ("0.9.1", "12:000"),
            ("0.9.1", ""),
            ("0.9.2", "260229"),
            ("0.9.2", "261301"),
            ("0.9.2", "260001"),
            ("0.9.2", "260100"),
            ("1.0.0", "261122"),
            ("1.8.0", "100000"),
            ("0.9.1", "-10000"),
        ):
            with self.assertRaises(ValueError):
                time_of(register, value, EUROPE, now_s)


if __name__ == "__main__":
    unittest.main()
