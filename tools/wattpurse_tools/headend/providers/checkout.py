"""Checkout links in the form of Stripe's API: a page of the provider where a customer pays by card or wallet.

Source: Stripe's API reference, "Create a Session" and "Idempotent requests". The same attempt again has the same key,
so the provider makes one session of it. The card's number never comes here. `Checkout` is the seam for other
providers.
"""

import urllib.parse
from dataclasses import dataclass
from typing import Protocol

from wattpurse_tools.headend.providers import stripe_api
from wattpurse_tools.headend.providers.provider_file import STRIPE, Provider, providers
from wattpurse_tools.headend.providers.stripe import minor_of_micro
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.refusals import Failure

METER = "meter"
WALLET = "wallet"

_OK = 200


@dataclass(frozen=True)
class Order:
    """A recharge to pay for: `attempt` is its key, and `words` its line on the provider's page.

    `target` is (METER, its number), or (WALLET, the number of its customer). `urls` are the addresses that the provider
    leads back to, after the payment and without one.
    """

    attempt: str
    target: tuple[str, int]
    gross_microunits: int
    currency: str
    words: str
    urls: tuple[str, str]
    language: str = "auto"


class Checkout(Protocol):
    """The provider of checkout links."""

    def link(self, order: Order) -> str:
        """Return the address of the provider's page for an order. Raise Failure if the provider gives none."""
        ...


class StripeCheckout:
    """Checkout links by an API in the form of Stripe's, at `settings["api"]` or at Stripe itself."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def link(self, order: Order) -> str:
        """Return the address of the provider's page for an order. Raise Failure if the provider gives none."""
        status, answer = stripe_api.call(self._provider, "/v1/checkout/sessions", _fields(order), order.attempt)
        if status != _OK:
            raise Failure("the payment provider does not answer; try again later")
        url = answer.get("url")
        if not isinstance(url, str) or urllib.parse.urlsplit(url).scheme not in ("https", "http"):
            raise Failure("the payment provider gave no page; try again later")
        return url


def checkout_of(folder: OfficeFolder) -> Checkout | None:
    """Return the checkout of an office, or None if no provider with an API is configured."""
    for provider in providers(folder).values():
        if provider.kind == STRIPE and provider.api_key:
            return StripeCheckout(provider)
    return None


def _fields(order: Order) -> dict[str, str]:
    what, number = order.target
    named = f"{WALLET} {number}" if what == WALLET else str(number)
    metadata = {what: str(number), "attempt": order.attempt}
    return {
        "mode": "payment",
        "client_reference_id": f"{named} {order.attempt}",
        "success_url": order.urls[0],
        "cancel_url": order.urls[1],
        "locale": order.language,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": order.currency.lower(),
        "line_items[0][price_data][unit_amount]": str(minor_of_micro(order.gross_microunits, order.currency)),
        "line_items[0][price_data][product_data][name]": order.words,
        **{f"metadata[{name}]": value for name, value in metadata.items()},
        **{f"payment_intent_data[metadata][{name}]": value for name, value in metadata.items()},
    }
