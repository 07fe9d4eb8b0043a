"""A golden bill for each format, from a file written by hand after the public format. All data is invented."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from tests.tools.loads.chosen import chosen
from tests.tools.loads.oracle import charge_of, intervals_from
from wattpurse_tools import cli
from wattpurse_tools.loads import formats
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.loads.zones import zone_of

SAMPLES = Path(__file__).parent / "samples"
TARIFF = SAMPLES / "tariff.toml"

MONDAY = ["0.120"] * 10 + ["0.210", "0.305"] + ["0.480"] * 20 + ["1.020"] * 6 + ["0.150"] * 10
TUESDAY = ["0.110"] * 12 + ["0.333"] * 24 + ["0.900"] * 8 + ["0.125"] * 4

# format: (file, options, the intervals that the file states, the golden charge in micro-units)
GOLDEN = {
    "nem12": (
        "nem12.csv",
        ["--channel", "E1"],
        intervals_from("2026-06-01T00:00:00+10:00", 30, *MONDAY, *TUESDAY),
        9_483_300,
    ),
    "green-button-xml": (
        "green-button.xml",
        [],
        intervals_from("2026-06-01T03:00:00+00:00", 60, "0.3125", "1.20425", "0.875001"),
        686_275,
    ),
    "green-button-csv": (
        "green-button.csv",
        ["--zone", "America/New_York"],
        intervals_from("2026-11-01T00:00:00-04:00", 60, "0.31", "0.29", "0.28", "1.2"),
        593_000,
    ),
    "octopus": (
        "octopus.csv",
        [],
        intervals_from("2026-03-29T00:30:00+00:00", 30, "0.201", "0.188", "0.1905", "0.744"),
        264_700,
    ),
    "n3rgy": (
        "n3rgy.csv",
        [],
        intervals_from("2026-06-01T04:00:00+00:00", 30, "0.213", "0.198", "1.004", "0.367"),
        534_600,
    ),
    "enedis": (
        "enedis.csv",
        [],
        intervals_from("2026-06-01T05:00:00+02:00", 30, "0.206", "0.199", "1.0755", "0.5035"),
        554_700,
    ),
    "dsmr-reader": (
        "dsmr-reader.csv",
        [],
        intervals_from("2026-06-01T05:00:00+02:00", 60, "0.196", "0.329", "0.753"),
        363_800,
    ),
    "dsmr-telegrams": (
        "dsmr-telegrams.txt",
        [],
        intervals_from("2026-10-25T02:30:00+02:00", 15, "0.125", "0.097", "0.111", "0.109"),
        88_400,
    ),
    "dsmr-readings": (
        "dsmr-readings.csv",
        ["--zone", "Europe/Amsterdam"],
        intervals_from("2026-06-01T05:45:00+02:00", 15, "0.125", "0.321", "0.179"),
        175_000,
    ),
    "home-assistant": (
        "home-assistant.tsv",
        ["--zone", "Europe/Berlin"],
        intervals_from("2026-06-01T05:00:00+02:00", 60, "0.19", "1.516", "0.75"),
        717_800,
    ),
    "home-assistant-energy": (
        "home-assistant-energy.csv",
        [],
        intervals_from("2026-06-01T03:00:00+00:00", 60, "0.19", "1.516", "0.75"),
        717_800,
    ),
    "wattpurse": (
        "wattpurse.csv",
        ["--gaps", "spread"],
        [
            *intervals_from("2026-06-01T03:00:00+00:00", 30, "0.1234", "0.2"),
            *intervals_from("2026-06-01T04:00:00+00:00", 60, "0.6"),
        ],
        244_680,
    ),
    "csv": (
        "../../../../tools/examples/load-october.csv",
        ["--interval", "15"],
        None,
        134_724_200,
    ),
}


def billed(capsys, *argv):
    assert cli.main(["bill", "--tariff", str(TARIFF), "--json", *map(str, argv)]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(*argv, capsys):
    assert cli.main(["bill", "--tariff", str(TARIFF), *map(str, argv)]) == 1
    return capsys.readouterr().err


def stated_in_plain_csv(path):
    """Return the intervals of a file of ISO times and Wh, read without the importer."""
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    intervals = []
    for time, value in rows:
        intervals += intervals_from(time, 15, Fraction(value) / 1000)
    return intervals


def test_every_format_has_a_golden_bill():
    assert set(GOLDEN) == set(formats.names())


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bill(name, capsys):
    file, options, intervals, golden = GOLDEN[name]
    path = SAMPLES / file
    total = billed(capsys, "--load", path, *options)["total"]
    assert total["charge_microunits"] == golden
    expected = stated_in_plain_csv(path) if intervals is None else intervals
    assert charge_of(expected) == golden
    assert total["energy_mwh"] == int(sum(kwh for _, _, kwh in expected) * 1_000_000)


@pytest.mark.parametrize("name", GOLDEN)
def test_format_is_recognised(name):
    path = SAMPLES / GOLDEN[name][0]
    assert LoadFile(path).format == name


@pytest.mark.parametrize("name", GOLDEN)
def test_intervals_are_those_of_the_file(name):
    file, argv, intervals, _ = GOLDEN[name]
    if intervals is None:
        return
    given = dict(zip(argv[::2], argv[1::2], strict=True))
    zone = zone_of(given["--zone"]) if "--zone" in given else None
    options = chosen(gaps=given.get("--gaps"), channel=given.get("--channel"), zone=zone)
    found = []
    for curve in LoadFile(SAMPLES / file, options):
        for place in range(len(curve.energies_mwh)):
            found.append((curve.start_s + place * curve.interval_s, curve.interval_s))
    assert found == [(start_s, seconds) for start_s, seconds, _ in intervals]


def test_a_format_may_be_given(capsys, tmp_path):
    headless = tmp_path / "values.csv"
    headless.write_text((SAMPLES / "nem12.csv").read_text().partition("\n")[2])
    assert billed(capsys, "--load", headless, "--format", "nem12")["total"]["charge_microunits"] == 9_483_300


def changed(tmp_path, name, old, new):
    """Return the path of a copy of a sample in which a text was replaced."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_a_nem12_day_with_too_few_values_is_refused(capsys, tmp_path):
    path = changed(tmp_path, "nem12.csv", "300,20260602,0.110,", "300,20260602,")
    assert "nem12.csv line 4: a day of 30 minutes has 48 values" in refusal("--load", path, capsys=capsys)


