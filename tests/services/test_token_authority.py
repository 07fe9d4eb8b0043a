"""Attempts of insiders, tenants and vending points to make a token that is not theirs, or to change the order."""

import unittest

from boards.host.chips.power import PowerCut
from tests import samples
from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import WINDOWS, number_of
from wattpurse.core.records import events
from wattpurse.core.seals import keys

DAY_S = 86_400
AMOUNT = 3_000_001


class AuthorityTest(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()

    @property
    def account(self):
        return self.bench.ledger.account

    def redeem(self, sequence, kind, *fields, tenant=0, after=0):
        sealed = helpers.seal(sequence, kind, *fields, tenant=tenant, after=after)
        return self.bench.teller.redeem(sealed, carrier.CARD)

    def accept(self, sequence, kind, *fields, tenant=0, after=0):
        self.assertEqual(self.redeem(sequence, kind, *fields, tenant=tenant, after=after), outcome.ACCEPTED)


class TestIssuers(AuthorityTest):
    def test_two_vending_points_that_count_alike_lose_nothing(self):
        for count in (1, 2, 3):
            for issuer in (0, 1, 2, 3, 4):
                self.accept(number_of(issuer, count), token.CREDIT_MONEY, AMOUNT)
        self.bench.restart()
        self.assertEqual(self.account.money.bought, 15 * AMOUNT)
        for issuer in (0, 1, 2, 3, 4):
            self.assertEqual(self.redeem(number_of(issuer, 2), token.CREDIT_MONEY, AMOUNT), outcome.USED)

    def test_the_key_of_one_vending_point_makes_no_token_of_another_issuer(self):
        key_of_2 = keys.issuer_key(helpers.aes, helpers.METER_KEY, 2)
        pair = keys.token_keys(helpers.aes, key_of_2)
        made = token.make(token.CREDIT_MONEY, AMOUNT)
        for issuer in (0, 1, 3, 15):
            sealed = token.seal_token(helpers.aes, pair, 1, helpers.METER_NUMBER, number_of(issuer, 9), *made)
            self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.UNREADABLE, issuer)
        sealed = token.seal_token(helpers.aes, pair, 1, helpers.METER_NUMBER, number_of(2, 9), *made)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)

    def test_a_vending_point_gives_no_order_of_the_office(self):
        orders = (
            (token.CONTRACT, 2),
            (token.TARIFF, samples.flat_tariff(version=9)),
            (token.CLOCK, helpers.START_S + 10_000),
            (token.CLEAR_TAMPER,),
            (token.TERM, 0, 10**15),
            (token.TENANT, 5, 0),
            (token.DEBT, -5),
            (token.SWITCH, 1),
            (token.SHORTAGE, 9, 0),
            (token.METER_KEY, 2, bytes(16)),
            (token.SITE_KEY, 2, bytes(16)),
            (token.REVOKE, 3),
            (token.CLOCK_BACK, helpers.START_S - 10_000),
        )
        self.assertEqual({row[0] for row in orders}, {row[0] for row in token.KINDS if token.is_for_office(row[0])})
        for count, order in enumerate(orders):
            self.assertEqual(self.redeem(number_of(1, 1 + count), *order), outcome.NOT_ENTITLED, order)
        self.assertEqual(self.account.tokens.top(1), 0)
        self.assertEqual(self.bench.settings.get("meter_key"), helpers.METER_KEY)

    def test_a_revoked_vending_point_sells_nothing_more_even_after_a_restart(self):
        self.accept(number_of(4, 1), token.CREDIT_MONEY, AMOUNT)
        self.accept(1, token.REVOKE, 4)
        for _ in range(2):
            self.assertEqual(self.redeem(number_of(4, 2), token.CREDIT_MONEY, AMOUNT), outcome.NOT_ENTITLED)
            self.bench.restart()
        self.assertEqual(self.account.money.bought, AMOUNT)
        self.accept(number_of(3, 1), token.CREDIT_MONEY, AMOUNT)

    def test_a_used_token_of_a_revoked_vending_point_buys_nothing_again(self):
        self.accept(number_of(4, 1), token.CREDIT_MONEY, AMOUNT)
        self.accept(1, token.REVOKE, 4)
        self.assertEqual(self.redeem(number_of(4, 1), token.CREDIT_MONEY, AMOUNT), outcome.NOT_ENTITLED)
        self.assertEqual(self.account.money.bought, AMOUNT)

    def test_an_issuer_more_than_the_meter_has_room_for_is_refused_and_the_token_stays_usable(self):
        for issuer in range(1, WINDOWS):
            self.accept(number_of(issuer, 1), token.CREDIT_MONEY, AMOUNT)
        late = number_of(WINDOWS, 1)
        self.assertEqual(self.redeem(late, token.CREDIT_MONEY, AMOUNT), outcome.NOT_ENTITLED)
        self.accept(1, token.REVOKE, 1)
        self.accept(late, token.CREDIT_MONEY, AMOUNT)


