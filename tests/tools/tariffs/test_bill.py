import json
from pathlib import Path

import pytest

from tests.tools.bill_command import printed, refusal
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools import cli
from wattpurse_tools.loads import reading
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.fields import instant
from wattpurse_tools.tariffs.load_curve import LoadCurve

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
HOUSEHOLD = EXAMPLES / "tariff-household.toml"
CAMPSITE = EXAMPLES / "tariff-campsite.toml"
OCTOBER = EXAMPLES / "load-october.csv"

# The energies are sums over the lines of the file; every charge is energy times price, to within a micro-unit.
OCTOBER_BILL = """\
2026-10
 tariff  rate     block     EUR per kWh                 kWh                   EUR
      7  NIGHT     free        0.000000           10.000000              0.000000
      7  NIGHT        1        0.218500          179.655700             39.254770
      7  DAY          1        0.312500          150.000000             46.875000
      7  DAY          2        0.347500           15.642400              5.435734
      7  PEAK         1        0.422500           60.000000             25.350000
      7  PEAK         2        0.489000            1.421300              0.695016
      7  per day               0.420000             31 days             13.020000
  total                                          416.719400            130.630520
"""

TWO_MONTHS_BILL = """\
2026-06
 tariff  rate     block     EUR per kWh                 kWh                   EUR
      1  PITCH        1        0.650000            1.000000              0.650000
      1  per day               0.000000               1 day              0.000000
  total                                            1.000000              0.650000

2026-07
 tariff  rate     block     EUR per kWh                 kWh                   EUR
      1  PITCH        1        0.650000            0.500000              0.325000
      1  per day               0.000000               1 day              0.000000
  total                                            0.500000              0.325000

all months
 tariff  rate     block     EUR per kWh                 kWh                   EUR
      1  PITCH        1        0.650000            1.500000              0.975000
      1  per day               0.000000              2 days              0.000000
  total                                            1.500000              0.975000
"""

TWO_RATES = """
version = {version}
activation = "{activation}"
currency = "EUR"
standing_charge_per_day = "{standing}"

[zone]
offset = "+01:00"
daylight = "EU"

[[rates]]
name = "NIGHT"
prices = ["0.100001"]

[[rates]]
name = "DAY"
prices = ["{price}"]

[day_types.all]
"00:00" = "NIGHT"
"02:30" = "DAY"
"22:00" = "NIGHT"

[[seasons]]
start = "01-01"
days = "all"
"""


def seconds(text):
    return instant(text, "a test")


def two_rates(version=1, activation="2026-01-01T00:00:00+01:00", price="0.3", standing="0.5"):
    return TWO_RATES.format(version=version, activation=activation, price=price, standing=standing)


def billed(capsys, *argv):
    return json.loads(printed(capsys, *argv, "--json"))


def energies(section):
    return {(line["rate"], line["block"]): line["energy_mwh"] for line in section["energy"]}


# The example


def test_october_in_berlin(capsys):
    assert printed(capsys, "--tariff", HOUSEHOLD, "--load", OCTOBER) == OCTOBER_BILL


def test_the_example_is_every_quarter_hour_of_its_month():
    load = reading.whole(OCTOBER)
    assert load.interval_s == 900
    assert load.start_s == seconds("2026-10-01T00:00:00+02:00")
    assert load.end_s == seconds("2026-11-01T00:00:00+01:00")
    assert len(load.energies_mwh) == 31 * 96 + 4


def test_json_is_integers_and_adds_up(capsys):
    made = billed(capsys, "--tariff", HOUSEHOLD, "--load", OCTOBER)
    assert made["currency"] == "EUR"
    assert [month.pop("month") for month in made["months"]] == ["2026-10"]
    assert made["months"] == [made["total"]]
    total = made["total"]
    assert total["energy"][0] == {
        "tariff_version": 7,
        "rate": "NIGHT",
        "block": 0,
        "price_microunits_per_kwh": 0,
        "energy_mwh": 10_000_000,
        "charge_microunits": 0,
    }
    assert total["standing"] == [
        {"tariff_version": 7, "days": 31, "price_microunits_per_day": 420_000, "charge_microunits": 13_020_000}
    ]
    assert total["charge_microunits"] == 130_630_520
    assert sum(line["charge_microunits"] for line in total["energy"] + total["standing"]) == 130_630_520
    assert sum(line["energy_mwh"] for line in total["energy"]) == total["energy_mwh"] == 416_719_400


