"""Web hooks in the form of Stripe: the signature, the age, and the notices of an event.

Sources: Stripe's documentation "Verify webhook signatures manually", "Event object", "Types of events" and "Refunds"
(a refund that fails returns its amount to the balance). The header `Stripe-Signature`
has `t=` with the time in seconds and one or more `v1=` with HMAC-SHA256 of "TIME.BODY" in hexadecimal digits. Amounts
are in the smallest unit of the currency. The number of a payment is that of its payment intent, so the two events that
tell one payment (`checkout.session.completed` and `payment_intent.succeeded`) are one notice.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.notices import Forged, Malformed, Notice, micro_of_minor

TOLERANCE_S = 300

_SCHEME = "v1"
# Stripe's list "Supported currencies": the currencies whose smallest unit is not a hundredth.
_NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD JOD KWD OMR TND"


def verify(body: bytes, header: str, secrets: Sequence[str], now_s: int, tolerance_s: int = TOLERANCE_S) -> None:
    """Raise Forged unless a signature of the header is right by one of the secrets, and is not too old."""
    told_s, signatures = _parts(header)
    signed = b"%d." % told_s + body
    is_right = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        for signature in signatures:
            is_right |= hmac.compare_digest(expected, signature)
    if not is_right:
        raise Forged("no signature is right")
    if abs(now_s - told_s) > tolerance_s:
        raise Forged("the signature is too old")


def notice_of(body: bytes) -> Notice | None:
    """Return the notice of an event, or None for an event that is no payment. Raise Malformed for anything else."""
    try:
        event = json.loads(body)
        make = _NOTICES.get(event["type"])
        return None if make is None else make(event["data"]["object"], int(event["created"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"this is no event: {error}") from None


def _parts(header: str) -> tuple[int, list[bytes]]:
    pairs = [pair.partition("=") for pair in header.split(",")]
    times = [value for name, _, value in pairs if name.strip() == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdecimal() and len(times[0]) <= 12):
        raise Forged("the header has no time")
    return int(times[0]), [value.strip().encode() for name, _, value in pairs if name.strip() == _SCHEME]


def _session(session: dict[str, Any], created_s: int) -> Notice | None:
    """Return the notice of a checkout session that is paid. A session that waits for its bank tells it later."""
    if session["payment_status"] != "paid" or not session["amount_total"]:
        return None
    reference = _reference(session.get("metadata")) or session.get("client_reference_id") or ""
    payer = (session.get("customer_details") or {}).get("email") or ""
    number = session.get("payment_intent") or session["id"]
    return _paid(number, session["amount_total"], session["currency"], (reference, payer), created_s)


def _intent(intent: dict[str, Any], created_s: int) -> Notice | None:
    reference = _reference(intent.get("metadata")) or intent.get("description") or ""
    payer = intent.get("receipt_email") or ""
    return _paid(intent["id"], intent["amount_received"], intent["currency"], (reference, payer), created_s)


def _refund(charge: dict[str, Any], created_s: int) -> Notice | None:
    """Return the notice of a refund. `amount_refunded` is the sum so far, less the refunds that failed.

    The time is a part of the number: after a refund that failed, the next one has the same sum.
    """
    amount = charge["amount_refunded"]
    return _back(payments.REFUNDED, f"{charge['id']}:{amount}:{created_s}", charge, amount, created_s)


def _refund_changed(refund: dict[str, Any], created_s: int) -> Notice | None:
    """Return the notice of a refund that failed or was cancelled: its money is in the balance at the provider again."""
    if refund["status"] not in ("failed", "canceled"):
        return None
    key = (refund.get("metadata") or {}).get("request") or ""
    number = f"{_text(refund['id'])}:failed"
    return replace(_back(payments.REFUND_FAILED, number, refund, refund["amount"], created_s), payer=_text(key))


def _withdrawn(dispute: dict[str, Any], created_s: int) -> Notice | None:
    return _back(payments.DISPUTED, f"{dispute['id']}:withdrawn", dispute, dispute["amount"], created_s)


def _reinstated(dispute: dict[str, Any], created_s: int) -> Notice | None:
    return _back(payments.RETURNED, f"{dispute['id']}:reinstated", dispute, dispute["amount"], created_s)


def _payout(payout: dict[str, Any], created_s: int) -> Notice | None:
    amount, currency = _money(payout["amount"], payout["currency"])
    return Notice(_text(payout["id"]), payments.PAYOUT, amount, currency, "", "", created_s)


def _paid(number: str, amount: int, currency: str, words: tuple[str, str], created_s: int) -> Notice:
    microunits, code = _money(amount, currency)
    return Notice(_text(number), payments.PAID, microunits, code, _text(words[0]), _text(words[1]), created_s)


def _back(kind: str, number: str, content: dict[str, Any], amount: int, created_s: int) -> Notice:
    microunits, code = _money(amount, content["currency"])
    first = content.get("payment_intent") or content.get("charge") or content["id"]
    return Notice(number, kind, microunits, code, _text(first), "", created_s)


def _reference(metadata: dict[str, Any] | None) -> str:
    """Return the meter or the wallet of our own checkout, with the attempt that its page asks for."""
    found = metadata or {}
    wallet = [f"wallet {_text(found['wallet'])}"] if found.get("wallet") else []
    return " ".join([*wallet, *(_text(found[name]) for name in ("meter", "attempt") if found.get(name))])


def _money(amount: int, currency: str) -> tuple[int, str]:
    code = _text(currency).upper()
    if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0 or len(code) != 3:
        raise ValueError("an amount is a whole number above zero, in a currency of three letters")
    return micro_of_minor(amount, _decimals(code)), code


def minor_of_micro(amount_microunits: int, currency: str) -> int:
    """Return an amount in the smallest unit of a currency. Raise ValueError if it is no whole number of them."""
    units, rest = divmod(amount_microunits, micro_of_minor(1, _decimals(currency)))
    if rest:
        raise ValueError(f"{amount_microunits} micro-units of {currency} are no whole number of its smallest unit")
    return units


def _decimals(code: str) -> int:
    return 0 if code in _NO_DECIMALS.split() else 3 if code in _THREE_DECIMALS.split() else 2


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


_NOTICES: dict[str, Callable[[dict[str, Any], int], Notice | None]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "payment_intent.succeeded": _intent,
    "charge.refunded": _refund,
    "charge.refund.updated": _refund_changed,
    "refund.updated": _refund_changed,
    "refund.failed": _refund_changed,
    "charge.dispute.funds_withdrawn": _withdrawn,
    "charge.dispute.funds_reinstated": _reinstated,
    "payout.paid": _payout,
}
