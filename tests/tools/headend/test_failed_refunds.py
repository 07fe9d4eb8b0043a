"""Refunds that fail at the provider after they had succeeded: the money is where it was, once, and the office knows."""

import hashlib
import hmac
import itertools
import json
import time

import pytest

from tests.tools.headend.refund_server import API_KEY, RefundServer
from tests.tools.headend.test_refunds import HOUR_S, paid
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments, refunds, suspense, wallets
from wattpurse_tools.headend.providers import stripe
from wattpurse_tools.headend.providers.provider_file import Provider, put_provider
from wattpurse_tools.headend.refund_sums import Told, paid_back
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit, checking
from wattpurse_tools.record.models import Message, Payment, PaymentNotice, RefundRequest, Wallet

DAY_S = 86_400
KINDS = ("charge.refund.updated", "refund.failed", "refund.updated")


@pytest.fixture
def shop(any_office):
    """Return an office that sells, on each database."""
    build_site()
    return any_office


@pytest.fixture
def server(shop):
    """Return a provider that refunds."""
    with RefundServer({"pi_1": 2000}) as provider:
        put_provider(shop.folder, Provider("stripe", "stripe", ("s",), API_KEY, {"api": provider.url}))
        yield provider


@pytest.fixture
def clock():
    """Return a clock that each call puts two hours on, so that every request is due."""
    ticks, begin_s = itertools.count(1), int(time.time())
    return lambda: begin_s + next(ticks) * 2 * HOUR_S


def failed(refund, time_s, kind="refund.failed", status="failed"):
    """Return the event of a refund that failed, as Stripe's documentation shows it."""
    content = refund | {
        "status": status,
        "currency": "eur",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": "txn_1",
    }
    return json.dumps({"type": kind, "created": time_s, "data": {"object": content}})


def refunded(refund, time_s, amount=2000):
    """Return the event of a charge that was refunded."""
    charge = {"id": refund["charge"], "payment_intent": refund["payment_intent"], "currency": "eur"}
    event = {"type": "charge.refunded", "created": time_s, "data": {"object": charge | {"amount_refunded": amount}}}
    return json.dumps(event)


def hear(shop, manager, body, now_s):
    """Take the body of a web hook, and work."""
    notice = stripe.notice_of(body.encode())
    if notice is not None:
        notice.record("stripe", body, now_s)
    payments.work(shop, manager, now_s, is_thorough=True)


def asked(shop, manager, clock, **further):
    """Let a payment be refunded through the provider, and return it."""
    payment = paid(shop, manager, **further)
    refunds.ask(shop.folder, manager, payment, clock())
    refunds.work(shop.folder, manager, clock())
    payments.work(shop, manager, clock())
    return payment


def at(code):
    return balances.balance(code, "EUR")


def is_in_suspense(shop, manager, payment):
    """Check that the money of a payment is in suspense again, once, and that the books are closed."""
    assert Payment.objects.get(pk=payment).state == payments.SUSPENSE
    assert at(chart.suspense("payment")) == -20 * EUR
    assert at(chart.provider("stripe")) == 20 * EUR
    assert checking.check(shop, manager).findings == ()
    assert audit.first_broken() is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_refund_that_fails_days_later_is_in_suspense_again(shop, manager, server, clock, kind):
    payment = asked(shop, manager, clock)
    assert Payment.objects.get(pk=payment).state == payments.PAID_BACK
    (refund,) = server.refunds
    later_s = int(time.time()) + 5 * DAY_S
    body = failed(refund, later_s, kind)
    for _ in range(2):
        hear(shop, manager, body, later_s)
    is_in_suspense(shop, manager, payment)
    request = RefundRequest.objects.get()
    assert (request.state, bool(request.trouble)) == (refunds.FAILED, True)
    for again in KINDS:
        hear(shop, manager, failed(refund, later_s + 60, again), later_s + 60)
    hear(shop, manager, refunded(refund, refund["created"] + 1), later_s + 120)  # a web hook that comes very late
    is_in_suspense(shop, manager, payment)
    told = Message.objects.filter(text__contains="refund failed")
    assert told.count() == Message.objects.filter(text__contains="refund failed").values("customer", "address").count()
    assert told.exists(), "the managers know"


