"""Registers: they only grow, months close once, and packing keeps every mWh."""

import unittest

from wattpurse.core.money.registers import CLOSED_MONTHS, RATES, Registers


class TestRegisters(unittest.TestCase):
    def setUp(self):
        self.registers = Registers(24_300)

    def test_energy_goes_to_its_rate_and_to_the_month(self):
        self.registers.add_energy(0, 5)
        self.registers.add_energy(7, 6)
        self.assertEqual(self.registers.rate_mwh, [5, 0, 0, 0, 0, 0, 0, 6])
        self.assertEqual((self.registers.total_mwh, self.registers.month.total_mwh), (11, 11))

    def test_a_month_closes_once_and_an_earlier_one_is_not_entered(self):
        self.registers.add_energy(1, 100)
        self.registers.add_charge(30)
        self.registers.enter_month(24_301)
        self.registers.enter_month(24_301)
        self.registers.enter_month(24_299)
        self.assertEqual(self.registers.month.index, 24_301)
        closed = self.registers.closed_months
        self.assertEqual(
            [(month.index, month.total_mwh, month.charge_microunits) for month in closed], [(24_300, 100, 30)]
        )
        self.assertEqual(self.registers.total_mwh, 100)

    def test_packing_keeps_the_largest_months_there_can_be(self):
        for number in range(CLOSED_MONTHS + 1):
            for rate in range(RATES):
                self.registers.add_energy(rate, (1 << 48) - 1 - number)
            self.registers.add_charge(-(1 << 62) + number)
            if number < CLOSED_MONTHS:
                self.registers.enter_month(24_301 + number)
        data = b"head" + self.registers.pack() + b"tail"
        again, position = Registers.unpack(data, 4)
        self.assertEqual(again.pack(), self.registers.pack())
        self.assertEqual(data[position:], b"tail")
        self.assertEqual(len(again.closed_months), CLOSED_MONTHS)

    def test_closed_months_are_packed_as_they_are(self):
        for number in range(CLOSED_MONTHS + 3):
            self.registers.add_energy(number % RATES, 1000 + number)
            self.registers.add_charge(7 * number)
            self.registers.enter_month(24_301 + number)
            if number == 5:
                self.registers, _ = Registers.unpack(self.registers.pack(), 0)
            months = [self.registers.month] + self.registers.closed_months
            self.assertIn(b"".join([month.pack() for month in months]), self.registers.pack())

    def test_a_wrong_count_of_months_is_refused(self):
        data = bytearray(self.registers.pack())
        for count in (0, CLOSED_MONTHS + 2):
            data[8 * RATES] = count
            with self.assertRaises(ValueError):
                Registers.unpack(bytes(data), 0)


if __name__ == "__main__":
    unittest.main()
