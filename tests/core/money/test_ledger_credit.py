"""The ledger under the rules of money: a top-up with its share of a debt is one record, and recovery gives the same."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core.money import account_image
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.credit_rules import take_credit
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED

SECTORS = 3
UNIT = 1_000_000
DAY_S = 86_400


def flash_with(memory=None, seed=1):
    return FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(seed), None if memory is None else bytearray(memory))


def reopened(flash):
    ledger = Ledger(flash, 0, SECTORS)
    ledger.open()
    return ledger


class LedgerTest(unittest.TestCase):
    def setUp(self):
        self.flash = flash_with()
        self.ledger = Ledger(self.flash, 0, SECTORS)
        self.ledger.create(samples.new_account(impulses=1_000))
        self.now_s = samples.NEW_YEAR_S
        self.sequence = 0

    def _terms(self, **values):
        for name in values:
            self.ledger.set_number(TERMS, name, values[name], self.now_s)

    def _standing(self, name, value):
        self.ledger.set_number(STANDING, name, value, self.now_s)

    def _credit(self, amount):
        self.sequence += 1
        return self.ledger.credit(self.sequence, contracts.MONEY, amount, 1, self.now_s)

    def _advance(self, duration_s, pulses):
        self.now_s += duration_s
        self.ledger.advance(self.now_s, pulses)

    def _assert_recovers(self):
        """Assert that a meter that starts now has the state of this one."""
        again = reopened(flash_with(self.flash.memory))
        expected, found = self.ledger.account, again.account
        found.time_s = expected.time_s
        self.assertEqual(account_image.pack(found), account_image.pack(expected))


class TestDebts(LedgerTest):
    def setUp(self):
        super().setUp()
        self._terms(debt_share_percent=30)
        self._standing("debt_microunits", 10 * UNIT)

    def test_the_returned_balance_is_the_rest_of_the_top_up(self):
        self.assertEqual(self._credit(20 * UNIT), 14 * UNIT)
        self.assertEqual(self.ledger.account.standing["debt_microunits"], 4 * UNIT)
        self._assert_recovers()

    def test_energy_counted_before_a_top_up_is_owed_before_it(self):
        self._advance(60, 8_000)
        self.assertEqual(self._credit(12 * UNIT), 7 * UNIT)
        self._advance(60, 8_000)
        self._assert_recovers()

    def test_weekly_parts_of_days_without_power(self):
        self._terms(debt_weekly_microunits=7_000_003)
        self._credit(50 * UNIT)
        self._advance(40 * DAY_S, 0)
        self.assertEqual(self.ledger.account.standing["debt_microunits"], 0)
        self._assert_recovers()

    def test_power_cut_at_any_flash_operation_takes_top_up_share_and_number_together(self):
        before = bytes(self.flash.memory)
        operation = 1
        while self._cut_at(operation, before):
            operation += 1
        self.assertTrue(operation > 2, operation)

    def _cut_at(self, operation, memory):
        flash = flash_with(memory, operation)
        ledger = reopened(flash)
        flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            ledger.credit(1, contracts.MONEY, 20 * UNIT, 1, self.now_s)
        except PowerCut:
            was_cut = True
        else:
            was_cut = False
            flash.faults.operations_to_cut = None
        account = reopened(flash).account
        state = account.money.balance, account.standing["debt_microunits"], account.token_is_used(1)
        self.assertIn(state, ((0, 10 * UNIT, False), (14 * UNIT, 4 * UNIT, True)))
        return was_cut


class TestLimits(LedgerTest):
    """Every state that a ledger accepts, its next start accepts as well."""

    LARGEST = 10**15

    def _fill(self, unit):
        """Credit as much as possible, in the largest top-ups."""
        register = self.ledger.account.credit_register(unit)
        with self.assertRaises(ValueError):
            while True:
                self.sequence += 1
                self.ledger.credit(self.sequence, unit, self.LARGEST, 1, self.now_s)
        self.assertTrue(register.bought > 4_600 * self.LARGEST)

    def test_more_than_can_be_counted_is_refused(self):
        for unit in (contracts.MONEY, contracts.ENERGY):
            self._fill(unit)
        self._assert_recovers()

    def test_so_it_is_where_a_change_would_lead_there(self):
        self._fill(contracts.ENERGY)
        before = account_image.pack(self.ledger.account)
        for _ in range(2):
            with self.assertRaises(ValueError):
                self.ledger.change(lambda account: take_credit(account, contracts.ENERGY, self.LARGEST))
        self.assertEqual(account_image.pack(self.ledger.account), before)
        self._assert_recovers()


class TestEmergencyCredit(LedgerTest):
    def setUp(self):
        super().setUp()
        self._terms(emergency_microunits=5 * UNIT)
        self._standing("emergency_money", EMERGENCY_ACCEPTED)

    def _state(self):
        return self.ledger.account.standing["emergency_money"]

    def test_used_up_pulse_by_pulse_is_used_up_after_a_restart(self):
        for _ in range(40):
            self._advance(1, 500)
            self._assert_recovers()
        self.assertEqual(self._state(), EMERGENCY_USED)

    def test_through_a_contract_in_between(self):
        self._advance(1, 8_000)
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidEnergy))
        self.ledger.change(lambda account: setattr(account.energy, "bought", 6 * samples.KWH))
        self._advance(1, 8_000)
        self._assert_recovers()
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidMoney))
        self.assertEqual(self._state(), EMERGENCY_ACCEPTED)
        self._assert_recovers()

    def test_every_change_counts_at_once(self):
        self._advance(1, 8_000)
        self.ledger.change(lambda account: account.terms.set("emergency_microunits", UNIT))
        self.assertEqual(self._state(), EMERGENCY_USED)


if __name__ == "__main__":
    unittest.main()
