"""Amounts of money in the texts of providers and banks, exactly: no binary fractions."""

import re
from functools import cache

from wattpurse_tools.refusals import Refusal

_MICRO_DECIMALS = 6
_WHOLE_DIGITS = 12


def micro_of_text(text: str, decimal: str = ".", group: str = "") -> int:
    """Return the micro-units of an amount such as "12.50". Raise ValueError for any other text.

    `decimal` is the decimal separator, and `group` the separator of thousands, if there is one. Groups have their usual
    lengths, so "12.50" is no amount where "." separates thousands.
    """
    found = _form(decimal, group).fullmatch(text.strip().replace("\u00a0", " "))
    whole = "" if found is None else found["whole"].replace(group, "")
    if found is None or len(whole) > _WHOLE_DIGITS:
        raise Refusal("%(text)s is no amount of money", text=repr(text))
    sign, part = found["sign"], found["part"]
    micro = int(whole) * 10**_MICRO_DECIMALS + int((part or "").ljust(_MICRO_DECIMALS, "0"))
    return -micro if sign == "-" else micro


@cache
def _form(decimal: str, group: str) -> "re.Pattern[str]":
    """Return the form of an amount. The last group has three digits, others two or three: `1,00,000` and `100,000`."""
    separator = re.escape(group)
    grouped = f"|[0-9]{{1,3}}(?:{separator}[0-9]{{2,3}})*{separator}[0-9]{{3}}" if group else ""
    return re.compile(rf"(?P<sign>[+-]?)(?P<whole>[0-9]+{grouped})(?:{re.escape(decimal)}(?P<part>[0-9]{{0,6}})0*)?")
