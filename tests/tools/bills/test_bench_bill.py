"""`make bench-bill` compares like with like: the loop computes the same bill, and the memory of a bill is flat."""

import json
import subprocess
import sys
import tracemalloc

import pytest

from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.bench import bill as bench
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.tariffs import bill, tariff_file


def exact_bill(load):
    return bill.calculate([Tariff(tariff_file.load_table(bench.TARIFF))], LoadFile(load))


@pytest.fixture(scope="module")
def quarter_hours(tmp_path_factory):
    """Return a file of a year of quarter hours."""
    path = tmp_path_factory.mktemp("year") / "load.csv"
    return bench.write_load(path, 900, bench.YEAR_S // 900)


def test_the_plain_loop_computes_the_same_year(quarter_hours):
    said = subprocess.run([sys.executable, str(bench.PLAIN), str(quarter_hours)], capture_output=True, text=True)
    *months, total = [float(line.split()[1]) for line in said.stdout.splitlines()]
    made = exact_bill(quarter_hours)
    assert total == pytest.approx(made.total.charge_microunits / 1e6, abs=0.001)
    exact = [month.charge_microunits / 1e6 for month in made.months.values()]
    assert months == pytest.approx(exact, abs=0.001)


def test_the_year_of_the_bench_is_a_local_year(quarter_hours):
    made = exact_bill(quarter_hours)
    assert len(made.months) == 12
    assert sum(len(charges.standing) for charges in made.months.values()) == 12


def peak_bytes(path):
    tracemalloc.start()
    try:
        exact_bill(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_as_many_rows_take_no_more_memory(tmp_path):
    few = bench.write_load(tmp_path / "few.csv", 600, 3000)
    many = bench.write_load(tmp_path / "many.csv", 60, 30_000)
    peak_bytes(few)
    assert peak_bytes(many) - peak_bytes(few) < 16 * 1024


def test_the_figures_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "measure", lambda note: {"bill_ratio": 1.5, "bill_memory_growth_kb": 0})
    target = tmp_path / "build" / "bill.json"
    for _ in range(2):  # the second run replaces the file of the first
        assert bench.main([str(target)]) == 0
    assert json.loads(target.read_text()) == {"bill_ratio": 1.5, "bill_memory_growth_kb": 0}
    capsys.readouterr()


def test_a_command_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(OSError, match="exit status 3"):
        bench.Command([sys.executable, "-c", "raise SystemExit(3)"], tmp_path).run(tmp_path / "load.csv")