def test_after_the_failure_the_refund_is_asked_again_and_booked_again(shop, manager, server, clock):
    payment = asked(shop, manager, clock)
    (first,) = server.refunds
    later_s = first["created"] + 5 * DAY_S
    hear(shop, manager, failed(first, later_s), later_s)
    first["status"] = "failed"
    suspense.give_back(manager, payment, "once more", later_s)
    assert refunds.ask(shop.folder, manager, payment, later_s).state == refunds.ASKED
    refunds.work(shop.folder, manager, later_s)
    second = server.refunds[-1]
    assert second["id"] != first["id"]
    RefundRequest.objects.get(state=refunds.DONE)
    payments.work(shop, manager, later_s + 60)
    hear(shop, manager, refunded(second, later_s + 61), later_s + 61)
    assert Payment.objects.get(pk=payment).state == payments.PAID_BACK
    assert (at(chart.suspense("payment")), at(chart.provider("stripe"))) == (0, 0)
    hear(shop, manager, failed(first, later_s), later_s + 90)
    assert (at(chart.suspense("payment")), at(chart.provider("stripe"))) == (0, 0)
    assert checking.check(shop, manager).findings == ()


def test_the_failure_may_come_before_our_own_answer(shop, manager, server, clock):
    payment = paid(shop, manager)
    request = refunds.ask(shop.folder, manager, payment, clock())
    server.plan = ["lost"]
    refunds.work(shop.folder, manager, clock())
    assert RefundRequest.objects.get().state == refunds.ASKED
    (refund,) = server.refunds
    hear(shop, manager, failed(refund, refund["created"] + 1), clock())
    request.refresh_from_db()
    assert (request.state, request.number) == (refunds.FAILED, refund["id"])
    assert refunds.work(shop.folder, manager, clock()) == 0
    hear(shop, manager, refunded(refund, refund["created"]), clock())
    assert Payment.objects.get(pk=payment).state == payments.REFUNDING
    assert (at(chart.suspense("payment")), at(chart.provider("stripe"))) == (-20 * EUR, 20 * EUR)


def test_a_failure_of_somebody_else_changes_no_request(shop, manager, server, clock):
    payment = asked(shop, manager, clock)
    (refund,) = server.refunds
    other = refund | {"id": "re_99", "payment_intent": "pi_9", "charge": "ch_9"}
    hear(shop, manager, failed(other, refund["created"] + 5), refund["created"] + 2 * HOUR_S)
    assert RefundRequest.objects.get().state == refunds.DONE
    assert Payment.objects.get(pk=payment).state == payments.PAID_BACK
    assert (at(chart.suspense("payment")), at(chart.provider("stripe"))) == (0, 0)


@pytest.mark.parametrize("is_spent", [False, True])
def test_a_refund_out_of_a_wallet_that_fails_is_in_the_wallet_again(shop, manager, server, clock, is_spent):
    now_s = int(time.time())
    payments.record("stripe", "pi_1", payments.PAID, 20 * EUR, "EUR", "wallet 101", "A", now_s, "", now_s)
    payments.work(shop, manager, now_s)
    if is_spent:
        with_debt = Wallet.objects.get()
        code = chart.wallet(101)
        payments.record("stripe", "pi_8", payments.REFUNDED, 5 * EUR, "EUR", "pi_1", "", now_s, "", now_s)
        payments.work(shop, manager, now_s)
        assert at(code) == -15 * EUR
        assert with_debt.balance_microunits == 20 * EUR
    refund = {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 2000 - 500 * is_spent}
    hear(shop, manager, refunded(refund, now_s + 10), now_s + 10)
    assert Wallet.objects.get().balance_microunits == 0
    hear(shop, manager, failed(refund, now_s + DAY_S), now_s + DAY_S)
    expected = (20 - 5 * is_spent) * EUR
    assert Wallet.objects.get().balance_microunits == expected == -at(chart.wallet(101))
    assert at(chart.provider("stripe")) == expected
    assert checking.check(shop, manager).findings == ()


