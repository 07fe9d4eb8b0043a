"""Times of load files as UTC seconds.

Times may be ISO times, dates with dots or slashes, and seconds since 1970. A date with slashes needs the order of its
numbers from the options. A time with an offset is exact. A local time needs a zone. An hour that a daylight change
repeats is resolved by order: a time continues the step of the rows before it, or else is the first one behind them.
Local times that a daylight change skips do not exist; `read` returns None.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date

from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.loads.options import DAY_FIRST, MONTH_FIRST
from wattpurse_tools.loads.zones import TimeZone, utc_choices

_EPOCH_DAY = 719_163  # date.toordinal() of 1970-01-01
_DAY_S = 86_400
_DATE_END = 10  # 2026-01-01
_HOUR_END = 13  # 2026-01-01T00
_CACHED = 256
_CACHED_DAYS = 64
_QUARTER_S = 900

_CLOCK = re.compile(
    r"(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?([AaPp])[.]?[Mm][.]?)?)? ?([Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_DATE = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})", re.ASCII)
_SECONDS = re.compile(r"(\d{9,10})(?:\.0+)?|(\d{12,13})", re.ASCII)
_HINT = 'write a time with its offset, such as "2026-01-01T00:00:00+01:00"'


class _Cache(dict[str, int]):
    """The values of texts that were read already. It forgets all of them if there are too many."""

    def __init__(self, read: Callable[[str], int], limit: int) -> None:
        super().__init__()
        self._read = read
        self._limit = limit

    def __missing__(self, text: str) -> int:
        value = self._read(text)
        if len(self) >= self._limit:
            self.clear()
        self[text] = value
        return value


class TimeReader:
    """A reader of the times of one file, in the order of its rows.

    zone: of times without an offset. dates: DAY_FIRST or MONTH_FIRST, for dates with slashes.
    ends: True if times are ends of intervals. The end of an interval may be the moment at which a daylight change
    skips an hour, written as the wall would have shown it.
    """

    def __init__(self, zone: TimeZone | None, dates: str | None, ends: bool = False) -> None:
        self._zone = zone
        self._dates = dates
        self._ends = ends
        self._previous_s = 0
        self._step_s = 0
        self._days = _Cache(self._day_s, _CACHED_DAYS)
        self._hours = _Cache(_hour_s, _CACHED)
        self._rests = _Cache(_rest_s, _CACHED)
        self._local_clocks = _Cache(_local_clock_s, _CACHED)
        self._choices: dict[int, tuple[int, ...]] = {}

    def read_all(self, texts: Sequence[str]) -> list[int]:
        """Return the instants of times that have an offset, quickly. Raise ValueError if one needs `read`."""
        days, hours, rests = self._days, self._hours, self._rests
        return [days[text[:_DATE_END]] + hours[text[_DATE_END:_HOUR_END]] + rests[text[_HOUR_END:]] for text in texts]

    def read(self, text: str) -> int | None:
        """Return the instant of a time, or None for a local time that a daylight change skips."""
        text = text.strip()
        seconds = _SECONDS.fullmatch(text)
        if seconds:
            return _within_limits(int(seconds[1]) if seconds[1] else int(seconds[2]) // 1000)
        day_text, clock_text = _parts(text)
        day_s = self._days[day_text]
        if _has_offset(clock_text):
            return _within_limits(day_s + _clock_s(clock_text))
        local_s = day_s + self._local_clocks[clock_text]
        if self._zone is None:
            raise ValueError(f"{_HINT}, or name the zone of the local times: --zone Europe/Berlin")
        utc_s = self._utc_s(self._zone, local_s)
        if utc_s is not None:
            self._step_s = _within_limits(utc_s) - self._previous_s
            self._previous_s = utc_s
        return utc_s

    def _utc_s(self, zone: TimeZone, local_s: int) -> int | None:
        quarter, rest_s = divmod(local_s, _QUARTER_S)
        if quarter not in self._choices:
            if len(self._choices) >= _CACHED:
                self._choices.clear()
            self._choices[quarter] = utc_choices(zone, quarter * _QUARTER_S)
        choices = self._choices[quarter]
        if self._previous_s + self._step_s - rest_s in choices:
            return self._previous_s + self._step_s
        for utc_s in choices:
            if utc_s + rest_s > self._previous_s:
                return utc_s + rest_s
        if choices:
            return choices[-1] + rest_s
        before_s = local_s - zone.offset_s(local_s - _DAY_S)
        is_change = zone.offset_s(before_s) != zone.offset_s(before_s - 1)
        return before_s if self._ends and is_change else None

    def _day_s(self, text: str) -> int:
        """Return the midnight of a date, as seconds since 1970-01-01 00:00 of the same clock."""
        matched = _DATE.fullmatch(text)
        if matched is None:
            raise ValueError(f"{text!r} is no date; {_HINT}")
        first, separator, second, third = matched.groups()
        if len(first) == 4:
            year, month, day = first, second, third
        elif separator == "/" and self._dates is None:
            raise ValueError(f"{text!r} can be read in two ways; say --dates {DAY_FIRST} or --dates {MONTH_FIRST}")
        elif self._dates == MONTH_FIRST:
            month, day, year = first, second, third
        else:
            day, month, year = first, second, third
        if len(year) != 4:
            raise ValueError(f"{text!r} has a year without its century; write all four digits")
        try:
            day_s = (date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY) * _DAY_S
        except ValueError as error:
            raise ValueError(f"{text!r} is no date of the calendar; {_HINT}") from error
        return _within_limits(day_s)


def _hour_s(text: str) -> int:
    """Return the seconds of `T00`, counted from midnight."""
    if len(text) != _HOUR_END - _DATE_END or not text[1:].isdigit():
        raise ValueError(_HINT)
    return _local_clock_s(text + ":00")


def _rest_s(text: str) -> int:
    """Return the seconds that `:15:00+02:00` adds to an hour: its minutes and seconds, less its offset from UTC."""
    return _clock_s("T00" + text)


def _clock_s(text: str) -> int:
    """Return the seconds of a clock with its offset, counted from midnight UTC of its date."""
    matched = _CLOCK.fullmatch(text)
    if matched is None or not matched[6] or not matched[1]:
        raise ValueError(_HINT)
    offset = matched[6]
    if offset in "Zz":
        return _wall_s(matched)
    minutes = int(offset[1:3]) * 60 + int(offset[3:].lstrip(":") or 0)
    if minutes > 14 * 60:
        raise ValueError(f"no place is {offset} ahead of UTC; {_HINT}")
    return _wall_s(matched) - (-60 if offset[0] == "-" else 60) * minutes


def _local_clock_s(text: str) -> int:
    matched = _CLOCK.fullmatch(text)
    if matched is None:
        raise ValueError(_HINT)
    return _wall_s(matched)


def _parts(text: str) -> tuple[str, str]:
    """Return the date and the rest of a time."""
    place = min((place for place in (text.find("T"), text.find(" ")) if place > 0), default=len(text))
    return text[:place], text[place:]


def _has_offset(clock_text: str) -> bool:
    return clock_text.endswith(("Z", "z")) or "+" in clock_text or "-" in clock_text


def _wall_s(matched: re.Match[str]) -> int:
    """Return the seconds since midnight of the clock that `_CLOCK` matched; 24:00 is the end of the day."""
    if matched[1] is None:
        return 0
    hour, minute, second = int(matched[1]), int(matched[2]), int(matched[3] or 0)
    if matched[5]:
        hour = hour % 12 + (12 if matched[5] in "Pp" else 0)
    if matched[4] and int(matched[4]):
        raise ValueError("must be a whole second; leave the fraction out")
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second)):
        raise ValueError(f"no clock shows {matched[0].strip('T ')}; {_HINT}")
    return hour * 3600 + minute * 60 + second


def _within_limits(utc_s: int) -> int:
    if not 0 <= utc_s <= LATEST_S:
        raise ValueError("must lie between 1970 and 2105, the last year of a meter's clock")
    return utc_s
