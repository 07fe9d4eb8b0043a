import json
import tomllib
from copy import deepcopy
from pathlib import Path

import pytest

from wattpurse.core.tariffs.calendar import days_from_civil
from wattpurse.core.tariffs.tariff import TABLE_LIMIT, Tariff
from wattpurse_tools import cli
from wattpurse_tools.tariffs import tariff_file

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
HOUSEHOLD = EXAMPLES / "tariff-household.toml"
CAMPSITE = EXAMPLES / "tariff-campsite.toml"


def household():
    return tariff_file.load(HOUSEHOLD)


def campsite():
    return tariff_file.load(CAMPSITE)


def refusal(document):
    with pytest.raises(ValueError) as caught:
        tariff_file.encode(document)
    return str(caught.value)


def changed(document, path, value):
    """Return a copy of the document with another value at the path of a key. None removes the key."""
    copy = deepcopy(document)
    place = copy
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


def test_the_household_tariff_reaches_the_meter_exactly():
    tariff = Tariff(tariff_file.encode(household()))
    winter_noon = days_from_civil(2026, 1, 14) * 86400 + 11 * 3600
    assert tariff.activation_s == days_from_civil(2026, 1, 1) * 86400 - 3600
    assert tariff.rate_names[tariff.rate_at(winter_noon)] == "DAY"
    assert tariff.rate_names[tariff.rate_at(winter_noon + 6 * 3600)] == "PEAK"
    assert tariff.price(1, 0, 10_000_000) == (0, 312_500, 150_000_000)
    assert (tariff.standing_charge_microunits, tariff.allowance_mwh) == (420_000, 10_000_000)


def test_flat_tariff_needs_no_day_types_and_seasons():
    tariff = Tariff(tariff_file.encode(campsite()))
    assert (tariff.rate_count, tariff.currency.decimals, tariff.customer_class) == (1, 2, 0)
    assert tariff.price(0, 0, 0) == (0, 650_000, None)
    assert tariff.zone.in_utc


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("tariff-*.toml")), ids=lambda path: path.name)
def test_every_example_is_valid_and_comes_back(path):
    table = tariff_file.encode(tariff_file.load(path))
    assert len(table) <= TABLE_LIMIT
    assert tariff_file.encode(tariff_file.decode(table)) == table


def test_decoded_document_reads_like_the_written_one():
    document = tariff_file.decode(tariff_file.encode(household()))
    assert document["activation"] == "2026-01-01T00:00:00+01:00"
    assert document["zone"] == {"offset": "+01:00", "daylight": "EU"}
    assert document["rates"][1] == {
        "name": "DAY",
        "prices": ["0.3125", "0.3475", "0.398"],
        "block_limits_kwh": ["150", "300"],
    }
    assert document["day_types"]["day-type-3"] == {"00:00": "NIGHT", "09:00": "DAY", "21:00": "NIGHT"}
    assert document["seasons"][0] == {
        "start": "04-01",
        "days": "day-type-2",
        "saturday": "day-type-3",
        "sunday": "day-type-3",
        "holiday": "day-type-3",
    }
    assert document["holidays"][:6] == ["01-01", "05-01", "10-03", "12-25", "12-26", "2026-04-03"]


def test_json_is_the_same_document(tmp_path):
    path = tmp_path / "tariff.json"
    path.write_text(json.dumps(household(), default=str))
    assert tariff_file.encode(tariff_file.load(path)) == tariff_file.encode(household())


def test_native_toml_times_and_dates_are_accepted():
    text = CAMPSITE.read_text().replace('"2026-04-01T00:00:00+02:00"', "2026-04-01T00:00:00+02:00")
    assert tariff_file.encode(tomllib.loads(text)) == tariff_file.encode(campsite())
    native = tomllib.loads("holidays = [2026-12-24]")
    with_native = {**campsite(), **native}
    assert tariff_file.decode(tariff_file.encode(with_native))["holidays"] == ["2026-12-24"]


def test_the_daylight_rule_in_the_examples_comment_is_the_european_one():
    lines = HOUSEHOLD.read_text().splitlines()
    rule = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines if line.startswith("# daylight.")))
    document = changed(household(), ("zone", "daylight"), rule["daylight"])
    assert tariff_file.encode(document) == tariff_file.encode(household())


def test_custom_daylight_rule_comes_back():
    rule = {
        "start": {"month": 10, "week": 1, "weekday": "sunday", "time": "02:00"},
        "end": {"month": 4, "week": 1, "weekday": "sunday", "time": "02:00"},
        "clock": "wall",
        "shift_minutes": 30,
    }
    document = changed(campsite(), ("zone",), {"offset": "+10:30", "daylight": rule})
    assert tariff_file.decode(tariff_file.encode(document))["zone"] == {"offset": "+10:30", "daylight": rule}


