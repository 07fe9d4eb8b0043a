"""Money, energy and time as text for people, and times read from text. All arithmetic is in integers.

Amounts are rounded down to the decimals shown: the text never shows credit that does not exist.
"""

from wattpurse.core.currency import decimal_text
from wattpurse.core.tariffs.calendar import DAY_S, Zone, civil_from_days, days_from_civil, days_in_month

_TIME_FORM = "0000-00-00T00:00:00"
_OFFSET_FORM = "+00:00"
_OFFSET_LIMIT_MINUTES = 14 * 60


def kwh_text(mwh: int, digits: int) -> str:
    """Return mWh as kWh with 0 to 6 decimals."""
    return decimal_text(mwh, digits)


def time_text(utc_s: int, zone: Zone) -> str:
    """Return a UTC time as local time with its offset: `2026-11-22T10:00:00+01:00`."""
    offset_minutes = zone.offset_s(utc_s) // 60
    local_s = zone.local_s(utc_s)
    second = local_s % DAY_S
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{date_text(local_s // DAY_S)}T{clock_text(second // 60)}:{second % 60:02d}{sign}{hours:02d}:{minutes:02d}"


def date_text(day: int) -> str:
    """Return a day number as `2026-11-22`."""
    year, month, date = civil_from_days(day)
    return f"{year:04d}-{month:02d}-{date:02d}"


def month_text(index: int) -> str:
    """Return a month, counted as year * 12 + month - 1, as `2026-11`."""
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def clock_text(minute: int) -> str:
    """Return a minute of the day as `06:30`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def parse_time(text: str) -> int:
    """Return the seconds since 1970 UTC of `2026-11-22T10:00:00+01:00` or `...Z`. Raise ValueError for other text."""
    size = len(_TIME_FORM)
    if not _has_form(text[:size], _TIME_FORM):
        raise ValueError("a time must read like 2026-11-22T10:00:00+01:00")
    year, month, date = int(text[:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    if not (1 <= month <= 12 and 1 <= date <= days_in_month(year, month)):
        raise ValueError("there is no such date")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("there is no such time of day")
    local_s = days_from_civil(year, month, date) * DAY_S + hour * 3600 + minute * 60 + second
    return local_s - _parse_offset_minutes(text[size:]) * 60


def _parse_offset_minutes(text: str) -> int:
    if text == "Z":
        return 0
    if not _has_form("+" + text[1:], _OFFSET_FORM) or text[0] not in "+-":
        raise ValueError("a time needs its offset from UTC at the end: +01:00, or Z for UTC itself")
    offset_minutes = int(text[1:3]) * 60 + int(text[4:6])
    if offset_minutes > _OFFSET_LIMIT_MINUTES or int(text[4:6]) > 59:
        raise ValueError("there is no such offset from UTC")
    return -offset_minutes if text[0] == "-" else offset_minutes


def _has_form(text: str, form: str) -> bool:
    """Return True if `text` has a digit wherever `form` has one, and the same character everywhere else."""
    if len(text) != len(form):
        return False
    for index in range(len(form)):
        character = text[index]
        if form[index] == "0":
            if not "0" <= character <= "9":
                return False
        elif character != form[index]:
            return False
    return True
