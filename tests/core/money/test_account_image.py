"""The account as bytes: the largest one fits into a snapshot, and other formats are refused."""

import unittest

from tests import samples
from wattpurse.core.journal import ring
from wattpurse.core.money import account_image, standing, terms
from wattpurse.core.money.known_cards import REMEMBERED
from wattpurse.core.money.levies import CHARGE_PARTS, MOST_MICROUNITS, SUM_LIMIT, LevySum
from wattpurse.core.money.registers import CLOSED_MONTHS, RATES
from wattpurse.core.money.token_windows import COUNT_LIMIT, WINDOWS, number_of
from wattpurse.core.tariffs import rules
from wattpurse.core.tariffs.table import TABLE_LIMIT
from wattpurse.core.tariffs.tariff import Tariff


def largest_tariff(version):
    """Return a table with half of the rates and all levies. The other half of the registers is of former rates."""
    prices = tuple(range(1 << 35, (1 << 35) + 6))
    limits_mwh = tuple(range(1 << 42, (1 << 42) + 5))
    return samples.flat_tariff(
        version=version,
        rates=tuple((f"RATE {index}", prices, limits_mwh) for index in range(4)),
        levies=tuple((f"LEVY {index}0", rules.PER_KWH, rules.MONEY_LIMIT) for index in range(4)),
        day_types=tuple(tuple((minute * 60, minute % 4) for minute in range(12)) for _ in range(7)),
        seasons=tuple((1 + index, 1, tuple(range(7)) + (0,)) for index in range(7)),
        holidays=tuple((1 + index // 28, 1 + index % 28, 0) for index in range(64)),
        month_charge_microunits=rules.MONEY_LIMIT,
        blocks_by_day=True,
    )


def fill(numbers, table):
    """Set every number to the value that takes most room."""
    for name, default, lowest, highest in table:
        numbers.set(name, highest if highest != default else lowest)


def fullest_account():
    account = samples.new_account(largest_tariff(1))
    account.pending_tariff = Tariff(largest_tariff(2))
    account.money.bought, account.energy.bought = 10**15, 10**15
    for issuer in range(WINDOWS):
        account.mark_token(number_of(issuer, COUNT_LIMIT))
        account.voided.note(number_of(issuer, COUNT_LIMIT), 7)
    for _ in range(CLOSED_MONTHS + 1):
        account.consume(10**9)
        account.registers.enter_month(account.registers.month.index + 1)
    for number in range(REMEMBERED + 1):
        account.cards.meet(number, 1, 0, 1)
    account.registers.former_names = [f"OLD  {number}" for number in range(RATES - account.tariff.rate_count)]
    account.registers.block_mwh = [(1 << 47) - 1] * RATES
    account.levies.former_names = ["FORMER1", "FORMER2"]
    account.levies.sums = [
        LevySum(MOST_MICROUNITS - 1, MOST_MICROUNITS - 1, CHARGE_PARTS - 1) for _ in range(SUM_LIMIT)
    ]
    fill(account.terms, terms.TABLE)
    fill(account.standing, standing.TABLE)
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


class TestOtherFormats(unittest.TestCase):
    def test_formats_1_to_3_and_a_future_one_are_refused_with_their_number(self):
        packed = account_image.pack(samples.new_account())
        for form in (1, 2, 3, 5, 255):
            with self.assertRaises(ValueError) as refusal:
                account_image.unpack(bytes((form,)) + packed[1:])
            self.assertEqual(str(refusal.exception), f"account format {form} is not known")

    def test_an_account_that_ends_early_is_refused(self):
        packed = account_image.pack(fullest_account())
        for length in range(1, 400):
            with self.assertRaises(ValueError):
                account_image.unpack(packed[:length])


if __name__ == "__main__":
    unittest.main()
