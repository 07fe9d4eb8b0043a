"""The calendar against Python's own, and zones against the tz database."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattpurse.core.tariffs.calendar import LAST_WEEK, Zone, civil_from_days, days_from_civil, month_index, weekday

SUNDAY = 6
EU = ((3, LAST_WEEK, SUNDAY, 60), (10, LAST_WEEK, SUNDAY, 60), True)
US = ((3, 2, SUNDAY, 120), (11, 1, SUNDAY, 120))

ZONES = {
    "Europe/Berlin": (60, *EU),
    "Europe/London": (0, *EU),
    "Atlantic/Azores": (-60, *EU),
    "America/New_York": (-300, *US),
    "America/St_Johns": (-210, *US),
    "America/Havana": (-300, (3, 2, SUNDAY, 0), (11, 1, SUNDAY, 60)),
    "America/Santiago": (-240, (9, 1, 5, 1440), (4, 1, 5, 1440)),
    "Asia/Beirut": (120, (3, LAST_WEEK, SUNDAY, 0), (10, LAST_WEEK, SUNDAY, 0)),
    "Asia/Jerusalem": (120, (3, 4, 3, 1560), (10, LAST_WEEK, SUNDAY, 120)),
    "Australia/Sydney": (600, (10, 1, SUNDAY, 120), (4, 1, SUNDAY, 180)),
    "Australia/Lord_Howe": (630, (10, 1, SUNDAY, 120), (4, 1, SUNDAY, 120), False, 30),
    "Pacific/Auckland": (720, (9, LAST_WEEK, SUNDAY, 120), (4, 1, SUNDAY, 180)),
    "Asia/Kathmandu": (345,),
}
EPOCH = date(1970, 1, 1)
# Rules as they stand today; Chile's are of 2023.
FIRST_S = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2105, 12, 30, tzinfo=UTC).timestamp())


def local_time(name, utc_s):
    return datetime.fromtimestamp(utc_s, ZoneInfo(name))


def shifts(zone):
    """Return every instant of daylight change from the zone itself. `local_time` is compared on both sides of each."""
    found = []
    shift_s = zone.next_shift_s(FIRST_S)
    while shift_s is not None and shift_s < LAST_S:
        found.append(shift_s)
        shift_s = zone.next_shift_s(shift_s)
    return found


@given(st.dates())
def test_dates_are_pythons(day):
    days = (day - EPOCH).days
    assert days_from_civil(day.year, day.month, day.day) == days
    assert civil_from_days(days) == (day.year, day.month, day.day)
    assert weekday(days) == day.weekday()
    assert month_index(days) == day.year * 12 + day.month - 1


@given(st.sampled_from(sorted(ZONES)), st.integers(FIRST_S, LAST_S))
def test_local_time_is_the_tz_databases(name, utc_s):
    expected = local_time(name, utc_s)
    zone = Zone(*ZONES[name])
    assert zone.offset_s(utc_s) == expected.utcoffset().total_seconds()
    assert zone.day(utc_s) == (expected.date() - EPOCH).days


@pytest.mark.parametrize("name", sorted(ZONES))
def test_every_shift_of_eighty_years_is_the_tz_databases(name):
    zone = Zone(*ZONES[name])
    for shift_s in shifts(zone):
        for near_s in (shift_s - 1, shift_s):
            assert zone.offset_s(near_s) == local_time(name, near_s).utcoffset().total_seconds()


@pytest.mark.parametrize("name", sorted(ZONES))
def test_a_day_starts_at_the_first_instant_of_its_date(name):
    zone = Zone(*ZONES[name])
    near_shifts = [zone.day(shift_s) + days for shift_s in shifts(zone)[:24] for days in (-1, 0, 1)]
    for day in near_shifts + list(range(zone.day(FIRST_S), zone.day(FIRST_S) + 30)):
        assert zone.day_start_s(day) == first_instant(name, EPOCH + timedelta(day))


def first_instant(name, day):
    """Search for the first instant. Midnights and shifts of all these zones fall on quarters of an hour of UTC."""
    noon_utc_s = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    for utc_s in range(noon_utc_s - 27 * 3600, noon_utc_s + 14 * 3600, 900):
        if local_time(name, utc_s).date() == day:
            return utc_s
    raise AssertionError(f"{day} does not occur in {name}")
