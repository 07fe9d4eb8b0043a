"""Amounts of money in the texts of providers and banks, exactly: no binary fractions."""

import re

_MICRO_DECIMALS = 6
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,12})(?:\.([0-9]{0,6})0*)?")


def micro_of_text(text: str, decimal: str = ".", group: str = "") -> int:
    """Return the micro-units of an amount such as "12.50". Raise ValueError for any other text.

    `decimal` is the decimal separator, and `group` the separator of thousands, if there is one.
    """
    plain = text.strip().replace("\u00a0", " ")
    if group:
        plain = plain.replace(group, "")
    found = _AMOUNT.fullmatch(plain if decimal == "." else plain.replace(decimal, ".") if "." not in plain else "")
    if found is None:
        raise ValueError(f"{text!r} is no amount of money")
    sign, whole, part = found.groups()
    micro = int(whole) * 10**_MICRO_DECIMALS + int((part or "").ljust(_MICRO_DECIMALS, "0"))
    return -micro if sign == "-" else micro
