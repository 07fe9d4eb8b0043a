"""Tariffs of any shape: the meter's answers against the document as written, the tz database and plain fractions."""

import binascii
import struct
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from wattpurse.core.tariffs import table as tariff_table
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.core.tariffs.tariff import TABLE_LIMIT, Tariff
from wattpurse_tools.tariffs import tariff_file

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday")
WALL_AT_MIDNIGHT = {
    "start": {"month": 3, "week": 5, "weekday": "sunday", "time": "00:00"},
    "end": {"month": 10, "week": 5, "weekday": "sunday", "time": "00:00"},
    "clock": "wall",
}
SOUTHERN = {
    "start": {"month": 10, "week": 1, "weekday": "sunday", "time": "02:00"},
    "end": {"month": 4, "week": 1, "weekday": "sunday", "time": "03:00"},
    "clock": "wall",
    "shift_minutes": 60,
}
LORD_HOWE = {
    "start": {"month": 10, "week": 1, "weekday": "sunday", "time": "02:00"},
    "end": {"month": 4, "week": 1, "weekday": "sunday", "time": "02:00"},
    "clock": "wall",
    "shift_minutes": 30,
}
ZONES = {
    "Europe/Berlin": {"offset": "+01:00", "daylight": "EU"},
    "Atlantic/Azores": {"offset": "-01:00", "daylight": "EU"},
    "America/New_York": {"offset": "-05:00", "daylight": "US"},
    "Asia/Beirut": {"offset": "+02:00", "daylight": WALL_AT_MIDNIGHT},
    "Australia/Sydney": {"offset": "+10:00", "daylight": SOUTHERN},
    "Australia/Lord_Howe": {"offset": "+10:30", "daylight": LORD_HOWE},
    "Asia/Kathmandu": {"offset": "+05:45"},
}
FIRST_S = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2060, 1, 1, tzinfo=UTC).timestamp())
MOST_MICROUNITS = 1 << 40
MOST_MWH = (1 << 48) - 1


def millionths_text(value):
    return str(Fraction(value, 1_000_000)) if value % 1_000_000 == 0 else f"{value // 1_000_000}.{value % 1_000_000:06}"


