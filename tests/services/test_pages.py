"""The pages of the display: the numbers on them, against the account that they come from."""

import unittest

from tests import samples
from wattpurse.core.currency import decimal_text
from wattpurse.core.money import contract as contracts
from wattpurse.core.tariffs.calendar import days_from_civil
from wattpurse.services import pages

SUMMER_NOON_S = days_from_civil(2026, 7, 1) * 86_400 + 12 * 3600


def money_account(microunits, **changed):
    account = samples.new_account(samples.flat_tariff(**changed))
    account.money.bought = microunits
    return account


def energy_account(mwh):
    account = samples.new_account(contract=contracts.PrepaidEnergy)
    account.energy.bought = mwh
    return account


def shown_pages(account):
    """Return the pages that the button turns through."""
    shown = [pages.CREDIT]
    while pages.following(shown[-1], account) != pages.CREDIT:
        shown.append(pages.following(shown[-1], account))
    return shown


class TestCredit(unittest.TestCase):
    def _assert_shows(self, account, expected):
        self.assertEqual(pages.text(pages.CREDIT, account), expected)

    def test_money_with_the_decimals_of_the_tariff(self):
        for microunits, decimals, expected in (
            (0, 2, "C  0.00"),
            (12_345_678, 2, "C 12.34"),
            (12_345_678, 3, "C12.345"),
            (12_345_678, 0, "C   12"),
            (50_000, 2, "C  0.05"),
        ):
            self._assert_shows(money_account(microunits, decimals=decimals), expected)

    def test_decimals_go_before_the_letter_and_the_letter_before_the_number(self):
        for units, expected in (
            (999, "C999.00"),
            (1_234, "C1234.0"),
            (12_345, "C12345"),
            (123_456, "123456"),
            (1_234_567, "------"),
            (-123, "C-123.0"),
            (-1_234, "C-1234"),
            (-12_345, "-12345"),
            (-123_456, "------"),
        ):
            self._assert_shows(money_account(units * 1_000_000), expected)

    def test_what_is_owed_is_rounded_up_and_what_is_left_down(self):
        self._assert_shows(money_account(9_999), "C  0.00")
        self._assert_shows(money_account(-1), "C -0.01")
        self._assert_shows(money_account(-12_345_678), "C-12.35")
        self._assert_shows(money_account(-123_450_001), "C-123.5")

    def test_never_shows_more_than_there_is_nor_a_whole_step_less(self):
        state = 7
        for _ in range(2_000):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            microunits = state * 53 % 120_000_000_000 - 10_000_000_000
            text = pages.text(pages.CREDIT, money_account(microunits))
            digits = text[1:].strip() if text[0] == "C" else text
            decimals = len(digits) - digits.index(".") - 1 if "." in digits else 0
            step = 10 ** (6 - decimals)
            missing = microunits - int(digits.replace(".", "")) * step
            self.assertTrue(0 <= missing < step, text)
            self.assertEqual(len(text) - text.count("."), 6)

    def test_energy_with_two_decimals(self):
        for mwh, expected in (
            (0, "C  0.00"),
            (12_349_999, "C 12.34"),
            (4_321_987_654, "C4321.9"),
            (-1, "C -0.01"),
        ):
            self._assert_shows(energy_account(mwh), expected)


