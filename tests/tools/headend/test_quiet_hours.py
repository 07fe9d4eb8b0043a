"""Quiet hours across midnight and across changes of the clock, against a walk through the minutes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from wattpurse_tools.headend.quiet_hours import MINUTE_S, allowed_s, is_quiet

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca")
# Around the changes of 2026 in Berlin, New York and on Lord Howe Island, and anywhere.
CHANGES_S = (1_774_746_000, 1_792_890_000, 1_772_953_200, 1_793_512_800, 1_775_314_800, 1_791_039_600)
times = st.one_of(
    st.integers(1_600_000_000, 2_500_000_000),
    st.builds(lambda at_s, off_s: at_s + off_s, st.sampled_from(CHANGES_S), st.integers(-90_000, 90_000)),
)
minutes = st.integers(0, 24 * 60 - 1)


@settings(max_examples=300)
@given(times, minutes, minutes, st.sampled_from(ZONES))
def test_the_moment_is_the_first_one_that_is_not_quiet(time_s, first, until, zone):
    end_s = allowed_s(time_s, first, until, zone)
    assert not is_quiet(end_s, first, until, zone)
    assert time_s <= end_s <= time_s + 25 * 3600
    walked = time_s
    while is_quiet(walked, first, until, zone):
        walked += MINUTE_S - walked % MINUTE_S
    assert end_s == walked


@given(times, minutes, st.sampled_from(ZONES))
def test_hours_that_begin_and_end_together_are_none(time_s, minute, zone):
    assert allowed_s(time_s, minute, minute, zone) == time_s


def at(zone, *clock, fold=0):
    return int(datetime(*clock, tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def test_a_night_of_nine_hours_and_one_of_eleven():
    berlin = "Europe/Berlin"
    for day, hours in ((28, 9), (24, 11)):
        month = 3 if day == 28 else 10
        start_s = at(berlin, 2026, month, day, 21)
        assert allowed_s(start_s, 21 * 60, 7 * 60, berlin) - start_s == hours * 3600


def test_an_end_in_the_skipped_hour_is_the_moment_after_it():
    berlin = "Europe/Berlin"
    end_s = allowed_s(at(berlin, 2026, 3, 28, 23), 22 * 60, 150, berlin)
    assert datetime.fromtimestamp(end_s, UTC) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_end_in_the_doubled_hour_is_its_first_time():
    berlin = "Europe/Berlin"
    end_s = allowed_s(at(berlin, 2026, 10, 24, 23), 22 * 60, 150, berlin)
    assert end_s == at(berlin, 2026, 10, 25, 2, 30, fold=0)
