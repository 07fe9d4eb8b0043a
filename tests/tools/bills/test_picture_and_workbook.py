"""The picture and the workbook of a bill show the amounts of the bill."""

import json
import re
import zipfile
from xml.etree import ElementTree

import pytest

from tests.house.places import ROOT
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools import cli
from wattpurse_tools.bills import picture, profile, workbook
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

EXAMPLES = ROOT / "tools/examples"
HOUSEHOLD = EXAMPLES / "tariff-household.toml"
OCTOBER = EXAMPLES / "load-october.csv"
SVG = "{http://www.w3.org/2000/svg}"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PANEL_HEIGHT = 150
YEAR_START_S = 1_767_222_000


def household():
    return Tariff(tariff_file.load_table(HOUSEHOLD))


@pytest.fixture(scope="module")
def october():
    """Return tariff, bill and profile of the example."""
    tariff = household()
    return tariff, bill.calculate([tariff], LoadFile(OCTOBER)), profile.profile_of([tariff], LoadFile(OCTOBER))


def run(capsys, *argv):
    assert cli.main(["bill", "--tariff", str(HOUSEHOLD), "--load", str(OCTOBER), *map(str, argv)]) == 0
    return capsys.readouterr().out


# The profile


def test_the_profile_has_the_energy_of_the_bill(october):
    _, made, load = october
    assert len(load.days) == 31
    assert sum(sum(rates.values()) for rates in load.days.values()) == made.total.energy_mwh
    assert sum(load.half_hours) == made.total.energy_mwh
    for name in ("NIGHT", "DAY", "PEAK"):
        billed = sum(line.energy_mwh for line in made.total.energy.values() if line.rate_name == name)
        assert sum(rates.get(name, 0) for rates in load.days.values()) == billed


def test_long_intervals_are_spread_over_the_half_hours():
    load = profile.profile_of([household()], [LoadCurve(YEAR_START_S, 86_400, (48_000,))])
    assert load.half_hours == [1000] * 48
    assert load.mean_power_w(0) == 2


def test_a_tariff_that_takes_over_gives_its_rates():
    text = HOUSEHOLD.read_text().replace("version = 7", "version = 8").replace('"NIGHT"', '"LOW"')
    document = tariff_file.tomllib.loads(text.replace("2026-01-01T00:00:00+01:00", "2026-01-02T00:00:00+01:00"))
    tariffs = [household(), Tariff(tariff_file.encode(document))]
    load = profile.profile_of(tariffs, [LoadCurve(YEAR_START_S, 3600, (1,) * 48)])
    first, second = (load.days[day] for day in sorted(load.days))
    assert "NIGHT" in first and "LOW" not in first
    assert "LOW" in second and "NIGHT" not in second


# The picture


def shapes(document):
    """Return `(x, height, words)` of each column's parts."""
    root = ElementTree.fromstring(document)
    for one in root.iter(f"{SVG}rect"):
        title = one.find(f"{SVG}title")
        if title is not None:
            yield float(one.get("x")), float(one.get("height")), title.text


def test_the_picture_shows_load_and_cost_of_each_rate(october):
    _, made, load = october
    document = picture.draw(made, load)
    parts = list(shapes(document))
    cost = [(height, words) for _, height, words in parts if words.startswith("Oct 2026")]
    assert [words for _, words in cost] == [
        "Oct 2026 NIGHT 39.25",
        "Oct 2026 DAY 52.31",
        "Oct 2026 PEAK 26.05",
        "Oct 2026 other charges 13.02",
    ]
    # Heights are in proportion to the amounts: 150 is the uppermost line of the panel.
    for height, words in cost:
        assert height == pytest.approx(PANEL_HEIGHT * float(words.rsplit(" ", 1)[1]) / 150, abs=0.1)
    days = [words for _, _, words in parts if re.match(r"\d+ Oct ", words)]
    assert len({words.rsplit(" ", 2)[0] for words in days}) == 31
    energy = sum(float(words.rsplit(" ", 1)[1]) for words in days)
    assert energy == pytest.approx(made.total.energy_mwh / 1e6, abs=0.5)
    assert "Oct 2026: 416.7 kWh, 130.63 EUR" in document


