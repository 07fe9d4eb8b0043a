"""Twenty digits at a whole meter: credit once, the term that bounds it, wrong digits and their delay."""

import unittest

from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests.proof.small_meter import seal
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, Bench
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import short_token, token
from wattpurse.core.money.token_windows import number_of
from wattpurse.core.records import events
from wattpurse.core.seals import keys

EURO = 1_000_000
DAY_S = 86_400
KWH = 1_000_000
LONGEST_DELAY_S = 3_600


def digits_of(count, kind=token.CREDIT_MONEY, amount=5 * EURO, issuer=0, tenant=0, meter_key=METER_KEY):
    pair = keys.short_token_keys(aes, keys.issuer_key(aes, meter_key, issuer))
    return short_token.seal_digits(aes, pair, METER_NUMBER, number_of(issuer, count), kind, amount, tenant)


def full(count, kind=token.CREDIT_MONEY, *fields, key=METER_KEY):
    return seal(count, kind, *(fields or (5 * EURO,)), number=METER_NUMBER, key=key)


def guess(number):
    """Return digits without a typing error that no issuer has sealed."""
    digits = f"{number * 7_919 + 1:019d}"
    return digits + short_token.check_digit(digits)


class DigitsCase(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()
        self.limit(20 * EURO, 50 * KWH, 31)

    def limit(self, microunits, mwh, days):
        def alter(account):
            account.terms.set("short_token_limit_microunits", microunits)
            account.terms.set("short_token_limit_mwh", mwh)
            account.terms.set("short_token_limit_days", days)

        self.change(alter)

    def change(self, alter):
        self.bench.meter.ledger.change(alter)

    def enter(self, digits, by=carrier.KEYPAD):
        return self.bench.clock.run(self.bench.meter.digit_entry.enter(digits, by))

    def wait(self, seconds):
        self.bench.clock.advance_us(seconds * 1_000_000)

    @property
    def account(self):
        return self.bench.meter.ledger.account

    @property
    def wait_s(self):
        return self.bench.meter.digit_entry.wait_s()

    def wrong_digits(self):
        return [event for event in self.bench.meter.events.recent(99) if event.code == events.DIGITS_REFUSED]


class TestCredit(DigitsCase):
    def test_money_energy_and_days_are_credited_once(self):
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)
        self.assertEqual(self.enter(digits_of(2, token.CREDIT_ENERGY, 12_340_000)), outcome.ACCEPTED)
        self.assertEqual(self.enter(digits_of(3, token.DAYS, 30 * DAY_S)), outcome.ACCEPTED)
        self.assertEqual(self.account.money.bought, 5 * EURO)
        self.assertEqual(self.account.energy.bought, 12_340_000)
        self.assertEqual(self.account.standing["term_bought_s"], 30 * DAY_S)
        self.assertEqual(self.enter(digits_of(1)), outcome.USED)
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_the_event_and_the_top_up_name_the_keypad(self):
        self.enter(digits_of(1))
        self.assertIn("keypad", self.bench.say("topups"))
        self.assertEqual(self.bench.meter.events.recent(1)[0].by, carrier.KEYPAD)

    def test_the_same_number_by_card_after_the_keypad_is_used(self):
        self.assertEqual(self.enter(digits_of(4)), outcome.ACCEPTED)
        self.assertEqual(self.bench.meter.teller.redeem(full(4), carrier.CARD), outcome.USED)
        self.assertEqual(self.bench.meter.teller.redeem(full(5), carrier.CARD), outcome.ACCEPTED)
        self.assertEqual(self.enter(digits_of(5)), outcome.USED)
        self.assertEqual(self.account.money.bought, 10 * EURO)

    def test_the_digits_of_a_vending_point_count_in_its_own_window(self):
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)
        self.assertEqual(self.enter(digits_of(1, issuer=3)), outcome.ACCEPTED)
        self.change(lambda account: account.tokens.revoke(3))
        self.assertEqual(self.enter(digits_of(2, issuer=3)), outcome.NOT_ENTITLED)

    def test_the_digits_of_another_tenant_credit_nothing(self):
        self.change(lambda account: account.standing.set("tenant", 7))
        self.assertEqual(self.enter(digits_of(1, tenant=6)), outcome.UNREADABLE)
        self.wait(1)
        self.assertEqual(self.enter(digits_of(1, tenant=7)), outcome.ACCEPTED)

    def test_digits_under_the_next_key_bring_it_into_force(self):
        next_key = bytes(range(50, 66))
        self.bench.meter.teller.redeem(full(1, token.METER_KEY, 2, next_key), carrier.CARD)
        self.assertEqual(self.enter(digits_of(2)), outcome.ACCEPTED)
        self.assertEqual(self.enter(digits_of(3, meter_key=next_key)), outcome.ACCEPTED)
        self.assertEqual(self.bench.meter.settings.get("key_version"), 2)
        self.assertEqual(self.enter(digits_of(4)), outcome.UNREADABLE)

    def test_a_credit_over_the_limit_of_the_account_waits_unused(self):
        self.change(lambda account: account.terms.set("credit_limit_microunits", 4 * EURO))
        self.assertEqual(self.enter(digits_of(1)), outcome.OVER_LIMIT)
        self.change(lambda account: account.terms.set("credit_limit_microunits", 40 * EURO))
        self.wait(1)
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)


