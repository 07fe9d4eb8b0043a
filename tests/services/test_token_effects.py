"""The effects of tokens of contracts, orders and recovery: renewals, limits, receipts, and the order that holds."""

import unittest

from boards.host.chips.power import PowerCut
from tests import samples
from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import account_image, clock_rules, supply
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import TokenWindows
from wattpurse.core.money.voided_tokens import VoidedTokens
from wattpurse.core.tariffs.calendar import LATEST_S

DAY_S = 86_400
AMOUNT = 3_000_001
TIME_LIMIT_S = LATEST_S


def state_without_tokens(account) -> bytes:
    """Return everything that a token could change, apart from the record of the tokens themselves."""
    copy = account_image.unpack(account_image.pack(account))
    copy.tokens, copy.voided = TokenWindows(), VoidedTokens()
    return account_image.pack(copy)


class TokenTest(unittest.TestCase):
    """A meter on a bench, and its station's tokens in the order in which they are sealed."""

    def setUp(self):
        self.bench = helpers.Bench()
        self.sequence = 0

    @property
    def account(self):
        return self.bench.ledger.account

    def seal(self, kind, *fields):
        self.sequence += 1
        return helpers.seal(self.sequence, kind, *fields, tenant=self.account.standing["tenant"])

    def redeem(self, kind, *fields):
        return self.bench.teller.redeem(self.seal(kind, *fields), carrier.CARD)

    def accept(self, kind, *fields):
        self.assertEqual(self.redeem(kind, *fields), outcome.ACCEPTED, kind)

    def wait(self, seconds):
        self.bench.clock.advance_us(seconds * 1_000_000)
        self.bench.metering.step()

    def now_s(self):
        return self.bench.timekeeper.now_s()

    def assert_refused(self, results, kind, *fields):
        before = account_image.pack(self.account)
        sealed = self.seal(kind, *fields)
        for _ in range(2):
            self.assertIn(self.bench.teller.redeem(sealed, carrier.CARD), results, (kind, fields))
        self.assertEqual(account_image.pack(self.account), before, (kind, fields))
        self.assertFalse(self.account.token_is_used(self.sequence))

    def assert_voided(self, result, kind, *fields):
        """Assert that an order is refused for good: it changes nothing but the record of used tokens."""
        before = state_without_tokens(self.account)
        sealed = self.seal(kind, *fields)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), result, (kind, fields))
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.USED, (kind, fields))
        self.assertEqual(state_without_tokens(self.account), before, (kind, fields))
        self.assertEqual(self.account.voided.newest[-1], (self.sequence, result))


class TestTerm(TokenTest):
    def setUp(self):
        super().setUp()
        self.accept(token.CONTRACT, contracts.Term.code)

    def test_days_begin_when_they_come(self):
        self.accept(token.DAYS, 3 * DAY_S)
        self.assertEqual(self.account.standing["term_until_s"], self.now_s() + 3 * DAY_S)

    def test_a_renewal_before_the_end_adds_to_it(self):
        self.accept(token.DAYS, 3 * DAY_S)
        end_s = self.now_s() + 3 * DAY_S
        self.wait(2 * DAY_S)
        self.accept(token.DAYS, DAY_S)
        self.assertEqual(self.account.standing["term_until_s"], end_s + DAY_S)
        self.wait(DAY_S)
        self.assertEqual(self.bench.decide(), supply.ON)

    def test_a_renewal_after_the_end_begins_now(self):
        self.accept(token.DAYS, DAY_S)
        self.wait(2 * DAY_S)
        self.assertEqual(self.bench.decide(), supply.EXPIRED)
        self.accept(token.DAYS, DAY_S)
        self.assertEqual(self.account.standing["term_until_s"], self.now_s() + DAY_S)
        self.wait(DAY_S - 1)
        self.assertEqual(self.bench.decide(), supply.ON)
        self.wait(1)
        self.assertEqual(self.bench.decide(), supply.EXPIRED)

    def test_days_bought_under_another_contract_are_there(self):
        self.accept(token.CONTRACT, contracts.PrepaidMoney.code)
        self.accept(token.DAYS, 5 * DAY_S)
        self.accept(token.CREDIT_MONEY, AMOUNT)
        self.accept(token.CONTRACT, contracts.Term.code)
        self.wait(4 * DAY_S)
        self.assertEqual(self.bench.decide(), supply.ON)
        self.assertEqual(self.account.money.balance, AMOUNT)

    def test_no_days_and_days_beyond_all_time_are_refused(self):
        self.assert_refused((outcome.NOT_SUPPORTED,), token.DAYS, 0)
        self.assert_refused((outcome.NOT_SUPPORTED,), token.DAYS, TIME_LIMIT_S)
        self.accept(token.DAYS, TIME_LIMIT_S - self.now_s())
        self.assertEqual(self.account.standing["term_until_s"], TIME_LIMIT_S)
        self.assert_refused((outcome.NOT_SUPPORTED,), token.DAYS, 1)

    def test_a_stopped_clock_makes_a_term_longer_and_never_shorter(self):
        self.accept(token.DAYS, 2 * DAY_S)
        until_s = self.account.standing["term_until_s"]
        self.wait(DAY_S)
        self.bench.rtc.stop_oscillator()
        self.bench.restart()
        self.assertFalse(self.bench.timekeeper.trusted)
        self.assertTrue(self.now_s() <= until_s - DAY_S + clock_rules.LONGEST_NOTE_S)
        self.assertEqual(self.account.standing["term_until_s"], until_s)
        left_s = until_s - self.now_s()
        self.wait(left_s - 1)
        self.assertEqual(self.bench.decide(), supply.ON)
        self.wait(1)
        self.assertEqual(self.bench.decide(), supply.EXPIRED)