class TestRate(unittest.TestCase):
    def test_price_in_three_positions_where_they_say_all_of_it(self):
        for price, decimals, expected in (
            (250_000, 2, "r1 0.25"),
            (12_500_000, 2, "r1 12.5"),
            (5_000_000, 2, "r1 5.00"),
            (300_000_000, 2, "r1 300"),
            (45_000_000, 0, "r1  45"),
            (0, 2, "r1 0.00"),
        ):
            self.assertEqual(pages.price_text(0, price, decimals), expected)

    def test_price_in_four_positions_to_the_nearest(self):
        for price, decimals, expected in (
            (218_509, 2, "r8.0.219"),
            (218_499, 2, "r8.0.218"),
            (250_000, 0, "r8.0.250"),
            (9_999_600, 2, "r8.10.00"),
            (1_444_700_000, 2, "r8.1445"),
            (9_999_499_999, 2, "r8.9999"),
            (9_999_500_000, 2, "r8.----"),
        ):
            self.assertEqual(pages.price_text(7, price, decimals), expected)

    def test_the_price_is_that_of_the_block_the_month_has_reached(self):
        account = samples.new_account(samples.flat_tariff(rates=(("ALL", (100_000, 500_000), (samples.KWH,)),)))
        before = pages.value(pages.RATE, account)
        self.assertEqual(pages.text(pages.RATE, account), "r1 0.10")
        account.consume(samples.KWH)
        self.assertEqual(pages.text(pages.RATE, account), "r1 0.50")
        self.assertNotEqual(pages.value(pages.RATE, account), before)

    def test_two_rates_of_one_price_are_two_values(self):
        rates = (("NIGHT", (300_000,), ()), ("DAY", (300_000,), ()))
        account = samples.new_account(samples.day_and_night_tariff(rates=rates, allowance_mwh=0))
        night = pages.value(pages.RATE, account)
        self.assertEqual(pages.text(pages.RATE, account), "r1 0.30")
        account.time_s = SUMMER_NOON_S
        account.enter_context()
        self.assertEqual(pages.text(pages.RATE, account), "r2 0.30")
        self.assertNotEqual(pages.value(pages.RATE, account), night)

    def test_where_energy_is_the_credit_there_is_no_price(self):
        self.assertEqual(pages.text(pages.RATE, energy_account(1)), "r1    ")


class TestEnergy(unittest.TestCase):
    def test_total_and_month(self):
        account = samples.new_account()
        account.consume(1_234_567_890)
        january = pages.value(pages.MONTH_ENERGY, account)
        account.enter_day(days_from_civil(2026, 2, 1))
        self.assertNotEqual(pages.value(pages.MONTH_ENERGY, account), january)
        account.consume(7_659_999)
        self.assertEqual(pages.text(pages.TOTAL_ENERGY, account), "t1242.2")
        self.assertEqual(pages.text(pages.MONTH_ENERGY, account), "u  7.65")

    def test_a_total_of_decades_keeps_its_digits(self):
        account = samples.new_account()
        account.registers.rate_mwh[3] = 654_321_987_654
        self.assertEqual(pages.text(pages.TOTAL_ENERGY, account), "654321")


class TestTime(unittest.TestCase):
    def test_time_is_what_the_wall_shows(self):
        account = samples.new_account(samples.day_and_night_tariff())
        self.assertEqual(pages.text(pages.CLOCK, account), "h 01.00")
        account.time_s = SUMMER_NOON_S + 5 * 60 + 59
        self.assertEqual(pages.text(pages.CLOCK, account), "h 14.05")


