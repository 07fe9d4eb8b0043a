"""Refunds through a provider: one request makes one refund, and its answer or the web hook ends it."""

import json
import time

import pytest

from tests.tools.headend.refund_server import API_KEY, RefundServer
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments, refunds, suspense, wallets
from wattpurse_tools.headend.providers import stripe, stripe_api
from wattpurse_tools.headend.providers.provider_file import Provider, put_provider
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit, checks_of_wallets
from wattpurse_tools.record.models import Payment, RefundRequest, Wallet

HOUR_S = 3600


@pytest.fixture
def site(any_office):
    build_site()
    return any_office


@pytest.fixture
def server(site):
    with RefundServer({"pi_1": 2000, "pi_2": 2000}) as provider:
        put_provider(site.folder, Provider("stripe", "stripe", ("s",), API_KEY, {"api": provider.url}))
        yield provider


@pytest.fixture
def clock():
    """Return a clock that each call puts two hours on, so that every request is due."""
    ticks = iter(range(1, 1000))
    begin_s = int(time.time())
    return lambda: begin_s + next(ticks) * 2 * HOUR_S


def paid(site, manager, reference="?", number="pi_1"):
    """Record a payment of 20.00 EUR and decide that it goes back. Return its number."""
    now_s = int(time.time())
    payments.record("stripe", number, payments.PAID, 20 * EUR, "EUR", reference, "A", now_s, "", now_s)
    payments.work(site, manager, now_s)
    payment = Payment.objects.get(notice__number=number).pk
    suspense.give_back(manager, payment, "nobody lives there", now_s)
    return payment


def hook(server, number="pi_1"):
    """Record the provider's own notice of a refund, as its web hook does."""
    charge = {
        "id": server.charge_of[number],
        "payment_intent": number,
        "amount_refunded": 2000,
        "currency": "eur",
    }
    event = {"type": "charge.refunded", "created": int(time.time()), "data": {"object": charge}}
    body = json.dumps(event)
    stripe.notice_of(body.encode()).record("stripe", body, int(time.time()))


def is_ended(site, manager, server, clock):
    """Work, and check that the payment went back once, here and there."""
    payments.work(site, manager, clock())
    assert Payment.objects.get(notice__kind=payments.PAID).state == payments.PAID_BACK
    assert len(server.refunds) == 1
    assert balances.balance(chart.suspense("payment"), "EUR") == 0
    assert balances.balance(chart.provider("stripe"), "EUR") == 0
    assert balances.faults() == []
    assert audit.first_broken() is None


def test_a_refund_is_asked_once_and_ends_the_payment(site, manager, server, clock):
    payment = paid(site, manager)
    first = refunds.ask(site.folder, manager, payment, clock())
    assert refunds.ask(site.folder, manager, payment, clock()) == first
    assert server.posts == 0
    now_s = clock()
    assert refunds.work(site.folder, manager, now_s) == 1
    assert refunds.work(site.folder, manager, now_s) == refunds.work(site.folder, manager, clock()) == 0
    assert RefundRequest.objects.get().state == refunds.DONE
    is_ended(site, manager, server, clock)
    hook(server)
    is_ended(site, manager, server, clock)
    assert Payment.objects.filter(notice__kind=payments.REFUNDED, state=payments.BOOKED).count() == 1
    assert server.posts == 1


def test_the_web_hook_may_come_before_the_answer(site, manager, server, clock):
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())
    server.plan = ["lost"]
    refunds.work(site.folder, manager, clock())
    assert RefundRequest.objects.get().state == refunds.ASKED
    hook(server)
    is_ended(site, manager, server, clock)
    assert refunds.work(site.folder, manager, clock()) == 0
    assert RefundRequest.objects.get().state == refunds.DONE
    assert server.posts == 1


@pytest.mark.parametrize("fault", ["401", "409", "429", "500 made", "lost", "slow"])
def test_a_lost_answer_makes_no_second_refund(site, manager, server, clock, monkeypatch, fault):
    monkeypatch.setattr(stripe_api, "TIMEOUT_S", 0.4)
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())
    server.plan = [fault, fault]
    refunds.work(site.folder, manager, clock())
    request = RefundRequest.objects.get()
    assert (request.state, bool(request.trouble)) == (refunds.ASKED, True)
    monkeypatch.setattr(stripe_api, "TIMEOUT_S", 15)
    for _ in range(2):
        refunds.work(site.folder, manager, clock())
    assert RefundRequest.objects.get().state == refunds.DONE
    is_ended(site, manager, server, clock)


def test_a_kept_fault_is_repeated_until_the_provider_forgets_the_key(site, manager, server, clock):
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())
    server.plan = ["500"]
    for _ in range(3):
        refunds.work(site.folder, manager, clock())
    assert (RefundRequest.objects.get().state, server.refunds) == (refunds.ASKED, [])
    server.keys.clear()
    refunds.work(site.folder, manager, clock())
    is_ended(site, manager, server, clock)