class TestDispenser(TokenTest):
    def setUp(self):
        super().setUp()
        self.accept(token.CONTRACT, contracts.Dispenser.code)

    def test_kwh_daily_maximum_and_validity_come_as_one(self):
        self.accept(token.DISPENSE, 20 * samples.KWH, 5 * samples.KWH, 4 * DAY_S)
        self.assertEqual(self.account.energy.balance, 20 * samples.KWH)
        self.assertEqual(self.account.terms["daily_limit_mwh"], 5 * samples.KWH)
        self.assertEqual(self.account.standing["dispenser_until_s"], self.now_s() + 4 * DAY_S)
        self.assertEqual(self.bench.decide(), supply.ON)

    def test_the_next_one_adds_kwh_and_days_and_replaces_the_daily_maximum(self):
        self.accept(token.DISPENSE, 20 * samples.KWH, 5 * samples.KWH, 4 * DAY_S)
        self.wait(DAY_S)
        end_s = self.account.standing["dispenser_until_s"]
        self.accept(token.DISPENSE, samples.KWH, 0, 0)
        self.assertEqual(self.account.energy.balance, 21 * samples.KWH)
        self.assertEqual(self.account.terms["daily_limit_mwh"], 0)
        self.assertEqual(self.account.standing["dispenser_until_s"], end_s)

    def test_over_the_limit_it_is_refused_whole_and_stays_usable(self):
        place = self.account.terms.place("credit_limit_mwh")
        self.accept(token.TERM, place, 10 * samples.KWH)
        sealed = self.seal(token.DISPENSE, 11 * samples.KWH, 5, DAY_S)
        before = account_image.pack(self.account)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.OVER_LIMIT)
        self.assertEqual(account_image.pack(self.account), before)
        self.accept(token.TERM, place, 11 * samples.KWH)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)

    def test_impossible_amounts_are_refused_whole(self):
        for fields in (
            (0, 5, DAY_S),
            (-1, 5, DAY_S),
            (10**15 + 1, 5, DAY_S),
            (5, -1, DAY_S),
            (5, 10**15 + 1, DAY_S),
            (5, 5, TIME_LIMIT_S),
        ):
            self.assert_refused((outcome.NOT_SUPPORTED,), token.DISPENSE, *fields)


