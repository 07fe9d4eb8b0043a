"""The press of the button: it answers only the question asked, and only once."""

import unittest

from tests import samples
from wattpurse.core.money import consent, supply
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED

LIMIT = 5_000_000


class TestEmergencyCredit(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()
        self.account.terms.set("emergency_microunits", LIMIT)
        self.account.terms.set("emergency_mwh", LIMIT)

    def _asked(self, reason=supply.NO_CREDIT):
        return consent.asked(self.account, reason)

    def test_offered_at_zero_and_only_if_credit_is_missing(self):
        self.assertEqual(self._asked(), ("emergency_money", EMERGENCY_ACCEPTED))
        for reason in range(supply.UNCONFIRMED):
            if reason != supply.NO_CREDIT:
                self.assertIsNone(self._asked(reason))

    def test_not_unless_the_terms_give_it(self):
        self.account.terms.set("emergency_microunits", 0)
        self.assertIsNone(self._asked())

    def test_once_until_it_is_repaid(self):
        for state in (EMERGENCY_ACCEPTED, EMERGENCY_USED):
            self.account.standing.set("emergency_money", state)
            self.assertIsNone(self._asked())

    def test_not_offered_to_a_customer_who_owes_as_much_already(self):
        self.account.money.charged = LIMIT - 1
        self.assertEqual(self._asked(), ("emergency_money", EMERGENCY_ACCEPTED))
        self.account.money.charged = LIMIT
        self.assertIsNone(self._asked())

    def test_each_credit_register_has_its_own_emergency_credit(self):
        self.account.standing.set("emergency_money", EMERGENCY_USED)
        self.account.contract = contracts.PrepaidEnergy
        self.assertEqual(self._asked(), ("emergency_energy", EMERGENCY_ACCEPTED))

    def test_contracts_without_it(self):
        for contract in (contracts.Term, contracts.Dispenser, contracts.Managed, contracts.SettledAccount):
            self.account.contract = contract
            self.assertIsNone(self._asked())


class TestButton(unittest.TestCase):
    def test_confirms_and_reconnects(self):
        account = samples.new_account()
        self.assertEqual(consent.asked(account, supply.UNCONFIRMED), ("unconfirmed", 0))
        self.assertIsNone(consent.asked(account, supply.POWER_LIMIT))
        account.standing.set("tripped", 1)
        self.assertEqual(consent.asked(account, supply.POWER_LIMIT), ("tripped", 0))

    def test_without_an_account_nothing_is_asked(self):
        self.assertIsNone(consent.asked(None, supply.NOT_COMMISSIONED))


if __name__ == "__main__":
    unittest.main()