def test_a_nem12_day_without_values_is_a_gap(capsys, tmp_path):
    path = changed(tmp_path, "nem12.csv", "0.150,A,,,20260602120000", "0.150,N,,,20260602120000")
    assert billed(capsys, "--load", path)["total"]["energy_mwh"] == 17_012_000  # Tuesday alone


def test_two_nem12_registers_of_consumption_are_refused_without_a_choice(capsys, tmp_path):
    path = changed(tmp_path, "nem12.csv", ",B1,N1,", ",E2,N1,")
    assert "choose one: --channel E1. There are: E1, E2" in refusal("--load", path, capsys=capsys)
    total = billed(capsys, "--load", path, "--channel", "E2")["total"]
    assert total["energy_mwh"] == 12_800_000


def test_a_nem12_register_of_reactive_energy_is_refused(capsys, tmp_path):
    path = changed(tmp_path, "nem12.csv", "E1,N1,SN000001,kWh", "E1,N1,SN000001,kVArh")
    assert "line 2: the register is in kVArh" in refusal("--load", path, capsys=capsys)


def test_green_button_energy_received_is_no_consumption(capsys):
    total = billed(capsys, "--load", SAMPLES / "green-button.xml")["total"]
    assert total["energy_mwh"] == 2_391_751


def test_a_green_button_feed_of_gas_is_refused(capsys, tmp_path):
    path = changed(tmp_path, "green-button.xml", "<uom>72</uom>", "<uom>42</uom>")
    assert "has no meter readings of consumption" in refusal("--load", path, capsys=capsys)


def test_a_cut_green_button_feed_is_refused(capsys, tmp_path):
    path = tmp_path / "cut.xml"
    path.write_text((SAMPLES / "green-button.xml").read_text()[:-200])
    assert "cut.xml: is no whole XML document" in refusal("--load", path, capsys=capsys)


def test_a_document_type_in_xml_is_not_read(capsys, tmp_path):
    path = changed(tmp_path, "green-button.xml", "<feed ", '<!DOCTYPE feed [<!ENTITY a "b">]>\n<feed ')
    assert "has no DOCTYPE" in refusal("--load", path, capsys=capsys)


def test_green_button_csv_needs_a_zone(capsys):
    assert "--zone Europe/Berlin" in refusal("--load", SAMPLES / "green-button.csv", capsys=capsys)


def test_enedis_production_is_refused(capsys, tmp_path):
    path = changed(tmp_path, "enedis.csv", "Consommation", "Production")
    assert "holds Production, not Consommation" in refusal("--load", path, capsys=capsys)


def test_enedis_for_companies_has_the_same_bill(capsys):
    total = billed(capsys, "--load", SAMPLES / "enedis-r63.csv")["total"]
    assert total["charge_microunits"] == GOLDEN["enedis"][3]


def test_an_enedis_load_curve_may_change_its_step(capsys, tmp_path):
    path = tmp_path / "steps.csv"
    lines = "".join(f"2026-06-01T{hour:02}:00:00+02:00;1000\n" for hour in range(8, 12))
    path.write_text((SAMPLES / "enedis.csv").read_text(encoding="utf-8-sig") + lines)
    assert billed(capsys, "--load", path)["total"]["energy_mwh"] == 1_984_000 + 4_000_000


def test_a_cut_telegram_is_left_out(capsys):
    assert billed(capsys, "--load", SAMPLES / "dsmr-telegrams.txt")["total"]["energy_mwh"] == 442_000


def test_a_telegram_counter_that_falls_is_refused(capsys, tmp_path):
    path = changed(tmp_path, "dsmr-telegrams.txt", "001042.311", "000042.311")
    assert "the counter falls by" in refusal("--load", path, capsys=capsys)


def test_two_statistics_of_energy_are_refused_without_a_choice(capsys, tmp_path):
    path = tmp_path / "two.tsv"
    text = (SAMPLES / "home-assistant.tsv").read_text()
    path.write_text(text + "sensor.heat_pump\tkWh\t01.06.2026 04:00\t\t\t\t1\t1\n")
    said = refusal("--load", path, "--zone", "Europe/Berlin", capsys=capsys)
    assert "choose one: --channel sensor.grid_import" in said
    argv = ["--load", path, "--zone", "Europe/Berlin", "--channel", "sensor.grid_import"]
    assert billed(capsys, *argv)["total"]["energy_mwh"] == 2_456_000
    assert "has no 'sensor.none'" in refusal(*argv[:-1], "sensor.none", capsys=capsys)


def test_a_lost_half_hour_of_a_wattpurse_profile_is_refused_without_a_choice(capsys):
    said = refusal("--load", SAMPLES / "wattpurse.csv", capsys=capsys)
    assert "line 4: 30 minutes before it are missing" in said
