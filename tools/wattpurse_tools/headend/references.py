"""The meter that a payer named: in a provider's field of its own, or somewhere in the text of a bank transfer.

It is never a guess. A text that is one number names a meter or a customer. In a longer text a number counts if it has
eight digits or more, or if a word such as "meter" or "customer" stands before it. A text that leads to two meters names
none.
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
_NUMBER = re.compile(r"(?<![\w-])[0-9]{1,10}(?![\w-])")
_ATTEMPT = re.compile(rf"\b{ATTEMPT}[0-9a-f]+\b")


def meter_of(reference: str) -> int | None:
    """Return the number of the one meter in the record that a text names, or None."""
    text = " ".join(_ATTEMPT.sub(" ", reference).split())
    found = _by_meter(text) | _by_customer(text)
    return found.pop() if len(found) == 1 else None


def _by_meter(text: str) -> set[int]:
    named = {int(one["number"]) for one in _NAMED.finditer(text) if one["meter"]}
    named |= {int(one) for one in _NUMBER.findall(text) if len(one) >= _LONG or one == text}
    return set(Meter.objects.filter(number__in=named).values_list("number", flat=True))


def _by_customer(text: str) -> set[int]:
    named = {int(one["number"]) for one in _NAMED.finditer(text) if one["customer"]}
    named |= {int(text)} if _NUMBER.fullmatch(text) else set()
    living = Tenancy.objects.filter(customer__number__in=named, until_s=None)
    return set(living.values_list("meter_number", flat=True))
