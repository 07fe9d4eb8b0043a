"""Amounts that people type: exact decimal numbers, in millionths, and numbers of other things."""

import re

from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT

KWH_DECIMALS = 3

_MILLION = 1_000_000


def parse_credit(text: str, option: str, decimals: int) -> int:
    """Millionths in a decimal number above zero. Raises ValueError that says what is wrong with it."""
    amount = parse_amount(text, option, decimals)
    if not 0 < amount <= CREDIT_AMOUNT_LIMIT:
        raise ValueError(f"{option} {text}: write a number above zero, at most {CREDIT_AMOUNT_LIMIT // _MILLION}")
    return amount


def parse_amount(text: str, option: str, decimals: int) -> int:
    """Millionths in a decimal number of zero or more. Raises ValueError that says what is wrong with it."""
    matched = re.fullmatch(r"(\d{1,12})(?:\.(\d+))?", text, re.ASCII)
    if matched is None:
        raise ValueError(f"{option} {text}: write a number above zero, such as 20.00")
    decimal = (matched[2] or "").rstrip("0")
    if len(decimal) > decimals:
        raise ValueError(f"{option} {text}: at most {decimals} decimals can be sold")
    return int(matched[1]) * _MILLION + int(decimal.ljust(6, "0"))


def parse_number(text: str, what: str, lowest: int, highest: int) -> int:
    """A whole number in a range. Raises ValueError that says which."""
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise ValueError(f"{what} {text}: write a whole number from {lowest} to {highest}")
    return int(text)
