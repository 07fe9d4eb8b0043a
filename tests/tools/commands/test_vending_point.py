"""A vending point has an office of its own, made from its key file, and sells with it."""

import os
import subprocess
import sys

import pytest

from tests.house.places import ROOT

OLD_KEYS = ROOT / "tests/tools/office/old_stations/keys.json"
OFFICE = "head"
POINT = "kiosk"


@pytest.fixture
def typed(tmp_path):
    """Return a function that runs a command line of `wattpurse` in a fresh folder, and returns its outcome."""
    kept = {name: value for name, value in os.environ.items() if name not in ("WATTPURSE_OFFICE", "DATABASE_URL")}

    def run(line):
        command = [sys.executable, "-m", "wattpurse_tools.cli", *line.split()]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=kept, timeout=60)

    def run_well(line):
        done = run(line)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run_well.refused = run
    return run_well


def test_a_vending_point_sells_under_its_own_issuer_number(typed):
    typed(f"office init --trial --office {OFFICE}")
    typed(f"meter add 10000001 --office {OFFICE}")
    typed(f"keys vending-point kiosk.json --issuer 2 --meters 10000001 --office {OFFICE}")
    typed(f"office init --trial --from kiosk.json --office {POINT}")
    typed(f"meter add 10000001 --office {POINT}")
    typed(f"card new tenant --kind classic-1k --meter 10000001 --office {POINT}")
    assert "token 2/1" in typed(f"card topup tenant --amount 20.00 --office {POINT}")


def test_a_file_that_has_no_keys_of_a_vending_point_makes_no_office(typed, tmp_path):
    (tmp_path / "site.json").write_text("{}")
    done = typed.refused(f"office init --trial --from site.json --office {POINT}")
    assert done.returncode == 1
    assert "site.json: not a key file" in done.stderr
    assert not (tmp_path / POINT).exists()


def test_the_keys_of_an_office_make_no_vending_point(typed, tmp_path):
    done = typed.refused(f"office init --trial --from {OLD_KEYS} --office {POINT}")
    assert done.returncode == 1
    assert "take them over with: wattpurse office import" in done.stderr
    assert not (tmp_path / POINT).exists()


def test_a_demo_takes_no_keys_of_a_vending_point(typed, tmp_path):
    done = typed.refused(f"office init --demo --from kiosk.json --office {POINT}")
    assert "leave --from or --demo out" in done.stderr
    assert not (tmp_path / POINT).exists()
