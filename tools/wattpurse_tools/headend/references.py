"""The meter that a payer named: in a provider's field of its own, or somewhere in the text of a bank transfer.

It is never a guess. A text that is one number names a meter or a customer. In a longer text a number counts if it has
eight digits or more, or if a word such as "meter" or "customer" stands before it. A text that leads to two meters names
none. A word such as "wallet" in front of a customer's number names the customer's wallet instead.
"""

import re

from wattpurse_tools.record.models import Meter, Tenancy

ATTEMPT = "attempt-"

_LONG = 8
_METER = r"meter|z[äa]hler|compteur|contador|عداد"
_CUSTOMER = r"customer|kunde(?:n(?:nummer)?)?|client|cliente|زبون"
_NAMED = re.compile(
    rf"\b(?:(?P<meter>{_METER})|(?P<customer>{_CUSTOMER}))\s*(?:no\.?|nr\.?|n°)?\s*[:#]?\s*(?P<number>[0-9]{{1,10}})\b",
    re.I,
)
_WALLET = re.compile(
    r"\b(?:wallet|guthabenkonto|portefeuille|monedero|محفظة)\s*(?:no\.?|nr\.?|n°)?\s*[:#]?\s*(?P<number>[0-9]{1,10})\b",
    re.I,
)
_NUMBER = re.compile(r"(?<![\w-])[0-9]{1,10}(?![\w-])")
_ATTEMPT = re.compile(rf"\b{ATTEMPT}[0-9a-f]+\b")


def meter_of(reference: str) -> int | None:
    """Return the number of the one meter in the record that a text names, or None. A text with a wallet names none."""
    found = set() if _WALLET.search(reference) else _meters(reference)
    return found.pop() if len(found) == 1 else None


def wallet_named(reference: str) -> int | None:
    """Return the number of the one customer whose wallet a text names, or None. A text that names a meter too is none.

    The customer may not be in the record: a payment for an unknown wallet is for no meter either.
    """
    named = {int(one["number"]) for one in _WALLET.finditer(reference)}
    return named.pop() if len(named) == 1 and not _meters(_WALLET.sub(" ", reference)) else None


def _meters(reference: str) -> set[int]:
    """Return the numbers of all meters in the record that a text may name."""
    text = " ".join(_ATTEMPT.sub(" ", reference).split())
    return _by_meter(text) | _by_customer(text)


def _by_meter(text: str) -> set[int]:
    named = {int(one["number"]) for one in _NAMED.finditer(text) if one["meter"]}
    named |= {int(one) for one in _NUMBER.findall(text) if len(one) >= _LONG or one == text}
    return set(Meter.objects.filter(number__in=named).values_list("number", flat=True))


def _by_customer(text: str) -> set[int]:
    named = {int(one["number"]) for one in _NAMED.finditer(text) if one["customer"]}
    named |= {int(text)} if _NUMBER.fullmatch(text) else set()
    living = Tenancy.objects.filter(customer__number__in=named, until_s=None)
    return set(living.values_list("meter_number", flat=True))
