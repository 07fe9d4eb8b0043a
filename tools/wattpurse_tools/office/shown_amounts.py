"""Amounts and times as people read them, in the language in force. Numbers have the separators of the language.

A currency is its ISO code behind the number, so no two currencies look alike.
"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format

MICRO = 1_000_000
NO_BREAK = "\u00a0"


def money_text(microunits: int, currency: str, decimals: int = 2) -> str:
    """Return an amount of money with the decimals of its currency, or with more if it has parts of them."""
    return f"{micro_number_text(microunits, decimals)}{NO_BREAK}{currency}"


def energy_text(energy_mwh: int) -> str:
    """Return an energy in kWh."""
    return f"{micro_number_text(energy_mwh, 0)}{NO_BREAK}kWh"


def time_text(time_s: int, time_zone: str) -> str:
    """Return a time as the clock of a shop shows it."""
    return date_format(datetime.fromtimestamp(time_s, ZoneInfo(time_zone)), "SHORT_DATETIME_FORMAT")


def micro_number_text(micro: int, decimals: int) -> str:
    """Return a number of millionths with at least `decimals`, and as many more as it has."""
    value = Decimal(micro) / MICRO
    while decimals < 6 and value != round(value, decimals):
        decimals += 1
    return number_format(value, decimals, use_l10n=True, force_grouping=True)