class TestOrders(TokenTest):
    def setUp(self):
        super().setUp()
        self.accept(token.CONTRACT, contracts.Managed.code)
        self.accept(token.PERMIT, self.now_s() + 9 * DAY_S)

    def test_off_and_on(self):
        self.accept(token.SWITCH, 1)
        self.assertEqual(self.bench.decide(), supply.ORDERED_OFF)
        self.bench.restart()
        self.assertEqual(self.bench.decide(), supply.ORDERED_OFF)
        self.accept(token.SWITCH, 0)
        self.assertEqual(self.bench.decide(), supply.ON)

    def test_of_two_orders_the_newer_holds_whichever_comes_first(self):
        older, newer = self.seal(token.SWITCH, 1), self.seal(token.SWITCH, 0)
        self.assertEqual(self.bench.teller.redeem(newer, carrier.MQTT), outcome.ACCEPTED)
        self.assertEqual(self.bench.teller.redeem(older, carrier.CARD), outcome.OUTDATED)
        self.bench.restart()
        self.assertEqual(self.bench.teller.redeem(older, carrier.CARD), outcome.USED)
        self.assertEqual(self.bench.decide(), supply.ON)

    def test_a_shortage_that_was_announced_later_does_not_undo_an_order_of_the_switch(self):
        order, shortage = self.seal(token.SWITCH, 1), self.seal(token.SHORTAGE, 1, self.now_s() + DAY_S)
        self.assertEqual(self.bench.teller.redeem(shortage, carrier.MQTT), outcome.ACCEPTED)
        self.assertEqual(self.bench.teller.redeem(order, carrier.CARD), outcome.ACCEPTED)
        self.assertEqual(self.bench.decide(), supply.ORDERED_OFF)

    def test_an_older_shortage_does_not_come_back(self):
        older, newer = self.seal(token.SHORTAGE, 9, self.now_s() + DAY_S), self.seal(token.SHORTAGE, 0, 0)
        self.assertEqual(self.bench.teller.redeem(newer, carrier.CARD), outcome.ACCEPTED)
        self.assertEqual(self.bench.teller.redeem(older, carrier.CARD), outcome.OUTDATED)
        self.assertEqual(self.account.standing["shortage_level"], 0)

    def test_a_shortage_whose_end_nobody_orders_ends_at_its_time(self):
        self.accept(token.SHORTAGE, 9, self.now_s() + DAY_S)
        began_s = self.now_s()
        self.assertEqual(self.bench.decide(), supply.SHORTAGE)
        self.bench.restart()
        for second, level in ((0, 9), (DAY_S - 1, 9), (DAY_S, 0), (10 * DAY_S, 0)):
            self.assertEqual(self.account.standing.shortage_level_at(began_s + second), level, second)
        self.accept(token.SHORTAGE, 0, 0)
        self.assert_voided(outcome.OUTDATED, token.SHORTAGE, 9, self.now_s())
        self.assertEqual(self.account.standing["shortage_until_s"], 0)

    def test_no_cut_separates_a_shortage_from_its_end(self):
        for operation in range(1, 40):
            bench = helpers.Bench(seed=operation)
            bench.flash.faults.plan_cut(operation)
            sealed = helpers.seal(1, token.SHORTAGE, 9, helpers.START_S + DAY_S)
            try:
                bench.teller.redeem(sealed, carrier.MQTT)
            except PowerCut:
                pass
            bench.restart()
            standing = bench.ledger.account.standing
            is_used = bench.ledger.account.token_is_used(1)
            self.assertEqual((standing["shortage_level"] == 9, standing["shortage_until_s"] > 0), (is_used, is_used))

    def test_a_permit_only_ever_lasts_longer(self):
        until_s = self.account.standing["permit_until_s"]
        for earlier_s in (0, until_s - 1, until_s):
            self.assert_voided(outcome.OUTDATED, token.PERMIT, earlier_s)
        self.accept(token.PERMIT, until_s + 1)
        self.assertEqual(self.account.standing["permit_until_s"], until_s + 1)

    def test_impossible_orders_are_refused(self):
        for kind, *fields in (
            (token.SWITCH, 2),
            (token.SWITCH, 255),
            (token.SHORTAGE, 10, TIME_LIMIT_S),
            (token.SHORTAGE, 255, TIME_LIMIT_S),
        ):
            self.assert_voided(outcome.NOT_SUPPORTED, kind, *fields)


