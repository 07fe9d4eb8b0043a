"""The business day: the calendar day in a shop's time zone, of 23, 24 or 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wattpurse_tools.record.models import Shop


def business_day(shop: Shop, time_s: int) -> date:
    """Return the day that a moment belongs to."""
    return datetime.fromtimestamp(time_s, ZoneInfo(shop.time_zone)).date()


def bounds_s(shop: Shop, day: date) -> tuple[int, int]:
    """Return the first second of a day, and the first second after it."""
    zone = ZoneInfo(shop.time_zone)
    first, after = (
        datetime.combine(one, time(), zone).astimezone(UTC).timestamp() for one in (day, day + timedelta(days=1))
    )
    return int(first), int(after)


def utc_day(time_s: int) -> date:
    """Return the day in UTC, for events outside all shops."""
    return datetime.fromtimestamp(time_s, UTC).date()
