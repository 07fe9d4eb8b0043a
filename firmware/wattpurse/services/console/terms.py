"""The terms of supply on the console: every value as it is typed, and its meaning.

Long work is a coroutine, in which other tasks get their turns.
"""

import asyncio

from wattpurse.core.currency import currency_of
from wattpurse.core.money import terms
from wattpurse.core.text import clock_text, kwh_text
from wattpurse.services.console.facts import account_of
from wattpurse.services.console.reports import table

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

_KWH_DIGITS = 3
_PERMYRIAD_PER_PERCENT = 100
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_POLICIES = ("ignored", "alarm", "alarm and supply off")
_NO_LIMIT = (
    "credit_limit_microunits",
    "credit_limit_mwh",
    "debt_cap_microunits",
    "account_limit_microunits",
    "daily_limit_mwh",
    "power_limit_w",
)
_YES_OR_NO = ("friendly_holidays", "standing_charge_while_off", "confirm_closing")
# The unit behind the number, by the end of the name.
_UNITS = (("_days", " days"), ("_w", " W"), ("_percent", " %"), ("_s", " s"))


def terms_in_force(meter: "Meter", _arguments: list) -> dict:
    """Return every term and its value."""
    account = account_of(meter)
    return {
        "currency": account.tariff.currency.code,
        "decimals": account.tariff.currency.decimals,
        "terms": {name: account.terms[name] for name in terms.names()},
    }


async def terms_text(facts: dict) -> str:
    """Return the facts of `terms_in_force` as text, related terms together."""
    rows = []
    for name in terms.names():
        value = facts["terms"][name]
        rows.append((name, str(value), _meaning(name, value, facts)))
        await asyncio.sleep(0)
    return await table(rows, ("term", "value", ""))


def _meaning(name: str, value: int, facts: dict) -> str:
    if value == terms.NO_LIMIT and name in _NO_LIMIT:
        return "no limit"
    if name in _YES_OR_NO:
        return "yes" if value else "no"
    if name == "friendly_weekdays":
        return " ".join(day for place, day in enumerate(_WEEKDAYS) if value >> place & 1) or "none"
    if name == "tax_permyriad":
        whole, rest = divmod(value, _PERMYRIAD_PER_PERCENT)
        return f"{whole}.{rest:02d} %"
    if name.startswith("tamper_"):
        return _POLICIES[value]
    return _amount(name, value, facts)


def _amount(name: str, value: int, facts: dict) -> str:
    if name.endswith("_microunits"):
        return currency_of(facts).text(value)
    if name.endswith("_mwh"):
        return kwh_text(value, _KWH_DIGITS) + " kWh"
    if name.endswith("_minute"):
        return clock_text(value)
    for end, unit in _UNITS:
        if name.endswith(end):
            return str(value) + unit
    return ""
