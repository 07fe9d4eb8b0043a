"""Civil time in integers: the proleptic Gregorian calendar, and a time zone with a daylight rule.

Days are counted from 1970-01-01 (day 0, a Thursday). Instants are seconds since 1970 UTC. Local seconds are the local
date and time, counted as if they were UTC. No function here reads a clock.
"""

DAY_S = 86400
HALF_HOUR_S = 1800
LATEST_S = 4_291_747_199  # 2105-12-31 23:59:59 UTC: no later time is stored, and all fit into 32 bits
LAST_WEEK = 5
LATEST_RULE_MINUTE = 2880

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
    """Offset from UTC and, if any, a yearly daylight rule, in the northern or the southern hemisphere.

    offset_minutes: standard time, east of Greenwich positive. start, end: the begin and the end of daylight time, each
    (month 1..12, week 1..5 with 5 for the last, weekday 0 Monday, minute counted from midnight of that day, up to
    2,880). Both are None for a zone without daylight time. in_utc: True if those days and minutes are UTC (the rule of
    the European Union, directive 2000/84/EC). Otherwise they are local time up to that moment: standard time for the
    start, daylight time for the end (the rule of the United States, 15 U.S.C. 260a, and of POSIX TZ). shift_minutes:
    the difference between daylight time and standard time.

    Raises ValueError for a rule outside these ranges, or if start and end are less than two months apart.
    """

    def __init__(
        self,
        offset_minutes: int,
        start: tuple | None = None,
        end: tuple | None = None,
        in_utc: bool = False,
        shift_minutes: int = 60,
    ) -> None:
        if not -720 <= offset_minutes <= 840:
            raise ValueError("zone offset outside -12:00 to +14:00")
        if (start is None) != (end is None):
            raise ValueError("a daylight rule needs both a start and an end")
        self.offset_minutes = offset_minutes
        self.start = start
        self.end = end
        self.in_utc = in_utc
        self.shift_minutes = shift_minutes
        # The last period of constant offset that was found. It is empty until the first call of `offset_s`.
        self._from_s = 0
        self._until_s = 0
        self._offset_s = offset_minutes * 60
        if start is not None:
            self._check_rule()

    def _check_rule(self) -> None:
        for month, week, day, minute in (self.start, self.end):
            if not (1 <= month <= 12 and 1 <= week <= LAST_WEEK and 0 <= day <= 6):
                raise ValueError("daylight rule: month, week or weekday out of range")
            if not 0 <= minute <= LATEST_RULE_MINUTE:
                raise ValueError("daylight rule: minute out of range")
        if not 2 <= (self.end[0] - self.start[0]) % 12 <= 10:
            raise ValueError("daylight rule: start and end must be two months apart")
        if not 1 <= self.shift_minutes <= 180:
            raise ValueError("daylight rule: shift outside 1 to 180 minutes")

    def offset_s(self, utc_s: int) -> int:
        """Return the seconds by which local time is ahead of UTC at that instant."""
        if self.start is not None and not self._from_s <= utc_s < self._until_s:
            self._find_period(utc_s)
        return self._offset_s

    def next_shift_s(self, utc_s: int) -> int | None:
        """Return the next instant after utc_s at which the offset changes, or None if it never does."""
        if self.start is None:
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
        standard_s = midnight_s - self.offset_minutes * 60
        if self.start is None:
            return standard_s
        daylight_s = standard_s - self.shift_minutes * 60
        if self.local_s(daylight_s) == midnight_s:
            return daylight_s
        if self.local_s(standard_s) == midnight_s:
            return standard_s
        return self._from_s  # midnight was skipped: the day begins with the period that holds standard_s

    def _find_period(self, utc_s: int) -> None:
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
