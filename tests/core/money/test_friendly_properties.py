"""Friendly hours against the tz database, minute by minute."""

import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import samples
from wattpurse.core.money import friendly
from wattpurse.core.tariffs.calendar import Zone

ZONES = (
    ("Europe/Berlin", Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)),
    ("America/New_York", Zone(-300, (3, 2, 6, 120), (11, 1, 6, 120))),
    ("Australia/Sydney", Zone(600, (10, 1, 6, 120), (4, 1, 6, 180))),
)
HOLIDAYS = ((3, 29, 2026), (10, 25, 2026), (12, 25, 0), (12, 26, 0))
HOLIDAYS_TABLE = tuple(sorted(HOLIDAYS, key=lambda holiday: (holiday[2], holiday[0], holiday[1])))


def by_the_wall(zone_name, terms, utc_s):
    """Apply the rule as a person reads it."""
    local = datetime.datetime.fromtimestamp(utc_s, ZoneInfo(zone_name))
    minute = local.hour * 60 + local.minute
    first, end = terms["friendly_from_minute"], terms["friendly_to_minute"]
    in_hours = first <= minute < end if first <= end else not end <= minute < first
    is_holiday = {(local.month, local.day, 0), (local.month, local.day, local.year)} & set(HOLIDAYS)
    on_weekday = terms["friendly_weekdays"] >> local.weekday() & 1
    return bool(in_hours or on_weekday or (terms["friendly_holidays"] and is_holiday))


@settings(max_examples=150)
@given(
    st.sampled_from(ZONES),
    st.fixed_dictionaries(
        {
            "friendly_from_minute": st.integers(0, 1440),
            "friendly_to_minute": st.integers(0, 1440),
            "friendly_weekdays": st.integers(0, 127),
            "friendly_holidays": st.integers(0, 1),
        }
    ),
    st.one_of(st.integers(0, 2 * 365 * 1440), st.integers(86 * 1440, 88 * 1440), st.integers(296 * 1440, 299 * 1440)),
)
def test_hours_and_their_end_are_those_of_the_wall(zone, terms, minute):
    account = samples.new_account(samples.flat_tariff(zone=zone[1], holidays=HOLIDAYS_TABLE))
    for name in terms:
        account.terms.set(name, terms[name])
    now_s = samples.NEW_YEAR_S + minute * 60 + 17
    assert friendly.is_friendly(account, now_s) == by_the_wall(zone[0], terms, now_s)
    end_s = friendly.ends_s(account, now_s)
    last_s = min(end_s, now_s + 14 * 86_400)
    looks = range(now_s, last_s, 60)
    assert all(by_the_wall(zone[0], terms, time_s) for time_s in looks)
    if end_s != friendly.ALWAYS_S:
        assert end_s == now_s or end_s % 60 == 0
        assert not by_the_wall(zone[0], terms, end_s)