class TestTerm(DigitsCase):
    def test_without_the_term_no_digits_are_taken(self):
        self.limit(0, 0, 0)
        for count, (kind, amount) in enumerate(
            ((token.CREDIT_MONEY, 10_000), (token.CREDIT_ENERGY, 10_000), (token.DAYS, DAY_S))
        ):
            self.wait(10)
            self.assertEqual(self.enter(digits_of(count + 1, kind, amount)), outcome.OVER_SHORT_LIMIT)
        self.assertEqual((self.account.money.bought, self.account.energy.bought), (0, 0))

    def test_the_term_is_the_most_that_one_token_credits(self):
        for kind, most, more in (
            (token.CREDIT_MONEY, 20 * EURO, 20_010_000),
            (token.CREDIT_ENERGY, 50 * KWH, 50_010_000),
            (token.DAYS, 31 * DAY_S, 32 * DAY_S),
        ):
            self.wait(10)
            self.assertEqual(self.enter(digits_of(10 * kind + 1, kind, more)), outcome.OVER_SHORT_LIMIT)
            self.wait(10)
            self.assertEqual(self.enter(digits_of(10 * kind + 2, kind, most)), outcome.ACCEPTED)

    def test_a_token_beyond_the_term_stays_valid_on_a_card(self):
        self.assertEqual(self.enter(digits_of(1, amount=21 * EURO)), outcome.OVER_SHORT_LIMIT)
        self.assertEqual(
            self.bench.meter.teller.redeem(full(1, token.CREDIT_MONEY, 21 * EURO), carrier.CARD), outcome.ACCEPTED
        )


