"""Zones of the tz database as the meter keeps them: a fixed offset, a yearly rule, or a table of changes.

A zone is compared with the database from FIRST_YEAR to LAST_YEAR. If one yearly rule explains every change of these
years, the zone has the rule, and follows it for ever. Otherwise it has the changes, of which CHANGE_LIMIT have room.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wattpurse.core.tariffs.calendar import (
    CHANGE_LIMIT,
    EARLIEST_RULE_MINUTE,
    LAST_WEEK,
    LATEST_RULE_MINUTE,
    Zone,
    days_in_month,
)

FIRST_YEAR = 2025
LAST_YEAR = 2037

_SHORTEST_PERIOD = timedelta(days=7)  # a clock that changes twice within it is not found
_MINUTE = timedelta(minutes=1)
_MINUTES_OF_A_DAY = 1440
_SHIFTED_DAYS = (0, -1, 1)  # a rule may count from the midnight of the day before, or of the day after

Change = tuple[datetime, int, int]  # UTC, and the minutes of the offset before and after


def named(name: str) -> Zone:
    """Return the zone of that name. Raise ValueError if the tz database of this computer does not know it."""
    try:
        info = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f'{name!r} is not in the tz database of this computer; write a name such as "Europe/Berlin", or offset '
            "and daylight"
        ) from error
    changes = list(_changes(info))
    if not changes:
        return Zone(_offset_minutes(info, datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)))
    for rule in _rules(changes):
        zone = Zone(*rule)
        if _explains(zone, changes):
            return zone
    flat = [number for at, _, after in changes[:CHANGE_LIMIT] for number in (_minute(at), after)]
    return Zone(changes[0][1], changes=tuple(flat))


def _changes(info: ZoneInfo) -> Iterator[Change]:
    """Yield every change of the offset from FIRST_YEAR to LAST_YEAR."""
    at = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    before = _offset_minutes(info, at)
    while at < end:
        later = min(at + _SHORTEST_PERIOD, end)
        after = _offset_minutes(info, later)
        if after != before:
            yield _first_minute(info, at, later, before), before, after
            before = after
        at = later


def _first_minute(info: ZoneInfo, low: datetime, high: datetime, before: int) -> datetime:
    """Return the first minute between two times with another offset than `before`."""
    while high - low > _MINUTE:
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        if _offset_minutes(info, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset_minutes(info: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(info).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def _rules(changes: list[Change]) -> Iterator[tuple]:
    """Yield rules, as `Zone` takes them, that explain the first of two changes a year and the second."""
    ahead = [change for change in changes if change[2] > change[1]]
    back = [change for change in changes if change[2] < change[1]]
    if not ahead or not back:
        return
    standard, shift = ahead[0][1], ahead[0][2] - ahead[0][1]
    for in_utc in (True, False):
        for start in _days(ahead, in_utc):
            for end in _days(back, in_utc):
                if in_utc and start[3] != end[3]:
                    continue  # a rule of UTC has one minute for both; else local time explains it
                if 2 <= (end[0] - start[0]) % 12 <= 10:
                    yield standard, start, end, in_utc, shift


def _days(changes: list[Change], in_utc: bool) -> Iterator[tuple[int, int, int, int]]:
    """Yield (month, week, weekday, minute) that fit every one of the changes."""
    walls = [at if in_utc else at + timedelta(minutes=before) for at, before, _ in changes]
    for days in _SHIFTED_DAYS:
        dates = [wall + timedelta(days=days) for wall in walls]
        minutes = {wall.hour * 60 + wall.minute - days * _MINUTES_OF_A_DAY for wall in walls}
        places = {(date.month, date.weekday()) for date in dates}
        minute = min(minutes)
        if len(minutes) > 1 or len(places) > 1 or not EARLIEST_RULE_MINUTE <= minute <= LATEST_RULE_MINUTE:
            continue
        month, weekday = places.pop()
        weeks = {(date.day - 1) // 7 + 1 for date in dates}
        if len(weeks) == 1 and weeks != {LAST_WEEK}:
            yield month, weeks.pop(), weekday, minute
        elif all(date.day + 7 > days_in_month(date.year, date.month) for date in dates):
            yield month, LAST_WEEK, weekday, minute


def _explains(zone: Zone, changes: list[Change]) -> bool:
    """Return True if the zone changes in these years as `changes` say, and not otherwise."""
    at_s = int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()) - 1
    for at, before, after in changes:
        change_s = zone.next_shift_s(at_s)
        if change_s is None or change_s != int(at.timestamp()):
            return False
        if zone.offset_s(change_s - 1) != before * 60 or zone.offset_s(change_s) != after * 60:
            return False
        at_s = change_s
    following_s = zone.next_shift_s(at_s)
    return following_s is None or following_s >= datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()
