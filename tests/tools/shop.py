"""The `wattpurse` command in an empty folder, as a clerk uses it: its output and its refusals."""

import json

import pytest

from tests.services.desk_bench import METER
from tests.tools.meter_bench import MeterBench
from wattpurse_tools import cli
from wattpurse_tools.station import key_file
from wattpurse_tools.station import station as stations


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Make an empty folder with a key file, and a station with one meter."""
    monkeypatch.chdir(tmp_path)
    key_file.make("keys.json")
    assert cli.main(["meter", "add", str(METER)]) == 0


@pytest.fixture
def meter():
    return MeterBench(key_file.load("keys.json"))


@pytest.fixture
def wattpurse(capsys):
    """Return a runner: `wattpurse("card read anna")` returns the output, `.refusal(...)` the reason of a refusal."""

    def run(line):
        capsys.readouterr()
        status = cli.main(line.split())
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out.strip()

    def refusal(line):
        capsys.readouterr()
        assert cli.main(line.split()) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wattpurse: ")
        return captured.err

    def read(name):
        return json.loads(run(f"card read {name} --json"))

    run.refusal, run.read = refusal, read
    return run


def open_station():
    """Open the station's record."""
    return stations.open_station("keys.json", "station.db")
