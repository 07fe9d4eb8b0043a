"""Amounts are in the currency of the office: sold, read, settled and reported."""

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from wattpurse_tools import cli
from wattpurse_tools.record.models import Site

JPY, KWD = METER, METER + 1


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Make an office in an empty folder. It has no meter yet."""
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        yield office


@pytest.fixture
def wattpurse(capsys):
    """Return a function that runs a command line and returns its output; `.refusal(...)` returns the error message."""

    def run(line, status=0):
        capsys.readouterr()
        assert cli.main(line.split()) == status
        captured = capsys.readouterr()
        return (captured.err if status else captured.out).strip()

    run.refusal = lambda line: run(line, 1)
    return run


def sell_in(code, decimals):
    Site.objects.update(currency=code, decimals=decimals)


def add_yen_meter(wattpurse):
    sell_in("JPY", 0)
    wattpurse(f"meter add {JPY}")


def add_dinar_meter(wattpurse):
    sell_in("KWD", 3)
    wattpurse(f"meter add {KWD}")


def test_yen_meter_is_sold_to_read_settled_and_reported_in_yen(wattpurse):
    add_yen_meter(wattpurse)
    meter = MeterBench(station_office.current())
    wattpurse(f"card new anna --kind classic-1k --meter {JPY}")
    assert "anna: 1000 JPY for meter" in wattpurse("card topup anna --amount 1000")
    assert "write a whole number" in wattpurse.refusal("card topup anna --amount 1.50")
    meter.tap_file("anna")
    assert "balance    1000 JPY" in wattpurse("card read anna").splitlines()
    assert wattpurse(f"token {JPY} refund money 400 --card anna")
    meter.tap_file("anna")
    assert wattpurse("card settle anna").endswith("take back 400 JPY: 400 JPY; not settled yet")
    assert "sold 1000 JPY " in wattpurse("station report")
    assert " 1000 JPY  redeemed" in wattpurse("station sales")


def test_dinar_meter_is_sold_to_in_thousandths(wattpurse):
    add_dinar_meter(wattpurse)
    wattpurse(f"card new ali --kind classic-1k --meter {KWD}")
    assert "ali: 1.250 KWD for meter" in wattpurse("card topup ali --amount 1.25")
    assert "ali: 0.005 KWD for meter" in wattpurse("card topup ali --amount 0.005")
    assert "at most 3 decimals" in wattpurse.refusal("card topup ali --amount 0.0005")
    assert "sold 1.255 KWD " in wattpurse("station report")


def test_amount_may_name_its_currency_and_no_other(wattpurse, capsys):
    add_yen_meter(wattpurse)
    assert cli.main(["token", str(JPY), "money", "1000 EUR", "--hex"]) == 1
    assert "AMOUNT 1000 EUR: write a number above zero, such as 20" in capsys.readouterr().err
    assert cli.main(["token", str(JPY), "money", "1000 JPY", "--hex"]) == 0
    assert wattpurse(f"meter tokens {JPY}") == "token 1  1000 JPY, issued"


def test_key_card_of_a_yen_site_is_in_yen(wattpurse):
    add_yen_meter(wattpurse)
    wattpurse("card new guest --kind classic-1k --key-card --price 30 --user 7")
    assert wattpurse("card topup guest --amount 1000").startswith("card guest: 1000 JPY put on it, 0 JPY before")
    assert "write a whole number" in wattpurse.refusal("card topup guest --amount 0.50")
    lines = wattpurse("card read guest").splitlines()
    assert "balance    1000 JPY: 1000 JPY loaded, 0 JPY spent" in lines
    assert "price      30 JPY per kWh" in lines
    assert wattpurse("card repair guest").startswith("card guest: 0 JPY were missing")
    assert wattpurse("card erase guest --forfeit").endswith("forfeited: 1000 JPY")


def test_station_without_meters_sells_in_euros(wattpurse):
    wattpurse("card new guest --kind classic-1k --key-card --price 0.30")
    assert "2.50 EUR put on it" in wattpurse("card topup guest --amount 2.5")


def test_new_meter_of_a_card_gets_the_currency_of_the_site(wattpurse):
    add_yen_meter(wattpurse)
    assert wattpurse("card new eva --kind classic-1k --meter 99").endswith("new to this station and sells in JPY")
    assert "1000 JPY" in wattpurse("card topup eva --amount 1000")
