"""The load by feeder: energy is conserved, gaps are gaps, wrong registers count for nothing."""

from fractions import Fraction
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.office.desk_rows import make_street
from wattpurse_tools.headend.load import GAP_S, HOUR_S, load_by_feeder, power_of_meter
from wattpurse_tools.pages.charts import Line, lines
from wattpurse_tools.record.models import Feeder, Premises, Statement

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