class TestWrongDigits(DigitsCase):
    def test_a_typing_error_is_told_and_costs_nothing(self):
        programs = self.bench.hardware.flash.programs
        digits = digits_of(1)
        for wrong in (digits[:-1], digits[:5] + str((int(digits[5]) + 1) % 10) + digits[6:], "", "12"):
            self.assertEqual(self.enter(wrong), outcome.MISTYPED)
        self.assertEqual(self.bench.hardware.flash.programs, programs)
        self.assertEqual(self.wait_s, 0)
        self.assertEqual(self.enter(digits), outcome.ACCEPTED)

    def test_the_delay_doubles_up_to_an_hour(self):
        for attempt in range(15):
            self.assertEqual(self.enter(guess(attempt)), outcome.UNREADABLE)
            delay_s = min(LONGEST_DELAY_S, 1 << attempt)
            self.assertEqual(self.wait_s, delay_s)
            self.assertEqual(self.enter(digits_of(1)), outcome.TOO_SOON)
            self.wait(delay_s - 1)
            self.assertEqual(self.enter(digits_of(1)), outcome.TOO_SOON)
            self.wait(1)
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)
        self.assertEqual(self.wait_s, 0)
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_the_delay_outlasts_a_restart(self):
        for attempt in range(6):
            self.wait(self.wait_s)
            self.enter(guess(attempt))
        self.bench.restart()
        self.assertTrue(30 <= self.wait_s <= 32, self.wait_s)
        self.assertEqual(self.enter(digits_of(1)), outcome.TOO_SOON)
        self.wait(32)
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)

    def test_cutting_the_power_buys_no_further_guess(self):
        for operations in range(1, 12):
            self.wait(self.wait_s)
            before = self.bench.meter.settings.get("wrong_digits", 0)
            is_opened = self.guess_with_a_cut(operations)
            after = self.bench.meter.settings.get("wrong_digits", 0)
            self.assertTrue(after > before or not is_opened, (operations, before, after))

    def guess_with_a_cut(self, operations):
        """Type digits, and cut the power after so many operations of the flash. Return True if they were opened."""
        opened, teller, faults = [], self.bench.meter.teller, self.bench.hardware.flash.faults
        redeem = teller.redeem_digits
        teller.redeem_digits = lambda digits, by: opened.append(digits) or redeem(digits, by)
        faults.plan_cut(operations, 500, "page")
        try:
            self.enter(guess(operations))
        except PowerCut:
            pass
        faults.operations_to_cut = None
        self.bench.restart()
        return bool(opened)

    def test_an_entry_within_the_delay_wears_no_flash(self):
        self.enter(guess(1))
        self.wait(1)
        self.enter(guess(2))
        programs = self.bench.hardware.flash.programs
        for attempt in range(50):
            self.assertEqual(self.enter(guess(attempt)), outcome.TOO_SOON)
        self.assertEqual(self.bench.hardware.flash.programs, programs)

    def test_a_receipt_that_was_used_buys_no_further_guess(self):
        self.assertEqual(self.enter(digits_of(1)), outcome.ACCEPTED)
        for attempt in range(4):
            self.assertEqual(self.enter(digits_of(1)), outcome.USED)
            self.assertEqual(self.wait_s, 1 << attempt)
            self.wait(self.wait_s)

    def test_cards_are_served_within_the_delay(self):
        for attempt in range(14):
            self.wait(self.wait_s)
            self.enter(guess(attempt))
        self.assertEqual(self.bench.meter.teller.redeem(full(1), carrier.CARD), outcome.ACCEPTED)

    def test_a_flood_of_wrong_digits_leaves_one_event_an_hour(self):
        for attempt in range(11):
            self.wait(self.wait_s)
            self.enter(guess(attempt))
        self.assertEqual(len(self.wrong_digits()), 1)
        self.assertIn("wrong digits", self.bench.say("events"))

    def test_a_meter_without_a_ledger_takes_no_digits(self):
        blank = Bench()
        entry = blank.meter.digit_entry
        self.assertEqual(blank.clock.run(entry.enter(digits_of(1), carrier.KEYPAD)), outcome.LEDGER_FAILED)


class TestConsole(DigitsCase):
    def test_the_console_takes_the_digits_in_groups(self):
        self.assertTrue(self.bench.say("token " + short_token.grouped(digits_of(1))).startswith("accepted"))
        self.assertTrue(self.bench.say("token " + digits_of(2)).startswith("accepted"))
        self.assertEqual(self.account.money.bought, 10 * EURO)

    def test_the_console_shares_the_delay_of_the_keypad(self):
        self.wait(1)
        for attempt in range(4):
            self.wait(self.wait_s)
            self.enter(guess(attempt))
        self.assertIn("wait 8 s", self.bench.say("token " + digits_of(1)))

    def test_the_console_says_what_is_wrong_with_the_digits(self):
        digits = digits_of(1)
        self.assertIn("all 20 digits", self.bench.say("token 1234 5678"))
        self.assertIn("mistyped", self.bench.say("token " + digits[:-1] + str((int(digits[-1]) + 1) % 10)))
        self.assertIn("cannot be read", self.bench.say("token " + guess(5)))
        self.assertIn("hex", self.bench.say("token xyz"))
