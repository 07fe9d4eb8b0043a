"""Callbacks in the form of M-Pesa's customer-to-business API: the question before a payment, and its confirmation.

Source: Safaricom Daraja, "Customer To Business (C2B)". These callbacks have no signature and no age. A secret in the
path and the provider's addresses are all that tells a right one from a forged one, so the pages must be reached by TLS
alone. The number of the transaction is the guard against replays.
"""

import hmac
import ipaddress
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.notices import Forged, Malformed, Notice
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.headend.references import meter_of, wallet_named
from wattpurse_tools.office.tokens import usable_meter
from wattpurse_tools.record.models import Customer, Meter

ACCEPTED: Mapping[str, str] = {"ResultCode": "0", "ResultDesc": "Accepted"}
NO_ACCOUNT: Mapping[str, str] = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}

_TIME = "%Y%m%d%H%M%S"
_ZONE = "Africa/Nairobi"
_CURRENCY = "KES"


def verify(provider: Provider, secret: str, address: str) -> None:
    """Raise Forged unless the path has a secret of the provider, and the address is one of its addresses.

    Without addresses nobody is let in, unless the settings say `any_address`.
    """
    is_right = False
    for one in provider.secrets:
        is_right |= hmac.compare_digest(one.encode(), secret.encode())
    if not is_right or not (provider.settings.get("any_address") is True or _is_of(provider, address)):
        raise Forged("this callback is not the provider's")


def notice_of(provider: Provider, body: bytes) -> Notice:
    """Return the notice of a confirmation. Raise Malformed for anything else."""
    try:
        content = _content(provider, body)
        paid = datetime.strptime(content["TransTime"], _TIME).replace(
            tzinfo=ZoneInfo(provider.settings.get("time_zone", _ZONE))
        )
        amount = micro_of_text(str(content["TransAmount"]))
        if amount <= 0:
            raise ValueError("the amount is not above zero")
        return Notice(
            str(content["TransID"]),
            payments.PAID,
            amount,
            provider.settings.get("currency", _CURRENCY),
            str(content["BillRefNumber"]).strip(),
            str(content.get("MSISDN", "")),
            int(paid.timestamp()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"this is no confirmation: {error}") from None


def validated(provider: Provider, body: bytes) -> Mapping[str, str]:
    """Return the answer to the question before a payment.

    It is accepted if the reference names a meter that takes credit, or a wallet.
    """
    try:
        reference = str(_content(provider, body)["BillRefNumber"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"this is no question: {error}") from None
    wallet = wallet_named(reference)
    if wallet is not None:
        return ACCEPTED if Customer.objects.filter(number=wallet, is_active=True).exists() else NO_ACCOUNT
    number = meter_of(reference.strip())
    if number is None:
        return NO_ACCOUNT
    try:
        usable_meter(Meter.objects.filter(number=number).first(), number)
    except ValueError:
        return NO_ACCOUNT
    return ACCEPTED


def _is_of(provider: Provider, address: str) -> bool:
    """Return True if an address is in one of the networks of a provider."""
    try:
        asking = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(asking, ipaddress.IPv6Address):
        asking = asking.ipv4_mapped or asking
    return any(asking in ipaddress.ip_network(one) for one in provider.settings.get("addresses", []))


def _content(provider: Provider, body: bytes) -> dict[str, Any]:
    content = json.loads(body)
    expected = provider.settings.get("short_code")
    if expected is not None and str(content["BusinessShortCode"]) != str(expected):
        raise ValueError("another business")
    return content