def test_binary_table_is_accepted(capsys, files):
    table = files("household.bin", tariff_file.encode(tariff_file.load(HOUSEHOLD)))
    assert printed(capsys, "--tariff", table, "--load", OCTOBER) == OCTOBER_BILL


# The results of the rules, calculated by hand


def test_months_are_separate_and_summed(capsys, files):
    load = files("load.csv", "2026-06-30T23:00:00+02:00,1000\n2026-07-01T00:00:00+02:00,500\n")
    assert printed(capsys, "--tariff", CAMPSITE, "--load", load) == TWO_MONTHS_BILL


def test_the_repeated_hour_follows_the_wall(capsys, files):
    # 2 to 3 comes twice: NIGHT until 2:30, DAY, NIGHT again from the second 2:00, DAY from the second 2:30.
    lines = ["2026-10-25T01:30:00+02:00,1", "2026-10-25T02:00:00+02:00,20", "2026-10-25T02:30:00+02:00,300"]
    lines += ["2026-10-25T02:00:00+01:00,4000", "2026-10-25T02:30:00+01:00,50000"]
    load = files("load.csv", "\n".join(lines))
    total = billed(capsys, "--tariff", files("t.toml", two_rates()), "--load", load)["total"]
    assert energies(total) == {("NIGHT", 1): 4_021_000, ("DAY", 1): 50_300_000}


def test_a_switch_inside_an_interval_splits_it_rounding_down(capsys, files):
    load = files("load.csv", "2026-05-04T22:10:00+02:00,0\n2026-05-05T02:10:00+02:00,0.1\n")
    total = billed(capsys, "--tariff", files("t.toml", two_rates()), "--load", load, "--interval", "240")["total"]
    assert energies(total) == {("NIGHT", 1): 8, ("DAY", 1): 92}  # 20 of 240 minutes: 8.33 mWh


def test_the_next_tariff_takes_over_at_its_second(capsys, files):
    now = files("now.toml", two_rates())
    then = files("then.toml", two_rates(2, "2026-05-05T12:20:00+02:00", "0.6", "1"))
    load = files("load.csv", "2026-05-05T12:00:00+02:00,3000\n2026-05-05T13:00:00+02:00,1000\n")
    total = billed(capsys, "--tariff", now, "--next", then, "--load", load)["total"]
    assert [(line["tariff_version"], line["energy_mwh"], line["charge_microunits"]) for line in total["energy"]] == [
        (1, 1_000_000, 300_000),
        (2, 3_000_000, 1_800_000),
    ]
    assert [(line["tariff_version"], line["days"]) for line in total["standing"]] == [(1, 1)]
    assert total["charge_microunits"] == 2_600_000


def test_next_tariffs_may_be_given_in_any_order_and_past_ones_are_in_force_at_once(capsys, files):
    first = files("1.toml", two_rates(1, "2030-01-01T00:00:00+01:00"))
    second = files("2.toml", two_rates(2, "2026-05-04T00:00:00+02:00"))
    third = files("3.toml", two_rates(3, "2026-05-05T12:30:00+02:00"))
    load = files("load.csv", "2026-05-05T12:00:00+02:00,1000\n")
    argv = ["--tariff", first, "--next", third, "--next", second, "--load", load, "--interval", "60"]
    total = billed(capsys, *argv)["total"]
    assert [(line["tariff_version"], line["energy_mwh"]) for line in total["energy"]] == [(2, 500_000), (3, 500_000)]


def test_a_day_without_energy_is_charged_and_the_day_after_the_end_is_not(capsys, files):
    load = files("load.csv", "2026-05-01T00:00:00+02:00,0\n2026-05-02T00:00:00+02:00,0\n")
    made = billed(capsys, "--tariff", files("t.toml", two_rates()), "--load", load)
    assert [month["month"] for month in made["months"]] == ["2026-05"]
    assert made["total"]["standing"][0]["days"] == 2
    assert made["total"]["energy"] == []
    assert made["total"]["charge_microunits"] == 1_000_000


