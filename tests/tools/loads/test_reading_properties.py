"""Any load, written in any way that a portal may write it, is read back: its times to the second, its energy exactly.

The expected energies are fractions: each interval ends at the whole mWh below the sum of all values so far.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.loads.chosen import chosen
from tests.tools.tariffs.test_bill_properties import cases
from wattpurse.core.money.contract import SettledAccount
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.loads.zones import zone_of
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
SCALES = {"Wh": 1000, "kWh": 10**6, "MWh": 10**9, "W": 1000, "kW": 10**6}
# Around daylight changes of these zones, and where nothing happens.
STARTS = [(2026, 3, 28, 22), (2026, 10, 24, 22), (2026, 3, 8, 5), (2026, 11, 1, 4), (2026, 4, 4, 12), (2026, 7, 1, 0)]


@st.composite
def written_loads(draw):
    """Draw `(start, interval, decimals of values, unit, style)` of a load."""
    interval_s = draw(st.sampled_from([60, 300, 900, 1800, 3600])) if draw(st.booleans()) else 900
    start = datetime(*draw(st.sampled_from(STARTS)), tzinfo=UTC)
    unit = draw(st.sampled_from(sorted(SCALES)))
    decimals = draw(st.integers(0, 9))
    # A long load crosses the borders between the blocks of rows that are read together.
    numbers = st.integers(0, 10 ** min(9, decimals + 3))
    few = st.lists(numbers, min_size=4, max_size=40)
    many = st.integers(500, 900).flatmap(lambda count: few.map(lambda some: (some * count)[:count]))
    return start, interval_s, draw(st.one_of(few, many)), decimals, unit


def decimal_text(number, decimals, mark="."):
    whole, rest = divmod(number, 10**decimals)
    return f"{whole}{mark}{rest:0{decimals}}" if decimals else str(whole)


def expected_energies(numbers, decimals, unit, interval_s):
    factor = Fraction(SCALES[unit], 10**decimals)
    if unit in ("W", "kW"):
        factor *= Fraction(interval_s, 3600)
    total, before, energies = Fraction(0), 0, []
    for number in numbers:
        total += number * factor
        energies.append(floor(total) - before)
        before = floor(total)
    return energies


def read_back(path, options):
    """Return the start, and the energies of intervals that are all alike."""
    curves = list(LoadFile(path, options))
    for earlier, later in zip(curves, curves[1:], strict=False):
        assert earlier.end_s == later.start_s
    assert len({curve.interval_s for curve in curves}) == 1
    return curves[0].start_s, curves[0].interval_s, [one for curve in curves for one in curve.energies_mwh]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("loads") / "load.csv"


@settings(max_examples=120, deadline=None)
@given(written_loads(), st.sampled_from(ZONES), st.booleans(), st.booleans(), st.sampled_from([",", ";", "\t"]))
def test_a_written_load_is_read_back(path, load, zone_name, is_local, gives_ends, delimiter):
    start, interval_s, numbers, decimals, unit = load
    shift_s = interval_s if gives_ends else 0
    mark = "." if delimiter == "," else ","
    lines = [delimiter.join(("interval end" if gives_ends else "start", f"energy ({unit})"))]
    for place, number in enumerate(numbers):
        local = (start + timedelta(seconds=place * interval_s + shift_s)).astimezone(ZoneInfo(zone_name))
        time = local.strftime("%d.%m.%Y %H:%M") if is_local else local.isoformat()
        lines.append(delimiter.join((time, decimal_text(number, decimals, mark))))
    path.write_text("\n".join(lines))
    options = chosen(zone=zone_of(zone_name) if is_local else None, values="energy")
    found = read_back(path, options)
    assert found == (int(start.timestamp()), interval_s, expected_energies(numbers, decimals, unit, interval_s))


@settings(max_examples=60, deadline=None)
@given(written_loads(), st.integers(0, 10**9))
def test_readings_of_a_counter_are_read_back(path, load, first):
    start, interval_s, numbers, decimals, unit = load
    unit = {"W": "Wh", "kW": "kWh"}.get(unit, unit)
    reading, lines = first, [f"time,counter ({unit})", f"{start.isoformat()},{decimal_text(first, decimals)}"]
    for place, number in enumerate(numbers, 1):
        reading += number
        time = start + timedelta(seconds=place * interval_s)
        lines.append(f"{time.isoformat()},{decimal_text(reading, decimals)}")
    path.write_text("\n".join(lines))
    found = read_back(path, chosen(values="counter"))
    assert found == (int(start.timestamp()), interval_s, expected_energies(numbers, decimals, unit, interval_s))


@settings(max_examples=60, deadline=None)
@given(written_loads(), st.sets(st.integers(2, 800), max_size=6), st.sampled_from(["spread", "zero"]))
def test_filled_gaps_change_no_energy_and_leave_no_hole(path, load, missing, gaps):
    start, interval_s, numbers, decimals, _ = load
    missing = {place for place in missing if place < len(numbers) - 2 and place - 1 not in missing}
    kept = [(place, number) for place, number in enumerate(numbers) if place not in missing]
    lines = ["start,kWh"]
    for place, number in kept:
        lines.append(f"{(start + timedelta(seconds=place * interval_s)).isoformat()},{decimal_text(number, decimals)}")
    path.write_text("\n".join(lines))
    options = chosen(gaps=gaps, values="energy", interval_s=interval_s)
    curves = list(LoadFile(path, options))
    for earlier, later in zip(curves, curves[1:], strict=False):
        assert earlier.end_s == later.start_s
    assert curves[-1].end_s - curves[0].start_s == len(numbers) * interval_s
    total = Fraction(sum(number for _, number in kept) * 10**6, 10**decimals)
    assert sum(sum(curve.energies_mwh) for curve in curves) == floor(total)
    if missing:
        with pytest.raises(ValueError, match="in the whole file"):
            list(LoadFile(path, chosen(values="energy", interval_s=interval_s)))


@settings(max_examples=80, deadline=None)
@given(cases(), st.sets(st.integers(1, 39), max_size=5), st.integers(0, 10_000))
def test_a_bill_of_pieces_is_the_bill_of_the_whole(case, cuts, tax_permyriad):
    # Intervals that are taken together have the same charge as one by one.
    succession, load = case
    tariffs = [Tariff(tariff_file.encode(document)) for document in succession]
    places = [0, *sorted(cut for cut in cuts if cut < len(load.energies_mwh)), len(load.energies_mwh)]
    pieces = [
        LoadCurve(load.start_s + begin * load.interval_s, load.interval_s, load.energies_mwh[begin:end])
        for begin, end in zip(places, places[1:], strict=False)
    ]
    singles = [
        LoadCurve(load.start_s + place * load.interval_s, load.interval_s, (energy_mwh,))
        for place, energy_mwh in enumerate(load.energies_mwh)
    ]
    whole = bill.calculate(tariffs, load, SettledAccount, tax_permyriad)
    assert bill.calculate(tariffs, pieces, SettledAccount, tax_permyriad) == whole
    assert bill.calculate(tariffs, iter(singles), SettledAccount, tax_permyriad) == whole