def test_money_of_a_wallet_that_comes_back_may_go_into_the_wallet_again(shop, manager, server, clock):
    payment = asked(shop, manager, clock, reference="wallet 101")
    (refund,) = server.refunds
    hear(shop, manager, failed(refund, refund["created"] + DAY_S), refund["created"] + DAY_S)
    is_in_suspense(shop, manager, payment)
    for turn in range(2):
        suspense.assign_to_wallet(manager, payment, 101, clock())
        assert Wallet.objects.get().balance_microunits == 20 * EUR == -at(chart.wallet(101)), turn
        assert at(chart.suspense("payment")) == 0
        suspense.give_back(manager, payment, "again", clock())
        assert Wallet.objects.get().balance_microunits == 0 == at(chart.wallet(101))
        assert at(chart.suspense("payment")) == -20 * EUR
        Payment.objects.filter(pk=payment).update(state=payments.SUSPENSE)  # as after another failure
    assert checking.check(shop, manager).findings == ()
    assert wallets.history(Wallet.objects.get())[0].amount_microunits == -20 * EUR


def test_a_failed_refund_after_a_sale_ends_the_debt(shop, manager, server, clock):
    now_s = int(time.time())
    payments.record("stripe", "pi_1", payments.PAID, 20 * EUR, "EUR", "1", "A", now_s, "", now_s)
    payments.work(shop, manager, now_s)
    payment = Payment.objects.get()
    assert payment.state == payments.SOLD
    owner = chart.debt(payment.sale.tenancy_id) if payment.sale.tenancy_id else chart.suspense("payment")
    refund = {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 2000}
    hear(shop, manager, refunded(refund, now_s + 1), now_s + 1)
    assert at(owner) == 20 * EUR
    hear(shop, manager, failed(refund, now_s + DAY_S), now_s + DAY_S)
    assert at(owner) == 0
    assert at(chart.provider("stripe")) == 20 * EUR


def test_notices_in_any_order_end_in_the_same_books(shop, manager, server, clock):
    # Two refunds, of which the first failed: the second one went back.
    now_s = int(time.time())
    first = {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_0", "amount": 2000}
    second = first | {"id": "re_2"}
    bodies = [refunded(first, now_s + 1), failed(first, now_s + 100), refunded(second, now_s + 200)]
    for turn, order in enumerate(itertools.permutations(bodies)):
        number = f"pi_t{turn}"
        payments.record("stripe", number, payments.PAID, 20 * EUR, "EUR", "?", "A", now_s, "", now_s)
        payments.work(shop, manager, now_s)
        for body in (*order, order[0]):
            own = body.replace("pi_0", number).replace("ch_1", f"ch_{turn}").replace("re_", f"re_{turn}_")
            hear(shop, manager, own, now_s + 300)
        assert Payment.objects.get(notice__number=number).state == payments.PAID_BACK, order
        assert (at(chart.suspense("payment")), at(chart.provider("stripe"))) == (0, 0), order


def test_the_sum_is_that_of_the_time_order():
    assert paid_back([]) == 0
    assert paid_back([Told(1, False, 5), Told(2, False, 10)]) == 10
    assert paid_back([Told(2, True, 5), Told(1, False, 5)]) == 0
    assert paid_back([Told(1, False, 5), Told(1, True, 5)]) == 0
    assert paid_back([Told(1, False, 5), Told(2, False, 10), Told(3, True, 5), Told(4, False, 10)]) == 10
    assert paid_back([Told(1, True, 5), Told(2, False, 5)]) == 5


def test_a_forged_failure_changes_nothing(shop, manager, server, clock, pages):
    payment = asked(shop, manager, clock)
    (refund,) = server.refunds
    now_s = int(time.time())
    body = failed(refund, now_s)

    def post(secret):
        mark = hmac.new(secret.encode(), f"{now_s}.{body}".encode(), hashlib.sha256).hexdigest()
        head = {"HTTP_STRIPE_SIGNATURE": f"t={now_s},v1={mark}"}
        return pages.post("/pay/hook/stripe/stripe", body, content_type="application/json", **head)

    assert post("forged").status_code == 401
    payments.work(shop, manager, now_s, is_thorough=True)
    assert Payment.objects.get(pk=payment).state == payments.PAID_BACK
    assert not PaymentNotice.objects.filter(kind=payments.REFUND_FAILED).exists()
    assert post("s").status_code == 200
    payments.work(shop, manager, now_s, is_thorough=True)
    assert PaymentNotice.objects.filter(kind=payments.REFUND_FAILED).count() == 1
