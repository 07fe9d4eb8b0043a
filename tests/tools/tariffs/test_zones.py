"""Zones of the tz database: every one of them as the meter keeps it, against zoneinfo to the end of 2037."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests import samples
from wattpurse.core.tariffs import table
from wattpurse_tools.tariffs import tariff_file, zones

FIRST = datetime(zones.FIRST_YEAR, 1, 1, tzinfo=UTC)
END = datetime(zones.LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def through_the_table(zone):
    """Return the zone as a meter decodes it."""
    return table.decode(samples.flat_tariff(zone=zone))["zone"]


def offset_s(info, at):
    return int(at.astimezone(info).utcoffset().total_seconds())


def changes_of(info):
    """Yield the first second of every change, searched day by day."""
    at = FIRST
    while at < END:
        low, high = at, at + timedelta(days=1)
        if offset_s(info, low) != offset_s(info, high):
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if offset_s(info, middle) == offset_s(info, low) else (low, middle)
            yield int(high.timestamp())
        at += timedelta(days=1)


def test_every_zone_of_the_tz_database_to_2037():
    kinds = set()
    for name in sorted(zoneinfo.available_timezones()):
        info, zone = ZoneInfo(name), through_the_table(zones.named(name))
        expected, found = list(changes_of(info)), []
        change_s = zone.next_shift_s(int(FIRST.timestamp()))
        while change_s is not None and change_s < END.timestamp():
            found.append(change_s)
            change_s = zone.next_shift_s(change_s)
        assert found == expected, name
        for second in [int(FIRST.timestamp()), *expected, *(change_s - 1 for change_s in expected)]:
            assert zone.offset_s(second) == offset_s(info, datetime.fromtimestamp(second, UTC)), name
        kinds.add((zone.start is not None, bool(zone.changes)))
    assert kinds == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize(
    ("daylight", "offset", "name"),
    [
        # Irish law says it the other way round: Irish Standard Time, and an hour back in winter.
        (
            {
                "start": {"month": 10, "week": 5, "weekday": "sunday", "time": "02:00"},
                "end": {"month": 3, "week": 5, "weekday": "sunday", "time": "01:00"},
                "shift_minutes": -60,
            },
            "+01:00",
            "Europe/Dublin",
        ),
        # Greenland changes on the evening before the Sunday of the rule.
        (
            {
                "start": {"month": 3, "week": 5, "weekday": "sunday", "time": "-01:00"},
                "end": {"month": 10, "week": 5, "weekday": "sunday", "time": "00:00"},
            },
            "-02:00",
            "America/Nuuk",
        ),
        # Egypt ends daylight time at 24:00.
        (
            {
                "start": {"month": 4, "week": 5, "weekday": "friday", "time": "00:00"},
                "end": {"month": 10, "week": 5, "weekday": "thursday", "time": "24:00"},
            },
            "+02:00",
            "Africa/Cairo",
        ),
    ],
)
def test_a_rule_before_midnight_at_24_and_with_negative_daylight_time(daylight, offset, name):
    rule = {"clock": "wall", **daylight}
    document = {**tariff_file.decode(samples.flat_tariff()), "zone": {"offset": offset, "daylight": rule}}
    zone = table.decode(tariff_file.encode(document))["zone"]
    for change_s in changes_of(ZoneInfo(name)):
        for second in (change_s - 1, change_s):
            assert zone.offset_s(second) == offset_s(ZoneInfo(name), datetime.fromtimestamp(second, UTC))


def test_a_zone_by_date_table_survives_the_document():
    document = {**tariff_file.decode(samples.flat_tariff()), "zone": {"name": "Africa/Casablanca"}}
    data = tariff_file.encode(document)
    again = tariff_file.decode(data)
    assert again["zone"]["offset"] == "+01:00"
    assert again["zone"]["changes"][0] == {"at": "2025-02-23T02:00:00+00:00", "offset": "+00:00"}
    assert tariff_file.encode(again) == data


@pytest.mark.parametrize("name", sorted(zoneinfo.available_timezones())[::40] + ["Africa/Casablanca", "Asia/Gaza"])
def test_a_day_of_any_zone_starts_at_its_first_instant(name):
    zone = zones.named(name)
    for day in range(20_148, 20_148 + 400):
        start_s = zone.day_start_s(day)
        assert zone.day(start_s) == day
        assert zone.day(start_s - 1) < day


@pytest.mark.parametrize(
    ("zone", "advice"),
    [
        ({"name": "Europe/Atlantis"}, "is not in the tz database"),
        ({"name": 3}, "write a name of the tz database"),
        ({"offset": "+01:00", "changes": [{"at": "2026-01-01T00:00:30Z", "offset": "+02:00"}]}, "whole minute"),
        ({"offset": "+01:00", "changes": [{"at": "2026-01-01T00:00:00Z", "offset": "+01:00"}]}, "another offset"),
        (
            {"offset": "+01:00", "daylight": "EU", "changes": [{"at": "2026-01-01T00:00:00Z", "offset": "+02:00"}]},
            "either daylight or changes",
        ),
    ],
)
def test_a_zone_that_says_nothing_is_refused_with_words(zone, advice):
    document = {**tariff_file.decode(samples.flat_tariff()), "zone": zone}
    with pytest.raises(ValueError, match=advice):
        tariff_file.encode(document)
