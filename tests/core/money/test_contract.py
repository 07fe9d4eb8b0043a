"""Contracts of time, of daily maxima and of accounts settled later: exact to the second and the mWh, across days."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply, warning
from wattpurse.core.money.account import Account
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.tariffs.calendar import days_from_civil

SECTORS = 5
HOUR_S = 3_600
DAY_S = 86_400
UNTIL_S = samples.NEW_YEAR_S + 3 * DAY_S
PULSES_PER_KWH = 3_200


def at(now_s):
    return Circumstances(now_s)


def dispenser(tariff_data, begin_s):
    """Return a meter that begins at `begin_s` with plenty of energy."""
    account = Account(tariff_data, PULSES_PER_KWH, 1, contracts.Dispenser, begin_s)
    account.energy.bought = 1_000 * samples.KWH
    return account


def utc(year, month, day, hour=0):
    return days_from_civil(year, month, day) * DAY_S + hour * HOUR_S


class TestTerm(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account(samples.day_and_night_tariff(), contracts.Term)
        self.account.standing.set("term_until_s", UNTIL_S)

    def test_it_ends_to_the_second(self):
        for now_s, reason in ((0, supply.ON), (UNTIL_S - 1, supply.ON), (UNTIL_S, supply.EXPIRED)):
            self.assertEqual(supply.decide(self.account, supply.ON, at(now_s)), reason)
        self.assertEqual(self.account.contract.until_s(self.account), UNTIL_S)

    def test_without_days_there_is_no_supply(self):
        account = samples.new_account(contract=contracts.Term)
        self.assertEqual(supply.decide(account, supply.ON, at(samples.NEW_YEAR_S)), supply.EXPIRED)

    def test_energy_and_days_cost_nothing_and_are_registered_per_rate(self):
        self.account.money.bought, self.account.energy.bought = 7, 9
        self.account.consume(2 * samples.KWH)
        self.account.rate = 1
        self.account.consume(5 * samples.KWH)
        self.account.enter_day(self.account.day + 40)
        self.assertEqual((self.account.money.balance, self.account.energy.balance), (7, 9))
        self.assertEqual(self.account.registers.rate_mwh[:2], [2 * samples.KWH, 5 * samples.KWH])
        self.assertEqual(self.account.registers.month.charge_microunits, 0)
        self.assertEqual(self.account.credit_balance(), 0)

    def test_other_terms_and_credit_registers_do_not_keep_supply_on(self):
        self.account.money.bought = self.account.energy.bought = 10**12
        for name in ("dispenser_until_s", "permit_until_s"):
            self.account.standing.set(name, UNTIL_S + DAY_S)
        self.assertEqual(supply.decide(self.account, supply.ON, at(UNTIL_S)), supply.EXPIRED)

    def test_the_warning_comes_some_days_before_and_turns_graver_on_the_last(self):
        for days, expected in (
            (3, ((3 * DAY_S + 1, warning.NONE), (3 * DAY_S, warning.LOW), (DAY_S + 1, warning.LOW))),
            (1, ((DAY_S + 1, warning.NONE), (DAY_S, warning.VERY_LOW), (1, warning.VERY_LOW))),
            (0, ((1, warning.NONE), (0, warning.VERY_LOW))),
        ):
            self.account.terms.set("expiry_warning_days", days)
            for left_s, grade in expected:
                self.assertEqual(warning.grade(self.account, at(UNTIL_S - left_s)), grade, (days, left_s))

    def test_an_empty_credit_register_is_no_reason_to_warn(self):
        self.assertEqual(warning.grade(self.account, at(UNTIL_S - 4 * DAY_S)), warning.NONE)


class TestDispenser(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account(samples.flat_tariff(standing_charge_microunits=5), contracts.Dispenser)
        self.account.energy.bought = 12 * samples.KWH
        self.account.standing.set("dispenser_until_s", UNTIL_S)
        self.account.terms.set("daily_limit_mwh", 5 * samples.KWH)

    def _reason(self, now_s=samples.NEW_YEAR_S):
        return supply.decide(self.account, supply.ON, at(now_s))

    def test_the_day_ends_with_its_last_mwh(self):
        self.account.consume(5 * samples.KWH - 1)
        self.assertEqual(self._reason(), supply.ON)
        self.account.consume(1)
        self.assertEqual(self._reason(), supply.DAILY_LIMIT)
        self.account.enter_day(self.account.day + 1)
        self.assertEqual((self._reason(), self.account.day_mwh), (supply.ON, 0))

    def test_it_ends_with_its_last_mwh_and_to_the_second(self):
        self.assertEqual(self._reason(UNTIL_S - 1), supply.ON)
        self.assertEqual(self._reason(UNTIL_S), supply.EXPIRED)
        self.account.terms.set("daily_limit_mwh", 0)
        self.account.consume(12 * samples.KWH - 1)
        self.assertEqual(self._reason(), supply.ON)
        self.account.consume(1)
        self.assertEqual(self._reason(), supply.NO_CREDIT)

    def test_kwh_are_taken_and_money_is_not(self):
        self.account.consume(3 * samples.KWH)
        self.account.enter_day(self.account.day + 2)
        self.assertEqual(self.account.energy.balance, 9 * samples.KWH)
        self.assertEqual(self.account.money.charged, 0)

    def test_credit_left_at_expiry_is_there_for_the_next_contract(self):
        self.account.consume(2 * samples.KWH)
        self.assertEqual(self._reason(UNTIL_S), supply.EXPIRED)
        self.account.contract = contracts.PrepaidEnergy
        self.assertEqual(self._reason(UNTIL_S), supply.ON)
        self.assertEqual(self.account.energy.balance, 10 * samples.KWH)

    def test_it_lends_nothing(self):
        self.account.terms.set("emergency_mwh", 10 * samples.KWH)
        self.account.standing.set("emergency_energy", 1)
        self.account.terms.set("daily_limit_mwh", 0)
        self.account.consume(12 * samples.KWH)
        self.assertEqual(self._reason(), supply.NO_CREDIT)

    def test_friendly_hours_put_off_its_end_but_not_the_daily_maximum(self):
        self.account.terms.set("friendly_to_minute", 1440)
        self.account.consume(5 * samples.KWH)
        self.assertEqual(self._reason(), supply.DAILY_LIMIT)
        self.account.enter_day(self.account.day + 1)
        self.assertEqual(self._reason(UNTIL_S), supply.ON)


class TestDays(unittest.TestCase):
    """A dispenser's day is the local day, and begins once."""

    def setUp(self):
        self.flash = FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(1))

    def _ledger(self, begin_s):
        tariff_data = samples.day_and_night_tariff(standing_charge_microunits=0)
        ledger = Ledger(self.flash, 0, SECTORS)
        ledger.create(dispenser(tariff_data, begin_s))
        ledger.set_number(STANDING, "dispenser_until_s", begin_s + 400 * DAY_S, begin_s)
        ledger.set_number(TERMS, "daily_limit_mwh", 5 * samples.KWH, begin_s)
        return ledger

    def _reason(self, ledger, now_s):
        ledger.advance(now_s, 0)
        return supply.decide(ledger.account, supply.ON, at(now_s))

    def test_supply_returns_when_the_local_day_begins_under_any_daylight_rule(self):
        # Noon in UTC, and the two local midnights that follow: UTC+1 in winter, UTC+2 in summer.
        for noon_s, first_s, second_s in (
            (utc(2026, 1, 10, 12), utc(2026, 1, 10, 23), utc(2026, 1, 11, 23)),
            (utc(2026, 3, 28, 12), utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),
            (utc(2026, 10, 24, 12), utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),
        ):
            self.setUp()
            ledger = self._ledger(noon_s)
            for begin_s, midnight_s in ((noon_s, first_s), (first_s, second_s)):
                ledger.advance(begin_s + 60, 5 * PULSES_PER_KWH)
                self.assertEqual(self._reason(ledger, begin_s + 61), supply.DAILY_LIMIT)
                self.assertEqual(self._reason(ledger, midnight_s - 1), supply.DAILY_LIMIT)
                self.assertEqual(self._reason(ledger, midnight_s), supply.ON)
                self.assertEqual(ledger.account.day_mwh, 0)

    def test_energy_around_midnight_belongs_to_the_day_it_flowed_in(self):
        midnight_s = utc(2026, 1, 10, 23)
        ledger = self._ledger(midnight_s - 60)
        ledger.advance(midnight_s + 60, 2 * PULSES_PER_KWH)
        self.assertEqual(ledger.account.day_mwh, samples.KWH)

    def test_a_clock_set_back_gives_no_second_share(self):
        noon_s = utc(2026, 1, 10, 12)
        ledger = self._ledger(noon_s)
        ledger.advance(noon_s + 60, 5 * PULSES_PER_KWH)
        for back_s in (30, 12 * HOUR_S, 20 * HOUR_S):
            ledger.set_clock(ledger.account.time_s, noon_s + 60 - back_s)
            self.assertEqual(ledger.account.day_mwh, 5 * samples.KWH)
            self.assertEqual(
                supply.decide(ledger.account, supply.ON, at(noon_s + 60 - back_s)), supply.DAILY_LIMIT, back_s
            )

    def test_a_clock_that_goes_back_by_itself_gives_none_either(self):
        midnight_s = utc(2026, 1, 10, 23)
        ledger = self._ledger(midnight_s + 60)
        ledger.advance(midnight_s + 120, 5 * PULSES_PER_KWH)
        ledger.advance(midnight_s - 60, 0)
        self.assertEqual(self._reason(ledger, midnight_s + 180), supply.DAILY_LIMIT)

    def test_the_share_outlives_a_power_cut(self):
        noon_s = utc(2026, 1, 10, 12)
        self._ledger(noon_s).advance(noon_s + 60, 4 * PULSES_PER_KWH)
        ledger = Ledger(self.flash, 0, SECTORS)
        ledger.open()
        self.assertEqual(ledger.account.day_mwh, 4 * samples.KWH)
        ledger.advance(noon_s + 120, PULSES_PER_KWH)
        self.assertEqual(self._reason(ledger, noon_s + 121), supply.DAILY_LIMIT)


