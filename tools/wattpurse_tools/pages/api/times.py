"""Times of the API, as RFC 3339 writes them, in the zone of the shop."""

from datetime import datetime
from zoneinfo import ZoneInfo


def time_text(utc_s: int, zone: str) -> str:
    """Return a moment with the offset of a time zone: `2026-03-01T09:30:00+01:00`."""
    return datetime.fromtimestamp(utc_s, ZoneInfo(zone)).isoformat()
