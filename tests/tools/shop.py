"""The `wattpurse` command in an empty folder, as a clerk uses it: its output and its refusals."""

import json

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.station_office import open_station  # noqa: F401 for the tests
from wattpurse_tools import cli


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Make an office with one meter in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        assert cli.main(["meter", "add", str(METER)]) == 0
        yield office


def has_contract(name, number=METER):
    """Write a contract of a meter into the record, as a statement does."""
    from wattpurse_tools.record.models import Meter
    from wattpurse_tools.station.usefulness import unit_of

    Meter.objects.filter(number=number).update(contract=name, unit=unit_of(name))


@pytest.fixture
def meter():
    return MeterBench(station_office.current())


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
