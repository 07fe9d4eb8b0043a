"""The settings of providers, checked when they are given: a wrong one is refused with its name and the remedy.

A setting that nobody knows is refused too: a typing error in `addresses` would let every address in.
"""

import ipaddress
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Check = Callable[[str, Any], None]

_COLUMNS = ("number", "amount", "date", "text", "payer", "currency")
_NEEDED_COLUMNS = ("amount", "date", "text")
_CURRENCY_LETTERS = 3
_DAY = datetime(2026, 11, 28)


def check_stripe(settings: object) -> None:
    """Raise ValueError for wrong settings of a provider in the form of Stripe."""
    _check(settings, {"api": _api})


def check_mpesa(settings: object) -> None:
    """Raise ValueError for wrong settings of a provider in the form of M-Pesa."""
    checked = _check(
        settings,
        {
            "short_code": _short_code,
            "addresses": _addresses,
            "any_address": _any_address,
            "currency": _currency,
            "time_zone": _time_zone,
        },
    )
    if bool(checked.get("addresses")) == bool(checked.get("any_address")):
        raise ValueError(
            'name the provider\'s addresses in "addresses", such as ["192.0.2.0/28"]; or, if a proxy lets nobody else'
            ' in, write "any_address": true without them'
        )


def check_bank(settings: object) -> None:
    """Raise ValueError for wrong settings of a bank."""
    checked = _check(
        settings,
        {
            "columns": _columns,
            "delimiter": _character,
            "decimal": _separator,
            "group": _group,
            "date_format": _date_format,
            "encoding": _encoding,
            "currency": _currency,
            "payouts": _payouts,
        },
    )
    if checked.get("decimal", ",") == checked.get("group", "."):
        raise _wrong("group", 'write another character than that of "decimal", or "" for none')


def _check(settings: object, known: Mapping[str, Check]) -> dict[str, Any]:
    """Return the settings. Raise ValueError for a name that is unknown, and for what the check of a name refuses."""
    if not isinstance(settings, dict):
        raise ValueError('the settings are a table in JSON, such as {"currency": "EUR"}')
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{name} is no setting of this kind of provider; there are {', '.join(known)}")
        known[name](name, value)
    return settings


def _wrong(name: str, remedy: str) -> ValueError:
    return ValueError(f"the setting {name} is wrong; {remedy}")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _wrong(name, "write a text in quotes")
    return value


def _api(name: str, value: object) -> None:
    parts = urllib.parse.urlsplit(_text(name, value))
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise _wrong(name, "write an address such as https://api.stripe.com")


def _short_code(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        raise _wrong(name, 'write the digits of the business, such as "600638"')


def _addresses(name: str, value: object) -> None:
    if not isinstance(value, list) or not value:
        raise _wrong(name, 'write a list of addresses or networks, such as ["192.0.2.1", "192.0.2.0/28"]')
    for one in value:
        try:
            ipaddress.ip_network(_text(name, one))
        except ValueError as error:
            raise _wrong(name, f"write addresses or networks such as 192.0.2.0/28: {error}") from None


def _any_address(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong(name, "write true or false")


def _currency(name: str, value: object) -> None:
    letters = _text(name, value)
    if not (len(letters) == _CURRENCY_LETTERS and letters.isascii() and letters.isalpha() and letters.isupper()):
        raise _wrong(name, "write the three capital letters of a currency, such as EUR")


def _time_zone(name: str, value: object) -> None:
    zone = _text(name, value)
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):  # a ZoneInfoNotFoundError is a KeyError
        raise _wrong(name, "write a time zone such as Africa/Nairobi") from None


def _columns(name: str, value: object) -> None:
    remedy = (
        'write a table such as {"amount": "Betrag", "date": "Tag", "text": ["Zweck", "Ref"]};'
        " it may also have number, payer and currency"
    )
    if not isinstance(value, dict) or not set(_NEEDED_COLUMNS) <= set(value) <= set(_COLUMNS):
        raise _wrong(name, remedy)
    for what, columns in value.items():
        listed = columns if what == "text" and isinstance(columns, list) else [columns]
        if not listed or not all(isinstance(one, str) and one for one in listed):
            raise _wrong(name, remedy)


def _character(name: str, value: object) -> None:
    if not isinstance(value, str) or len(value) != 1 or value in '\r\n"':
        raise _wrong(name, "write one character in quotes")


def _separator(name: str, value: object) -> None:
    _character(name, value)
    if str(value).isalnum() or value in ("+", "-"):
        raise _wrong(name, "write the character between units and hundredths, such as a comma")


def _group(name: str, value: object) -> None:
    if value != "":
        _separator(name, value)


def _date_format(name: str, value: object) -> None:
    form = _text(name, value)
    try:
        day = datetime.strptime(_DAY.strftime(form), form)
    except ValueError:
        day = None
    if day != _DAY:
        raise _wrong(name, "write the form of a whole date in the words of strptime: %d.%m.%Y or %Y-%m-%d")


def _encoding(name: str, value: object) -> None:
    text = _text(name, value)
    try:
        "1".encode(text)
    except (LookupError, ValueError):
        raise _wrong(name, "write an encoding that Python knows, such as utf-8-sig or cp1252") from None


def _payouts(name: str, value: object) -> None:
    remedy = 'write a table of providers with the text of their payouts, such as {"stripe": "STRIPE PAYOUT"}'
    if not isinstance(value, dict):
        raise _wrong(name, remedy)
    for text in value.values():
        if not isinstance(text, str) or not text.strip():
            raise _wrong(name, remedy)
