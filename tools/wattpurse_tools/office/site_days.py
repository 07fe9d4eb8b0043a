"""Days and months of the site. The time zone of the shop with the lowest number decides them, or UTC without a shop."""

import time
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from wattpurse_tools.record.models import Shop

_MONTHS = 12


def site_zone() -> tzinfo:
    """Return the time zone of the site."""
    name = Shop.objects.order_by("number").values_list("time_zone", flat=True).first()
    return ZoneInfo(name) if name else UTC


def day_start_s(day: date, zone: tzinfo) -> int:
    """Return the second at which a day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def day_of(time_s: int, zone: tzinfo) -> date:
    """Return the day of a second."""
    return datetime.fromtimestamp(time_s, zone).date()


def today(zone: tzinfo) -> date:
    """Return the day that it is."""
    return day_of(int(time.time()), zone)


def month_of(day: date) -> int:
    """Return the number of a day's month, counted from January of year 0 as the meters count."""
    return day.year * _MONTHS + day.month - 1


def first_day(month: int) -> date:
    """Return the first day of a month."""
    return date(month // _MONTHS, month % _MONTHS + 1, 1)


def month_start_s(month: int, zone: tzinfo) -> int:
    """Return the second at which a month begins."""
    return day_start_s(first_day(month), zone)


def month_text(month: int) -> str:
    """Return a month as `2026-11`."""
    return f"{month // _MONTHS:04}-{month % _MONTHS + 1:02}"


def parse_month(text: str) -> int:
    """Return the month of a text such as `2026-11`. Raise ValueError for any other text."""
    try:
        return month_of(date.fromisoformat(f"{text}-01"))
    except ValueError:
        raise ValueError(f"{text}: write year and month, such as 2026-11") from None


def parse_day(text: str) -> date:
    """Return the day of a text such as `2026-11-30`. Raise ValueError for any other text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text}: write year, month and day, such as 2026-11-30") from None
