"""`bill --compare`: which tariff is cheaper, by month."""

import json

import pytest

from tests.house.places import ROOT
from tests.tools.bill_command import printed, refusal
from wattpurse_tools import cli

EXAMPLES = ROOT / "tools/examples"
HOUSEHOLD = EXAMPLES / "tariff-household.toml"

FLAT = """
version = 1
activation = "2026-01-01T00:00:00+01:00"
currency = "{currency}"
[zone]
offset = "+01:00"
daylight = "EU"
[[rates]]
name = "ALL"
prices = ["{price}"]
"""
# 10 kWh in June and 30 kWh in July.
LOAD = "start,kWh\n2026-06-30T00:00:00+02:00,10\n2026-07-01T00:00:00+02:00,30\n"


@pytest.fixture
def block_tariffs(files):
    """Return a flat tariff, and one that is cheap up to 10 kWh a month and dear above."""
    flat = files("flat.toml", FLAT.format(currency="EUR", price="0.20"))
    blocks = files("blocks.toml", FLAT.format(currency="EUR", price='0.10", "0.40') + 'block_limits_kwh = ["10"]\n')
    return flat, blocks


def test_the_cheaper_tariff_of_each_month_is_named(capsys, files, block_tariffs):
    flat, blocks = block_tariffs
    out = printed(capsys, "--compare", flat, blocks, "--load", files("load.csv", LOAD))
    assert out == (
        f"1  {flat}\n2  {blocks}\n\n"
        "  month               1 EUR               2 EUR  cheapest\n"
        "2026-06            2.000000            1.000000  2\n"
        "2026-07            6.000000            9.000000  1\n"
        "  total            8.000000           10.000000  1\n"
        f"{flat} costs 2.000000 EUR less than the dearest\n"
    )


def test_a_comparison_as_json(capsys, files, block_tariffs):
    made = json.loads(printed(capsys, "--compare", *block_tariffs, "--load", files("load.csv", LOAD), "--json"))
    flat, blocks = block_tariffs
    assert made == {
        "version": 1,
        "currency": "EUR",
        "tariffs": [flat, blocks],
        "months": [
            {"month": "2026-06", "charge_microunits": [2_000_000, 1_000_000], "cheapest": [blocks]},
            {"month": "2026-07", "charge_microunits": [6_000_000, 9_000_000], "cheapest": [flat]},
        ],
        "total": {"charge_microunits": [8_000_000, 10_000_000], "cheapest": [flat]},
    }


def test_each_total_is_that_of_the_tariffs_own_bill(capsys, files, block_tariffs):
    load = files("load.csv", LOAD)
    compared = json.loads(printed(capsys, "--compare", *block_tariffs, "--load", load, "--tax", "19", "--json"))
    for tariff, charge in zip(block_tariffs, compared["total"]["charge_microunits"], strict=True):
        own = json.loads(printed(capsys, "--tariff", tariff, "--load", load, "--tax", "19", "--json"))
        assert own["total"]["charge_microunits"] == charge


def test_equal_tariffs_are_all_alike(capsys, files, block_tariffs):
    flat = block_tariffs[0]
    out = printed(capsys, "--compare", flat, flat, "--load", files("load.csv", LOAD))
    assert out.count("all alike") == 3
    assert "less than" not in out


def test_tariffs_of_two_currencies_are_not_compared(capsys, files, block_tariffs):
    swiss = files("swiss.toml", FLAT.format(currency="CHF", price="0.20"))
    said = refusal(capsys, "--compare", block_tariffs[0], swiss, "--load", files("load.csv", LOAD))
    assert "tariffs in CHF and EUR cannot be compared" in said


@pytest.mark.parametrize("option", ["--next", "--plot", "--xlsx"])
def test_a_comparison_refuses_the_options_of_one_bill(capsys, files, block_tariffs, tmp_path, option):
    argv = ["--compare", *block_tariffs, "--load", files("load.csv", LOAD), option, tmp_path / "other"]
    assert "--compare takes neither" in refusal(capsys, *argv)


def test_a_bill_needs_a_tariff_or_a_comparison(capsys, files):
    for argv in ([], ["--tariff", str(HOUSEHOLD), "--compare", str(HOUSEHOLD)]):
        with pytest.raises(SystemExit) as stop:
            cli.main(["bill", *argv, "--load", files("load.csv", LOAD)])
        assert stop.value.code == 2
    capsys.readouterr()