class TestManaged(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account(contract=contracts.Managed)
        self.account.standing.set("permit_until_s", UNTIL_S)

    def _reason(self, now_s):
        return supply.decide(self.account, supply.ON, at(now_s))

    def test_the_permit_ends_to_the_second(self):
        self.assertEqual(self._reason(UNTIL_S - 1), supply.ON)
        self.assertEqual(self._reason(UNTIL_S), supply.EXPIRED)

    def test_an_order_to_open_is_obeyed_and_one_to_close_gives_no_permit(self):
        self.account.standing.set("ordered_open", 1)
        self.assertEqual(self._reason(UNTIL_S - 1), supply.ORDERED_OFF)
        self.account.standing.set("ordered_open", 0)
        self.assertEqual(self._reason(UNTIL_S - 1), supply.ON)
        self.assertEqual(self._reason(UNTIL_S), supply.EXPIRED)

    def test_the_meter_keeps_no_account(self):
        self.account.consume(3 * samples.KWH)
        self.account.enter_day(self.account.day + 2)
        self.assertEqual((self.account.money.charged, self.account.energy.charged), (0, 0))
        self.assertEqual(self.account.registers.total_mwh, 3 * samples.KWH)


class TestSettledAccount(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account(
            samples.flat_tariff(standing_charge_microunits=1_000), contracts.SettledAccount
        )

    def test_supply_never_ends_for_money(self):
        self.account.money.bought = -(10**12)
        self.assertEqual(supply.decide(self.account, supply.ON, at(samples.NEW_YEAR_S)), supply.ON)

    def test_a_deposit_is_used_first_and_further_use_is_owed(self):
        self.account.money.bought = 1_000_000
        self.account.consume(8 * samples.KWH)
        self.account.enter_day(self.account.day + 1)
        self.assertEqual(self.account.money.balance, 1_000_000 - 8 * 250_000 - 1_000)
        self.assertEqual(self.account.registers.month.charge_microunits, 8 * 250_000 + 1_000)

    def test_there_is_no_warning_without_a_limit(self):
        self.account.money.bought = -(10**9)
        self.assertEqual(warning.grade(self.account, at(samples.NEW_YEAR_S)), warning.NONE)

    def test_a_limit_warns_and_ends_nothing(self):
        self.account.terms.set("account_limit_microunits", 50_000_000)
        for balance, grade in (
            (-47_999_999, warning.NONE),
            (-48_000_000, warning.LOW),
            (-49_500_000, warning.VERY_LOW),
            (-60_000_000, warning.VERY_LOW),
        ):
            self.account.money.bought = balance
            self.assertEqual(warning.grade(self.account, at(samples.NEW_YEAR_S)), grade)
            self.assertEqual(supply.decide(self.account, supply.ON, at(samples.NEW_YEAR_S)), supply.ON)


if __name__ == "__main__":
    unittest.main()