def test_a_worker_that_dies_after_the_call_makes_no_second_refund(site, manager, server, clock, monkeypatch):
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())

    def die(*_words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(refunds, "_note", die)
        refunds.work(site.folder, manager, clock())
    assert len(server.refunds) == 1
    server.keys.clear()  # the provider keeps a key for a day only
    refunds.work(site.folder, manager, clock())
    is_ended(site, manager, server, clock)


def test_a_refused_refund_is_failed_and_asked_again_under_another_key(site, manager, server, clock):
    payment = paid(site, manager)
    first = refunds.ask(site.folder, manager, payment, clock())
    server.plan = ["402"]
    refunds.work(site.folder, manager, clock())
    first.refresh_from_db()
    assert (first.state, first.trouble) == (refunds.FAILED, "402: planned 402")
    assert Payment.objects.get().state == payments.REFUNDING
    second = refunds.ask(site.folder, manager, payment, clock())
    assert second.key != first.key
    refunds.work(site.folder, manager, clock())
    is_ended(site, manager, server, clock)


def test_a_refused_refund_may_be_paid_by_a_transfer(site, manager, server, clock):
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())
    with pytest.raises(ValueError, match="wait for its answer"):
        suspense.note_given_back(manager, payment, "transfer 5", clock())
    server.plan = ["402"]
    refunds.work(site.folder, manager, clock())
    suspense.note_given_back(manager, payment, "transfer 5", clock())
    assert Payment.objects.get().state == payments.PAID_BACK
    assert server.refunds == []


@pytest.mark.parametrize(("status", "state"), [("succeeded", "done"), ("failed", "failed"), ("canceled", "failed")])
def test_a_pending_refund_is_looked_at_again(site, manager, server, clock, status, state):
    payment = paid(site, manager)
    refunds.ask(site.folder, manager, payment, clock())
    server.plan = ["pending"]
    for _ in range(2):
        refunds.work(site.folder, manager, clock())
        assert RefundRequest.objects.get().state == refunds.PENDING
    server.refunds[0]["status"] = status
    refunds.work(site.folder, manager, clock())
    assert (RefundRequest.objects.get().state, server.posts) == (state, 1)
    if state == "done":
        is_ended(site, manager, server, clock)
    else:
        assert Payment.objects.get().state == payments.REFUNDING
        assert balances.balance(chart.suspense("payment"), "EUR") == -20 * EUR


def test_money_of_a_wallet_goes_back_through_the_provider(site, manager, server, clock):
    payment = paid(site, manager, "wallet 101")
    assert Wallet.objects.get().balance_microunits == 0
    refunds.ask(site.folder, manager, payment, clock())
    refunds.work(site.folder, manager, clock())
    is_ended(site, manager, server, clock)
    assert list(checks_of_wallets.balances_are_proved()) == []
    assert balances.balance(chart.wallet(101), "EUR") == 0
    assert wallets.history(Wallet.objects.get())[0].amount_microunits == -20 * EUR


def test_a_refund_is_asked_for_by_a_manager_alone_and_for_money_that_goes_back(site, manager, cashier, server, clock):
    now_s = int(time.time())
    payment = paid(site, manager)
    with pytest.raises(ValueError, match="no right"):
        refunds.ask(site.folder, cashier, payment, now_s)
    for provider, number, reference in (("stripe", "pi_2", "1"), ("bankhouse", "e1", "?")):
        payments.record(provider, number, payments.PAID, 20 * EUR, "EUR", reference, "A", now_s, "", now_s)
    payments.work(site, manager, now_s)
    sold, at_bank = Payment.objects.get(notice__number="pi_2"), Payment.objects.get(notice__number="e1")
    with pytest.raises(ValueError, match="decide first"):
        refunds.ask(site.folder, manager, sold.pk, now_s)
    suspense.give_back(manager, at_bank.pk, "x", now_s)
    with pytest.raises(ValueError, match="by a transfer"):
        refunds.ask(site.folder, manager, at_bank.pk, now_s)
    assert RefundRequest.objects.count() == 0


def test_a_manager_asks_on_the_page_and_sees_the_answer(site, manager, server, pages, clock):
    payment = paid(site, manager)
    pages.log_in("manager")
    assert "Refund through the provider" in pages.get("/pay/suspense").content.decode()
    for _ in range(2):
        form = {"payment": payment, "what": "ask"}
        assert "is asked for the refund" in pages.post("/pay/suspense", form, follow=True).content.decode()
    assert RefundRequest.objects.count() == 1
    assert "Reference of the transfer" not in pages.get("/pay/suspense").content.decode()
    server.plan = ["402"]
    refunds.work(site.folder, manager, clock())
    shown = pages.get("/pay/suspense").content.decode()
    assert "402: planned 402" in shown
    assert "Refund through the provider" in shown
