"""Load files as people have them: units, columns, times, encodings, gaps, counters. Each is read right or refused."""

import json
from pathlib import Path

import pytest

from tests.tools.loads.chosen import chosen
from wattpurse_tools import cli
from wattpurse_tools.loads.reading import LoadFile, whole
from wattpurse_tools.loads.zones import zone_of
from wattpurse_tools.tariffs.fields import instant
from wattpurse_tools.tariffs.load_curve import LoadCurve

TARIFF = Path(__file__).parent / "samples/tariff.toml"
CASE = """\
time,Consumption (kWh)
2026-06-01T00:00:00+02:00,0.717
2026-06-01T01:00:00+02:00,0.341
2026-06-01T02:00:00+02:00,0.839
2026-06-01T03:00:00+02:00,0.447
2026-06-01T04:00:00+02:00,0.894
2026-06-01T05:00:00+02:00,0.787
2026-06-01T06:00:00+02:00,0.837
"""
BERLIN = zone_of("Europe/Berlin")
LORD_HOWE = zone_of("Australia/Lord_Howe")


def seconds(text):
    return instant(text, "a test")


@pytest.fixture
def written(tmp_path):
    """Return a function that writes lines or bytes into a load file and returns its path."""

    def write(*lines, name="load.csv"):
        path = tmp_path / name
        path.write_bytes(lines[0] if isinstance(lines[0], bytes) else "".join(f"{line}\n" for line in lines).encode())
        return path

    return write


def read(path, **options):
    return list(LoadFile(path, chosen(**options)))


def intervals(path, **options):
    """Return `(start, seconds, mWh)` of each interval."""
    return [
        (curve.start_s + place * curve.interval_s, curve.interval_s, energy_mwh)
        for curve in read(path, **options)
        for place, energy_mwh in enumerate(curve.energies_mwh)
    ]


def energies(path, **options):
    return [energy_mwh for _, _, energy_mwh in intervals(path, **options)]


def refused(path, **options):
    """Return the words with which a file is refused."""
    with pytest.raises(ValueError, match=f"^{path.name}") as caught:
        read(path, **options)
    return str(caught.value)


# Units


def charge(capsys, path, *argv):
    assert cli.main(["bill", "--tariff", str(TARIFF), "--load", str(path), "--json", *argv]) == 0
    return json.loads(capsys.readouterr().out)["total"]["charge_microunits"]


def test_a_header_in_kwh_is_kwh(capsys, written):
    in_kwh = written(*CASE.splitlines())
    lines = [line.replace("Consumption (kWh)", "Wh").replace(",0.", ",") for line in CASE.splitlines()]
    in_wh = written(*lines, name="same-in-wh.csv")
    assert charge(capsys, in_kwh) == charge(capsys, in_wh) == 1_056_100


@pytest.mark.parametrize(
    ("header", "value", "energy_mwh"),
    [
        ("Wh", "137.5", 137_500),
        ("energy_wh", "137.5", 137_500),
        ("kWh", "0.1375", 137_500),
        ("Consumption (kwh)", "0.1375", 137_500),
        ("Verbrauch [kWh]", "0.1375", 137_500),
        ("usage KWH", "0.1375", 137_500),
        ("consumption_kwh", "0.1375", 137_500),
        ("MWh", "0.000137500", 137_500),
        ("energy mWh", "137500", 137_500),
        ("Power (W)", "550", 137_500),
        ("mean kW", "0.55", 137_500),
        ("MW", "0.00055", 137_500),
    ],
)
def test_the_unit_of_the_header_counts(written, header, value, energy_mwh):
    path = written(f"start,{header}", f"2026-05-01T00:00:00Z,{value}", f"2026-05-01T00:15:00Z,{value}")
    assert energies(path) == [energy_mwh] * 2


def test_mean_power_counts_for_the_length_of_its_interval(written):
    lines = [f"2026-05-01T00:{minute:02}:00Z,600" for minute in (0, 15, 30)]
    path = written("start,W", *lines, "2026-05-01T00:45:00Z,600", "2026-05-01T01:45:00Z,600", "2026-05-01T02:45:00Z,6")
    assert energies(path, gaps=None) == [150_000] * 3 + [600_000, 600_000, 6_000]


