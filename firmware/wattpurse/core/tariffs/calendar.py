"""Civil time in integers: the proleptic Gregorian calendar, and a time zone with a daylight rule.

Days are counted from 1970-01-01 (day 0, a Thursday). Instants are seconds since 1970 UTC. Local seconds are the local
date and time, counted as if they were UTC. No function here reads a clock.
"""

DAY_S = 86400
HALF_HOUR_S = 1800
LATEST_S = 4_291_747_199  # 2105-12-31 23:59:59 UTC: no later time is stored, and all fit into 32 bits
LAST_WEEK = 5
EARLIEST_RULE_MINUTE = -1440
LATEST_RULE_MINUTE = 2880
CHANGE_LIMIT = 64  # changes of a zone by date table

_EARLIEST_OFFSET = -720
_LATEST_OFFSET = 840
_LONGEST_SHIFT = 180

_EPOCH_FROM_MARCH_0000 = 719468  # days from 0000-03-01 to 1970-01-01
_DAYS_IN_400_YEARS = 146097


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to the given date.

    Years are counted from March, so that a leap day is the last of its year and 153 days make five months.
    """
    if month <= 2:
        year -= 1
        month += 12
    day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + day_of_year - _EPOCH_FROM_MARCH_0000


def civil_from_days(days: int) -> tuple:
    """Return (year, month, day) of a day number; the inverse of days_from_civil."""
    days += _EPOCH_FROM_MARCH_0000
    cycle = days // _DAYS_IN_400_YEARS
    day_of_cycle = days % _DAYS_IN_400_YEARS
    leap_days = day_of_cycle // 1460 - day_of_cycle // 36524 + day_of_cycle // 146096
    year = (day_of_cycle - leap_days) // 365
    day_of_year = day_of_cycle - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    year += 400 * cycle
    if month < 10:
        return year, month + 3, day
    return year + 1, month - 9, day


def weekday(days: int) -> int:
    """Return the day of the week, 0 Monday to 6 Sunday."""
    return (days + 3) % 7


def month_index(days: int) -> int:
    """Return the months since January of year 0: consecutive months have consecutive numbers."""
    year, month, _ = civil_from_days(days)
    return year * 12 + month - 1


def days_in_month(year: int, month: int) -> int:
    """Return the number of days in a month, 28 to 31."""
    if month == 12:
        return 31
    return days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1)


class Zone:
    """Offset from UTC, and its changes, if any: by a yearly daylight rule or by a table of dates.

    offset_minutes: standard time, east of Greenwich positive. start, end: the begin and the end of daylight time, each
    (month 1..12, week 1..5 with 5 for the last, weekday 0 Monday, minute counted from midnight of that day, from -1,440
    to 2,880). Both are None for a zone without a rule. in_utc: True if those days and minutes are UTC (the rule of the
    European Union, directive 2000/84/EC). Otherwise they are local time up to that moment: standard time for the start,
    daylight time for the end (the rule of the United States, 15 U.S.C. 260a, and of POSIX TZ). shift_minutes: the
    difference between daylight time and standard time; below zero if the clock goes back at the start (Ireland).

    changes: the date table of a zone without a rule (Morocco), as alternate numbers: the minute of a change, counted
    from 1970 UTC, and the offset in minutes from then on. `offset_minutes` holds before the first of at most
    CHANGE_LIMIT changes, and the last offset holds for ever.

    Raises ValueError for a rule outside these ranges, if start and end are less than two months apart, or if the
    changes do not ascend.
    """

    def __init__(
        self,
        offset_minutes: int,
        start: tuple | None = None,
        end: tuple | None = None,
        in_utc: bool = False,
        shift_minutes: int = 60,
        changes: tuple = (),
    ) -> None:
        _check_offset(offset_minutes)
        if (start is None) != (end is None):
            raise ValueError("a daylight rule needs both a start and an end")
        if changes and start is not None:
            raise ValueError("a zone has either a daylight rule or a table of changes")
        self.offset_minutes = offset_minutes
        self.start = start
        self.end = end
        self.in_utc = in_utc
        self.shift_minutes = shift_minutes
        self.changes = changes
        self.is_fixed = start is None and not changes
        # The last period of constant offset that was found. It is empty until the first call of `offset_s`. The end is
        # None for a period without end.
        self._from_s = 0
        self._until_s = 0
        self._offset_s = offset_minutes * 60
        if start is not None:
            self._check_rule()
        self._check_changes()

    def _check_rule(self) -> None:
        for month, week, day, minute in (self.start, self.end):
            if not (1 <= month <= 12 and 1 <= week <= LAST_WEEK and 0 <= day <= 6):
                raise ValueError("daylight rule: month, week or weekday out of range")
            if not EARLIEST_RULE_MINUTE <= minute <= LATEST_RULE_MINUTE:
                raise ValueError("daylight rule: minute out of range")
        if not 2 <= (self.end[0] - self.start[0]) % 12 <= 10:
            raise ValueError("daylight rule: start and end must be two months apart")
        if not 1 <= abs(self.shift_minutes) <= _LONGEST_SHIFT:
            raise ValueError(f"daylight rule: shift must be from 1 to {_LONGEST_SHIFT} minutes, ahead or back")
        _check_offset(self.offset_minutes + self.shift_minutes)

    def _check_changes(self) -> None:
        changes = self.changes
        if len(changes) % 2 or len(changes) > 2 * CHANGE_LIMIT:
            raise ValueError(f"a zone has at most {CHANGE_LIMIT} changes, each a time and an offset")
        before_minute, before_offset = -1, self.offset_minutes
        for place in range(0, len(changes), 2):
            minute, offset = changes[place], changes[place + 1]
            if not before_minute < minute <= LATEST_S // 60:
                raise ValueError("the changes of a zone must ascend, and lie between 1970 and 2105")
            _check_offset(offset)
            if offset == before_offset:
                raise ValueError("each change of a zone must have another offset than the one before")
            before_minute, before_offset = minute, offset

    def offset_s(self, utc_s: int) -> int:
        """Return the seconds by which local time is ahead of UTC at that instant."""
        if not self.is_fixed and (utc_s < self._from_s or self._until_s is not None and utc_s >= self._until_s):
            self._find_period(utc_s)
        return self._offset_s

    def next_shift_s(self, utc_s: int) -> int | None:
        """Return the next instant after utc_s at which the offset changes, or None if it never does."""
        if self.is_fixed:
            return None
        self.offset_s(utc_s)
        return self._until_s

    def local_s(self, utc_s: int) -> int:
        """Return the local time at that instant, in seconds since 1970-01-01 00:00 local."""
        return utc_s + self.offset_s(utc_s)

    def day(self, utc_s: int) -> int:
        """Return the local day number at that instant.

        If a daylight change sets the clock back over midnight, the day before returns for a while.
        """
        return self.local_s(utc_s) // DAY_S

    def day_start_s(self, day: int) -> int:
        """Return the first instant of that local date, even if its midnight is skipped or comes twice."""
        midnight_s = day * DAY_S
        utc_s = midnight_s - (_LATEST_OFFSET + _LONGEST_SHIFT) * 60  # the date has begun nowhere yet
        while True:
            start_s = max(utc_s, midnight_s - self.offset_s(utc_s))  # the later is the midnight, unless it was skipped
            shift_s = self.next_shift_s(utc_s)
            if shift_s is None or start_s < shift_s:
                return start_s
            utc_s = shift_s

    def _find_period(self, utc_s: int) -> None:
        if self.changes:
            self._find_change(utc_s)
        else:
            self._find_rule(utc_s)

    def _find_change(self, utc_s: int) -> None:
        minute = utc_s // 60
        changes = self.changes
        self._from_s, self._until_s, self._offset_s = 0, None, self.offset_minutes * 60
        for place in range(0, len(changes), 2):
            if changes[place] > minute:
                self._until_s = changes[place] * 60
                return
            self._from_s = changes[place] * 60
            self._offset_s = changes[place + 1] * 60

    def _find_rule(self, utc_s: int) -> None:
        standard_s = self.offset_minutes * 60
        daylight_s = standard_s + self.shift_minutes * 60
        year = civil_from_days((utc_s + standard_s) // DAY_S)[0]
        shifts = []
        for near in (year - 1, year, year + 1):
            shifts.append((self._rule_s(self.start, near, standard_s), daylight_s))
            shifts.append((self._rule_s(self.end, near, daylight_s), standard_s))
        shifts.sort()
        for shift_s, offset_s in shifts:
            if shift_s > utc_s:
                self._until_s = shift_s
                return
            self._from_s = shift_s
            self._offset_s = offset_s

    def _rule_s(self, rule: tuple, year: int, wall_offset_s: int) -> int:
        month, week, day, minute = rule
        first = days_from_civil(year, month, 1)
        date = first + (day - weekday(first)) % 7 + 7 * (week - 1)
        if date >= first + days_in_month(year, month):
            date -= 7
        wall_s = date * DAY_S + minute * 60
        return wall_s if self.in_utc else wall_s - wall_offset_s


def _check_offset(minutes: int) -> None:
    if not _EARLIEST_OFFSET <= minutes <= _LATEST_OFFSET:
        raise ValueError("zone offset outside -12:00 to +14:00")
