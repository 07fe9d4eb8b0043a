"""Quiet hours: a part of the day, by the clock of a time zone, in which nobody is written to.

The part may go across midnight. A day has 23, 24 or 25 hours. Where the clock goes back, an hour of the clock comes
twice and is quiet both times; where it goes forward, an end that the clock skips is the moment after the skip.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

MINUTE_S = 60
_DAY_MINUTES = 24 * 60


def is_quiet(time_s: int, from_minute: int, until_minute: int, time_zone: str) -> bool:
    """Return True if a moment is in the quiet hours. There are none if they begin and end at the same minute."""
    minute = minute_of_day(time_s, ZoneInfo(time_zone))
    if from_minute <= until_minute:
        return from_minute <= minute < until_minute
    return minute >= from_minute or minute < until_minute


def allowed_s(time_s: int, from_minute: int, until_minute: int, time_zone: str) -> int:
    """Return the first moment from `time_s` on that is not in the quiet hours."""
    if not is_quiet(time_s, from_minute, until_minute, time_zone):
        return time_s
    zone = ZoneInfo(time_zone)
    start_s = time_s - time_s % MINUTE_S
    left = (until_minute - minute_of_day(time_s, zone)) % _DAY_MINUTES
    end_s = start_s + left * MINUTE_S
    if _offset_s(start_s, zone) == _offset_s(end_s, zone):
        return end_s
    # The clock is changed in this night, so the end is looked for minute by minute.
    end_s = start_s + MINUTE_S
    while is_quiet(end_s, from_minute, until_minute, time_zone):
        end_s += MINUTE_S
    return end_s


def minute_of_day(time_s: int, zone: ZoneInfo) -> int:
    """Return the minute of the local day at a moment."""
    clock = datetime.fromtimestamp(time_s, zone)
    return clock.hour * 60 + clock.minute


def _offset_s(time_s: int, zone: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(time_s, zone).utcoffset()
    return 0 if offset is None else offset.total_seconds()
