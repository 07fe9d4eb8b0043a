"""The customer's standing on the console: only the facts that contract and terms require.

`facts_of` returns facts for the dict of a report, None where a fact does not apply. `rows_of` returns them as the
report's rows.
"""

from wattpurse.core.currency import currency_of
from wattpurse.core.money import friendly, warning
from wattpurse.core.money.contract import ENERGY, Dispenser, Term
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY
from wattpurse.core.money.token_windows import number_text
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.core.text import kwh_text, time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account
    from wattpurse.core.money.standing import Standing

_KWH_DIGITS = 3
_EMERGENCIES = {NO_EMERGENCY: "not taken", EMERGENCY_ACCEPTED: "taken", EMERGENCY_USED: "used up"}
_GRADES = {warning.NONE: "none", warning.LOW: "low", warning.VERY_LOW: "very low"}


def facts_of(meter: "Meter", account: "Account") -> dict:
    """Return amounts in micro-units and mWh, times in seconds since 1970 UTC."""
    standing = account.standing
    until_s = account.contract.until_s(account)
    emergency_limit = account.contract.emergency_limit(account)
    return {
        "warning": _GRADES[meter.supply_desk.warning_grade()],
        "days_left": meter.supply_desk.days_left(),
        "until_s": until_s,
        "term_owed_s": friendly.owed_s(account, account.time_s) if account.contract is Term else 0,
        "until": time_text(until_s, account.tariff.zone) if until_s else None,
        "today_mwh": account.day_mwh,
        "left_today_mwh": _left_today_mwh(account),
        "emergency": _EMERGENCIES[account.contract.emergency(account)] if emergency_limit else None,
        "emergency_limit": emergency_limit,
        "emergency_unit": "energy" if account.contract.unit == ENERGY else "money",
        "debt_microunits": standing["debt_microunits"],
        "tenant": standing["tenant"] or None,
        "ordered_open": bool(standing["ordered_open"]),
        "shortage_level": standing.shortage_level_at(account.time_s),
        "waits_for_button": bool(standing["unconfirmed"] or standing["tripped"]),
        "receipt": _receipt(standing),
    }


def rows_of(facts: dict) -> list:
    """Return `(name, value)` in words. A value of None is not shown."""
    return [
        ("warning", facts["warning"]),
        ("lasts", _days(facts["days_left"])),
        ("until", "nothing bought" if facts["until_s"] == 0 else facts["until"]),
        ("owed for friendly hours", _hours(facts["term_owed_s"]) if facts["term_owed_s"] else None),
        ("left today", None if facts["left_today_mwh"] is None else _kwh(facts["left_today_mwh"])),
        ("emergency credit", _emergency(facts)),
        ("debt", currency_of(facts).text(facts["debt_microunits"]) if facts["debt_microunits"] else None),
        ("tenant", None if facts["tenant"] is None else str(facts["tenant"])),
        ("load switch order", "open" if facts["ordered_open"] else None),
        ("shortage level", str(facts["shortage_level"]) if facts["shortage_level"] else None),
        ("waits for", "the button" if facts["waits_for_button"] else None),
        ("last taken out", None if facts["receipt"] is None else _taken(facts["receipt"], facts)),
    ]


def _left_today_mwh(account: "Account") -> int | None:
    limit_mwh = account.terms["daily_limit_mwh"]
    if account.contract is not Dispenser or not limit_mwh:
        return None
    return max(0, limit_mwh - account.day_mwh)


def _receipt(standing: "Standing") -> dict | None:
    if not standing["receipt_sequence"]:
        return None
    return {
        "sequence": standing["receipt_sequence"],
        "microunits": standing["receipt_microunits"],
        "mwh": standing["receipt_mwh"],
        "debt_microunits": standing["receipt_debt_microunits"],
        "term_s": standing["receipt_term_s"],
    }


def _days(count: int | None) -> str | None:
    """Return the days as text, None if the credit is used up or lasts too long to say."""
    if count in (None, 0, warning.DAYS_WITHOUT_USE):
        return None
    return f"{count} days, if they are as the last seven"


def _hours(duration_s: int) -> str:
    return f"{duration_s // 3600} h {duration_s % 3600 // 60} min"


def _emergency(facts: dict) -> str | None:
    if facts["emergency"] is None:
        return None
    limit = facts["emergency_limit"]
    shown = _kwh(limit) if facts["emergency_unit"] == "energy" else currency_of(facts).text(limit)
    return f"{shown}, {facts['emergency']}"


def _taken(receipt: dict, facts: dict) -> str:
    parts = []
    if receipt["microunits"]:
        parts.append(currency_of(facts).text(receipt["microunits"]))
    if receipt["mwh"]:
        parts.append(_kwh(receipt["mwh"]))
    if receipt["debt_microunits"]:
        parts.append("a debt of " + currency_of(facts).text(receipt["debt_microunits"]))
    if receipt["term_s"]:
        parts.append(f"{receipt['term_s'] // DAY_S} days of a term")
    return (" and ".join(parts) or "nothing") + f", by token {number_text(receipt['sequence'])}"


def _kwh(mwh: int) -> str:
    return kwh_text(mwh, _KWH_DIGITS) + " kWh"
