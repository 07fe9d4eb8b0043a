"""The load by feeder: energy is conserved, gaps are gaps, wrong registers count for nothing."""

import random
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.headend.load_oracle import loads_of, power_of_meter
from tests.tools.office.desk_rows import make_street
from wattpurse_tools.headend import load
from wattpurse_tools.headend.load import GAP_S, HOUR_S, MOST_MWH, load_by_feeder
from wattpurse_tools.pages.charts import Line, lines
from wattpurse_tools.record.models import Feeder, Installation, Meter, Premises, Statement

SLOT_S = 900
NOW_S = 1_800_000_000  # the begin of a slot


def tell(meter, *rows):
    """Add statements of a meter: seconds before now, and the register in mWh."""
    for number, (before_s, mwh) in enumerate(rows):
        Statement.objects.create(
            meter_id=meter,
            time_s=NOW_S - before_s,
            number=number,
            unit="money",
            contract=1,
            balance=0,
            total_mwh=mwh,
        )


def kilowatts(*values):
    """Return kW in mW, with None for gaps."""
    return [None if value is None else round(value * 1_000_000) for value in values]


def test_a_constant_load_has_the_same_power_in_each_slot(any_office):
    make_street(2)
    for meter in (1001, 1002):
        tell(meter, (4 * SLOT_S, 0), (2 * SLOT_S, 500_000), (0, 1_000_000))
    curve = load_by_feeder(NOW_S - 1, 4, SLOT_S)
    assert [one.name for one in curve.feeders] == ["North"]
    assert curve.from_s == NOW_S - 4 * SLOT_S
    assert curve.feeders[0].values_mw == kilowatts(2, 2, 2, 2)  # two meters of 1 kW
    assert curve.feeders[0].heard == [2, 2, 2, 2]


def test_loads_are_separate_by_feeder_and_meters_without_one_have_a_line(any_office):
    make_street(3)
    Premises.objects.filter(name="House 2").update(feeder=Feeder.objects.create(name="South"))
    Premises.objects.filter(name="House 3").update(feeder=None)
    for power, meter in enumerate((1001, 1002, 1003), 1):
        tell(meter, (SLOT_S, 0), (0, power * 250_000))
    curve = load_by_feeder(NOW_S - 1, 1, SLOT_S)
    assert {one.name: one.values_mw for one in curve.feeders} == {
        "North": kilowatts(1),
        "South": kilowatts(2),
        "": kilowatts(3),
    }