@pytest.mark.parametrize("offset", ["-03:30", "-00:30", "+00:00", "+05:45", "+14:00"])
def test_offsets_come_back(offset):
    document = changed(campsite(), ("zone",), {"offset": offset})
    assert tariff_file.decode(tariff_file.encode(document))["zone"] == {"offset": offset, "daylight": "none"}


@pytest.mark.parametrize(
    ("text", "microunits"),
    [("0.3125", 312_500), ("0.000001", 1), ("12", 12_000_000), (12, 12_000_000), ("0", 0), ("1099511.627776", 1 << 40)],
)
def test_money_is_exact(text, microunits):
    tariff = Tariff(tariff_file.encode(changed(campsite(), ("rates", 0, "prices", 0), text)))
    assert tariff.price(0, 0, 0)[1] == microunits


@pytest.mark.parametrize(
    ("path", "value", "key", "advice"),
    [
        (("rates", 1, "prices", 0), 0.3125, "rates[1].prices[0]", "in quotes"),
        (("rates", 1, "prices", 0), "0.3125001", "rates[1].prices[0]", "six decimals"),
        (("rates", 1, "prices", 0), "-1", "rates[1].prices[0]", "in quotes"),
        (("rates", 1, "prices", 0), "1e3", "rates[1].prices[0]", "in quotes"),
        (("rates", 1, "prices", 0), "0,3125", "rates[1].prices[0]", "in quotes"),
        (("rates", 1, "prices", 0), True, "rates[1].prices[0]", "in quotes"),
        (("rates", 1, "prices", 0), "1099511.627777", "rates[1].prices[0]", "the most is 1099511.627776"),
        (("rates", 1, "prices"), ["0.3"] * 7, "rates[1].prices", "1 to 6"),
        (("rates", 1, "block_limits_kwh"), ["150"], "rates[1].block_limits_kwh", "3 prices need 2 limits"),
        (("rates", 1, "block_limits_kwh"), None, "rates[1].block_limits_kwh", "3 prices need 2 limits"),
        (("rates", 1, "block_limits_kwh"), ["300", "150"], "rates[1].block_limits_kwh", "greater"),
        (("rates", 1, "block_limits_kwh"), ["0", "150"], "rates[1].block_limits_kwh", "greater"),
        (("rates", 1, "name"), "DAYTIME", "rates[1].name", "one to six"),
        (("rates", 1, "name"), "NIGHT", "rates", "same name"),
        (("rates", 1, "colour"), "red", "rates[1].colour", "known here are name, prices, block_limits_kwh"),
        (("rates",), [], "rates", "1 to 8"),
        (("version",), None, "version", "missing"),
        (("version",), "7", "version", "whole number from 0 to 4294967295"),
        (("version",), 1 << 32, "version", "whole number"),
        (("activation",), "2026-01-01T00:00:00", "activation", "offset"),
        (("activation",), "soon", "activation", "offset"),
        (("activation",), "1969-01-01T00:00:00Z", "activation", "between 1970 and 2105"),
        (("activation",), "2026-01-01T00:00:00.5Z", "activation", "whole second"),
        (("currency",), "Euro", "currency", "ISO 4217"),
        (("decimals",), 7, "decimals", "0 to 6"),
        (("customer_class",), 256, "customer_class", "0 to 255"),
        (("standing_charge_per_day",), 0.42, "standing_charge_per_day", "in quotes"),
        (("free_kwh_per_month",), "10.0000001", "free_kwh_per_month", "six decimals"),
        (("zone",), "Europe/Berlin", "zone", "table"),
        (("zone", "offset"), "1:00", "zone.offset", '"+01:00"'),
        (("zone", "offset"), "+15:00", "zone", "-12:00 to +14:00"),
        (("zone", "daylight"), "CET", "zone.daylight", '"EU", "US", "none"'),
        (("zone", "daylight"), {"start": {}}, "zone.daylight.start.month", "missing"),
        (("day_types",), None, "day_types", "which rate from when"),
        (("day_types", "winter-workday", "25:00"), "DAY", "day_types.winter-workday", '"00:00" to "23:59"'),
        (("day_types", "winter-workday", "6:00"), "DAY", "day_types.winter-workday", '"00:00" to "23:59"'),
        (("day_types", "winter-workday", "06:00"), "DAI", 'day_types.winter-workday."06:00"', "NIGHT, DAY, PEAK"),
        (("day_types", "winter-workday", "00:00"), None, "day_types.winter-workday", "from midnight"),
        (("seasons",), None, "seasons", "at least one season"),
        (("seasons", 0, "start"), "02-30", "seasons[0].start", "no such day"),
        (("seasons", 0, "start"), "10-01", "seasons", 'two start on "10-01"'),
        (("seasons", 0, "saturday"), "rest", "seasons[0].saturday", "winter-workday, summer-workday, day-of-rest"),
        (("seasons", 0, "days"), None, "seasons[0].monday", "missing"),
        (("seasons", 0, "weekend"), "day-of-rest", "seasons[0].weekend", "unknown key"),
        (("holidays", 0), "25.12.", "holidays[0]", '"12-25"'),
        (("holidays", 0), "2026-02-29", "holidays[0]", "no such day"),
        (("holidays", 0), "1999-12-25", "holidays[0]", "2001 to 2127"),
        (("holidays", 0), "05-01", "holidays[1]", "twice"),
        (("free_kwh",), "10", "free_kwh", "unknown key"),
    ],
)
def test_mistake_names_its_key_and_gives_advice(path, value, key, advice):
    reason = refusal(changed(household(), path, value))
    assert reason.startswith(key + ":")
    assert advice in reason


