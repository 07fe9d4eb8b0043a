"""Supply without credit: the cut-off, latches, friendly hours, emergency credit, shortages."""

import unittest

from tests import samples
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import credit_rules, supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED

DAY_S = 86_400
HOUR_S = 3_600
MIDNIGHT_S = samples.NEW_YEAR_S + 4 * DAY_S  # midnight at the start of a Monday
EIGHT = 8 * 60
TEN_IN_THE_EVENING = 22 * 60


class SupplyTest(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()
        self.account.money.bought = 1_000
        self.circumstances = Circumstances(MIDNIGHT_S + 12 * HOUR_S)
        self.latched = []

    def _terms(self, **values):
        for name in values:
            self.account.terms.set(name, values[name])

    def _friendly_nights(self):
        self._terms(friendly_from_minute=TEN_IN_THE_EVENING, friendly_to_minute=EIGHT)

    def _at(self, day, hour):
        self.circumstances.now_s = MIDNIGHT_S + day * DAY_S + hour * HOUR_S

    def _judge(self):
        """Latch, then decide, as the supply desk does. A second call must change nothing."""
        for name, value in supply.latches(self.account, self.circumstances):
            self.latched.append((name, value))
            self.account.standing.set(name, value)
        self.assertEqual(list(supply.latches(self.account, self.circumstances)), [])
        return supply.decide(self.account, supply.ON, self.circumstances)

    def _judge_through(self, first, last, step_minutes=10):
        """Return the reasons from hour to hour, without repetitions.

        Hours are counted from midnight of the first Monday.
        """
        reasons = []
        for minute in range(first * 60, last * 60, step_minutes):
            self.circumstances.now_s = MIDNIGHT_S + minute * 60
            reason = self._judge()
            if not reasons or reasons[-1][1] != reason:
                reasons.append((minute / 60, reason))
        return reasons

    def _spend_all(self):
        self.account.money.charged = self.account.money.bought + 500


class TestCutOff(SupplyTest):
    def test_latched_once_and_unlatched_once(self):
        self.assertEqual(self._judge(), supply.ON)
        self._spend_all()
        for _ in range(5):
            self.assertEqual(self._judge(), supply.NO_CREDIT)
        self.account.money.bought += 2_000
        for _ in range(5):
            self.assertEqual(self._judge(), supply.ON)
        self.assertEqual(self.latched, [("cut_off", 1), ("cut_off", 0)])

    def test_confirmation_is_asked_after_a_top_up_and_a_power_cut_between_the_latches_forgets_neither(self):
        self._terms(confirm_closing=1)
        self._spend_all()
        self._judge()
        self.account.money.bought += 2_000
        changes = list(supply.latches(self.account, self.circumstances))
        self.assertEqual(changes, [("unconfirmed", 1), ("cut_off", 0)])
        self.account.standing.set(*changes[0])
        self.assertEqual(self._judge(), supply.UNCONFIRMED)
        self.account.standing.set("unconfirmed", 0)
        self.assertEqual(self._judge(), supply.ON)

    def test_accepted_emergency_credit_needs_no_confirmation(self):
        self._terms(confirm_closing=1, emergency_microunits=5_000)
        self._spend_all()
        self._judge()
        self.account.standing.set("emergency_money", EMERGENCY_ACCEPTED)
        self.assertEqual(self._judge(), supply.ON)

    def test_expiry_is_latched_too_and_the_daily_maximum_is_not(self):
        self.account.contract = contracts.Dispenser
        self.account.energy.bought = samples.KWH
        self.account.standing.set("dispenser_until_s", self.circumstances.now_s + 1)
        self._terms(daily_limit_mwh=5)
        self.account.consume(5)
        self.assertEqual(self._judge(), supply.DAILY_LIMIT)
        self.assertEqual(self.latched, [])
        self.circumstances.now_s += 1
        self.assertEqual(self._judge(), supply.EXPIRED)
        self.assertEqual(self.latched, [("cut_off", 1)])


class TestFriendlyHours(SupplyTest):
    def setUp(self):
        super().setUp()
        self._friendly_nights()

    def test_nobody_is_cut_off_in_the_night_and_at_eight_the_debt_is_due(self):
        self._at(0, 23)
        self._spend_all()
        self.assertEqual(self._judge_through(23, 60), [(23.0, supply.ON), (32.0, supply.NO_CREDIT)])
        friendly = [("friendly_since_s", MIDNIGHT_S + 23 * HOUR_S), ("friendly_until_s", MIDNIGHT_S + 32 * HOUR_S)]
        self.assertEqual(self.latched, friendly + [("cut_off", 1)])

    def test_a_customer_cut_off_before_stays_cut_off(self):
        self._spend_all()
        self.assertEqual(self._judge_through(12, 48), [(12.0, supply.NO_CREDIT)])

    def test_a_top_up_in_the_night_that_pays_it_ends_the_matter(self):
        self._at(0, 23)
        self._spend_all()
        self._judge()
        self.account.money.bought += 2_000
        self.assertEqual(self._judge_through(24, 40), [(24.0, supply.ON)])
        self._spend_all()
        self.assertEqual(self._judge_through(40, 80), [(40.0, supply.NO_CREDIT)])
        names = ["friendly_since_s", "friendly_until_s", "friendly_until_s", "cut_off"]
        self.assertEqual([name for name, _ in self.latched], names)

    def test_a_top_up_that_does_not_pay_it_changes_nothing(self):
        self._at(0, 23)
        self._spend_all()
        self._judge()
        self.account.money.bought += 100
        self.assertEqual(self._judge_through(24, 40), [(24.0, supply.ON), (32.0, supply.NO_CREDIT)])

    def test_each_night_by_itself_if_it_was_paid_in_between(self):
        for night in range(3):
            self._at(night, 23)
            self._spend_all()
            self.assertEqual(self._judge(), supply.ON)
            self._at(night + 1, 7)
            self.assertEqual(self._judge(), supply.ON)
            self.account.money.bought += 2_000
            self._at(night + 1, 12)
            self.assertEqual(self._judge(), supply.ON)

    def test_mains_off_when_the_hours_end_are_no_way_into_the_next_night(self):
        """Open the main fuse shortly before the hours end at eight, and close it in the evening."""
        self._at(0, 23)
        self._spend_all()
        self._judge()
        self._at(1, 7.9)
        self._judge()
        self._at(1, 22.5)
        self.assertEqual(self._judge(), supply.NO_CREDIT)
        self.assertEqual(self.account.standing["cut_off"], 1)

    def test_an_outage_within_the_hours_harms_nobody(self):
        self._at(0, 23)
        self._spend_all()
        self._judge()
        self._at(1, 7)
        self.assertEqual(self._judge(), supply.ON)

    def test_a_day_that_is_charged_while_mains_are_off_finds_the_customer_in_friendly_hours(self):
        self._at(0, 21)
        self._judge()
        self._spend_all()
        self._at(1, 1)
        self.assertEqual(self._judge(), supply.ON)

    def test_hours_that_the_terms_end_early_are_over(self):
        self._at(0, 23)
        self._spend_all()
        self._judge()
        self._terms(friendly_to_minute=TEN_IN_THE_EVENING)
        self.assertEqual(self._judge(), supply.NO_CREDIT)

    def test_not_for_the_daily_maximum(self):
        self.account.contract = contracts.Dispenser
        self.account.energy.bought = samples.KWH
        self.account.standing.set("dispenser_until_s", self.circumstances.now_s + 30 * DAY_S)
        self._terms(daily_limit_mwh=5)
        self.account.consume(5)
        self._at(0, 23)
        self.assertEqual(self._judge(), supply.DAILY_LIMIT)

    def test_not_for_a_key_card_that_is_spent(self):
        """Refuse friendly hours to an empty card: a customer would use energy all night and throw the card away."""
        self.account.contract = contracts.KeyCard
        self.account.standing.set("card_in", 1)
        self.account.cards.price = 250_000
        self.circumstances.card = contracts.USABLE
        self._at(0, 23)
        self.assertEqual(self._judge(), supply.NO_CREDIT)

    def test_a_term_that_ends_in_the_night_ends_in_the_morning(self):
        self.account.contract = contracts.Term
        self.account.standing.set("term_until_s", MIDNIGHT_S + 23 * HOUR_S)
        self.assertEqual(self._judge_through(12, 40), [(12.0, supply.ON), (32.0, supply.EXPIRED)])

    def test_emergency_credit_used_up_in_the_night_lasts_till_the_morning(self):
        self._terms(emergency_microunits=5_000)
        self._at(0, 21)
        self._spend_all()
        self._judge()
        self.account.standing.set("emergency_money", EMERGENCY_ACCEPTED)
        self._at(0, 23)
        self.assertEqual(self._judge(), supply.ON)
        self.account.consume(1_000_000)
        self.assertEqual(self.account.standing["emergency_money"], EMERGENCY_USED)
        self.assertEqual(self._judge_through(24, 40), [(24.0, supply.ON), (32.0, supply.NO_CREDIT)])


class TestStandingChargeWhileOff(SupplyTest):
    def setUp(self):
        super().setUp()
        self.account = samples.new_account(samples.flat_tariff(standing_charge_microunits=1_000))
        self.account.money.bought = 2_500

    def _live_days(self, count):
        for day in range(count):
            self.account.enter_day(self.account.day + 1)
            self._at(day, 12)
            self._judge()

    def test_runs_on_unless_the_terms_say_otherwise(self):
        self._live_days(6)
        self.assertEqual(self.account.money.charged, 6_000)

    def test_rests_while_supply_is_cut_off_and_begins_again_with_it(self):
        self._terms(standing_charge_while_off=0)
        self._live_days(6)
        self.assertEqual(self.account.money.charged, 3_000)
        self.account.money.bought += 10_000
        self._judge()
        self._live_days(2)
        self.assertEqual(self.account.money.charged, 5_000)

    def test_friendly_days_are_not_off(self):
        self._terms(standing_charge_while_off=0, friendly_weekdays=127)
        self._live_days(6)
        self.assertEqual(self.account.money.charged, 6_000)


class TestShortage(SupplyTest):
    def _reason(self, level):
        self.account.standing.set("shortage_level", level)
        self.account.standing.set("shortage_until_s", self.circumstances.now_s + 1)
        return supply.decide(self.account, supply.ON, self.circumstances)

    def test_priority_decides_among_paid_supplies(self):
        for priority in range(10):
            self._terms(shortage_priority=priority)
            kept = [level for level in range(10) if self._reason(level) == supply.ON]
            self.assertEqual(kept, list(range(priority + 1)))

    def test_a_level_lapses_at_its_end_and_one_without_an_end_is_none(self):
        self._terms(shortage_priority=1)
        self.assertEqual(self._reason(9), supply.SHORTAGE)
        self.circumstances.now_s += 1
        self.assertEqual(supply.decide(self.account, supply.ON, self.circumstances), supply.ON)
        self.account.standing.set("shortage_until_s", 0)
        self.assertEqual(supply.decide(self.account, supply.ON, self.circumstances), supply.ON)

    def test_emergency_credit_and_friendly_hours_are_no_payment(self):
        self._terms(shortage_priority=9, emergency_microunits=5_000, friendly_weekdays=127)
        self._spend_all()
        self.assertEqual((self._reason(0), self._reason(1)), (supply.ON, supply.SHORTAGE))
        self._terms(friendly_weekdays=0)
        self.account.standing.set("emergency_money", EMERGENCY_ACCEPTED)
        self.assertEqual((self._reason(0), self._reason(1)), (supply.ON, supply.SHORTAGE))
        credit_rules.take_credit(self.account, contracts.MONEY, 2_000)
        self.assertEqual(self._reason(9), supply.ON)

    def test_debt_of_the_other_credit_register_does_not_matter(self):
        self._terms(shortage_priority=9)
        self.account.standing.set("emergency_energy", EMERGENCY_USED)
        self.assertEqual(self._reason(9), supply.ON)


class TestWhoeverHasCreditIsSupplied(unittest.TestCase):
    def test_reasons_that_do_not_come_from_credit_are_not_latched(self):
        account = samples.new_account()
        account.money.bought = 1
        circumstances = Circumstances(MIDNIGHT_S)
        circumstances.tamper_opens = circumstances.over_power = circumstances.restoring = True
        account.standing.set("ordered_open", 1)
        self.assertEqual(list(supply.latches(account, circumstances)), [])


if __name__ == "__main__":
    unittest.main()