def test_a_silence_is_a_gap_and_not_a_zero(any_office):
    make_street(1)
    begin_s = 2 * GAP_S
    tell(1001, (begin_s, 0), (begin_s - SLOT_S, 250_000), (SLOT_S, 9_000_000), (0, 9_250_000))
    values = load_by_feeder(NOW_S - 1, begin_s // SLOT_S, SLOT_S).feeders[0].values_mw
    assert values[0] == values[-1] == 1_000_000
    assert set(values[1:-1]) == {None}


def test_a_slot_that_some_meters_have_not_told_yet_is_a_gap(any_office):
    make_street(3)
    for meter in (1001, 1002, 1003):
        tell(meter, (2 * SLOT_S, 0), (SLOT_S, 250_000))
    tell(1001, (0, 500_000))
    feeder = load_by_feeder(NOW_S - 1, 2, SLOT_S).feeders[0]
    assert feeder.values_mw == kilowatts(3, None)
    assert (feeder.heard, feeder.meters) == ([3, 1], 3)


def test_a_part_of_a_slot_tells_the_power_of_that_part(any_office):
    make_street(1)
    tell(1001, (SLOT_S, 0), (SLOT_S - 90, 100_000))  # 100 Wh in 90 s are 4 kW
    assert load_by_feeder(NOW_S - 1, 1, SLOT_S).feeders[0].values_mw == kilowatts(4)


def test_a_register_that_falls_counts_for_nothing(any_office):
    make_street(1)
    tell(1001, (2 * SLOT_S, 700_000), (SLOT_S, 0), (0, 250_000))
    assert load_by_feeder(NOW_S - 1, 2, SLOT_S).feeders[0].values_mw == kilowatts(None, 1)


def test_an_office_without_statements_has_no_feeder_on_the_chart(any_office):
    make_street(1)
    assert load_by_feeder(NOW_S, 4, SLOT_S).feeders == []
    assert load_by_feeder(NOW_S, 4, SLOT_S).starts() == []


def build_fleet(meters, seed):
    """Add meters at four feeders and none, with statements that are late, double, far apart, or wrong."""
    chance = random.Random(seed)
    feeders = [*(Feeder.objects.create(name=name) for name in ("Zürich", "a", "Ä", "B")), None]
    rows = []
    for number in range(3000, 3000 + meters):
        Meter.objects.create(number=number, currency="EUR", decimals=2, unit="money")
        place = Premises.objects.create(name=f"Flat {number}", feeder=chance.choice(feeders))
        until_s = 1 if chance.random() < 0.1 else None
        Installation.objects.create(meter_id=number, premises=place, from_s=0, until_s=until_s)
        time_s, mwh = NOW_S - 2 * GAP_S - chance.randrange(GAP_S), chance.randrange(10**13)
        for _ in range(chance.randrange(40)):
            time_s += chance.choice((0, 1, 60, SLOT_S, 2 * SLOT_S, HOUR_S, GAP_S, GAP_S + 1, chance.randrange(GAP_S)))
            mwh = max(0, mwh + chance.choice((0, 1, 7, -5, MOST_MWH, MOST_MWH + 1, chance.randrange(50_000_000))))
            rows.append((number, time_s, mwh))
    statements = [
        Statement(meter_id=meter, time_s=time_s, unit="money", contract=1, balance=0, total_mwh=mwh)
        for meter, time_s, mwh in sorted(set(rows))
    ]
    Statement.objects.bulk_create(statements)


@pytest.mark.parametrize(("seed", "heard_tenths"), [(1, 9), (2, 0), (3, 0)])
def test_the_database_counts_as_python_does(any_office, monkeypatch, seed, heard_tenths):
    monkeypatch.setattr(load, "_HEARD_TENTHS", heard_tenths)  # without gaps each sum of power is compared
    build_fleet(60, seed)
    known = 0
    for slots, slot_s, ahead_s in ((36, 300, 0), (48, 900, 450), (12, 3600, 1), (1, 900, -900), (6, 2 * GAP_S, 77)):
        now_s = NOW_S + ahead_s
        curve = load_by_feeder(now_s, slots, slot_s)
        found = [(one.name, one.values_mw, one.heard, one.meters) for one in curve.feeders]
        assert found == loads_of(now_s, slots, slot_s, heard_tenths), (slots, slot_s)
        known += sum(value is not None for _, values, _, _ in found for value in values)
    assert known > (2 if heard_tenths else 200)


def test_one_query_answers_with_a_row_for_each_slot_however_many_meters(any_office, monkeypatch):
    asked, answered, ask = [], [], load._rows
    monkeypatch.setattr(load, "_rows", lambda *given: answered.append(ask(*given)) or answered[-1])
    for fleet in (1, 2):
        for meter in range(4000 + 100 * fleet, 4000 + 100 * fleet + 40):
            Meter.objects.create(number=meter, currency="EUR", decimals=2, unit="money")
            place = Premises.objects.create(name=f"Flat {meter}")
            Installation.objects.create(meter_id=meter, premises=place, from_s=0)
            tell(meter, (2 * SLOT_S, 0), (SLOT_S, 250_000), (0, 500_000))
        with CaptureQueriesContext(connection) as queries:
            curve = load_by_feeder(NOW_S - 1, 2, SLOT_S)
        assert curve.feeders[0].values_mw == kilowatts(40 * fleet, 40 * fleet)
        asked.append(len(queries))
    assert asked == [1, 1]
    assert [len(rows) for rows in answered] == [3, 3]


@given(
    steps=st.lists(st.tuples(st.integers(1, GAP_S), st.integers(0, 50_000_000)), min_size=1, max_size=12),
    offset_s=st.integers(-5000, 5000),
)
def test_the_power_of_a_meter_is_within_rounding_of_the_exact_mean(steps, offset_s):
    rows, time_s, register = [(offset_s, 0)], offset_s, 0
    for step_s, mwh in steps:
        time_s, register = time_s + step_s, register + mwh
        rows.append((time_s, register))
    slots = 20
    exact = {}
    for (begin_s, begin_mwh), (end_s, end_mwh) in zip(rows, rows[1:], strict=False):
        for place in range(slots):
            low, high = max(begin_s, place * SLOT_S), min(end_s, (place + 1) * SLOT_S)
            if low < high:
                energy, seconds = exact.get(place, (Fraction(0), 0))
                share = Fraction((end_mwh - begin_mwh) * (high - low), end_s - begin_s)
                exact[place] = (energy + share, seconds + high - low)
    found = power_of_meter(rows, 0, slots, SLOT_S)
    assert found.keys() == exact.keys()
    for place, (energy, seconds) in exact.items():
        rounding = Fraction((len(steps) + 1) * HOUR_S, seconds) + 1
        assert abs(found[place] - energy * HOUR_S / seconds) <= rounding


def test_lines_break_at_gaps_and_escape_names():
    drawn = lines(
        "A & B", "kW", ["00:00", "", "", "", ""], [Line("<North>", [1, 2, None, 4, 5]), Line("x", [None] * 5)]
    )
    picture = ElementTree.fromstring(drawn)
    space = "{http://www.w3.org/2000/svg}"
    runs = [one.get("points").split() for one in picture.iter(f"{space}polyline")]
    assert [len(run) for run in runs] == [2, 2]
    assert picture.find(f"{space}title").text == "A & B"
    alone = ElementTree.fromstring(lines("t", "kW", ["", "", ""], [Line("x", [None, 3, None])]))
    assert len(list(alone.iter(f"{space}circle"))) == 1
