"""Money that a provider takes back: in any order with the payment, refunded and disputed, by two workers at once."""

import threading
import time

import pytest
from django.db import connection

from tests.tools.headend.together import run_together
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments, suspense
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import checking
from wattpurse_tools.record.models import Payment, Sale, Tenancy
from wattpurse_tools.refusals import Refusal

NOW_S = int(time.time())
LONG_S = 2 * 3_600
BARRIER_S = 3
UNKNOWN = "999"


@pytest.fixture
def site(any_office):
    build_site()
    return any_office


def tell(number, kind, amount, reference, now_s=NOW_S):
    return payments.record("stripe", number, kind, amount * EUR, "EUR", reference, "payer", now_s, "{}", now_s)


def paid(reference="1", now_s=NOW_S):
    tell("pi_1", payments.PAID, 20, reference, now_s)


def at(*codes):
    return tuple(balances.balance(code, "EUR") // EUR for code in codes)


def state():
    return Payment.objects.get(notice__number="pi_1").state


PROVIDER, SUSPENSE = chart.provider("stripe"), chart.suspense("payment")


@pytest.mark.parametrize("reference", ["1", UNKNOWN, "wallet 101"])
@pytest.mark.parametrize("kind", [payments.REFUNDED, payments.DISPUTED])
@pytest.mark.parametrize("is_booked", [True, False])
def test_a_payment_that_was_taken_back_before_it_was_told_is_not_sold(site, manager, reference, kind, is_booked):
    tell("ch_1:20", kind, 20, "pi_1")
    if is_booked:
        payments.work(site, manager, NOW_S + LONG_S)
    paid(reference, NOW_S + LONG_S)
    for after_s in range(3):
        payments.work(site, manager, NOW_S + LONG_S + after_s)
    assert (at(PROVIDER, SUSPENSE), Sale.objects.count()) == ((0, 0), 0)
    assert state() == payments.PAID_BACK
    assert checking.check(site, manager).findings == ()


def test_a_part_that_was_taken_back_before_lets_a_person_decide(site, manager):
    tell("ch_1:5", payments.REFUNDED, 5, "pi_1")
    paid()
    for after_s in range(3):
        payments.work(site, manager, NOW_S + LONG_S + after_s)
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.SUSPENSE, (15, -15))


def test_a_dispute_that_was_won_before_the_payment_was_told_stops_no_sale(site, manager):
    tell("dp_1:w", payments.DISPUTED, 20, "pi_1")
    tell("dp_1:r", payments.RETURNED, 20, "pi_1")
    paid()
    for after_s in range(3):
        payments.work(site, manager, NOW_S + LONG_S + after_s)
    assert state() == payments.SOLD
    assert at(PROVIDER, chart.debt(Tenancy.objects.get(meter_number=1).pk)) == (20, 0)


def work_on(site, manager, *told):
    tell(*told)
    payments.work(site, manager, NOW_S)


def test_a_dispute_in_suspense_ends_the_payment_until_it_is_won(site, manager):
    paid(UNKNOWN)
    work_on(site, manager, "dp_1:w", payments.DISPUTED, 20, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.PAID_BACK, (0, 0))
    work_on(site, manager, "dp_1:r", payments.RETURNED, 20, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.SUSPENSE, (20, -20))
    key = Payment.objects.get(notice__number="pi_1").pk
    assert suspense.assign(site, manager, key, 1, NOW_S).meter_number == 1
    assert at(PROVIDER, SUSPENSE) == (20, 0)


def test_the_rest_of_a_payment_goes_back_by_hand_after_a_dispute_of_a_part(site, manager):
    paid(UNKNOWN)
    work_on(site, manager, "dp_1:w", payments.DISPUTED, 5, "pi_1")
    key = Payment.objects.get(notice__number="pi_1").pk
    with pytest.raises(Refusal, match="a part of this payment"):
        suspense.assign(site, manager, key, 1, NOW_S)
    suspense.give_back(manager, key, "nobody knows it", NOW_S)
    suspense.note_given_back(manager, key, "transfer 7", NOW_S)
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.PAID_BACK, (0, 0))
    work_on(site, manager, "dp_1:r", payments.RETURNED, 5, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.PAID_BACK, (5, -5))  # managers get a message about these five


