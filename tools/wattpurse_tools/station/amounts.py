"""Numbers as the clerk types them at the station: amounts of money and energy, prices, and whole numbers.

Amounts are exact: micro-units of money, mWh of energy.
A function here raises ValueError with the option, the text and the reason.
"""

import re
from collections.abc import Callable

from wattpurse.core.currency import MICROUNIT_DIGITS, Currency, parse_decimal
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse_tools.station.order import ENERGY

KWH_DECIMALS = 3

_MILLION = 1_000_000


def parse_credit(unit: str, text: str, option: str, currency: Currency) -> int:
    """Return an amount of MONEY or ENERGY above zero, up to the largest credit of a token."""
    return _checked_credit(parse_amount(unit, text, option, currency), text, option)


def parse_kwh_credit(text: str, option: str) -> int:
    """Return an amount of energy above zero, up to the largest credit of a token."""
    return _checked_credit(parse_kwh(text, option), text, option)


def parse_amount(unit: str, text: str, option: str, currency: Currency) -> int:
    """Return an amount of MONEY or ENERGY, zero or more."""
    return parse_kwh(text, option) if unit == ENERGY else _parse(currency.parse, text, option)


def parse_kwh(text: str, option: str) -> int:
    """Return an amount of energy, zero or more."""
    return _parse(lambda number: parse_decimal(number, KWH_DECIMALS), text, option)


def parse_price(text: str, option: str) -> int:
    """Return micro-units per kWh, zero or more. A price has up to six decimals in every currency."""
    return _parse(lambda number: parse_decimal(number, MICROUNIT_DIGITS), text, option)


def parse_number(text: str, name: str, lowest: int, highest: int) -> int:
    """Return a whole number from `lowest` to `highest`."""
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise ValueError(f"{name} {text}: write a whole number from {lowest} to {highest}")
    return int(text)


def _parse(read: Callable[[str], int], text: str, option: str) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{option} {text}: {error}") from None


def _checked_credit(amount: int, text: str, option: str) -> int:
    if not 0 < amount <= CREDIT_AMOUNT_LIMIT:
        raise ValueError(f"{option} {text}: write a number above zero, at most {CREDIT_AMOUNT_LIMIT // _MILLION}")
    return amount