money = st.integers(0, MOST_MICROUNITS).map(millionths_text)
clocks = st.integers(1, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
# Times in the hours that daylight changes skip and repeat are drawn as often as all the others together.
near_shifts = st.sampled_from(["00:30", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "23:30"])
switch_times = st.one_of(clocks, near_shifts)
month_days = st.dates(min_value=datetime(2028, 1, 1).date(), max_value=datetime(2028, 12, 31).date()).map(
    lambda day: day.isoformat()[5:]
)
holidays = st.one_of(
    month_days,
    st.dates(min_value=datetime(2024, 1, 1).date(), max_value=datetime(2060, 1, 1).date()).map(lambda d: d.isoformat()),
)


@st.composite
def rates(draw, name):
    limits = sorted(draw(st.sets(st.integers(1, MOST_MWH), max_size=5)))
    prices = draw(st.lists(money, min_size=len(limits) + 1, max_size=len(limits) + 1))
    return {"name": name, "prices": prices, "block_limits_kwh": [millionths_text(limit) for limit in limits]}


@st.composite
def documents(draw):
    names = draw(st.lists(st.text("ABCDEFGH 0123456789", min_size=1, max_size=6), min_size=1, max_size=8, unique=True))
    rate = st.sampled_from(names)
    day_type_names = [f"kind {index}" for index in range(draw(st.integers(1, 8)))]
    day_type = st.sampled_from(day_type_names)
    return {
        "version": draw(st.integers(0, 0xFFFFFFFF)),
        "activation": datetime.fromtimestamp(draw(st.integers(0, LATEST_S)), UTC).isoformat(),
        "currency": draw(st.text("ABCXYZ", min_size=3, max_size=3)),
        "decimals": draw(st.integers(0, 6)),
        "customer_class": draw(st.integers(0, 255)),
        "standing_charge_per_day": draw(money),
        "free_kwh_per_month": millionths_text(draw(st.integers(0, MOST_MWH))),
        "zone": ZONES[draw(st.sampled_from(sorted(ZONES)))],
        "rates": [draw(rates(name)) for name in names],
        "day_types": {
            name: {"00:00": draw(rate), **draw(st.dictionaries(switch_times, rate, max_size=11))}
            for name in day_type_names
        },
        "seasons": [
            {"start": start, **{day: draw(day_type) for day in DAYS}}
            for start in draw(st.lists(month_days, min_size=1, max_size=8, unique=True))
        ],
        "holidays": draw(st.lists(holidays, max_size=64, unique=True)),
    }


def fits(document):
    """Return the table of a document, or None if it is refused for its size alone."""
    try:
        return tariff_file.encode(document)
    except ValueError as error:
        if "bytes taken" not in str(error):
            raise
        return None


def local_time(document, utc_s):
    name = document["zone"].get("name") or next(name for name in ZONES if ZONES[name] == document["zone"])
    return datetime.fromtimestamp(utc_s, ZoneInfo(name))


def rate_by_document(document, utc_s):
    """Return the rate that a person reads from the document for an instant."""
    local = local_time(document, utc_s)
    today = local.date().isoformat()
    seasons = sorted(document["seasons"], key=lambda season: season["start"])
    begun = [season for season in seasons if season["start"] <= today[5:]]
    season = begun[-1] if begun else seasons[-1]
    is_holiday = today in document["holidays"] or today[5:] in document["holidays"]
    switches = document["day_types"][season["holiday" if is_holiday else DAYS[local.weekday()]]]
    begun = [clock for clock in sorted(switches) if clock <= local.strftime("%H:%M")]
    name = switches[begun[-1]]
    return [rate["name"] for rate in document["rates"]].index(name)


def instants(draw, tariff):
    """Draw an instant. Half of them lie within a day of a daylight change."""
    utc_s = draw(st.integers(FIRST_S, LAST_S))
    shift_s = tariff.zone.next_shift_s(utc_s)
    if shift_s is None or draw(st.booleans()):
        return utc_s
    return shift_s + draw(st.integers(-86400, 86400))


@given(documents())
def test_a_document_survives_the_table(document):
    table = fits(document)
    if table is None:
        return
    assert len(table) <= TABLE_LIMIT
    written = tariff_file.decode(table)
    assert tariff_file.encode(written) == table
    assert tariff_table.encode(tariff_table.decode(table)) == table
    assert written["version"] == document["version"]
    assert datetime.fromisoformat(written["activation"]) == datetime.fromisoformat(document["activation"])
    assert [rate["name"] for rate in written["rates"]] == [rate["name"] for rate in document["rates"]]
    for rate, expected in zip(written["rates"], document["rates"], strict=True):
        assert [Fraction(price) for price in rate["prices"]] == [Fraction(price) for price in expected["prices"]]
    assert sorted(written["holidays"]) == sorted(document["holidays"])


@given(documents(), st.data())
def test_the_rate_is_the_one_the_document_names(document, data):
    table = fits(document)
    if table is None:
        return
    tariff = Tariff(table)
    for _ in range(20):
        utc_s = instants(data.draw, tariff)
        assert tariff.rate_at(utc_s) == rate_by_document(document, utc_s)


@settings(max_examples=60)
@given(documents(), st.data())
def test_nothing_changes_before_the_next_change(document, data):
    table = fits(document)
    if table is None:
        return
    tariff = Tariff(table)
    start_s = instants(data.draw, tariff)
    change_s = tariff.next_change_s(start_s)
    assert start_s < change_s
    today = local_time(document, start_s).date()
    rate = rate_by_document(document, start_s)
    between = range(start_s - start_s % 60 + 60, change_s, 60)
    for utc_s in (*between, change_s - 1):
        assert local_time(document, utc_s).date() == today
        assert rate_by_document(document, utc_s) == rate


@given(documents(), st.data())
def test_a_change_is_a_switch_a_midnight_or_a_daylight_change(document, data):
    table = fits(document)
    if table is None:
        return
    tariff = Tariff(table)
    change_s = tariff.next_change_s(instants(data.draw, tariff))
    before, after = local_time(document, change_s - 1), local_time(document, change_s)
    clocks = {clock for switches in document["day_types"].values() for clock in switches}
    at_a_switch = after.second == 0 and after.strftime("%H:%M") in clocks
    assert at_a_switch or after.utcoffset() != before.utcoffset()
    assert after.date() - before.date() <= timedelta(1)


def cost_by_fractions(document, month):
    """Return micro-units for (rate, mWh) taken one after another: the free energy first, then each block's share."""
    free_mwh = Fraction(document["free_kwh_per_month"]) * 1_000_000
    position = dict.fromkeys(range(len(document["rates"])), Fraction(0))
    cost = Fraction(0)
    for rate, taken_mwh in month:
        free_now = min(free_mwh, taken_mwh)
        free_mwh -= free_now
        begin, end = position[rate] + free_now, position[rate] + taken_mwh
        position[rate] = end
        written = document["rates"][rate]
        limits = [Fraction(limit) * 1_000_000 for limit in written.get("block_limits_kwh", [])]
        for price, low, high in zip(written["prices"], [0, *limits], [*limits, end + sum(limits)], strict=True):
            cost += Fraction(price) * max(Fraction(0), min(end, high) - max(begin, low))
    return cost


def cost_by_meter(tariff, month):
    position = [0] * tariff.rate_count
    numerator = 0
    for rate, taken_mwh in month:
        while taken_mwh:
            _, price, room_mwh = tariff.price(rate, position[rate], sum(position))
            assert room_mwh is None or room_mwh > 0
            step_mwh = taken_mwh if room_mwh is None else min(room_mwh, taken_mwh)
            numerator += step_mwh * price
            position[rate] += step_mwh
            taken_mwh -= step_mwh
    return Fraction(numerator, 1_000_000)


@given(documents(), st.data())
def test_a_month_costs_the_same_as_with_fractions(document, data):
    table = fits(document)
    if table is None:
        return
    tariff = Tariff(table)
    energy = st.one_of(st.integers(0, 1 << 30), st.integers(0, MOST_MWH))
    month = data.draw(st.lists(st.tuples(st.integers(0, tariff.rate_count - 1), energy), max_size=12))
    assert cost_by_meter(tariff, month) == cost_by_fractions(document, month)


@settings(max_examples=300)
@given(documents(), st.data())
def test_a_forged_body_is_refused_or_answers_everything(document, data):
    table = fits(document)
    if table is None:
        return
    body = bytearray(table[6:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 1))]
    framed = table[:4] + struct.pack("<H", len(body) + 10) + bytes(body)
    forged = framed + struct.pack("<I", binascii.crc32(framed))
    try:
        tariff = Tariff(forged)
    except ValueError:
        return
    assert tariff_table.encode(tariff_table.decode(forged)) == forged
    utc_s = data.draw(st.integers(0, 0xFFFFFFFF))
    assert 0 <= tariff.rate_at(utc_s) < tariff.rate_count
    assert utc_s < tariff.next_change_s(utc_s) <= utc_s + 27 * 3600
    for rate in range(tariff.rate_count):
        tariff.price(rate, data.draw(st.integers(0, MOST_MWH)), data.draw(st.integers(0, MOST_MWH)))


@given(st.binary(max_size=1100))
def test_noise_is_refused(noise):
    for data in (noise, b"WPT\x01" + noise):
        try:
            Tariff(data)
        except ValueError:
            continue
        raise AssertionError("noise was taken for a tariff")
