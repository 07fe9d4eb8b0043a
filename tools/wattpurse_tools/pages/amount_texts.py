"""Amounts as people read and type them in the language in force: money, energy, days, times.

Numbers have the separators of the language. A currency is its ISO code behind the number, so no two currencies look
alike. A keypad has one key for the decimal separator, so a comma and a point both separate decimals in a typed number.
Groups of thousands are not typed.
"""

import re
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wattpurse_tools.office.shown_amounts import (
    MICRO,
    NO_BREAK,
    energy_text,
    micro_number_text,
    money_text,
    time_text,
)

__all__ = ("energy_text", "money_text", "time_text")

MWH_IN_KWH = 1_000_000
DAY_S = 86_400

_TYPED = re.compile(r"\d{1,12}(?:[.,]\d{1,6})?|[.,]\d{1,6}")
_ENERGY_DECIMALS = 3


def power_text(power_mw: int) -> str:
    """Return a power in kW, to the watt."""
    return f"{micro_number_text(power_mw // 1000 * 1000, 0)}{NO_BREAK}kW"


def days_text(term_s: int) -> str:
    """Return a length of time in days, rounded down."""
    days = term_s // DAY_S
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": number_format(days, 0, use_l10n=True)}


def amount_text(amount: int, unit: str, currency: str, decimals: int = 2) -> str:
    """Return an amount of a unit: "mWh", "s", or else money."""
    if unit in ("mWh", "energy"):
        return energy_text(amount)
    if unit in ("s", "days", "permit"):
        return days_text(amount)
    return money_text(amount, currency, decimals)


def percent_text(rate_ppm: int) -> str:
    """Return a rate in per cent."""
    return f"{micro_number_text(rate_ppm * 100, 0)}{NO_BREAK}%"


def parse_micro(text: str) -> int:
    """Return a typed number in millionths. Raise ValueError with the reason if it is none, or not above zero."""
    typed = text.strip()
    if not _TYPED.fullmatch(typed):
        raise ValueError(_("Type a number such as 20 or 20.50."))
    value = int(Decimal(typed.replace(",", ".")) * MICRO)
    if value <= 0:
        raise ValueError(_("Type a number above zero."))
    return value


def parse_money(text: str, decimals: int = 2) -> int:
    """Return typed money in micro-units, zero or more. Raise ValueError for parts smaller than the currency has."""
    typed = text.strip() or "0"
    value = 0 if re.fullmatch(r"0+(?:[.,]0*)?", typed) else parse_micro(typed)
    if value % 10 ** (6 - decimals):
        raise ValueError(_("The currency has no smaller parts than %(decimals)s decimals.") % {"decimals": decimals})
    return value


def typed_money(microunits: int, decimals: int = 2) -> str:
    """Return money as a field of a form has it: a number that `parse_money` reads."""
    return f"{Decimal(microunits) / MICRO:.{decimals}f}"


def parse_whole(text: str) -> int:
    """Return a typed whole number above zero."""
    typed = text.strip()
    if not re.fullmatch(r"\d{1,9}", typed) or int(typed) == 0:
        raise ValueError(_("Type a whole number above zero."))
    return int(typed)
