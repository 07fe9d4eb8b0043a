"""The example tariffs: each one's bill of four months, as it is kept in `golden_bills.json`, and in exact fractions.

After a change that is meant, write the bills anew: .venv/bin/python -m tests.tools.tariffs.test_examples
"""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.core.tariffs.test_tariff_properties import DAYS
from tests.tools.tariffs import fraction_bill
from wattpurse.core.money.account import DAY_FEE, DEMAND_FEE, MINIMUM_FEE, MONTH_FEE
from wattpurse.core.money.contract import SettledAccount
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
GOLDEN = Path(__file__).parent / "golden_bills.json"
NAMES = sorted(path.stem for path in EXAMPLES.glob("tariff-*.toml"))
FEES = {DAY_FEE: "days", MONTH_FEE: "months", DEMAND_FEE: "demand", MINIMUM_FEE: "minimum"}
HOURS = 120 * 24
HALF_HOUR_S = 1800


def spring_load(zone_name):
    """Return the hours of 120 days from 15 February 2026 on: a household that works on weekdays."""
    start = datetime(2026, 2, 15, tzinfo=ZoneInfo(zone_name))
    start_s = int(start.timestamp())
    energies_mwh = []
    for number in range(HOURS):
        hour, day = number % 24, number // 24
        wh = 90 + number * 7_919 % 311
        if 6 <= hour < 9 or 17 <= hour < 22:
            wh += 450 + day * 37 % 300
        if day % 7 < 2 and 10 <= hour < 15:
            wh += 800
        energies_mwh.append(wh * 1_000 + number % 1_000)
    return LoadCurve(start_s, 3600, tuple(energies_mwh))


def documents_of(name):
    """Return the document with every default written out, as the independent engine wants it, and a load."""
    document = tariff_file.load(EXAMPLES / f"{name}.toml")
    zone_name = document["zone"].get("name", "Europe/Berlin")
    full = {"standing_charge_per_day": "0", "free_kwh_per_month": "0", "holidays": [], **document}
    full["day_types"] = document.get("day_types", {"every": {"00:00": document["rates"][0]["name"]}})
    first = next(iter(full["day_types"]))
    seasons = document.get("seasons", [{"start": "01-01", "days": first}])
    full["seasons"] = [
        {"start": season["start"], **{day: season.get(day, season.get("days")) for day in DAYS}} for season in seasons
    ]
    return full, spring_load(zone_name), zone_name


def billed(name):
    document, load, _ = documents_of(name)
    return bill.calculate([Tariff(tariff_file.encode(document))], load, SettledAccount)


def summary(made):
    """Return the bill as plain values: micro-units of each line, by month."""
    return {
        f"{index // 12}-{index % 12 + 1:02}": {
            **{
                f"{line.rate_name} block {block + 1}": [line.energy_mwh, line.charge_microunits]
                for (_, _, block), line in sorted(month.energy.items())
            },
            **{FEES[fee]: line.charge_microunits for (_, fee), line in sorted(month.fees.items())},
            **{f"levy {name}": microunits for (_, name), microunits in month.levies.items()},
            "all": month.charge_microunits,
        }
        for index, month in made.months.items()
    }


def test_there_are_six_shapes_from_six_countries():
    currencies = {tariff_file.load(EXAMPLES / f"{name}.toml")["currency"] for name in NAMES}
    assert {"GBP", "USD", "ZAR", "KES", "EUR", "AUD"} <= currencies


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_of_an_example_is_the_golden_one(name):
    assert summary(billed(name)) == json.loads(GOLDEN.read_text())[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_of_an_example_agrees_with_fractions(name):
    document, load, zone_name = documents_of(name)
    document["zone"] = {"name": zone_name}
    fraction_bill.check(billed(name), [document], load, step_s=HALF_HOUR_S)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: summary(billed(name)) for name in NAMES}, indent=1) + "\n")
