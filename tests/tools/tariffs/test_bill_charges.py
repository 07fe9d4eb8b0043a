"""Bills with charges by month, levies and a tariff that lists its rates in another order."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tools.bill_command import printed
from wattpurse.core.money.account import DEMAND_FEE
from wattpurse.core.money.contract import SettledAccount
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools import cli
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

WORKSHOP = """
version = 1
activation = "2026-01-01T00:00:00+00:00"
currency = "EUR"
standing_charge_per_day = "0.5"
fixed_charge_per_month = "20"
demand_charge_per_kw = "10"
minimum_charge_per_month = "100"
[zone]
offset = "+00:00"
[[rates]]
name = "ALL"
prices = ["0.25"]
[[levies]]
name = "EXCISE"
per_kwh = "0.02"
[[levies]]
name = "VAT"
percent = "19"
"""
# The load has 2 kWh in one hour, which is 2 kW. Energy, day, month and demand are 41, so 59 are left of 100.
JUNE = "".join(f"2026-06-30T{hour:02}:00:00Z,{2_000 if hour == 9 else 0}\n" for hour in range(24))
ORDERED = """
version = {version}
activation = "2026-06-{day}T00:00:00+02:00"
currency = "EUR"
[zone]
offset = "+01:00"
daylight = "EU"
{rates}
[day_types.all]
"00:00" = "NIGHT"
"06:00" = "DAY"
"22:00" = "NIGHT"
"""
DAY = '[[rates]]\nname = "DAY"\nprices = ["0.30", "0.50"]\nblock_limits_kwh = ["100"]\n'
NIGHT = '[[rates]]\nname = "NIGHT"\nprices = ["0.20"]\n'
SPARE = '[[rates]]\nname = "SPARE"\nprices = ["9"]\n'


def test_fees_and_levies_have_lines_of_their_own(capsys, files):
    argv = ["--tariff", files("t.toml", WORKSHOP), "--load", files("june.csv", JUNE), "--contract", "account"]
    shown = [line.split() for line in printed(capsys, *argv).splitlines()]
    assert shown[2:] == [
        ["1", "ALL", "1", "0.250000", "2.000000", "0.500000"],
        ["1", "per", "day", "0.500000", "1", "day", "0.500000"],
        ["1", "month", "20.000000", "1", "month", "20.000000"],
        ["1", "demand", "10.000000", "2", "kW", "20.000000"],
        ["1", "minimum", "100.000000", "1", "month", "59.000000"],
        ["1", "EXCISE", "levy", "0.040000"],
        ["1", "VAT", "levy", "19.007600"],
        ["total", "2.000000", "119.047600"],
    ]
    month = json.loads(printed(capsys, *argv, "--json"))["months"][0]
    assert [(fee["fee"], fee["charge_microunits"]) for fee in month["fees"]] == [
        ("month", 20_000_000),
        ("demand", 20_000_000),
        ("minimum", 59_000_000),
    ]
    assert [(levy["levy"], levy["charge_microunits"]) for levy in month["levies"]] == [
        ("EXCISE", 40_000),
        ("VAT", 19_007_600),
    ]


def test_a_charge_on_demand_needs_the_account_contract(capsys, files):
    argv = ["bill", "--tariff", files("t.toml", WORKSHOP), "--load", files("june.csv", JUNE)]
    assert cli.main(argv) != 0
    assert "the contract 'prepaid-money' cannot charge it; use 'account'" in capsys.readouterr().err


@pytest.mark.parametrize("rates", [DAY + NIGHT, NIGHT + DAY, SPARE + NIGHT + DAY])
def test_rates_in_another_order_cost_the_same(capsys, files, rates):
    start = datetime(2026, 5, 31, 22, tzinfo=UTC)
    hours = [start + timedelta(hours=number) for number in range(30 * 24)]
    load = "".join(f"{at.isoformat()},{500 if 4 <= at.hour < 20 else 100}\n" for at in hours)
    made = printed(
        capsys,
        *("--tariff", files("before.toml", ORDERED.format(version=1, day="01", rates=DAY + NIGHT))),
        *("--next", files("after.toml", ORDERED.format(version=2, day="16", rates=rates))),
        *("--load", files("june.csv", load), "--json"),
    )
    assert json.loads(made)["total"]["charge_microunits"] == 104_800_000


def test_a_load_that_ends_inside_a_half_hour_has_the_demand_of_whole_ones(files):
    tariff = Tariff(tariff_file.load_table(Path(files("t.toml", WORKSHOP))))
    start_s = int(datetime(2026, 6, 30, tzinfo=UTC).timestamp())
    load = LoadCurve(start_s, 900, (100_000, 100_000, 900_000))
    fees = bill.calculate([tariff], load, SettledAccount).total.fees
    assert fees[1, DEMAND_FEE].quantity_millionths == 2 * 200_000