def test_a_header_without_a_unit_is_refused(written):
    path = written("start,usage", "2026-05-01T00:00:00Z,1", "2026-05-01T00:15:00Z,1")
    assert 'the header "usage" names no unit; say it: --unit' in refused(path)
    assert energies(path, unit="kWh") == [1_000_000] * 2


@pytest.mark.parametrize("header", ["mwh", "kVArh", "therms", "m3"])
def test_a_header_of_an_unknown_or_doubtful_unit_is_refused(written, header):
    path = written(f"start,{header}", "2026-05-01T00:00:00Z,1", "2026-05-01T00:15:00Z,1")
    assert header in refused(path)


def test_no_header_is_the_format_of_the_readme(written):
    path = written("2026-05-01T00:00:00Z,7", "2026-05-01T00:15:00Z,1.5")
    assert energies(path) == [7000, 1500]


def test_fractions_of_a_mwh_are_carried_to_the_next_interval(written):
    lines = [f"2026-05-01T0{hour}:00:00Z,0.0000004" for hour in range(5)]
    assert energies(written("start,kWh", *lines)) == [0, 0, 1, 0, 1]


# Counters


def readings(count, first="1000.0", step=0.1):
    return [f"2026-05-01T{hour:02}:00:00Z,{float(first) + step * hour:.1f}" for hour in range(count)]


def test_readings_of_a_counter_are_differenced_when_told_so(written):
    path = written("time,kWh", *readings(9))
    assert "the values only rise, as the readings of a counter do; add --values counter" in refused(path)
    found = intervals(path, values="counter")
    assert found[0] == (seconds("2026-05-01T00:00:00Z"), 3600, 100_000)
    assert [energy_mwh for _, _, energy_mwh in found] == [100_000] * 8
    assert len(energies(path, values="energy")) == 9


def test_a_counter_that_starts_at_zero_is_recognised(written):
    assert "only rise" in refused(written("time,kWh", *readings(24, "0")))


def test_rising_energies_of_one_morning_are_no_counter(written):
    assert energies(written("time,Wh", *readings(4, "0", 100))) == [0, 100_000, 200_000, 300_000]


@pytest.mark.parametrize("header", ["Meter reading (kWh)", "Z\u00e4hlerstand kWh", "kWh total", "index (Wh)"])
def test_a_header_that_names_readings_is_refused_without_a_choice(written, header):
    path = written(f"time,{header}", *readings(3))
    assert "names readings of a counter; add --values counter" in refused(path)
    assert len(energies(path, values="counter")) == 2


def test_a_counter_that_falls_is_refused_with_its_line(written):
    path = written("time,kWh", *readings(3), "2026-05-01T03:00:00Z,0.5")
    assert "load.csv line 5: the counter falls by 999.7 kWh" in refused(path, values="counter")


def test_a_repeated_reading_is_a_repeated_row(written):
    path = written("time,kWh", *readings(3), readings(3)[2], "2026-05-01T03:00:00Z,1000.9")
    assert "line 5: has the same time and value" in refused(path, values="counter")
    assert energies(path, values="counter", gaps="zero") == [100_000, 100_000, 700_000]


def test_a_missing_reading_is_spread_or_put_at_the_end(written):
    path = written("time,kWh", *readings(3), "2026-05-01T05:00:00Z,1001.1")
    assert "line 5: 2 h before it are missing, intervals are 60 minutes" in refused(path, values="counter")
    assert intervals(path, values="counter", gaps="spread")[2:] == [
        (seconds("2026-05-01T02:00:00Z"), 3 * 3600, 900_000)
    ]
    assert intervals(path, values="counter", gaps="zero")[2:] == [
        (seconds("2026-05-01T02:00:00Z"), 2 * 3600, 0),
        (seconds("2026-05-01T04:00:00Z"), 3600, 900_000),
    ]


# Times


@pytest.mark.parametrize("name", ["end", "Interval End", "period_end", "Bis", "fin", "hour ending"])
def test_a_header_that_names_ends_of_intervals_is_honoured(written, name):
    path = written(f"{name},Wh", "2026-05-01T01:00:00Z,1", "2026-05-01T02:00:00Z,2")
    assert intervals(path) == [
        (seconds("2026-05-01T00:00:00Z"), 3600, 1000),
        (seconds("2026-05-01T01:00:00Z"), 3600, 2000),
    ]