def test_a_long_load_is_shown_by_months():
    tariff = household()
    load = LoadCurve(YEAR_START_S, 86_400, (1_000_000,) * 365)
    made = bill.calculate([tariff], load)
    bars = picture.load_bars(made, profile.profile_of([tariff], [load]), picture.rate_names(made.total))
    assert [bar.label for bar in bars][:2] == ["Jan 2026", "Feb 2026"]
    assert [bar.total for bar in bars][:2] == [31_000_000, 28_000_000]


def test_names_of_rates_are_escaped(october):
    tariff, _, load = october
    document = tariff_file.load(HOUSEHOLD)
    text = json.dumps(document, default=str).replace('"NIGHT"', '"<&>"')
    other = Tariff(tariff_file.encode({**json.loads(text), "activation": document["activation"]}))
    drawn = picture.draw(bill.calculate([other], LoadFile(OCTOBER)), profile.profile_of([other], LoadFile(OCTOBER)))
    assert "&lt;&amp;&gt;" in drawn
    ElementTree.fromstring(drawn)
    assert tariff.rate_names[0] == "NIGHT" and load.days


def test_a_load_without_energy_has_a_picture():
    tariff = household()
    load = LoadCurve(YEAR_START_S, 3600, (0,) * 24)
    drawn = picture.draw(bill.calculate([tariff], load), profile.profile_of([tariff], [load]))
    ElementTree.fromstring(drawn)


def test_plot_writes_the_picture(capsys, tmp_path, october):
    target = tmp_path / "bill.svg"
    out = run(capsys, "--plot", target)
    assert "130.630520" in out
    assert target.read_text() == picture.draw(*october[1:])


def test_the_picture_of_the_documents_is_current(capsys, tmp_path):
    target = tmp_path / "bill.svg"
    run(capsys, "--plot", target)
    assert target.read_text() == (ROOT / "docs/bill.svg").read_text(), "see docs/bills.md for the command that draws it"


# The workbook


def cells_of(path, sheet):
    """Return the rows of a sheet: texts and numbers."""
    with zipfile.ZipFile(path) as parts:
        strings = ElementTree.fromstring(parts.read("xl/sharedStrings.xml"))
        texts = ["".join(one.itertext()) for one in strings.iter(f"{SHEET}si")]
        root = ElementTree.fromstring(parts.read(f"xl/worksheets/sheet{sheet}.xml"))
    rows = []
    for row in root.iter(f"{SHEET}row"):
        rows.append(
            [
                texts[int(one.findtext(f"{SHEET}v"))] if one.get("t") == "s" else float(one.findtext(f"{SHEET}v"))
                for one in row
                if one.find(f"{SHEET}v") is not None
            ]
        )
    return rows


def test_the_workbook_has_the_amounts_of_the_bill(capsys, tmp_path):
    target = tmp_path / "bill.xlsx"
    made = json.loads(run(capsys, "--xlsx", target, "--json"))
    assert cells_of(target, 1) == [
        ["month", "kWh", "EUR"],
        ["2026-10", 416.7194, 130.63052],
        ["total", 416.7194, 130.63052],
    ]
    heading, *lines = cells_of(target, 2)
    expected = ["month", "kind", "tariff version", "rate", "block", "price EUR per kWh", "energy kWh", "charge EUR"]
    assert heading[: len(expected)] == expected
    assert len(lines) == sum(len(part) for part in made["total"].values() if isinstance(part, list))
    assert sum(line[7] for line in lines if line[1] == "energy") == pytest.approx(130.63052 - 13.02)
    assert workbook.is_own(target)


def test_any_kind_of_line_is_in_the_workbook(tmp_path):
    # A charge that a later tariff adds needs no change of the workbook.
    line = {"fee": "lamp", "price_microunits": 1_500_000, "charge_microunits": 3_000_000}
    period = {"lamps": [line], "energy_mwh": 0, "charge_microunits": 3_000_000}
    document = {"currency": "EUR", "months": [{"month": "2026-10", **period}], "total": period}
    path = tmp_path / "lamp.xlsx"
    path.write_bytes(workbook.workbook(document))
    assert cells_of(path, 2) == [
        ["month", "kind", "fee", "price EUR", "charge EUR"],
        ["2026-10", "lamps", "lamp", 1.5, 3.0],
    ]


def test_a_foreign_workbook_is_not_ours(tmp_path):
    path = tmp_path / "other.xlsx"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("docProps/core.xml", "<dc:creator>somebody</dc:creator>")
    assert not workbook.is_own(path)
    path.write_bytes(b"no workbook")
    assert not workbook.is_own(path)
