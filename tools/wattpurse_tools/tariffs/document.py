"""The other way round: the document that people would write for the fields of a decoded tariff table."""

from datetime import datetime, timedelta, timezone

from wattpurse.core.tariffs.calendar import LAST_WEEK, Zone
from wattpurse_tools.tariffs.fields import decimal_text

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = (*WEEKDAYS, "holiday")

SUNDAY = 6
DAYLIGHT_RULES = {
    "none": (),
    "EU": ((3, LAST_WEEK, SUNDAY, 60), (10, LAST_WEEK, SUNDAY, 60), True, 60),
    "US": ((3, 2, SUNDAY, 120), (11, 1, SUNDAY, 120), False, 60),
}


def document_of(fields: dict) -> dict:
    """The document; day types, which have no names in a table, are called day-type-1 and so on."""
    zone = fields["zone"]
    rate_names = [name for name, _, _ in fields["rates"]]
    return {
        "version": fields["version"],
        "activation": instant_text(fields["activation_s"], zone),
        "currency": fields["currency"],
        "decimals": fields["decimals"],
        "customer_class": fields["customer_class"],
        "standing_charge_per_day": decimal_text(fields["standing_charge_microunits"]),
        "free_kwh_per_month": decimal_text(fields["allowance_mwh"]),
        "zone": {"offset": _offset_text(zone.offset_minutes), "daylight": _daylight_document(zone)},
        "rates": [_rate_document(*rate) for rate in fields["rates"]],
        "day_types": {
            _day_type_name(index): {_clock_text(minute): rate_names[rate] for minute, rate in switches}
            for index, switches in enumerate(fields["day_types"])
        },
        "seasons": [_season_document(*season) for season in fields["seasons"]],
        "holidays": [holiday_text(*holiday) for holiday in fields["holidays"]],
    }


def instant_text(utc_s: int, zone: Zone) -> str:
    """ISO time with the zone's offset at that instant."""
    return datetime.fromtimestamp(utc_s, timezone(timedelta(seconds=zone.offset_s(utc_s)))).isoformat()


def holiday_text(month: int, day: int, year: int) -> str:
    """The date, without a year if it is of every year (year 0)."""
    return f"{year:04}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}"


def _offset_text(minutes) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _clock_text(minute) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _day_type_name(index) -> str:
    return f"day-type-{index + 1}"


def _daylight_document(zone):
    rule = () if zone.start is None else (zone.start, zone.end, zone.in_utc, zone.shift_minutes)
    for name, known in DAYLIGHT_RULES.items():
        if rule == known:
            return name
    return {
        "start": _daylight_day_document(*zone.start),
        "end": _daylight_day_document(*zone.end),
        "clock": "utc" if zone.in_utc else "wall",
        "shift_minutes": zone.shift_minutes,
    }


def _daylight_day_document(month, week, day, minute):
    return {"month": month, "week": week, "weekday": WEEKDAYS[day], "time": _clock_text(minute)}


def _rate_document(name, prices, limits_mwh):
    written = {"name": name, "prices": [decimal_text(price) for price in prices]}
    if limits_mwh:
        written["block_limits_kwh"] = [decimal_text(limit_mwh) for limit_mwh in limits_mwh]
    return written


def _season_document(month, day, day_types):
    written = {"start": f"{month:02}-{day:02}", "days": _day_type_name(day_types[0])}
    for name, day_type in zip(DAYS, day_types, strict=True):
        if day_type != day_types[0]:
            written[name] = _day_type_name(day_type)
    return written