class TestTenants(AuthorityTest):
    def test_days_bought_for_one_tenant_are_refused_after_the_next_moved_in_and_stay_on_the_card(self):
        self.accept(1, token.TENANT, 1, 0)
        self.accept(2, token.TENANT, 2, 0, tenant=1)
        for _ in range(2):
            self.assertEqual(self.redeem(3, token.DAYS, DAY_S, tenant=1), outcome.OTHER_TENANT)
        self.assertEqual(self.account.standing["term_until_s"], 0)
        self.assertFalse(self.account.token_is_used(3))
        self.accept(4, token.TENANT, 1, 0, tenant=2)
        self.accept(3, token.DAYS, DAY_S, tenant=1)

    def test_a_debt_of_one_tenant_never_burdens_the_next(self):
        self.accept(1, token.TENANT, 2, 0)
        self.assertEqual(self.redeem(2, token.DEBT, 500, tenant=0), outcome.OTHER_TENANT)
        self.assertEqual(self.account.standing["debt_microunits"], 0)
        self.assertEqual(self.redeem(2, token.DEBT, 500, tenant=0), outcome.USED)
        self.assertEqual(self.account.voided.newest, [(2, outcome.OTHER_TENANT)])
        self.assertEqual(self.bench.events_of(events.TOKEN_VOIDED), [outcome.OTHER_TENANT])

    def test_every_kind_that_benefits_or_burdens_a_person_asks_for_the_tenant(self):
        self.accept(1, token.TENANT, 7, 0)
        fields = {
            token.CREDIT_MONEY: (1,),
            token.CREDIT_ENERGY: (1,),
            token.CONTRACT: (2,),
            token.TERM: (0, 5),
            token.DAYS: (1,),
            token.DISPENSE: (1, 1, 1),
            token.REFUND: (0, 0, 0),
            token.CLEAR: (0,),
            token.TENANT: (8, 0),
            token.DEBT: (1,),
            token.PERMIT: (helpers.START_S + 100,),
        }
        self.assertEqual(set(fields), {row[0] for row in token.KINDS if token.is_personal(row[0])})
        for kind in sorted(fields):
            self.assertEqual(self.redeem(100 + kind, kind, *fields[kind], tenant=8), outcome.OTHER_TENANT, kind)

    def test_a_receipt_names_its_token_its_card_and_the_tenant_whose_credit_it_was(self):
        self.accept(1, token.TENANT, 1, 0)
        self.accept(2, token.CREDIT_MONEY, 80_000_000, tenant=1)
        self.accept(3, token.TENANT, 2, 0xC0FFEE, tenant=1)
        standing = self.account.standing
        receipt = [standing["receipt_" + name] for name in ("sequence", "card", "tenant", "microunits")]
        self.assertEqual(receipt, [3, 0xC0FFEE, 1, 80_000_000])
        self.assertEqual(standing["tenant"], 2)


