"""Debts, emergency credit, refunds and clearing: further effects when credit comes or a day begins."""

import unittest

from tests import samples
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import credit_rules
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY
from wattpurse.core.tariffs.calendar import days_from_civil

UNIT = 1_000_000
MONDAY = days_from_civil(2026, 1, 5)


class AccountTest(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()
        self.account.enter_day(MONDAY - 1)

    def tearDown(self):
        for register in (self.account.money, self.account.energy):
            self.assertEqual(register.bought, register.charged + register.taken - register.waived + register.balance)

    def _terms(self, **values):
        for name in values:
            self.account.terms.set(name, values[name])
        credit_rules.note_balance(self.account)

    def _owe(self, debt):
        self.account.standing.set("debt_microunits", debt)

    def _debt(self):
        return self.account.standing["debt_microunits"]

    def _pay_in(self, amount, unit=contracts.MONEY):
        """Return the part of the top-up that paid back the debt."""
        before = self._debt()
        expected = credit_rules.balance_after(self.account, unit, amount)
        credit_rules.take_credit(self.account, unit, amount)
        self.assertEqual(self.account.credit_register(unit).balance, expected)
        return before - self._debt()


class TestShareOfTopUps(AccountTest):
    def setUp(self):
        super().setUp()
        self._terms(debt_share_percent=30)

    def test_thirty_percent_of_each_top_up_until_it_is_paid(self):
        self._owe(10 * UNIT)
        self.assertEqual([self._pay_in(20 * UNIT) for _ in range(3)], [6 * UNIT, 4 * UNIT, 0])
        self.assertEqual(self.account.money.balance, 50 * UNIT)
        self.assertEqual(self.account.standing["debt_recovered_microunits"], 10 * UNIT)

    def test_rounded_down(self):
        self._owe(UNIT)
        self.assertEqual([self._pay_in(amount) for amount in (1, 3, 4, 99)], [0, 0, 1, 29])

    def test_energy_charged_without_credit_is_repaid_first(self):
        self._owe(10 * UNIT)
        self.account.money.spend(5 * UNIT)
        self.assertEqual(self._pay_in(4 * UNIT), 0)
        self.assertEqual(self._pay_in(11 * UNIT), 3 * UNIT)
        self.assertEqual(self.account.money.balance, 7 * UNIT)

    def test_emergency_credit_is_repaid_first(self):
        self._terms(emergency_microunits=5 * UNIT)
        self._owe(10 * UNIT)
        self.account.standing.set("emergency_money", EMERGENCY_ACCEPTED)
        self.account.consume(8 * samples.KWH)
        self.assertEqual(self._pay_in(12 * UNIT), 3 * UNIT)
        self.assertEqual(self.account.standing["emergency_money"], NO_EMERGENCY)

    def test_a_share_of_all_still_leaves_the_cost_of_energy_repaid(self):
        self._terms(debt_share_percent=100)
        self._owe(100 * UNIT)
        self.account.money.spend(2 * UNIT)
        self.assertEqual(self._pay_in(10 * UNIT), 8 * UNIT)
        self.assertEqual(self.account.money.balance, 0)

    def test_energy_and_negative_amounts_pay_no_debt(self):
        self._owe(10 * UNIT)
        self.assertEqual(self._pay_in(20 * UNIT, contracts.ENERGY), 0)
        self.assertEqual(self._pay_in(-5 * UNIT), 0)

    def test_the_cap_holds_for_a_week_from_monday_to_sunday(self):
        self._terms(debt_cap_microunits=4 * UNIT)
        self._owe(100 * UNIT)
        self.assertEqual([self._pay_in(10 * UNIT), self._pay_in(10 * UNIT)], [3 * UNIT, UNIT])
        self.account.enter_day(MONDAY)
        self.assertEqual([self._pay_in(10 * UNIT), self._pay_in(10 * UNIT)], [3 * UNIT, UNIT])
        self.account.enter_day(MONDAY + 6)
        self.assertEqual(self._pay_in(10 * UNIT), 0)

    def test_a_clock_set_back_begins_no_week_anew(self):
        self._terms(debt_cap_microunits=4 * UNIT)
        self._owe(100 * UNIT)
        self.account.enter_day(MONDAY)
        self.assertEqual(self._pay_in(20 * UNIT), 4 * UNIT)
        self.account.day -= 3
        self.assertEqual(self._pay_in(20 * UNIT), 0)
        self.account.enter_day(MONDAY)
        self.assertEqual(self._pay_in(20 * UNIT), 0)


class TestWeeklyParts(AccountTest):
    def setUp(self):
        super().setUp()
        self._owe(1_000 * UNIT)
        self.account.money.bought = 10_000 * UNIT

    def _days(self, first, count):
        """Return the amount paid back on each day."""
        paid = []
        for day in range(first, first + count):
            before = self._debt()
            self.account.enter_day(day)
            paid.append(before - self._debt())
        return paid

    def test_seven_parts_add_up_to_any_sum(self):
        for weekly in (1, 6, 7, 10, 1_000_000, 999_999_999, 3):
            self._terms(debt_weekly_microunits=weekly)
            self._owe(10**12)
            parts = self._days(self.account.day + 1, 7)
            self.assertEqual(sum(parts), weekly)
            self.assertTrue(max(parts) - min(parts) <= 1, parts)

    def test_up_to_each_day_the_exact_sevenths_rounded_down(self):
        self._terms(debt_weekly_microunits=10 * UNIT)
        paid = 0
        for day, part in enumerate(self._days(MONDAY, 7)):
            paid += part
            self.assertEqual(paid, 10 * UNIT * (day + 1) // 7)

    def test_the_week_over_new_year_is_a_week(self):
        self._terms(debt_weekly_microunits=10 * UNIT)
        monday = days_from_civil(2026, 12, 28)
        self.account.enter_day(monday - 1)
        self.assertEqual(sum(self._days(monday, 7)), 10 * UNIT)
        self.assertEqual(self.account.day, days_from_civil(2027, 1, 3))

    def test_days_without_power_are_made_up_when_it_returns(self):
        self._terms(debt_weekly_microunits=7 * UNIT)
        self.account.enter_day(self.account.day + 30)
        self.assertEqual(self._debt(), 970 * UNIT)

    def test_a_day_that_comes_again_pays_once(self):
        self._terms(debt_weekly_microunits=7 * UNIT)
        self.account.enter_day(MONDAY)
        self.account.day -= 1
        self.account.enter_day(MONDAY)
        self.assertEqual(self._debt(), 999 * UNIT)

    def test_not_below_the_floor_and_not_more_than_is_owed(self):
        self._terms(debt_weekly_microunits=7 * UNIT, debt_floor_microunits=2 * UNIT)
        self.account.money.bought = 3_500_000
        self.assertEqual(self._days(MONDAY, 3), [UNIT, 500_000, 0])
        self.account.money.spend(50 * UNIT)
        self.assertEqual(self._days(MONDAY + 3, 1), [0])
        self.account.money.bought += 100 * UNIT
        self._owe(1_200_000)
        self.assertEqual(self._days(MONDAY + 4, 3), [UNIT, 200_000, 0])

    def test_parts_and_shares_together_keep_the_cap_of_the_week(self):
        self._terms(debt_weekly_microunits=7 * UNIT, debt_share_percent=50, debt_cap_microunits=4 * UNIT)
        self.assertEqual(self._days(MONDAY, 2), [UNIT, UNIT])
        self.assertEqual(self._pay_in(3 * UNIT), 1_500_000)
        self.assertEqual(self._days(MONDAY + 2, 3), [500_000, 0, 0])
        self.assertEqual(self._days(MONDAY + 5, 3), [0, 0, UNIT])

    def test_only_contracts_of_money_take_them(self):
        self._terms(debt_weekly_microunits=7 * UNIT)
        for contract in (contracts.PrepaidEnergy, contracts.Term, contracts.Dispenser, contracts.Managed):
            self.account.contract = contract
            self.assertEqual(self._days(self.account.day + 1, 1), [0])

    def test_a_settled_account_pays_out_of_its_deposit_and_never_out_of_its_bill(self):
        self._terms(debt_weekly_microunits=7 * UNIT)
        self.account.contract = contracts.SettledAccount
        self.account.money.bought = 1_500_000
        self.assertEqual(self._days(MONDAY, 3), [UNIT, 500_000, 0])

    def test_debt_payments_are_not_in_the_bill_of_the_month(self):
        self._terms(debt_weekly_microunits=7 * UNIT)
        self.account.enter_day(MONDAY)
        self.account.consume(4 * samples.KWH)
        self.assertEqual(self.account.registers.month.charge_microunits, UNIT)
        self.assertEqual(self.account.money.charged, 2 * UNIT)


class TestEmergency(AccountTest):
    def setUp(self):
        super().setUp()
        self._terms(emergency_microunits=5 * UNIT, emergency_mwh=3 * samples.KWH)

    def _accept(self, name="emergency_money"):
        self.account.standing.set(name, EMERGENCY_ACCEPTED)
        credit_rules.note_balance(self.account)

    def _state(self, name="emergency_money"):
        return self.account.standing[name]

    def test_accepted_at_exactly_zero_it_stays_accepted(self):
        self._accept()
        self.assertEqual(self._state(), EMERGENCY_ACCEPTED)

    def test_used_up_at_its_limit_and_offered_again_only_when_all_is_repaid(self):
        self._accept()
        self.account.consume(20 * samples.KWH - 1)
        self.assertEqual(self._state(), EMERGENCY_ACCEPTED)
        self.account.consume(8)
        self.assertEqual(self._state(), EMERGENCY_USED)
        self._pay_in(4 * UNIT)
        self.assertEqual(self._state(), EMERGENCY_USED)
        self._pay_in(2 * UNIT)
        self.assertEqual(self._state(), NO_EMERGENCY)

    def test_a_part_of_it_repaid_leaves_the_rest_of_it(self):
        self._accept()
        self.account.consume(16 * samples.KWH)
        self._pay_in(3 * UNIT)
        self.assertEqual(self._state(), EMERGENCY_ACCEPTED)
        self.account.consume(16 * samples.KWH)
        self.assertEqual(self._state(), EMERGENCY_USED)

    def test_in_energy(self):
        self.account.contract = contracts.PrepaidEnergy
        self._accept("emergency_energy")
        self.account.consume(3 * samples.KWH)
        self.assertEqual(self._state("emergency_energy"), EMERGENCY_USED)
        self._pay_in(3 * samples.KWH + 1, contracts.ENERGY)
        self.assertEqual(self._state("emergency_energy"), NO_EMERGENCY)

    def test_a_standing_charge_uses_it_up_too(self):
        self.account.tariff.standing_charge_microunits = 5 * UNIT
        self._accept()
        self.account.enter_day(self.account.day + 1)
        self.assertEqual(self._state(), EMERGENCY_USED)

    def test_a_limit_taken_back_while_it_is_in_use_ends_it_and_a_higher_one_does_not_bring_it_back(self):
        self._accept()
        self.account.consume(8 * samples.KWH)
        self._terms(emergency_microunits=2 * UNIT)
        self.assertEqual(self._state(), EMERGENCY_USED)
        self._terms(emergency_microunits=50 * UNIT)
        self.assertEqual(self._state(), EMERGENCY_USED)

    def test_a_contract_in_between_neither_repays_it_nor_uses_it_up(self):
        self._accept()
        self.account.consume(8 * samples.KWH)
        self.account.energy.bought = 5 * samples.KWH
        for contract in (contracts.PrepaidEnergy, contracts.Term, contracts.Managed, contracts.Dispenser):
            self.account.contract = contract
            self.account.consume(samples.KWH)
            self.assertEqual(self._state(), EMERGENCY_ACCEPTED)
        self.account.contract = contracts.PrepaidMoney
        self.assertEqual(self.account.emergency_floor(), -5 * UNIT)

    def test_only_the_credit_register_of_the_contract_has_emergency_credit(self):
        self._accept()
        self.account.contract = contracts.PrepaidEnergy
        self.assertEqual(self.account.emergency_floor(), 0)
        self.account.contract = contracts.Dispenser
        self._accept("emergency_energy")
        self.assertEqual(self.account.emergency_floor(), 0)
        self.account.contract = contracts.SettledAccount
        self.assertEqual(self.account.emergency_floor(), 0)

    def test_counted_in_one_or_in_many_it_comes_to_the_same(self):
        for total_kwh in (3, 19, 20, 21, 60):
            states = []
            for steps in (1, 100):
                self.setUp()
                self._accept()
                for _ in range(steps):
                    self.account.consume(total_kwh * samples.KWH // steps)
                states.append((self._state(), self.account.money.balance))
            self.assertEqual(states[0], states[1])


class TestTakingBack(AccountTest):
    def _receipt(self):
        names = ("sequence", "card", "microunits", "mwh", "debt_microunits", "term_s")
        return tuple([self.account.standing["receipt_" + name] for name in names])

    def test_everything_or_a_part_and_never_more_than_there_is(self):
        self.account.money.bought, self.account.energy.bought = 10 * UNIT, 7 * samples.KWH
        credit_rules.take_back(self.account, 5, 77, contracts.MONEY, 4 * UNIT)
        self.assertEqual((self.account.money.balance, self._receipt()), (6 * UNIT, (5, 77, 4 * UNIT, 0, 0, 0)))
        credit_rules.take_back(self.account, 6, 77, contracts.MONEY, 40 * UNIT)
        self.assertEqual((self.account.money.balance, self._receipt()), (0, (6, 77, 6 * UNIT, 0, 0, 0)))
        credit_rules.take_back(self.account, 7, 77, contracts.ENERGY, 0)
        self.assertEqual((self.account.energy.balance, self._receipt()), (0, (7, 77, 0, 7 * samples.KWH, 0, 0)))

    def test_a_customer_who_owes_gets_nothing_back_and_still_owes(self):
        self.account.money.spend(UNIT)
        credit_rules.take_back(self.account, 5, 77, contracts.MONEY, 0)
        self.assertEqual((self.account.money.balance, self._receipt()), (-UNIT, (5, 77, 0, 0, 0, 0)))

    def test_a_unit_that_is_none_is_refused(self):
        with self.assertRaises(ValueError):
            credit_rules.take_back(self.account, 5, 77, contracts.TIME, 0)

    def test_clearing_sets_everything_to_zero_and_the_receipt_has_it_all(self):
        standing = self.account.standing
        self.account.money.charged = 3 * UNIT
        self.account.energy.bought = 7 * samples.KWH
        self._owe(9 * UNIT)
        standing.set("emergency_money", EMERGENCY_USED)
        standing.set("emergency_energy", EMERGENCY_ACCEPTED)
        standing.set("term_until_s", self.account.time_s + 5_000)
        standing.set("dispenser_until_s", self.account.time_s + 5_000)
        credit_rules.clear(self.account, 8, 77)
        self.assertEqual(self._receipt(), (8, 77, -3 * UNIT, 7 * samples.KWH, 9 * UNIT, 5_000))
        self.assertEqual((self.account.money.balance, self.account.energy.balance, self._debt()), (0, 0, 0))
        for name in ("emergency_money", "emergency_energy", "term_until_s", "dispenser_until_s"):
            self.assertEqual(standing[name], 0)

    def test_a_term_that_is_over_leaves_no_time(self):
        self.account.standing.set("term_until_s", self.account.time_s - 1)
        credit_rules.clear(self.account, 8, 77)
        self.assertEqual(self._receipt(), (8, 77, 0, 0, 0, 0))


if __name__ == "__main__":
    unittest.main()