def test_many_months_are_kept():
    tariff = Tariff(tariff_file.encode(tariff_file.load(CAMPSITE)))
    load = LoadCurve(seconds("2026-01-01T00:00:00+01:00"), 86_400, (1_000_000,) * 1096)
    made = bill.calculate([tariff], load)
    assert len(made.months) == 36
    assert made.total.energy_mwh == 1_096_000_000
    assert made.total.charge_microunits == 1096 * 650_000


def test_prepaid_energy_takes_no_money(capsys):
    argv = ["--tariff", HOUSEHOLD, "--load", OCTOBER, "--contract", "prepaid-energy"]
    total = billed(capsys, *argv)["total"]
    assert (total["charge_microunits"], total["energy_mwh"]) == (0, 416_719_400)


# The command line


def test_a_refused_line_prints_no_bill(capsys, files):
    load = files("load.csv", "2026-05-01T00:00:00Z,1\n2026-05-01T00:15:00Z,-1\n")
    assert "load.csv line 2: -1 Wh is negative" in refusal(capsys, "--tariff", CAMPSITE, "--load", load)


@pytest.mark.parametrize(
    ("following", "said"),
    [
        (two_rates(1, "2026-10-05T00:00:00+02:00"), "raise the version"),
        (two_rates(2, "2026-10-05T00:00:00+02:00").replace('"EUR"', '"CHF"'), "EUR and CHF"),
    ],
)
def test_next_tariff_that_a_meter_would_refuse_is_refused(capsys, files, following, said):
    argv = ["--tariff", files("1.toml", two_rates()), "--next", files("2.toml", following), "--load", OCTOBER]
    assert said in refusal(capsys, *argv)


def test_two_next_tariffs_at_one_second_are_refused(capsys, files):
    second, third = (files(f"{version}.toml", two_rates(version, "2026-10-05T00:00:00+02:00")) for version in (2, 3))
    argv = ["--tariff", files("1.toml", two_rates()), "--next", second, "--next", third, "--load", OCTOBER]
    assert "at the same second" in refusal(capsys, *argv)


@pytest.mark.parametrize("minutes", ["0", "1441", "15.5", "-15", "a quarter"])
def test_wrong_interval_is_a_wrong_command_line(capsys, minutes):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["bill", "--tariff", str(CAMPSITE), "--load", str(OCTOBER), f"--interval={minutes}"])
    assert exit_info.value.code == 2
    assert "write whole minutes" in capsys.readouterr().err


def test_tax_is_in_every_charge_and_shown_separately(capsys):
    assert cli.main(["bill", "--tariff", str(HOUSEHOLD), "--load", str(OCTOBER), "--tax", "19"]) == 0
    printed = capsys.readouterr().out
    net, gross = 130_630_520, 155_450_318  # the same bill without it, and 1.19 times that
    assert gross == net * 119 // 100
    assert printed.splitlines()[-2].split() == ["total", "416.719400", "155.450318"]
    assert printed.splitlines()[-1].split() == ["in", "it", "19", "%", "tax", "24.819798"]


def test_a_tax_of_a_fraction_of_a_percent(capsys):
    argv = ["bill", "--tariff", str(HOUSEHOLD), "--load", str(OCTOBER), "--json", "--tax"]
    assert cli.main([*argv, "7.25"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tax_permyriad"] == 725
    assert abs(document["total"]["charge_microunits"] - 130_630_520 * 10_725 // 10_000) <= 1
    assert cli.main([*argv, "7.5"]) == 0
    assert json.loads(capsys.readouterr().out)["tax_permyriad"] == 750


@pytest.mark.parametrize("percent", ["", "-1", "7.255", "100.01", "7.", ".5", "seven"])
def test_wrong_tax_is_a_wrong_command_line(capsys, percent):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["bill", "--tariff", str(HOUSEHOLD), "--load", str(OCTOBER), f"--tax={percent}"])
    assert exit_info.value.code == 2
    said = capsys.readouterr().err
    assert "write a percentage" in said or "above 100" in said