class TestValue(unittest.TestCase):
    def test_a_value_changes_exactly_when_the_widest_text_does(self):
        for contract in contracts.CONTRACTS:
            account = samples.new_account(contract=contract)
            account.money.bought, account.energy.bought = 3_000_000, 4_000_000
            account.terms.set("daily_limit_mwh", 500_000)
            for name in ("term_until_s", "dispenser_until_s", "permit_until_s"):
                account.standing.set(name, samples.NEW_YEAR_S + 86_400 + 900)
            account.standing.set("debt_microunits", 7_000_000)
            account.registers.rate_mwh[0] = account.registers.month.rate_mwh[0] = 5 * samples.KWH
            self._check_pages_of(account)

    def _check_pages_of(self, account):
        for _ in range(300):
            shown = shown_pages(account)
            before = {page: (pages.value(page, account), pages.text(page, account)) for page in shown}
            account.consume(3_333)
            account.time_s += 7
            for page, (value, text) in before.items():
                self.assertEqual(pages.value(page, account) == value, pages.text(page, account) == text, text)

    def test_pages_without_anything_to_say_are_passed_over(self):
        account = money_account(1)
        self.assertEqual(shown_pages(account), [0, 1, 2, 3, 4])
        account.standing.set("debt_microunits", 12_340_000)
        self.assertEqual(shown_pages(account), [0, 1, 2, 3, 4, pages.DEBT])
        self.assertEqual(pages.text(pages.DEBT, account), "o 12.34")
        account.contract = contracts.Dispenser
        account.terms.set("daily_limit_mwh", 5 * samples.KWH)
        account.standing.set("dispenser_until_s", account.time_s + 3 * 86_400 - 1)
        account.consume(2 * samples.KWH)
        self.assertEqual(shown_pages(account)[5:], [pages.UNTIL, pages.LEFT_TODAY, pages.DEBT])
        self.assertEqual(pages.text(pages.UNTIL, account), "d    2")
        self.assertEqual(pages.text(pages.LEFT_TODAY, account), "n  3.00")

    def test_days_left_where_they_are_known(self):
        account = money_account(1)
        self.assertEqual(pages.following(pages.DEBT, account), pages.CREDIT)
        self.assertEqual(pages.following(pages.CLOCK, account, 14), pages.DAYS_LEFT)
        for days, expected in ((0, "L    0"), (14, "L   14"), (9999, "L 9999")):
            self.assertEqual(pages.text(pages.DAYS_LEFT, account, days), expected)
            self.assertEqual(pages.value(pages.DAYS_LEFT, account, days), days)

    def test_emergency_credit_that_is_offered(self):
        for limit, decimals, expected in (
            (5_000_000, 2, "EC 5.00"),
            (50_000_000, 2, "EC50.00"),
            (500_000_000, 2, "EC500.0"),
            (20_000_000_000, 0, "E20000"),
            (200_000_000_000, 0, "200000"),
        ):
            account = money_account(0, decimals=decimals)
            account.terms.set("emergency_microunits", limit)
            self.assertEqual(pages.emergency_text(account), expected)
        account.contract = contracts.PrepaidEnergy
        account.terms.set("emergency_mwh", 3 * samples.KWH)
        self.assertEqual(pages.emergency_text(account), "EC 3.00")

    def test_emergency_credit_on_offer_is_less_by_the_energy_used_without_credit(self):
        account = money_account(0)
        account.terms.set("emergency_microunits", 5_000_000)
        account.money.spend(4_200_000)
        self.assertEqual(pages.emergency_text(account), "EC 0.80")
        account.contract = contracts.PrepaidEnergy
        account.terms.set("emergency_mwh", 3 * samples.KWH)
        account.energy.spend(samples.KWH)
        self.assertEqual(pages.emergency_text(account), "EC 2.00")

    def test_the_price_is_what_is_paid_tax_included(self):
        account = money_account(0)
        account.terms.set("tax_permyriad", 1_900)
        self.assertEqual(pages.text(pages.RATE, account), "r1.0.298")

    def test_the_last_day_of_a_term_is_told_in_hours_and_minutes(self):
        account = samples.new_account(contract=contracts.Term)
        for left_s, expected in ((0, "d 00.00"), (59, "d 00.00"), (5 * 3600 + 90, "d 05.01"), (86_400, "d    1")):
            account.standing.set("term_until_s", account.time_s + left_s)
            self.assertEqual(pages.text(pages.CREDIT, account), expected)

    def test_text_and_value_are_of_the_same_balance(self):
        account = money_account(-12_345_678)
        self.assertEqual(pages.value(pages.CREDIT, account), -1_235)
        self.assertEqual(pages.text(pages.CREDIT, account)[1:], decimal_text(-12_345_678, 2))


if __name__ == "__main__":
    unittest.main()
