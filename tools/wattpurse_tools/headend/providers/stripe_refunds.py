"""Refunds by an API in the form of Stripe's: asked once by a key, and found again if an answer was lost.

Sources: Stripe's API reference, "Create a refund", "Retrieve a refund", "List all refunds", "Errors" and "Idempotent
requests". A repeated key returns the first answer, also an error of 500, and may be forgotten after 24 hours. So a
further try first looks for a refund that has the key in its metadata, and asks for one only if there is none. The sum
of a payment's refunds is never above the payment: the provider refuses it.
"""

from dataclasses import dataclass
from typing import Any

from wattpurse_tools.headend.providers import stripe_api
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.headend.providers.stripe import minor_of_micro
from wattpurse_tools.refusals import Failure

DONE, PENDING, FAILED, UNKNOWN = "done", "pending", "failed", "unknown"

_STATES = {"succeeded": DONE, "pending": PENDING, "requires_action": PENDING, "failed": FAILED, "canceled": FAILED}
# Refusals that are no answer to this request: a wrong key, another call with the same key, too many calls.
_AGAIN = (401, 403, 409, 429)
_FIRST_FAULT = 500
_OK = 200
_LISTED = 100
_REPEATED = "charge_already_refunded"


@dataclass(frozen=True)
class Wish:
    """A refund: the provider's number of the payment, the amount, and the key. `number` is the refund's, if known.

    `is_repeated` is True if it was asked for before and the answer is not known.
    """

    payment: str
    amount_microunits: int
    currency: str
    key: str
    number: str = ""
    is_repeated: bool = False


@dataclass(frozen=True)
class Told:
    """The state of a refund: DONE, PENDING, FAILED, or UNKNOWN if the same must be asked again.

    `number` is the provider's number of the refund, and `charge` that of the charge that it gave back. `created_s` is
    the provider's time of it, or 0.
    """

    state: str
    number: str = ""
    charge: str = ""
    words: str = ""
    created_s: int = 0


def can_refund(payment: str) -> bool:
    """Return True if a payment has a number that the provider refunds by."""
    return payment.startswith(("pi_", "ch_"))


def ask(provider: Provider, wish: Wish) -> Told:
    """Ask for a refund, or for the state of one that was asked for before."""
    try:
        if wish.number:
            status, content = stripe_api.call(provider, f"/v1/refunds/{wish.number}")
            return _told(content) if status == _OK else _refusal(status, content, is_final=False)
        known = _found(provider, wish) if wish.is_repeated else None
        return _asked(provider, wish) if known is None else known
    except Failure as failure:
        return Told(UNKNOWN, words=str(failure))


def _asked(provider: Provider, wish: Wish) -> Told:
    fields = {
        _name(wish.payment): wish.payment,
        "amount": str(minor_of_micro(wish.amount_microunits, wish.currency)),
        "metadata[request]": wish.key,
    }
    status, content = stripe_api.call(provider, "/v1/refunds", fields, wish.key)
    if status == _OK:
        return _told(content)
    if _error(content).get("code") == _REPEATED:
        found = _found(provider, wish)
        if found is not None:
            return found
    return _refusal(status, content, is_final=True)


def _found(provider: Provider, wish: Wish) -> Told | None:
    """Return the state of the refund that has the key of a wish, or None if the provider has none."""
    path = f"/v1/refunds?{_name(wish.payment)}={wish.payment}&limit={_LISTED}"
    status, content = stripe_api.call(provider, path)
    if status != _OK:
        return _refusal(status, content, is_final=False)
    rows = content.get("data")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and (row.get("metadata") or {}).get("request") == wish.key:
            return _told(row)
    return None


def _told(refund: dict[str, Any]) -> Told:
    state = _STATES.get(str(refund.get("status")), UNKNOWN)
    words = str(refund.get("failure_reason") or "") if state == FAILED else ""
    told_s = refund.get("created")
    created_s = told_s if isinstance(told_s, int) and told_s > 0 else 0
    return Told(state, str(refund.get("id") or ""), str(refund.get("charge") or ""), words, created_s)


def _refusal(status: int, content: dict[str, Any], is_final: bool) -> Told:
    words = f"{status}: {_error(content).get('message') or 'no reason told'}"
    is_again = status in _AGAIN or status >= _FIRST_FAULT or not is_final
    return Told(UNKNOWN if is_again else FAILED, words=words)


def _error(content: dict[str, Any]) -> dict[str, Any]:
    error = content.get("error")
    return error if isinstance(error, dict) else {}


def _name(payment: str) -> str:
    return "charge" if payment.startswith("ch_") else "payment_intent"
