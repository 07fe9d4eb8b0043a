"""The size of a head-end on paper: `make scale`, from the figures that `make bench-headend` and `bench-links` measured.

Nothing is measured here. The command fails with the name of the missing figure if its file does not have it. Prices and
rates that nobody can measure here are options, and are printed with their values. docs/scale.md explains each line.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from wattpurse_tools.places import ROOT

DAY_S = 86_400
BENCH_CORES = 2

_MONTH_DAYS = 30
_KB, _GB, _TB = 1_000, 1_000_000_000, 1_000_000_000_000
_HEADEND = "make bench-headend"
_LINKS = "make bench-links ARGS=mqtt"
_SOURCES = {
    "ingest_per_s": _HEADEND,
    "broker_per_s": _HEADEND,
    "worker_memory_mb": _HEADEND,
    "statement_row_bytes": _HEADEND,
    "statement_wal_bytes": _HEADEND,
    "broker_kb_a_meter": _HEADEND,
    "bytes_a_day_hourly": _LINKS,
}


class Plan(NamedTuple):
    """The wishes: meters, statements of each a day, peak over mean, months kept, machines, and prices a month."""

    meters: int = 1_000_000
    per_day: int = 24
    peak: float = 3.0
    use: float = 0.5
    months: int = 36
    replicas: int = 2
    nodes: int = 3
    outage_hours: int = 24
    core_price: float = 15.0
    tb_price: float = 80.0


class Line(NamedTuple):
    """A number of the table, with its unit and the way in which it came about."""

    name: str
    value: float
    unit: str
    origin: str


def lines_of(plan: Plan, figures: Mapping[str, float]) -> list[Line]:
    """Return the table. Raise KeyError with the name of a figure that is missing."""
    rows = _messages(plan, figures)
    by_name = {one.name: one.value for one in rows}
    rows += _machines(plan, figures, by_name)
    by_name = {one.name: one.value for one in rows}
    rows += _storage(plan, figures, by_name)
    by_name = {one.name: one.value for one in rows}
    return rows + _cost(plan, by_name)


def _messages(plan: Plan, figures: Mapping[str, float]) -> list[Line]:
    daily = plan.meters * plan.per_day
    traffic = plan.meters * figures["bytes_a_day_hourly"] * plan.per_day / 24
    return [
        Line("statements a day", daily, "", "meters x statements a day"),
        Line("statements a second, mean", daily / DAY_S, "1/s", "of that"),
        Line("statements a second, peak", daily / DAY_S * plan.peak, "1/s", "mean x peak"),
        Line("traffic of meters a month", traffic * _MONTH_DAYS / _TB, "TB", "bytes_a_day_hourly"),
    ]


def _machines(plan: Plan, figures: Mapping[str, float], found: Mapping[str, float]) -> list[Line]:
    rate = figures["ingest_per_s"]
    peak, mean = found["statements a second, peak"], found["statements a second, mean"]
    units = max(1, math.ceil(peak / (rate * plan.use)))
    spare = units * rate - mean
    backlog = plan.meters * plan.per_day * plan.outage_hours / 24
    left = plan.nodes - 1
    return [
        Line("cores for ingest", units * BENCH_CORES, "", "peak / (ingest_per_s x use), each on 2 cores"),
        Line("workers", units * 2, "", "two for each 2 cores, as measured"),
        Line("memory of workers", units * 2 * figures["worker_memory_mb"] / 1_000, "GB", "worker_memory_mb"),
        Line("hours to work an outage off", backlog / spare / 3_600, "h", "backlog / (rate of all cores - mean)"),
        Line("connections a broker node", plan.meters / left, "", "meters / (nodes - 1): one node is lost"),
        Line(
            "memory of a node for connections",
            plan.meters / left * figures["broker_kb_a_meter"] * _KB / _GB,
            "GB",
            "broker_kb_a_meter, of mosquitto",
        ),
        Line("share of a broker's rate", 100 * peak / figures["broker_per_s"], "%", "peak / broker_per_s, one broker"),
    ]


def _storage(plan: Plan, figures: Mapping[str, float], found: Mapping[str, float]) -> list[Line]:
    rows = found["statements a day"] * _MONTH_DAYS
    partition = rows * figures["statement_row_bytes"]
    wal = figures["statement_wal_bytes"]
    copies = 1 + plan.replicas
    return [
        Line("rows of a partition", rows, "", "statements a day x 30: one partition is a month"),
        Line("size of a partition", partition / _GB, "GB", "statement_row_bytes, indexes included"),
        Line("size of all partitions", partition * plan.months / _TB, "TB", "x months kept"),
        Line("size with replicas", partition * plan.months * copies / _TB, "TB", "x (1 + replicas)"),
        Line(
            "log a second to a replica", wal * found["statements a second, peak"] / 1e6, "MB/s", "statement_wal_bytes"
        ),
        Line("log a day", wal * found["statements a day"] / _GB, "GB", "for the archive of backups"),
    ]


def _cost(plan: Plan, found: Mapping[str, float]) -> list[Line]:
    cores = found["cores for ingest"] * (1 + plan.replicas)
    cost = cores * plan.core_price + found["size with replicas"] * plan.tb_price
    return [
        Line("cores in all", cores, "", "each replica has the cores of the first"),
        Line("cost a month", cost, "EUR", "cores x price + TB x price"),
        Line("cost of 1,000 meters a month", cost / plan.meters * 1_000, "EUR", "of that"),
    ]


def figures_of(paths: Sequence[Path]) -> dict[str, float]:
    """Return the figures of the files. Raise ValueError with the command that makes one that is missing."""
    found: dict[str, float] = {}
    for path in paths:
        if path.exists():
            found |= json.loads(path.read_text())
    for name, command in _SOURCES.items():
        if name not in found:
            raise ValueError(f"the figure {name} is missing; measure it with: {command}")
    return {name: found[name] for name in _SOURCES}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def main(words: list[str]) -> int:
    """Print the table. Return 2 if a figure is missing."""
    arguments = _parser().parse_args(words)
    plan = Plan(**{name: getattr(arguments, name) for name in Plan._fields})
    try:
        figures = figures_of(arguments.files)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print("Wishes and prices (options):")
    for name, value in plan._asdict().items():
        print(f"    {name.replace('_', ' '):34}{value:>16,}")
    print("Measured on this computer:")
    for name, value in figures.items():
        print(f"    {name:34}{_number(value):>16}       {_SOURCES[name]}")
    print("On paper:")
    for one in lines_of(plan, figures):
        print(f"    {one.name:34}{_number(one.value):>16} {one.unit:5} {one.origin}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make scale")
    files = [ROOT / "build/headend.json", ROOT / "build/links.json"]
    parser.add_argument("--files", type=Path, nargs="+", default=files, help="files of figures; default: those of make")
    texts = {
        "meters": "meters",
        "per_day": "statements of a meter a day",
        "peak": "peak over mean",
        "use": "share of the measured rate that is planned for",
        "months": "months of statements that are kept",
        "replicas": "replicas of the database",
        "nodes": "nodes of the broker",
        "outage_hours": "hours of an outage to work off",
        "core_price": "price of a core a month",
        "tb_price": "price of a TB of disk a month",
    }
    usual = Plan()
    for name, text in texts.items():
        value = getattr(usual, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, help=f"{text}; default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