class TestOrder(AuthorityTest):
    def test_a_credit_without_the_debt_that_was_sold_with_it_is_refused_and_stays_on_the_card(self):
        debt = helpers.seal(1, token.DEBT, 500_000_000)
        credit = helpers.seal(2, token.CREDIT_MONEY, AMOUNT, after=1)
        for _ in range(2):
            self.assertEqual(self.bench.teller.redeem(credit, carrier.CARD), outcome.OUT_OF_ORDER)
            self.bench.restart()
        self.assertEqual(self.account.money.bought, 0)
        self.assertEqual(self.bench.teller.redeem(debt, carrier.CONSOLE), outcome.ACCEPTED)
        self.assertEqual(self.bench.teller.redeem(credit, carrier.CARD), outcome.ACCEPTED)

    def test_an_order_of_the_office_comes_before_the_credit_of_a_vending_point(self):
        self.assertEqual(self.redeem(number_of(2, 1), token.CREDIT_MONEY, 5, after=9), outcome.OUT_OF_ORDER)
        self.accept(9, token.CONTRACT, contracts.PrepaidEnergy.code)
        self.accept(number_of(2, 1), token.CREDIT_MONEY, 5, after=9)

    def test_an_order_that_came_too_late_does_not_block_the_credit_behind_it(self):
        self.accept(5, token.TARIFF, samples.flat_tariff(version=9, activation_s=helpers.START_S + 900))
        late = samples.flat_tariff(version=8, activation_s=helpers.START_S + 900)
        self.assertEqual(self.redeem(6, token.TARIFF, late), outcome.OUTDATED)
        self.accept(7, token.CREDIT_MONEY, AMOUNT, after=6)

    def test_a_credit_for_another_tenant_is_never_voided(self):
        self.assertEqual(self.redeem(1, token.CREDIT_MONEY, AMOUNT, tenant=3), outcome.OTHER_TENANT)
        self.assertFalse(self.account.token_is_used(1))
        self.assertEqual(self.account.voided.newest, [])


class TestCuts(AuthorityTest):
    def test_power_cut_at_any_flash_operation_of_a_voided_order(self):
        image = bytes(self.bench.flash.memory)
        sealed = helpers.seal(1, token.DEBT, 500, tenant=9)
        operation = 1
        while self._is_cut(image, sealed, operation):
            operation += 1
        self.assertTrue(operation > 2, operation)

    def _is_cut(self, image, sealed, operation):
        self.bench = helpers.Bench(image, seed=operation)
        self.bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            self.bench.teller.redeem(sealed, carrier.CARD)
        except PowerCut:
            pass
        else:
            return False
        self.bench.restart()
        is_used = self.account.token_is_used(1)
        self.assertEqual(self.account.voided.newest, [(1, outcome.OTHER_TENANT)] if is_used else [])
        expected = outcome.USED if is_used else outcome.OTHER_TENANT
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), expected)
        self.assertEqual(self.account.voided.newest, [(1, outcome.OTHER_TENANT)])
        return True


class TestCounters(AuthorityTest):
    """Sums that only grow tell the station everything, also if it missed a receipt."""

    def sums(self):
        names = ("term_bought_s", "term_taken_s", "debt_added_microunits", "debt_reduced_microunits")
        standing = self.account.standing
        return self.account.money.sums(), [standing[name] for name in names + ("debt_taken_microunits",)]

    def test_a_receipt_that_the_next_one_overwrote_is_in_the_sum(self):
        self.accept(1, token.CREDIT_MONEY, 80)
        self.accept(2, token.REFUND, contracts.MONEY, 50, 0)
        self.accept(3, token.REFUND, contracts.MONEY, 10, 0)
        self.assertEqual(self.account.standing["receipt_microunits"], 10)
        self.assertEqual(self.sums(), ((80, 0, 60, 0), [0] * 5))
        self.assertEqual(self.account.money.balance, 20)

    def test_time_and_debt(self):
        self.accept(1, token.DAYS, 5 * DAY_S)
        self.accept(2, token.DEBT, 900)
        self.accept(3, token.DEBT, -200)
        self.accept(4, token.DEBT, -5_000)
        self.accept(5, token.DEBT, 40)
        self.accept(6, token.CLEAR, 0)
        self.bench.restart()
        self.assertEqual(self.sums()[1], [5 * DAY_S, 5 * DAY_S, 940, 900, 40])
        self.assertEqual(self.account.standing["debt_microunits"], 0)

    def test_credit_below_zero_that_a_receipt_takes_over(self):
        self.bench.ledger.change(lambda account: setattr(account.money, "charged", 700))
        self.accept(1, token.CLEAR, 0)
        self.assertEqual(self.sums()[0], (0, 700, 0, 700))
        self.assertEqual((self.account.money.balance, self.account.standing["receipt_microunits"]), (0, -700))


if __name__ == "__main__":
    unittest.main()