def test_a_dispute_of_a_payment_that_went_back_is_booked_and_undone(site, manager):
    paid(UNKNOWN)
    payments.work(site, manager, NOW_S)
    steps = [
        (("ch_1:20", payments.REFUNDED, 20, "pi_1"), payments.PAID_BACK, (0, 0)),
        (("dp_1:w", payments.DISPUTED, 20, "pi_1"), payments.PAID_BACK, (-20, 20)),
        (("re_1:failed", payments.REFUND_FAILED, 20, "pi_1"), payments.PAID_BACK, (0, 0)),
        (("dp_1:r", payments.RETURNED, 20, "pi_1"), payments.SUSPENSE, (20, -20)),
    ]
    for place, (told, wanted, sums) in enumerate(steps):
        tell(*told, NOW_S + place)
        payments.work(site, manager, NOW_S + place)
        assert (state(), at(PROVIDER, SUSPENSE)) == (wanted, sums), told
    assert checking.check(site, manager).findings == ()


def test_the_notice_of_a_refund_that_a_person_noted_books_nothing(site, manager):
    paid(UNKNOWN)
    payments.work(site, manager, NOW_S)
    key = Payment.objects.get(notice__number="pi_1").pk
    suspense.give_back(manager, key, "nobody knows it", NOW_S)
    suspense.note_given_back(manager, key, "transfer 7", NOW_S)
    work_on(site, manager, "ch_1:20", payments.REFUNDED, 20, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.PAID_BACK, (0, 0))
    assert Payment.objects.get(notice__number="ch_1:20").state == payments.REFUSED


def test_a_refund_from_a_wallet_that_a_person_chose_waits_again_if_it_fails(site, manager):
    paid(UNKNOWN)
    payments.work(site, manager, NOW_S)
    key = Payment.objects.get(notice__number="pi_1").pk
    suspense.assign_to_wallet(manager, key, 101, NOW_S)
    suspense.give_back(manager, key, "a wrong customer", NOW_S)
    work_on(site, manager, "ch_1:20", payments.REFUNDED, 20, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.PAID_BACK, (0, 0))
    work_on(site, manager, "re_1:failed", payments.REFUND_FAILED, 20, "pi_1")
    assert (state(), at(PROVIDER, SUSPENSE)) == (payments.SUSPENSE, (20, -20))


@pytest.fixture
def two_at_once(site, manager, monkeypatch):
    """Return a call that lets two workers do a round each. They meet before they book, if they can."""
    policy()  # its row is there long before such notices
    barrier, book = threading.Barrier(2), payments.post_step

    def meet_and_book(*told):
        try:
            barrier.wait(BARRIER_S)
        except threading.BrokenBarrierError:
            assert connection.in_atomic_block  # the other one waits for a lock of this one
        return book(*told)

    def run(now_s):
        monkeypatch.setattr(payments, "post_step", meet_and_book)
        assert run_together(lambda: payments.work(site, manager, now_s, is_thorough=True), 2) == []
        monkeypatch.undo()
        payments.work(site, manager, now_s)

    return run


def test_two_workers_book_a_payout_once(site, manager, two_at_once):
    paid()
    payments.work(site, manager, NOW_S)
    tell("po_1", payments.PAYOUT, 15, "")
    tell(f"{payments.BANK}house/R9", payments.PAYOUT, 15, "STRIPE PAYOUT")
    two_at_once(NOW_S)
    assert at(PROVIDER, chart.bank("stripe")) == (5, 15)
    assert Payment.objects.exclude(reconciled_s=None).count() == 2


def test_two_workers_book_the_refunds_of_an_unknown_payment_once(site, two_at_once):
    tell("ch_1:10", payments.REFUNDED, 10, "pi_1")
    tell("ch_1:20", payments.REFUNDED, 20, "pi_1", NOW_S + 5)
    two_at_once(NOW_S + LONG_S)
    assert at(PROVIDER, SUSPENSE) == (-20, 20)
