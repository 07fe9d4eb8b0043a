"""Warnings in two grades: by the credit left, by the time it lasts, and by the end of a term."""

import unittest

from tests import samples
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import warning
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.warning import LOW, NONE, VERY_LOW
from wattpurse.core.tariffs.calendar import Zone

DAY_S = 86_400


class TestDaysLeft(unittest.TestCase):
    def test_whole_days_rounded_down(self):
        for balance, mean, days in ((100, 10, 10), (99, 10, 9), (9, 10, 0), (10**15, 1, 9999), (1, 1, 1)):
            self.assertEqual(warning.days_left(balance, mean), days)

    def test_without_use_it_lasts_for_ever_and_without_credit_not_at_all(self):
        self.assertEqual(warning.days_left(1, 0), 9999)
        self.assertEqual(warning.days_left(0, 0), 0)
        self.assertEqual(warning.days_left(-5, 7), 0)


class TestQuietHours(unittest.TestCase):
    def _is_quiet(self, hour, zone):
        account = samples.new_account(samples.flat_tariff(zone=zone))
        account.time_s = samples.NEW_YEAR_S + hour * 3_600
        return warning.is_quiet(account)

    def test_they_are_ten_to_eight_by_the_local_clock_unless_the_terms_say_otherwise(self):
        for hour, is_quiet in ((0, True), (7, True), (8, False), (21, False), (22, True)):
            self.assertEqual(self._is_quiet(hour, Zone(0)), is_quiet, hour)
            self.assertEqual(self._is_quiet(hour - 2, Zone(120)), is_quiet, hour)


class TestGrade(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()
        self.account.money.bought = 100_000_000
        self.circumstances = Circumstances(samples.NEW_YEAR_S)

    def _grade(self):
        return warning.grade(self.account, self.circumstances)

    def test_by_days_only_where_the_terms_ask_for_it_and_the_days_are_known(self):
        for days in (None, 0, 1):
            self.circumstances.days_left = days
            self.assertEqual(self._grade(), NONE)
        self.account.terms.set("low_credit_days", 7)
        self.account.terms.set("very_low_credit_days", 2)
        for days, grade in ((None, NONE), (9999, NONE), (8, NONE), (7, LOW), (3, LOW), (2, VERY_LOW), (0, VERY_LOW)):
            self.circumstances.days_left = days
            self.assertEqual(self._grade(), grade)

    def test_the_worse_of_money_and_days_counts(self):
        self.account.terms.set("low_credit_days", 7)
        self.circumstances.days_left = 5
        self.account.money.bought = 400_000
        self.assertEqual(self._grade(), VERY_LOW)
        self.account.money.bought = 1_000_000
        self.assertEqual(self._grade(), LOW)

    def test_emergency_credit_is_very_low_credit(self):
        self.account.money.charged = 100_000_001
        self.assertEqual(self._grade(), VERY_LOW)

    def test_a_term_warns_days_before_it_ends_and_more_on_its_last_day(self):
        self.account.contract = contracts.Term
        self.account.terms.set("expiry_warning_days", 5)
        for left_s, grade in (
            (5 * DAY_S + 1, NONE),
            (5 * DAY_S, LOW),
            (DAY_S + 1, LOW),
            (DAY_S, VERY_LOW),
            (-1, VERY_LOW),
        ):
            self.account.standing.set("term_until_s", samples.NEW_YEAR_S + left_s)
            self.assertEqual(self._grade(), grade)

    def test_a_dispenser_warns_of_both(self):
        self.account.contract = contracts.Dispenser
        self.account.standing.set("dispenser_until_s", samples.NEW_YEAR_S + 2 * DAY_S)
        self.account.energy.bought = 100 * samples.KWH
        self.assertEqual(self._grade(), LOW)
        self.account.energy.bought = samples.KWH
        self.assertEqual(self._grade(), VERY_LOW)


if __name__ == "__main__":
    unittest.main()
