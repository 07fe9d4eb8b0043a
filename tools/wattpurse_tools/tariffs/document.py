"""Tariff documents from decoded tariff tables: the opposite direction of `tariff_file.encode`."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from wattpurse.core.currency import exact_decimal_text
from wattpurse.core.tariffs.calendar import LAST_WEEK, Zone
from wattpurse.core.tariffs.rules import PER_CENT

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = (*WEEKDAYS, "holiday")

BLOCKS = ("rate", "total")
BLOCKS_OF_TOTAL = 1
BLOCK_PERIODS = ("month", "day")
BLOCKS_BY_DAY = 1

SUNDAY = 6
# (start, end, whether their clock is UTC, minutes of the shift), as `Zone` takes them.
DAYLIGHT_RULES: dict[str, tuple] = {
    "none": (),
    "EU": ((3, LAST_WEEK, SUNDAY, 60), (10, LAST_WEEK, SUNDAY, 60), True, 60),
    "US": ((3, 2, SUNDAY, 120), (11, 1, SUNDAY, 120), False, 60),
}


def document_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a decoded table. Day types have no names in a table: they become day-type-1 and so on."""
    zone = fields["zone"]
    rate_names = [name for name, _, _ in fields["rates"]]
    return {
        "version": fields["version"],
        "activation": instant_text(fields["activation_s"], zone),
        "currency": fields["currency"],
        "decimals": fields["decimals"],
        "customer_class": fields["customer_class"],
        "standing_charge_per_day": exact_decimal_text(fields["standing_charge_microunits"], 0),
        "free_kwh_per_month": exact_decimal_text(fields["allowance_mwh"], 0),
        "fixed_charge_per_month": exact_decimal_text(fields["month_charge_microunits"], 0),
        "minimum_charge_per_month": exact_decimal_text(fields["minimum_microunits"], 0),
        "demand_charge_per_kw": exact_decimal_text(fields["demand_microunits_per_kw"], 0),
        "blocks": BLOCKS[fields["blocks_of_total"]],
        "block_period": BLOCK_PERIODS[fields["blocks_by_day"]],
        "free_kwh_in_blocks": fields["free_in_blocks"],
        "zone": _zone_document(zone),
        "levies": [_levy_document(*levy) for levy in fields["levies"]],
        "rates": [_rate_document(*rate) for rate in fields["rates"]],
        "day_types": {
            _day_type_name(index): {_clock_text(minute): rate_names[rate] for minute, rate in switches}
            for index, switches in enumerate(fields["day_types"])
        },
        "seasons": [_season_document(*season) for season in fields["seasons"]],
        "holidays": [holiday_text(*holiday) for holiday in fields["holidays"]],
    }


def instant_text(utc_s: int, zone: Zone) -> str:
    """Return an ISO time with the zone's offset at that instant."""
    return datetime.fromtimestamp(utc_s, timezone(timedelta(seconds=zone.offset_s(utc_s)))).isoformat()


def holiday_text(month: int, day: int, year: int) -> str:
    """Return the date, without a year if the holiday is in every year (year 0)."""
    return f"{year:04}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}"


def percent_text(permyriad: int) -> str:
    """Return hundredths of a per cent as per cent, without needless zeros."""
    return f"{permyriad // 100}.{permyriad % 100:02}".rstrip("0").rstrip(".")


def _levy_document(name: str, kind: int, value: int) -> dict[str, str]:
    if kind == PER_CENT:
        return {"name": name, "percent": percent_text(value)}
    return {"name": name, "per_kwh": exact_decimal_text(value, 0)}


def _zone_document(zone: Zone) -> dict[str, Any]:
    written: dict[str, Any] = {"offset": _offset_text(zone.offset_minutes)}
    if not zone.changes:
        return {**written, "daylight": _daylight_document(zone)}
    pairs = zip(zone.changes[::2], zone.changes[1::2], strict=True)
    written["changes"] = [{"at": instant_text(at * 60, zone), "offset": _offset_text(minutes)} for at, minutes in pairs]
    return written


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _clock_text(minute: int) -> str:
    return f"{'-' if minute < 0 else ''}{abs(minute) // 60:02}:{abs(minute) % 60:02}"


def _day_type_name(index: int) -> str:
    return f"day-type-{index + 1}"


def _daylight_document(zone: Zone) -> str | dict[str, Any]:
    if zone.start is None or zone.end is None:
        return "none"
    rule = (zone.start, zone.end, zone.in_utc, zone.shift_minutes)
    for name, known in DAYLIGHT_RULES.items():
        if rule == known:
            return name
    return {
        "start": _daylight_day_document(*zone.start),
        "end": _daylight_day_document(*zone.end),
        "clock": "utc" if zone.in_utc else "wall",
        "shift_minutes": zone.shift_minutes,
    }


def _daylight_day_document(month: int, week: int, day: int, minute: int) -> dict[str, Any]:
    return {"month": month, "week": week, "weekday": WEEKDAYS[day], "time": _clock_text(minute)}


def _rate_document(name: str, prices: Sequence[int], limits_mwh: Sequence[int]) -> dict[str, Any]:
    written: dict[str, Any] = {"name": name, "prices": [exact_decimal_text(price, 0) for price in prices]}
    if limits_mwh:
        written["block_limits_kwh"] = [exact_decimal_text(limit_mwh, 0) for limit_mwh in limits_mwh]
    return written


def _season_document(month: int, day: int, day_types: Sequence[int]) -> dict[str, str]:
    written = {"start": f"{month:02}-{day:02}", "days": _day_type_name(day_types[0])}
    for name, day_type in zip(DAYS, day_types, strict=True):
        if day_type != day_types[0]:
            written[name] = _day_type_name(day_type)
    return written