def test_stamps_may_be_said(written):
    path = written("time,Wh", "2026-05-01T01:00:00Z,1", "2026-05-01T02:00:00Z,2")
    assert intervals(path, stamps="end")[0][0] == seconds("2026-05-01T00:00:00Z")
    assert intervals(path)[0][0] == seconds("2026-05-01T01:00:00Z")


def test_the_repeated_hour_of_local_times_is_resolved(written):
    clocks = ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    path = written("time,Wh", *(f"2026-10-25 {clock},1" for clock in clocks))
    assert "--zone Europe/Berlin" in refused(path)
    found = intervals(path, zone=BERLIN)
    assert found[0][0] == seconds("2026-10-25T01:00:00+02:00")
    assert [length for _, length, _ in found] == [1800] * 7
    assert found[-1][0] == seconds("2026-10-25T03:00:00+01:00")


def test_the_missing_hour_of_local_times_is_resolved(written):
    path = written("time,Wh", *(f"2026-03-29 {clock},1" for clock in ("01:00", "01:30", "03:00", "03:30")))
    found = intervals(path, zone=BERLIN)
    assert [start_s - found[0][0] for start_s, _, _ in found] == [0, 1800, 3600, 5400]


def test_rows_of_the_missing_hour_are_left_out_if_they_are_empty(written):
    lines = ["2026-03-29 01:00,1", "2026-03-29 02:00,0", "2026-03-29 03:00,1", "2026-03-29 04:00,1"]
    assert energies(written("time,Wh", *lines), zone=BERLIN) == [1000] * 3
    lines[1] = "2026-03-29 02:00,5"
    assert "line 3: a daylight change skips this local time" in refused(written("time,Wh", *lines), zone=BERLIN)


@pytest.mark.parametrize("change", ["02:00", "03:00"])
def test_an_end_at_the_missing_hour_is_the_moment_of_the_change(written, change):
    path = written("end,Wh", *(f"2026-03-29 {clock},1" for clock in ("01:00", change, "04:00", "05:00")))
    assert [length for _, length, _ in intervals(path, zone=BERLIN)] == [3600] * 4


def test_a_change_of_half_an_hour_is_resolved(written):
    clocks = ["01:00", "01:30", "01:30", "02:00"]  # Lord Howe goes back by half an hour at 2:00
    path = written("time,Wh", *(f"2026-04-05 {clock},1" for clock in clocks))
    assert [length for _, length, _ in intervals(path, zone=LORD_HOWE)] == [1800] * 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-05-01T00:00:00+00:00", "2026-05-01T00:15:00+00:00"),
        ("2026-05-01T00:00Z", "2026-05-01T00:15Z"),
        ("2026-05-01 02:00:00+0200", "2026-05-01 02:15:00+0200"),
        ("2026-05-01T00:00:00.000Z", "2026-05-01T00:15:00.000Z"),
        ("01.05.2026 00:00:00 +00:00", "01.05.2026 00:15:00 +00:00"),
        ("1777593600", "1777594500"),
        ("1777593600000", "1777594500000"),
    ],
)
def test_ways_to_write_a_time(written, first, second):
    assert intervals(written("time,Wh", f"{first},1", f"{second},2")) == [
        (seconds("2026-05-01T00:00:00Z"), 900, 1000),
        (seconds("2026-05-01T00:15:00Z"), 900, 2000),
    ]


def test_dates_with_slashes_need_a_word_on_their_order(written):
    path = written("time,Wh", "5/6/2026 0:00,1", "5/6/2026 12:00 PM,2", "5/7/2026 0:00,2")
    assert "can be read in two ways; say --dates day-first or --dates month-first" in refused(path, zone=BERLIN)
    assert intervals(path, zone=BERLIN, dates="month-first")[0][0] == seconds("2026-05-06T00:00:00+02:00")
    assert "no date" not in refused(path, zone=BERLIN, dates="day-first")  # 5 June, 5 July: a gap


def test_date_and_time_in_two_columns(written):
    path = written("Date;Time;kWh", "01.05.2026;00:00;0,25", "01.05.2026;00:15;1,5")
    assert energies(path, zone=BERLIN) == [250_000, 1_500_000]
    assert energies(path, zone=BERLIN, time="Date+Time", value="kWh") == [250_000, 1_500_000]
    assert energies(path, zone=BERLIN, time="1+2", value="3") == [250_000, 1_500_000]


