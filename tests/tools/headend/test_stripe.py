"""Web hooks in the form of Stripe. The oracle of the signature is the package `stripe`."""

import hashlib
import hmac
import json
import time

import pytest
import stripe as oracle

from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers import stripe
from wattpurse_tools.headend.providers.notices import Forged, Malformed
from wattpurse_tools.headend.providers.provider_file import Provider, put_provider
from wattpurse_tools.record.models import Payment, PaymentNotice

SECRET = "whsec_of_tests"
NOW_S = 1_800_000_000


def header(body, secret=SECRET, time_s=NOW_S):
    digest = hmac.new(secret.encode(), b"%d." % time_s + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


def event(kind, content, created_s=NOW_S):
    return json.dumps({"id": "evt_1", "type": kind, "created": created_s, "data": {"object": content}}).encode()


SESSION = {
    "id": "cs_1",
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "amount_total": 2000,
    "currency": "eur",
    "metadata": {"meter": "1", "attempt": "attempt-ab"},
    "customer_details": {"email": "a@example.org"},
}


def test_the_signature_is_that_of_the_oracle():
    body = event("checkout.session.completed", SESSION)
    now_s = int(time.time())
    oracle.WebhookSignature.verify_header(body.decode(), header(body, time_s=now_s), SECRET, 300)
    stripe.verify(body, header(body, time_s=now_s), [SECRET], now_s)


@pytest.mark.parametrize(
    "wrong",
    [
        header(b"{}"),
        header(b"{ }", "other"),
        header(b"{ }", time_s=NOW_S - 301),
        header(b"{ }", time_s=NOW_S + 301),
        "",
        "t=1",
        "v1=00",
        header(b"{ }").replace("v1=", "v0="),
        "t=x," + header(b"{ }").partition(",")[2],
        header(b"{ }") + ",t=5",
        "t=1800000000,v1=\u00e9",
    ],
)
def test_a_forged_or_old_signature_is_refused(wrong):
    with pytest.raises(Forged):
        stripe.verify(b"{ }", wrong, [SECRET], NOW_S)


def test_a_new_secret_counts_beside_the_old_one():
    stripe.verify(b"{ }", header(b"{ }"), ["new", SECRET], NOW_S)


def test_two_events_of_one_payment_have_one_number():
    intent = {"id": "pi_1", "amount_received": 2000, "currency": "eur", "metadata": {"meter": "1"}}
    first = stripe.notice_of(event("checkout.session.completed", SESSION))
    second = stripe.notice_of(event("payment_intent.succeeded", intent))
    assert first.number == second.number == "pi_1"
    assert first.amount_microunits == second.amount_microunits == 20 * EUR
    assert (first.reference, first.currency, first.payer) == ("1 attempt-ab", "EUR", "a@example.org")


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 2000 * EUR), ("kwd", 2 * EUR), ("usd", 20 * EUR)])
def test_amounts_are_in_the_smallest_unit_of_the_currency(currency, amount):
    assert stripe.notice_of(
        event("checkout.session.completed", SESSION | {"currency": currency})
    ).amount_microunits == (amount)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", event("charge.refunded", {}), event("payment_intent.succeeded", {"id": 5})]
)
def test_a_body_that_is_no_event_is_malformed(body):
    with pytest.raises(Malformed):
        stripe.notice_of(body)


def test_events_of_no_interest_make_no_notice():
    assert stripe.notice_of(event("customer.created", {})) is None
    assert stripe.notice_of(event("checkout.session.completed", SESSION | {"payment_status": "unpaid"})) is None


def test_the_hook_records_once_and_refuses_what_is_forged(office, pages):
    put_provider(office.folder, Provider("stripe", "stripe", (SECRET,)))
    now_s = int(time.time())
    body = event("checkout.session.completed", SESSION, now_s)

    def post(content, signature, name="stripe"):
        return pages.post(
            f"/pay/hook/stripe/{name}",
            content,
            content_type="application/json",
            headers={"Stripe-Signature": signature},
        ).status_code

    right = header(body, time_s=now_s)
    assert post(body, right, "other") == 404
    assert post(body, header(body, "wrong", now_s)) == 401
    assert post(body, header(body, time_s=now_s - 400)) == 401
    assert post(b"{}", header(b"{}", time_s=now_s)) == 400
    long = b" " * 300_000
    assert post(long, header(long, time_s=now_s)) == 413
    assert PaymentNotice.objects.count() == 0
    assert [post(body, right), post(body, right)] == [200, 200]
    notice = PaymentNotice.objects.get()
    assert (notice.number, notice.kind, notice.amount_microunits) == ("pi_1", payments.PAID, 20 * EUR)
    assert Payment.objects.count() == 0
