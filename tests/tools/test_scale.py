"""The size of a head-end on paper, by arithmetic of its own, and its command."""

import json
from fractions import Fraction

import pytest

from wattpurse_tools.bench import scale

FIGURES = {
    "ingest_per_s": 2_000,
    "broker_per_s": 10_000,
    "worker_memory_mb": 100,
    "statement_row_bytes": 500,
    "statement_wal_bytes": 1_500,
    "broker_kb_a_meter": 6,
    "bytes_a_day_hourly": 20_000,
}


def table(**wishes):
    return {one.name: one.value for one in scale.lines_of(scale.Plan(**wishes), FIGURES)}


def test_a_million_meters():
    found = table()
    mean = Fraction(24_000_000, 86_400)
    assert found["statements a day"] == 24_000_000
    assert found["statements a second, mean"] == pytest.approx(float(mean))
    assert found["cores for ingest"] == 2  # 833 a second are less than half of 2,000
    assert found["hours to work an outage off"] == pytest.approx(float(24_000_000 / (2_000 - mean) / 3_600))
    assert found["connections a broker node"] == 500_000
    assert found["memory of a node for connections"] == 3
    assert found["size of a partition"] == 360
    assert found["size of all partitions"] == pytest.approx(12.96)
    assert found["size with replicas"] == pytest.approx(38.88)
    assert found["log a day"] == 36
    assert found["cost a month"] == pytest.approx(6 * 15 + 38.88 * 80)


def test_the_cores_follow_the_peak_of_all_meters():
    assert table(meters=1_250_000)["cores for ingest"] == 4
    assert table(meters=10_000_000)["cores for ingest"] == 18
    assert table(peak=10)["cores for ingest"] == 6


@pytest.mark.parametrize("name", FIGURES)
def test_a_missing_figure_is_told_with_the_command_that_measures_it(name, tmp_path, capsys):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({key: value for key, value in FIGURES.items() if key != name}))
    assert scale.main(["--files", str(file)]) == 2
    assert f"{name} is missing; measure it with: make bench-" in capsys.readouterr().err


def test_the_table_is_printed_with_wishes_and_figures(tmp_path, capsys):
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({**FIGURES, "load_average": [1, 2, 3]}))
    assert scale.main(["--files", str(file), "--meters", "2000000"]) == 0
    printed = capsys.readouterr().out
    assert "48,000,000" in printed
    assert "2,000,000" in printed
    assert "make bench-links ARGS=mqtt" in printed
