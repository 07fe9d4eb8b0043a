"""Contracts decide the cost of energy and the permission to supply. The decision puts faults before credit."""

import unittest

from tests import samples
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply, warning
from wattpurse.core.money.circumstances import Circumstances


class TestContracts(unittest.TestCase):
    def test_they_are_found_by_code_and_by_name(self):
        for contract in contracts.CONTRACTS:
            self.assertIs(contracts.by_code(contract.code), contract)
            self.assertIs(contracts.by_name(contract.name), contract)
        with self.assertRaises(ValueError):
            contracts.by_code(99)
        with self.assertRaises(ValueError):
            contracts.by_name("barter")

    def test_money_supply_ends_with_the_last_micro_unit(self):
        account = samples.new_account()
        account.money.bought = 1
        self.assertEqual(account.contract.supply_reason(account, Circumstances()), supply.ON)
        account.money.spend(1)
        self.assertEqual(account.contract.supply_reason(account, Circumstances()), supply.NO_CREDIT)

    def test_energy_supply_does_not_look_at_money(self):
        account = samples.new_account(contract=contracts.PrepaidEnergy)
        account.money.bought = 1_000
        self.assertEqual(account.contract.supply_reason(account, Circumstances()), supply.NO_CREDIT)
        account.energy.bought = 1
        self.assertEqual(account.contract.supply_reason(account, Circumstances()), supply.ON)

    def test_low_credit_is_at_or_below_the_threshold(self):
        for contract, register, name in (
            (contracts.PrepaidMoney, "money", "low_credit_microunits"),
            (contracts.PrepaidEnergy, "energy", "low_credit_mwh"),
        ):
            account = samples.new_account(contract=contract)
            account.terms.set(name, 500)
            account.terms.set("very_" + name, 100)
            for bought, grade in ((501, warning.NONE), (500, warning.LOW), (101, warning.LOW), (100, warning.VERY_LOW)):
                getattr(account, register).bought = bought
                self.assertEqual(warning.grade(account, Circumstances()), grade)

    def test_a_change_of_contract_leaves_both_credit_registers_unchanged(self):
        account = samples.new_account()
        account.money.bought, account.energy.bought = 10, 20
        account.contract = contracts.PrepaidEnergy
        account.consume(5)
        self.assertEqual((account.money.balance, account.energy.balance), (10, 15))


class TestDecision(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()
        self.account.money.bought = 1
        self.circumstances = Circumstances(samples.NEW_YEAR_S)
        self.tampered = Circumstances(samples.NEW_YEAR_S)
        self.tampered.tamper_opens = True

    def test_order_of_precedence(self):
        self.assertEqual(supply.decide(self.account, supply.ON, self.circumstances), supply.ON)
        self.assertEqual(supply.decide(self.account, supply.ON, self.tampered), supply.TAMPER)
        self.assertEqual(supply.decide(self.account, supply.LEDGER_UNREADABLE, self.tampered), supply.LEDGER_UNREADABLE)
        self.assertEqual(supply.decide(None, supply.NOT_COMMISSIONED, self.circumstances), supply.NOT_COMMISSIONED)
        self.assertEqual(supply.decide(None, supply.ON, self.circumstances), supply.FAULT)

    def test_only_one_reason_closes_the_switch(self):
        reasons = range(supply.UNCONFIRMED + 1)
        self.assertEqual([reason for reason in reasons if supply.is_closed(reason)], [supply.ON])
        self.assertEqual(len({supply.text(reason) for reason in reasons}), len(reasons))


if __name__ == "__main__":
    unittest.main()
