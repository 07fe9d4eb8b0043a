"""`wattpurse dispenser` from the new unit to the books, with a unit of the firmware between its commands."""

import json
import os
import subprocess
import sys

import pytest

from tests.dispenser.kiosk import ISSUER, Bench
from tests.tools.meter_bench import card_in_hand

METER = 10000001


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Return a function that runs a command line of `wattpurse` in an office for trials, and returns its output."""
    kept = {name: value for name, value in os.environ.items() if name not in ("WATTPURSE_OFFICE", "DATABASE_URL")}
    monkeypatch.chdir(tmp_path)

    def run(line, status=0):
        command = [sys.executable, "-m", "wattpurse_tools.cli", *line.split()]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=kept, timeout=120)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    run("office init --trial --office head")
    run(f"meter add {METER} --contract prepaid-money --office head")
    return run


def test_a_unit_is_made_sells_and_is_settled(typed, tmp_path, monkeypatch):
    assert "sells to 1 meters" in typed(f"dispenser new {ISSUER} --name hall --meters {METER} --office head")
    typed(f"dispenser key {ISSUER} unit.txt --office head")
    word, issuer, key = (tmp_path / "unit.txt").read_text().split()
    assert (word, issuer, len(bytes.fromhex(key))) == ("setup", str(ISSUER), 16)
    assert (tmp_path / "unit.txt").stat().st_mode & 0o077 == 0

    made = json.loads(typed(f"dispenser card {ISSUER} kiosk --credit 100.00 --office head --json"))
    assert (made["issue"], made["allowed_units"], made["meters"]) == (1, 10_000, [METER])
    typed(f"card new anna --kind ntag215 --meter {METER} --office head")

    bench = Bench(key=bytes.fromhex(key))
    monkeypatch.chdir(tmp_path / "head")
    with card_in_hand("kiosk") as system, card_in_hand("anna") as card:
        bench.open_with(system)
        assert bench.book.left == 10_000
        bench.sell(card, 2_000)
        bench.open_with(system)
    monkeypatch.chdir(tmp_path)

    refused = typed(f"dispenser card {ISSUER} kiosk --credit 5 --office head", status=1)
    assert "book them with: wattpurse dispenser settle kiosk" in refused
    settled = typed("dispenser settle kiosk --office head")
    assert f"sale {ISSUER}/1: receipt 1, meter {METER}, 20.00 EUR" in settled
    assert json.loads(typed("dispenser settle kiosk --office head --json"))["sales"] == []
    assert f"{ISSUER}/1: 20.00 EUR, on card" in typed("card read anna --office head")
    assert "system" in typed("card read kiosk --office head")
    assert "80.00 EUR" in typed("dispenser list --office head")
    assert f"wattpurse token {METER} revoke {ISSUER}" in typed(f"dispenser revoke {ISSUER} --office head")
    assert json.loads(typed("dispenser list --office head --json"))[0]["is_revoked"] is True
    assert "revoked" in typed(f"dispenser card {ISSUER} kiosk --credit 5 --office head", status=1)


def test_an_issuer_is_used_for_one_unit(typed):
    typed(f"dispenser new {ISSUER} --meters {METER} --office head")
    assert "already" in typed(f"dispenser new {ISSUER} --meters {METER} --office head", status=1)
    assert "1 to 15" in typed(f"dispenser new 16 --meters {METER} --office head", status=1)
    assert "not known" in typed("dispenser new 4 --meters 77 --office head", status=1)