def test_midnight_may_be_24_o_clock(written):
    path = written("end,Wh", "2026-05-01 23:00,1", "2026-05-01 24:00,2", "2026-05-02 01:00,3")
    assert energies(path, zone=BERLIN) == [1000, 2000, 3000]


def test_hours_over_a_change_of_half_an_hour(written):
    clocks = ["4 23:00", "5 00:00", "5 01:00", "5 01:30", "5 02:30"]
    path = written("time,Wh", *(f"2026-04-0{clock},1" for clock in clocks))
    assert [length for _, length, _ in intervals(path, zone=LORD_HOWE)] == [3600] * 5


# Days of 23 and 25 hours


def test_daily_values_over_both_daylight_changes(written):
    for month, day, hours in ((3, 29, 23), (10, 25, 25)):
        lines = [f"2026-{month:02}-{day + shift},24" for shift in (-1, 0, 1)]
        found = intervals(written("date,kWh", *lines), zone=BERLIN)
        assert [length // 3600 for _, length, _ in found] == [24, hours, 24]


def test_the_last_day_of_a_file_ends_at_its_own_midnight(capsys, written):
    path = written("start,kWh", "2026-03-28T00:00:00+01:00,24", "2026-03-29T00:00:00+01:00,24")
    assert [length // 3600 for _, length, _ in intervals(path, day_zone=BERLIN)] == [24, 23]
    assert cli.main(["bill", "--tariff", str(TARIFF), "--load", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["standing"][0]["days"] == 2


def test_a_single_day_may_have_23_hours(written):
    path = written("start,kWh", "2026-03-29T00:00:00+01:00,24")
    assert intervals(path, day_zone=BERLIN, interval_s=86_400)[0][1] == 23 * 3600


def test_the_first_day_of_ends_has_its_own_length(written):
    path = written("end,kWh", "2026-03-30,1", "2026-03-31,2", "2026-04-01,3")
    assert [length // 3600 for _, length, _ in intervals(path, zone=BERLIN)] == [23, 24, 24]


# Gaps, repeated rows, changing intervals


def quarters(*minutes):
    return [f"2026-05-01T{minute // 60:02}:{minute % 60:02}:00Z,60" for minute in minutes]


def test_gaps_and_repeated_rows_are_refused_with_line_count_and_total(written):
    lines = quarters(0, 15, 30, 75, 90, 90, 105, 120, 240, 255)
    said = refused(written("start,Wh", *lines))
    assert said.startswith("load.csv line 5: 30 minutes before it are missing, intervals are 15 minutes;")
    assert "in the whole file 2 gaps of 2 h 15 minutes together and 1 repeated row" in said
    assert "--gaps spread" in said and "--gaps zero" in said


def test_a_repeated_row_alone_is_refused(written):
    said = refused(written("start,Wh", *quarters(0, 15, 15, 30)))
    assert "line 4: has the same time and value as the line before; in the whole file 1 repeated row" in said
    assert energies(written("start,Wh", *quarters(0, 15, 15, 30)), gaps="zero") == [60_000] * 3


def test_gaps_filled_with_zero(written):
    found = intervals(written("start,Wh", *quarters(0, 15, 60, 75)), gaps="zero")
    start_s = seconds("2026-05-01T00:30:00Z")
    assert found[2] == (start_s, 1800, 0)
    assert sum(energy_mwh for _, _, energy_mwh in found) == 240_000


def test_gaps_filled_with_the_energy_behind_them(written):
    found = intervals(written("start,Wh", *quarters(0, 15, 60, 75)), gaps="spread")
    start_s = seconds("2026-05-01T00:30:00Z")
    assert found[2] == (start_s, 2700, 60_000)
    assert sum(energy_mwh for _, _, energy_mwh in found) == 240_000


def test_mean_power_behind_a_gap_invents_no_energy(written):
    lines = [line.replace(",60", ",240") for line in quarters(0, 15, 60, 75)]
    for gaps in ("spread", "zero"):
        assert sum(energies(written("start,W", *lines), gaps=gaps)) == 240_000


def test_two_values_for_one_time_are_refused_even_then(written):
    lines = [*quarters(0, 15), "2026-05-01T00:15:00Z,61"]
    assert "line 4: has the same time as the line before, with another value" in refused(
        written("start,Wh", *lines), gaps="spread"
    )


def test_intervals_may_change_within_a_file(written):
    path = written("start,Wh", *quarters(0, 15, 30, 45, 60, 120, 180, 240, 255, 270, 285))
    assert [length // 60 for _, length, _ in intervals(path)] == [15] * 4 + [60] * 3 + [15] * 4


def test_every_second_row_missing_once_is_a_gap_and_no_change(written):
    said = refused(written("start,Wh", *quarters(0, 15, 30, 60, 75, 90, 105)))
    assert "15 minutes before it are missing" in said


def test_an_overlap_is_refused(written):
    path = written("start,Wh", "2026-05-01T00:00:00Z,1", "2026-05-01T00:15:00Z,1", "2026-05-01T00:29:40Z,1")
    assert "line 4: overlaps the line before by 20 seconds, intervals are 15 minutes" in refused(path)
    assert "overlaps" in refused(path, interval_s=3600, gaps="zero")


def test_disorder_is_refused(written):
    path = written("start,Wh", "2026-10-25T02:45:00+02:00,1", "2026-10-25T02:00:00+02:00,1")
    assert "line 3: is earlier than the line before; sort the lines" in refused(path)


def test_gaps_are_found_at_the_borders_of_blocks(written):
    # Rows are read in blocks of 256, and a few of them wait for the next block.
    for missing in (254, 255, 256, 257, 258, 511, 512, 513):
        minutes = [15 * place for place in range(600) if place != missing]
        lines = [f"2026-05-{1 + m // 1440:02}T{m // 60 % 24:02}:{m % 60:02}:00Z,{m % 7}" for m in minutes]
        path = written("start,Wh", *lines)
        assert f"line {missing + 2}: 15 minutes before it are missing" in refused(path)
        assert sum(energies(path, gaps="spread")) == sum(minute % 7 for minute in minutes) * 1000


# Tables


def test_a_table_with_several_columns_of_energy_is_refused_without_a_choice(written):
    path = written("time,house kWh,car kWh", "2026-05-01T00:00:00Z,1,2", "2026-05-01T01:00:00Z,3,4")
    assert "name the column of the value: --value NAME. There are: time, house kWh, car kWh" in refused(path)
    assert energies(path, value="car kWh") == [2_000_000, 4_000_000]
    assert energies(path, value="2") == [1_000_000, 3_000_000]


def test_energy_fed_in_is_not_the_consumption(written):
    path = written("time,import kWh,export kWh", "2026-05-01T00:00:00Z,1,2", "2026-05-01T01:00:00Z,3,4")
    assert energies(path) == [1_000_000, 3_000_000]


def test_an_unknown_column_is_refused_with_all_names(written):
    path = written("time,kWh", "2026-05-01T00:00:00Z,1")
    with pytest.raises(ValueError, match="--value: no column 'Wh'; there are: time, kWh"):
        read(path, value="Wh")


def test_lines_above_the_header_are_skipped(written):
    path = written("Export of an invented meter", "", "time;kWh", "2026-05-01T00:00:00Z;1,5", "2026-05-01T01:00:00Z;2")
    assert energies(path) == [1_500_000, 2_000_000]


@pytest.mark.parametrize(
    ("text", "options", "energy_mwh"),
    [
        ("1,5", {"decimal": ","}, 1_500_000),
        ('"1,234.5"', {"decimal": "."}, 1_234_500_000),
        ("1.234,5", {"decimal": ",", "delimiter": ";"}, 1_234_500_000),
    ],
)
def test_decimal_marks(written, text, options, energy_mwh):
    delimiter = options.get("delimiter", ",")
    quoted = f'"{text}"' if delimiter == "," and '"' not in text else text
    lines = [delimiter.join((f"2026-05-01T0{hour}:00:00Z", quoted)) for hour in range(2)]
    assert energies(written(delimiter.join(("time", "kWh")), *lines), **options) == [energy_mwh] * 2


def test_a_point_after_commas_is_refused(written):
    path = written("time;kWh", "2026-05-01T00:00:00Z;1,5", "2026-05-01T01:00:00Z;1.234")
    assert "line 3: '1.234' has a point where other numbers have a comma" in refused(path)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_delimiters_are_found(written, mark):
    assert energies(written(f"time{mark}Wh", f"2026-05-01T00:00:00Z{mark}1", f"2026-05-01T01:00:00Z{mark}2.5")) == [
        1000,
        2500,
    ]


# Wrong lines


@pytest.mark.parametrize(
    ("second_line", "said"),
    [
        ("2026-05-01T00:30:00Z", "has 1 columns"),
        ("2026-05-01T00:30:00Z;1.5", "has 1 columns"),
        ("2026-05-01T00:30:00Z,1,5", "has 3 columns"),
        ("2026-05-01T00:30:00,1", "write a time with its offset"),
        ("2026-05-01 half past,1", "write a time with its offset"),
        ("2026-05-01T00:30:00.5Z,1", "must be a whole second"),
        ("2026-02-30T00:30:00Z,1", "is no date of the calendar"),
        ("2026-05-01T00:61:00Z,1", "no clock shows 00:61"),
        ("2026-05-01T00:30:00+15:00,1", "no place is +15:00 ahead"),
        ("2206-05-01T00:30:00Z,1", "must lie between 1970 and 2105"),
        ("time,Wh", "'time' is no date"),
        ("2026-05-01T00:30:00Z,-1", "-1 Wh is negative"),
        ("2026-05-01T00:30:00Z,", "'' will not do"),
        ("2026-05-01T00:30:00Z,1e3", "'1e3' will not do"),
        ("2026-05-01T00:30:00Z,nan", "'nan' will not do"),
        ("2026-05-01T00:30:00Z,1_0", "'1_0' will not do"),
        ("2026-05-01T00:30:00Z,\u0661", "'\u0661' will not do"),
        ("2026-05-01T00:30:00Z,1 kWh", "'1 kWh' will not do"),
        ("2026-05-01T00:30:00Z," + "9" * 5000, "will not do"),
    ],
)
def test_a_wrong_line_is_named(written, second_line, said):
    path = written("2026-05-01T00:00:00Z,1", second_line)
    words = refused(path)
    assert words.startswith("load.csv line 2: ")
    assert said in words


def test_a_malformed_first_line_is_no_header(written):
    assert "line 1: " in refused(written("01.05.2026 00:00,1", "2026-05-01T00:15:00Z,1"))


def test_an_empty_line_is_no_energy(written):
    path = written("start,Wh", "2026-05-01T00:00:00Z,1.5", "", " ,", "2026-05-01T00:15:00Z,0.001")
    assert whole(path) == LoadCurve(seconds("2026-05-01T00:00:00Z"), 900, (1500, 1))


@pytest.mark.parametrize("lines", [("",), ("start,Wh",), ("", "")])
def test_a_load_without_energy_is_refused(written, lines):
    assert "holds no energy" in refused(written(*lines))


def test_a_single_line_needs_the_interval(written):
    path = written("2026-05-01T00:00:00Z,7")
    assert "--interval MINUTES" in refused(path)
    assert intervals(path, interval_s=900) == [(seconds("2026-05-01T00:00:00Z"), 900, 7000)]


# Text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_with_and_without_a_mark(written, encoding):
    text = "Zeit;Verbrauch f\u00fcr M\u00fcller (kWh)\r\n2026-05-01T00:00:00Z;0,5\r\n2026-05-01T01:00:00Z;1\r\n"
    assert energies(written(text.encode(encoding))) == [500_000, 1_000_000]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes(range(256)), "is not text"),
        (b"PK\x03\x04 a workbook", "is a workbook or an archive"),
        (b"\x1f\x8b\x08 compressed", "is compressed"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"\xd0\xcf\x11\xe0 old", "is an old Excel workbook"),
    ],
)
def test_a_file_that_is_not_text_gets_a_sentence_that_names_it(capsys, written, content, said):
    path = written(content)
    assert cli.main(["bill", "--tariff", str(TARIFF), "--load", str(path)]) == 1
    words = capsys.readouterr().err
    assert words.startswith(f"wattpurse: load.csv: {said}")
    assert words.count("\n") == 1


def test_text_that_ends_in_garbage_is_refused(written):
    lines = b"".join(b"2026-05-01T%02d:%02d:%02dZ,1\n" % (s // 3600, s // 60 % 60, s % 60) for s in range(5000))
    assert "is not text in UTF-8 all through" in refused(written(lines + b"\xff\xff\n"))
