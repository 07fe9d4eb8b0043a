"""The account as bytes: the largest one fits into a snapshot, and the format of version 0.1 is still read."""

import struct
import unittest

from tests import samples
from wattpurse.core.journal import ring
from wattpurse.core.money import account_image, standing, supply, terms
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.known_cards import REMEMBERED
from wattpurse.core.money.registers import CLOSED_MONTHS
from wattpurse.core.tariffs.table import TABLE_LIMIT
from wattpurse.core.tariffs.tariff import Tariff

DAY = samples.NEW_YEAR_S // 86_400
MONTH = 2026 * 12


def largest_tariff(version):
    """Return a table that is as large as possible but for a few bytes."""
    prices = tuple(range(1 << 35, (1 << 35) + 6))
    limits_mwh = tuple(range(1 << 42, (1 << 42) + 5))
    return samples.flat_tariff(
        version=version,
        rates=tuple((f"RATE {index}", prices, limits_mwh) for index in range(8)),
        day_types=tuple(tuple((minute * 60, minute % 8) for minute in range(12)) for _ in range(7)),
        seasons=tuple((1 + index, 1, tuple(range(7)) + (0,)) for index in range(7)),
        holidays=tuple((1 + index // 28, 1 + index % 28, 0) for index in range(64)),
    )


def fill(numbers, names):
    """Set every number to a value other than its default."""
    for name in names:
        try:
            numbers.set(name, numbers[name] + 1)
        except ValueError:
            numbers.set(name, numbers[name] - 1)


def fullest_account():
    account = samples.new_account(largest_tariff(1))
    account.pending_tariff = Tariff(largest_tariff(2))
    account.money.bought, account.energy.bought = 10**15, 10**15
    account.mark_token((1 << 32) - 1)
    for _ in range(CLOSED_MONTHS + 1):
        account.consume(10**9)
        account.registers.enter_month(account.registers.month.index + 1)
    for number in range(REMEMBERED + 1):
        account.cards.meet(number, 1, 0, 1)
    fill(account.terms, terms.names())
    fill(account.standing, standing.names())
    return account


class TestSize(unittest.TestCase):
    def test_the_fullest_account_fits_a_snapshot(self):
        account = fullest_account()
        packed = account_image.pack(account)
        unused_table_bytes = 2 * (TABLE_LIMIT - len(account.tariff.data))
        self.assertEqual(len(account.terms.changed()), len(terms.names()))
        self.assertEqual(len(account.standing.changed()), len(standing.names()))
        self.assertEqual(len(account.cards.known), REMEMBERED)
        self.assertTrue(len(packed) + unused_table_bytes <= ring.SNAPSHOT_LIMIT, len(packed) + unused_table_bytes)
        self.assertEqual(account_image.pack(account_image.unpack(packed)), packed)


class TestFormat1(unittest.TestCase):
    """Bytes in the layout of version 0.1, packed by hand."""

    def setUp(self):
        self.table = samples.flat_tariff()
        self.pending = samples.flat_tariff(version=4, activation_s=samples.NEW_YEAR_S + 86_400)
        # format, contract, impulses, kWh, time, day, charged day, rate, pulses, remainders of energy and of charge
        self.fixed = struct.pack(
            "<BBIIIIIBQQI", 1, 1, 3_200, 1, samples.NEW_YEAR_S + 5, DAY, DAY, 0, 6_401, 1_600, 750_000
        )
        self.credit_registers = struct.pack("<4q", 20_000_000, 500_078, 7_000_000, 0)
        self.tokens = struct.pack("<IQ", 3, 0b101)
        self.terms = struct.pack("<B4q", 4, 100_000_000, 0, 3_000_000, 5_000_000)

    def _data(self):
        month = struct.pack("<Hq", MONTH, 500_078) + (2_000_312).to_bytes(6, "little") + bytes(42)
        registers = struct.pack("<8QB", 2_000_312, *bytes(7), 1) + month
        tables = struct.pack("<HH", len(self.table), len(self.pending)) + self.table + self.pending
        return self.fixed + self.credit_registers + self.tokens + self.terms + registers + tables

    def test_everything_is_taken_over(self):
        account = account_image.unpack(self._data())
        self.assertIs(account.contract, contracts.PrepaidMoney)
        self.assertEqual((account.impulses, account.impulses_per_kwh_divisor), (3_200, 1))
        self.assertEqual((account.time_s, account.day, account.charged_day), (samples.NEW_YEAR_S + 5, DAY, DAY))
        self.assertEqual((account.pulses_total, account.registers.total_mwh), (6_401, 2_000_312))
        self.assertEqual((account.money.balance, account.energy.balance), (19_499_922, 7_000_000))
        self.assertEqual([account.token_is_used(number) for number in (1, 2, 3)], [True, False, True])
        self.assertEqual((account.tariff.version, account.pending_tariff.version), (1, 4))
        self.assertEqual(account.registers.month.charge_microunits, 500_078)

    def test_its_four_terms_are_those_it_had_and_the_new_ones_stand_at_their_defaults(self):
        account = account_image.unpack(self._data())
        self.assertEqual(account.terms["credit_limit_microunits"], 100_000_000)
        self.assertEqual(account.terms["low_credit_microunits"], 3_000_000)
        self.assertEqual(account.terms.changed(), [(0, 100_000_000), (2, 3_000_000)])
        self.assertEqual(account.standing.changed(), [])
        self.assertEqual(supply.decide(account, supply.ON, Circumstances(account.time_s)), supply.ON)

    def test_fractions_go_on_where_they_were(self):
        account = account_image.unpack(self._data())
        # The fractions were 0.5 mWh and 0.75 micro-units: 3,199 pulses are 999,687.5 mWh and cost 249,922 micro-units.
        account.count_pulses(3_199)
        self.assertEqual(account.registers.total_mwh, 3_000_000)
        self.assertEqual(account.money.charged, 500_078 + 249_922)
        account.consume(1)
        self.assertEqual(account.money.charged, 500_078 + 249_923)

    def test_it_is_written_in_todays_form_from_then_on(self):
        account = account_image.unpack(self._data())
        packed = account_image.pack(account)
        self.assertEqual(packed[0], 2)
        self.assertEqual(account_image.pack(account_image.unpack(packed)), packed)

    def test_other_forms_are_refused(self):
        self.terms = struct.pack("<B3q", 3, 0, 0, 0)
        with self.assertRaises(ValueError):
            account_image.unpack(self._data())


if __name__ == "__main__":
    unittest.main()