class TestRecovery(TokenTest):
    def setUp(self):
        super().setUp()
        self.accept(token.CREDIT_MONEY, AMOUNT)
        self.accept(token.CREDIT_ENERGY, 7 * samples.KWH)
        self.accept(token.CONTRACT, contracts.PrepaidEnergy.code)

    def _receipt(self):
        standing = self.account.standing
        names = ("receipt_sequence", "receipt_microunits", "receipt_mwh", "receipt_debt_microunits")
        return tuple(standing[name] for name in names)

    def _assert_books_balance(self):
        for register in (self.account.money, self.account.energy):
            self.assertEqual(register.bought, register.charged + register.taken - register.waived + register.balance)

    def test_all_of_one_credit_register(self):
        self.bench.ledger.advance(self.now_s(), 3_200)
        self.accept(token.REFUND, contracts.ENERGY, 0, 9)
        self.assertEqual(self._receipt(), (self.sequence, 0, 6 * samples.KWH, 0))
        self.assertEqual((self.account.energy.balance, self.account.money.balance), (0, AMOUNT))
        self.assertEqual(self.bench.decide(), supply.NO_CREDIT)
        self._assert_books_balance()

    def test_a_part_of_it(self):
        self.accept(token.REFUND, contracts.MONEY, 1_000_001, 9)
        self.assertEqual(self._receipt(), (self.sequence, 1_000_001, 0, 0))
        self.assertEqual((self.account.energy.balance, self.account.money.balance), (7 * samples.KWH, 2_000_000))
        self.assertEqual(self.bench.decide(), supply.ON)

    def test_never_more_than_the_balance_and_nothing_from_a_debt(self):
        self.accept(token.REFUND, contracts.ENERGY, 8 * samples.KWH, 9)
        self.assertEqual(self._receipt(), (self.sequence, 0, 7 * samples.KWH, 0))
        self.bench.ledger.advance(self.now_s(), 3_200)
        self.accept(token.REFUND, contracts.ENERGY, 0, 9)
        self.assertEqual(self._receipt(), (self.sequence, 0, 0, 0))
        self.assertEqual(self.account.energy.balance, -samples.KWH)
        self._assert_books_balance()

    def test_event_and_receipt_have_the_same_amount(self):
        """Charge the pulses below one step on the way. They are no part of the amount taken back."""
        self.bench.ledger.change(lambda account: account.calibrate(100_000, 1))
        self.bench.ledger.advance(self.now_s(), 24)
        self.accept(token.REFUND, contracts.ENERGY, 0, 9)
        self.assertEqual(self._receipt()[2], 7 * samples.KWH - 240)
        self.assertEqual(self.bench.events_of(token.event_code(token.REFUND)), [7 * samples.KWH - 240])

    def test_clearing_takes_everything_and_writes_a_receipt(self):
        self.accept(token.DEBT, 500)
        self.accept(token.CLEAR, 9)
        self.assertEqual(self._receipt(), (self.sequence, AMOUNT, 7 * samples.KWH, 500))
        self.assertEqual((self.account.energy.balance, self.account.money.balance), (0, 0))
        self.assertEqual(self.account.standing["debt_microunits"], 0)
        self._assert_books_balance()

    def test_the_next_tenant_begins_with_nothing(self):
        self.bench.ledger.advance(self.now_s(), 8 * 3_200)
        self.accept(token.TENANT, 77, 9)
        self.assertEqual(self._receipt(), (self.sequence, AMOUNT, -samples.KWH, 0))
        self.assertEqual((self.account.standing["tenant"], self.account.energy.balance), (77, 0))

    def test_impossible_amounts_are_refused(self):
        for unit, amount in ((0, -1), (1, -1), (2, 0), (255, 5)):
            self.assert_voided(outcome.NOT_SUPPORTED, token.REFUND, unit, amount, 9)
        self.assert_voided(outcome.NOT_SUPPORTED, token.DEBT, 10**15 + 1)

    def test_power_cut_at_any_flash_operation_takes_it_back_once(self):
        image = bytes(self.bench.flash.memory)
        for kind, fields in (
            (token.REFUND, (contracts.ENERGY, 0, 9)),
            (token.CLEAR, (9,)),
            (token.TENANT, (8, 9)),
            (token.DISPENSE, (samples.KWH, 5, DAY_S)),
        ):
            sealed = helpers.seal(self.sequence + 1, kind, *fields)
            whole = helpers.Bench(image)
            self.assertEqual(whole.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)
            operation = 1
            while self._is_cut(image, sealed, operation, self._books(whole)):
                operation += 1
            self.assertTrue(operation > 4, operation)

    def _is_cut(self, image, sealed, operation, expected):
        self.bench = helpers.Bench(image, seed=operation)
        before = self._books(self.bench)
        self.bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            self.bench.teller.redeem(sealed, carrier.CARD)
        except PowerCut:
            pass
        else:
            return False
        self.bench.restart()
        redeemed = self.account.token_is_used(self.sequence + 1)
        self.assertEqual(self._books(self.bench), expected if redeemed else before, operation)
        result = self.bench.teller.redeem(sealed, carrier.CARD)
        self.assertEqual(result, outcome.USED if redeemed else outcome.ACCEPTED, operation)
        self.bench.restart()
        self.assertEqual(self._books(self.bench), expected, operation)
        return True

    def _books(self, bench):
        account = bench.ledger.account
        return account.money.balance, account.energy.balance, account.standing.changed()


if __name__ == "__main__":
    unittest.main()
