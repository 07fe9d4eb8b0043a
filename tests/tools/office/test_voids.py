"""Voids: in the same shift with the card present, after the Z report by two persons, and the alarm of a copied card."""

import pytest

from tests.tools.office.selling_site import (
    EUR,
    FLOAT,
    PaperCard,
    build_site,
    energy,
    first_till,
    money,
    new_shift,
    receipts,
    request,
)
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import approvals, audit, learning, sales, shifts
from wattpurse_tools.office.sale_types import REDEEMED_AFTER_VOID, SOLD, VOIDED, VOIDING, WRITTEN
from wattpurse_tools.office.voids import void
from wattpurse_tools.record.models import Message, Sale, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.vault.interface import ApprovalNeeded


@pytest.fixture
def site(office):
    build_site()
    return office


@pytest.fixture
def card():
    return PaperCard("04aa", 1)


@pytest.fixture
def shift(site, cashier):
    return new_shift(site, cashier)


@pytest.fixture
def sale(site, cashier, shift, card):
    return sales.sell(site, cashier, request(shift, card=card), card).sale


def drawer(shift):
    return balances.balance(chart.drawer(1, shift.pk), "EUR")


def test_a_void_takes_the_token_off_the_card_and_pays_back(site, cashier, shift, card, sale):
    done = void(site, cashier, sale, shift.pk, card)
    sale.refresh_from_db()
    assert (sale.state, done.sale.gross_microunits, done.sale.reverses) == (VOIDED, -20 * EUR, sale)
    assert (card.tokens, Token.objects.get().state) == (set(), orders.FORFEITED)
    assert drawer(shift) == FLOAT
    assert balances.balance(chart.meter(1), "EUR") == 0
    assert set(balances.sums_by_unit().values()) == {0}
    assert receipts() == [1, 2]
    assert audit.first_broken() is None


def test_the_same_void_again_pays_once(site, cashier, shift, card, sale):
    first = void(site, cashier, sale, shift.pk, card)
    assert void(site, cashier, sale, shift.pk, card).sale == first.sale
    assert drawer(shift) == FLOAT


def test_a_void_without_the_card_is_refused(site, cashier, shift, card, sale):
    with pytest.raises(ValueError, match="needs the card"):
        void(site, cashier, sale, shift.pk, None)
    other = PaperCard("04bb", 1)
    with pytest.raises(ValueError, match="not the card"):
        void(site, cashier, sale, shift.pk, other)


def test_a_sale_that_the_meter_redeemed_is_not_voided(site, cashier, shift, card, sale):
    card.tap()
    with pytest.raises(ValueError, match="redeemed it already"):
        void(site, cashier, sale, shift.pk, card)
    assert drawer(shift) == FLOAT + 20 * EUR


def test_a_sale_that_is_gone_from_the_card_is_not_voided(site, cashier, shift, card, sale):
    card.tokens = set()
    with pytest.raises(ValueError, match="not on this card any more"):
        void(site, cashier, sale, shift.pk, card)


def test_a_sale_by_digits_is_not_voided(site, cashier, shift):
    made = sales.sell(site, cashier, request(shift, energy(5), meter=2))
    with pytest.raises(ValueError, match="nobody can prove"):
        void(site, cashier, made.sale, shift.pk, PaperCard("04aa", 2))


def test_a_sale_that_did_not_reach_the_card_can_be_voided(site, cashier, shift, card):
    card.breaks = 1
    made = sales.sell(site, cashier, request(shift, card=card), card)
    assert made.sale.state == SOLD
    void(site, cashier, made.sale, shift.pk, card)
    assert drawer(shift) == FLOAT


def test_a_card_that_is_lifted_during_the_void_keeps_the_sale(site, cashier, shift, card, sale):
    card.breaks = 1
    with pytest.raises(OSError, match="the sale stands"):
        void(site, cashier, sale, shift.pk, card)
    sale.refresh_from_db()
    assert (sale.state, drawer(shift)) == (SOLD, FLOAT + 20 * EUR)
    assert sales.owed_to_card(card.uid) == [sale]
    sales.write_owed(site, cashier, card)
    void(site, cashier, sale, shift.pk, card)
    assert drawer(shift) == FLOAT


def test_a_void_that_broke_off_in_the_middle_is_completed_by_a_further_try(site, cashier, shift, card, sale):
    Sale.objects.filter(pk=sale.pk).update(state=VOIDING)
    Token.objects.filter(sale=sale).update(state=orders.FORFEITED)
    assert void(site, cashier, sale, shift.pk, card).sale.gross_microunits == -20 * EUR
    assert (drawer(shift), card.tokens) == (FLOAT, set())


def test_a_void_leaves_the_other_sales_of_the_card(site, cashier, shift, card, sale):
    other = sales.sell(site, cashier, request(shift, money(10), card=card), card)
    void(site, cashier, sale, shift.pk, card)
    assert card.tokens == {other.tokens[0].sequence}


def test_a_void_after_z_needs_two_persons_and_pays_from_the_open_drawer(site, cashier, manager, second, card):
    shift = new_shift(site, manager)
    sale = sales.sell(site, manager, request(shift, card=card), card).sale
    shifts.count_cash(site, manager, shift, FLOAT + 20 * EUR)
    shifts.close_shift(site, manager, shift)
    later = shifts.open_shift(site, manager, first_till(), FLOAT)
    with pytest.raises(ApprovalNeeded) as needed:
        void(site, manager, sale, later.pk, card)
    assert card.tokens
    asked = approvals.propose(site, manager, needed.value, "typed 20 instead of 2")
    with pytest.raises(ValueError):
        approvals.approve(site, manager, asked)
    approvals.approve(site, second, asked)
    void(site, manager, sale, later.pk, card, asked.request)
    assert (drawer(later), drawer(shift), card.tokens) == (FLOAT - 20 * EUR, 0, set())
    assert balances.sums_by_unit()["EUR"] == 0
    approvals.refresh(site, manager)
    asked.refresh_from_db()
    assert asked.state == "used"


def test_a_voided_sale_that_is_redeemed_later_raises_an_alarm_once(site, cashier, shift, card, sale):
    copy = PaperCard(card.uid, 1)
    copy.tokens = set(card.tokens)
    void(site, cashier, sale, shift.pk, card)
    copy.tap()
    assert sales.quote(site, cashier, request(shift, card=copy), copy)
    assert learning.learn() == []
    sale.refresh_from_db()
    assert sale.state == REDEEMED_AFTER_VOID
    message = Message.objects.get()
    assert (message.customer, message.channel) == (None, "office")
    assert "Receipt 1 of meter 1" in message.text


def test_a_void_cannot_be_voided(site, cashier, shift, card, sale):
    done = void(site, cashier, sale, shift.pk, card)
    with pytest.raises(ValueError, match="only a sale"):
        void(site, cashier, done.sale, shift.pk, card)
    assert sale.state == WRITTEN