def test_too_many_switches_are_refused():
    switches = {f"{hour:02}:00": "DAY" for hour in range(13)}
    reason = refusal(changed(household(), ("day_types", "winter-workday"), switches))
    assert reason.startswith("day_types.winter-workday: 13 switches")


def test_table_over_the_limit_names_the_bytes_of_each_part():
    prices = ["1000000.000001"] * 6
    limits = [str(200_000_000 + index) for index in range(5)]
    document = household()
    document["rates"] = [{"name": f"RATE-{n}", "prices": prices, "block_limits_kwh": limits} for n in range(8)]
    day = {f"{hour:02}:00": "RATE-1" for hour in range(12)}
    document["day_types"] = {name: day for name in (*document["day_types"], "a", "b", "c", "d", "e")}
    document["holidays"] = [f"{1 + n // 28:02}-{1 + n % 28:02}" for n in range(64)]
    document["seasons"] = [{"start": f"{month:02}-01", "days": "a"} for month in range(1, 9)]
    reason = refusal(document)
    assert "the limit is 864; bytes taken: header" in reason
    assert "holidays 129" in reason


@pytest.mark.parametrize(("name", "text"), [("t.toml", "version = "), ("t.json", "{"), ("t.yaml", "version: 1")])
def test_a_file_that_cannot_be_parsed_is_a_value_error(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError):
        tariff_file.load(path)


def test_check_prints_rates_size_and_changes(capsys):
    assert cli.main(["tariff", "check", str(HOUSEHOLD), "--at", "2026-03-28T20:00:00+01:00"]) == 0
    printed = capsys.readouterr().out
    assert "size: 164 of 864 bytes" in printed
    assert "DAY     0.3125 up to 150 kWh, 0.3475 up to 300 kWh, 0.398 above" in printed
    assert "rate at 2026-03-28T20:00:00+01:00  DAY" in printed
    assert "  2026-03-28T21:00:00+01:00  NIGHT\n  2026-03-29T09:00:00+02:00  DAY\n" in printed
    assert "next daylight change: 2026-03-29T03:00:00+02:00" in printed
    assert "note" not in printed


def test_check_begins_at_the_activation_if_that_is_later(capsys):
    assert cli.main(["tariff", "check", str(CAMPSITE), "--at", "2020-01-01T00:00:00Z"]) == 0
    printed = capsys.readouterr().out
    assert "rate at 2026-04-01T00:00:00+02:00  PITCH" in printed
    assert "next changes of rate: none" in printed


def test_check_notes_a_rate_that_is_never_used(capsys, tmp_path):
    document = household()
    document["rates"].append({"name": "SPARE", "prices": ["1"]})
    path = tmp_path / "tariff.json"
    path.write_text(json.dumps(document))
    assert cli.main(["tariff", "check", str(path)]) == 0
    assert "note: no day type uses SPARE" in capsys.readouterr().out


def test_encode_then_decode_on_the_command_line(capsys, tmp_path):
    table = tmp_path / "household.wpt"
    assert cli.main(["tariff", "encode", str(HOUSEHOLD), "-o", str(table)]) == 0
    assert capsys.readouterr().out == f"{table}: 164 bytes\n"
    assert table.read_bytes() == tariff_file.encode(household())
    assert cli.main(["tariff", "decode", str(table)]) == 0
    assert json.loads(capsys.readouterr().out) == tariff_file.decode(table.read_bytes())
    assert cli.main(["tariff", "check", str(table)]) == 0
    assert "version 7" in capsys.readouterr().out


def test_a_tariff_that_is_refused_is_not_written(capsys, tmp_path):
    source, table = tmp_path / "tariff.json", tmp_path / "tariff.wpt"
    source.write_text(json.dumps(changed(household(), ("rates", 0, "prices", 0), 0.2)))
    assert cli.main(["tariff", "encode", str(source), "-o", str(table)]) == 1
    assert "rates[0].prices[0]" in capsys.readouterr().err
    assert not table.exists()


def test_a_damaged_table_is_refused_by_decode(capsys, tmp_path):
    table = tmp_path / "tariff.wpt"
    table.write_bytes(tariff_file.encode(household())[:-1] + b"\x00")
    assert cli.main(["tariff", "decode", str(table)]) == 1
    assert "checksum" in capsys.readouterr().err
