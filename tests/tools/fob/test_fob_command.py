"""`wattpurse fob` at a meter's door, over real GATT: with the office at hand, and without."""

# ruff: noqa: F811 fixtures

import json
import stat
from pathlib import Path

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.fob.doorstep import Doorstep
from tests.tools.meter_bench import MeterBench
from tests.tools.shop import meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse_tools import cli
from wattpurse_tools.commands import fob

TWENTY = 20_000_000


@pytest.fixture
def at_the_door(monkeypatch):
    """Return a function that puts a phone in front of a meter."""

    def put(meter, **traits):
        doorstep = Doorstep(meter, **traits)
        monkeypatch.setattr(fob, "make_radio", lambda: doorstep)
        return doorstep

    return put


def balance_told():
    with open_station() as station:
        found = station.statements.of_meter(METER)
    return found[-1]["balance"] if found else None


def test_a_scan_lists_number_and_alarms(wattpurse, meter, at_the_door):
    meter.settings.set("tamper", 1)
    at_the_door(meter)
    assert f"meter {METER}  alarms tamper" in wattpurse("fob scan --seconds 1")


def test_a_sale_reaches_the_meter_and_the_statement_the_record(wattpurse, meter, at_the_door):
    wattpurse(f"token {METER} money 20 --hex")
    at_the_door(meter)
    said = wattpurse(f"fob deliver {METER}")
    assert "accepted" in said
    assert "balance 20.00 EUR" in said
    assert meter.account.money.balance == TWENTY
    assert balance_told() == TWENTY


def test_what_is_bought_at_the_office_is_delivered_without_it(wattpurse, meter, at_the_door):
    wattpurse(f"token {METER} money 20 --hex")
    assert "1 new tokens" in wattpurse("fob fetch")
    assert stat.S_IMODE(Path("fob.json").stat().st_mode) == 0o600
    at_the_door(meter)
    said = wattpurse(f"fob deliver {METER} --offline")
    assert "accepted" in said
    assert "wattpurse fob fetch" in said
    assert meter.account.money.balance == TWENTY
    assert balance_told() is None
    assert "balance 20.00 EUR" in wattpurse("fob fetch")
    assert balance_told() == TWENTY
    assert json.loads(Path("fob.json").read_text()) == {"format": 1, "tokens": [], "statements": []}


def test_a_token_is_delivered_once(wattpurse, meter, at_the_door):
    wattpurse(f"token {METER} money 20 --hex")
    wattpurse("fob fetch")
    at_the_door(meter)
    wattpurse(f"fob deliver {METER} --offline")
    assert "no token for meter" in wattpurse(f"fob deliver {METER} --offline")
    assert meter.account.money.balance == TWENTY


def test_a_connection_that_is_lost_again_and_again_doubles_nothing(wattpurse, meter, at_the_door):
    for _ in range(3):
        wattpurse(f"token {METER} money 20 --hex")
    at_the_door(meter, drops=[2, 5, 9])
    wattpurse(f"fob deliver {METER}")
    assert meter.account.money.balance == 3 * TWENTY
    assert balance_told() == 3 * TWENTY


def test_a_fob_that_fails_amid_a_visit_delivers_the_rest_next_time(wattpurse, meter, at_the_door):
    for _ in range(2):
        wattpurse(f"token {METER} money 20 --hex")
    at_the_door(meter, drops=range(3, 200))
    assert "cannot be reached" in _refusal(wattpurse, f"fob deliver {METER}")
    at_the_door(meter)
    wattpurse(f"fob deliver {METER}")
    assert meter.account.money.balance == 2 * TWENTY


def test_a_refused_token_stays_in_the_bag(wattpurse, meter, at_the_door, capsys):
    wattpurse(f"token {METER} money 20 --hex")
    wattpurse("fob fetch")
    bag = json.loads(Path("fob.json").read_text())
    bag["tokens"][0]["sealed"] = bag["tokens"][0]["sealed"][:-2] + "00"
    Path("fob.json").write_text(json.dumps(bag))
    at_the_door(meter)
    assert cli.main(["fob", "deliver", str(METER), "--offline"]) == 1
    assert "cannot be read; it stays in the bag" in capsys.readouterr().out


def test_another_meter_in_range_is_not_the_meter(wattpurse, meter, at_the_door):
    at_the_door(MeterBench(station_office.current(), METER + 1))
    refusal = _refusal(wattpurse, f"fob read {METER}")
    assert f"meter {METER} is not in range" in refusal
    assert str(METER + 1) in refusal


def test_a_read_takes_the_statement_alone(wattpurse, meter, at_the_door):
    wattpurse(f"token {METER} money 20 --hex")
    at_the_door(meter)
    assert "balance 0.00 EUR" in wattpurse(f"fob read {METER}")
    assert meter.account.money.balance == 0


def test_a_statement_of_an_unknown_meter_stays_in_the_bag(wattpurse, at_the_door):
    at_the_door(MeterBench(station_office.current(), METER + 1))
    assert "stays in the bag" in wattpurse(f"fob read {METER + 1}")
    assert len(json.loads(Path("fob.json").read_text())["statements"]) == 1
    wattpurse(f"meter add {METER + 1}")
    assert "balance 0.00" in wattpurse("fob fetch")


def test_a_statement_that_was_changed_is_not_recorded(wattpurse, meter, at_the_door):
    at_the_door(meter)
    wattpurse(f"fob read {METER} --offline")
    bag = json.loads(Path("fob.json").read_text())
    content = bytearray.fromhex(bag["statements"][0]["content"])
    content[20] ^= 1
    bag["statements"][0]["content"] = content.hex()
    Path("fob.json").write_text(json.dumps(bag))
    assert "cannot be opened" in wattpurse("fob fetch")
    assert balance_told() is None


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "tokens": [{}], "statements": []}'])
def test_a_file_that_is_no_bag_is_refused_and_kept(wattpurse, text):
    Path("fob.json").write_text(text)
    assert "is no bag of a fob" in _refusal(wattpurse, "fob fetch")
    assert Path("fob.json").read_text() == text


def test_a_computer_without_bluetooth_says_so(wattpurse, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    assert "Bluetooth" in _refusal(wattpurse, "fob scan --seconds 0.1")


def _refusal(wattpurse, line):
    """Return the reason of a refusal, which may follow some output."""
    import contextlib
    import io

    error = io.StringIO()
    with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
        assert cli.main(line.split()) == 1
    return error.getvalue()
