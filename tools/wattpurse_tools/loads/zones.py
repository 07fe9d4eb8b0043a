"""Time zones of load files: a fixed offset, or a zone of the tz database."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol


class TimeZone(Protocol):
    """The offset of local time from UTC. `calendar.Zone` is one."""

    def offset_s(self, utc_s: int, /) -> int:
        """Return the seconds by which local time is ahead of UTC at that instant."""
        ...


class NamedZone:
    """A zone of the tz database, or a fixed offset."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def offset_s(self, utc_s: int) -> int:
        """Return the seconds by which local time is ahead of UTC at that instant."""
        offset = datetime.fromtimestamp(utc_s, UTC).astimezone(self._zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


def fixed(offset_minutes: int) -> NamedZone:
    """Return the zone of a fixed offset."""
    return NamedZone(timezone(timedelta(minutes=offset_minutes)))


def zone_of(text: str) -> NamedZone:
    """Return the zone that a person names: `Europe/Berlin`, `UTC` or `+10:00`. Raise ValueError for any other text."""
    matched = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    if matched and int(matched[2]) <= 14 and int(matched[3]) < 60:
        minutes = int(matched[2]) * 60 + int(matched[3])
        return fixed(-minutes if matched[1] == "-" else minutes)
    if text.upper() in ("UTC", "Z"):
        return fixed(0)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return NamedZone(ZoneInfo(text))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone {text!r}; write one such as Europe/Berlin, UTC or +10:00") from error


def utc_choices(zone: TimeZone, local_s: int) -> tuple[int, ...]:
    """Return the instants at which the wall shows that local time, in order: none in a gap, two if it repeats."""
    offsets = {zone.offset_s(local_s - ahead_s) for ahead_s in (-86_400, 0, 86_400)}
    return tuple(sorted(local_s - offset_s for offset_s in offsets if zone.offset_s(local_s - offset_s) == offset_s))


def day_end_s(zone: TimeZone, start_s: int) -> int:
    """Return the instant one local day after `start_s`: 23, 24 or 25 hours later."""
    end_s = start_s + 86_400
    return end_s + zone.offset_s(start_s) - zone.offset_s(end_s)
