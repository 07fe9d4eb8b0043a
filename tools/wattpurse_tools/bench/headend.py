"""Figures of the head-end on PostgreSQL with fsync on: `python -m wattpurse_tools.bench.headend FILE [SIZE]`.

`SIZE` is `full` (100,000 meters in the larger office) or `small` (10,000; quick, for a look). `--reporting N` sets the
number of meters that report during the recharges. `--part NAME` measures one part, and leaves the other figures in the
file. The part `hour` is measured only if it is named; `--minutes N` makes it shorter. docs/headend-ingest.md says for
each figure what is measured. Each is a ratio within one run where it can be: other programs on the computer slow both
sides.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from wattpurse_tools.bench.figures import AT_LEAST, AT_MOST, REPORTED, Figure, report
from wattpurse_tools.bench.office import postgresql
from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.places import ROOT
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder

FIGURES = (
    Figure("ingest_share_of_broker", "", AT_LEAST, 0.5, "of the broker's rate to a subscriber that does nothing"),
    Figure("ingest_per_s", "1/s", REPORTED, None, "statements into committed rows, three workers"),
    Figure("broker_per_s", "1/s", REPORTED, None, "statements to a subscriber that does nothing"),
    Figure("row_cost_over_copy", "", AT_MOST, 3, "of the record's part of a row to a bare COPY of it"),
    Figure("row_cost_with_vault_over_copy", "", REPORTED, None, "of all of it, the opening of the seal included"),
    Figure("copy_us", "us", REPORTED, None, "a row of a bare COPY, with its share of the commit"),
    Figure("growth_1k_100k", "", AT_MOST, 1.2, "of the cost of a row from 1,000 meters to 100,000"),
    Figure("worker_memory_mb", "MB", AT_MOST, 150, "of a worker, the largest"),
    Figure("worker_growth_mb", "MB", REPORTED, None, "of a worker from the first half of its messages to the end"),
    Figure("worker_growth_mb_per_hour", "MB/h", AT_MOST, 1, "of a worker, slope of the second half of an hour"),
    Figure("worker_minutes", "min", REPORTED, None, "that this worker was at work"),
    Figure("worker_statements", "", REPORTED, None, "that it took meanwhile"),
    Figure("recharge_p95_s", "s", AT_MOST, 2, "from a payment to the closed switch, 95th percentile"),
    Figure("recharge_median_s", "s", REPORTED, None, "of the same, the median"),
    Figure("recharge_prepaid_p95_s", "s", REPORTED, None, "of meters that get a token of credit"),
    Figure("recharge_managed_p95_s", "s", REPORTED, None, "of meters that get a permit and an order"),
    Figure("recharges", "", REPORTED, None, "payments measured, each at another meter"),
    Figure("recharge_meters_reporting", "", REPORTED, None, "meters that report meanwhile, each once a minute"),
    Figure("recharge_statements_per_s", "1/s", REPORTED, None, "statements into committed rows meanwhile"),
    Figure("statement_row_bytes", "bytes", REPORTED, None, "of a row of statements with its indexes"),
    Figure("statement_wal_bytes", "bytes", REPORTED, None, "of the database's log for each statement, all included"),
    Figure("broker_kb_a_meter", "KiB", REPORTED, None, "of the broker's memory for each meter that is connected"),
)
SIZES = {"full": (1_000, 100_000), "small": (1_000, 10_000)}
# The meters that report and those that are recharged.
RECHARGES = {"full": (2_000, 100), "small": (200, 20)}
INGEST, RECHARGE, HOUR = "ingest", "recharge", "hour"
PARTS = (INGEST, RECHARGE, HOUR)
MINUTES = 60

_DECIMALS = 2


def main(words: list[str]) -> int:
    """Measure, write the file that is named, print the figures; return 1 if a bound is not kept."""
    arguments = _parser().parse_args(words)
    path, size = arguments.file, arguments.size
    office_folder.configure(OfficeFolder(ROOT / "build"), **page_settings() | {"ALLOWED_HOSTS": ["*"]})
    place = tempfile.TemporaryDirectory(prefix="wp-headend-", dir=os.environ.get("WATTPURSE_BENCH_DIR"))
    with place as folder, postgresql(Path(folder) / "postgresql-data") as url:
        measured = _measure(Path(folder), url, arguments)
    values = {figure: round(value, _DECIMALS) for figure, value in measured.items()}
    print("\n".join(report(values, FIGURES)), flush=True)
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() and arguments.part else {}
    load = [round(one, 1) for one in os.getloadavg()]
    path.write_text(json.dumps({**known, **values, "meters": SIZES[size], "load_average": load}, indent=1) + "\n")
    judged = [one.is_met(values[one.name]) for one in FIGURES if one.name in values]
    return 1 if False in judged else 0


def _measure(folder: Path, url: str, arguments: argparse.Namespace) -> dict[str, float]:
    # The models need Django configured.
    from wattpurse_tools.bench import headend_hour, headend_measures, headend_recharge

    values: dict[str, float] = {}
    if arguments.part in (None, INGEST):
        values |= headend_measures.measure(folder, url, SIZES[arguments.size])
    if arguments.part in (None, RECHARGE):
        reporting, recharges = RECHARGES[arguments.size]
        values |= headend_recharge.measure(folder, url, arguments.reporting or reporting, recharges)
    if arguments.part == HOUR:
        values |= headend_hour.measure(folder, url, arguments.minutes)
    return values


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-headend")
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "build/headend.json", help="default: %(default)s")
    parser.add_argument("size", nargs="?", default="full", choices=SIZES, help="default: %(default)s")
    text = "meters that report during the recharges; default: that of the size"
    parser.add_argument("--reporting", type=int, metavar="N", help=text)
    parser.add_argument("--part", choices=PARTS, help="measure one part alone; default: ingest and recharge")
    text = "minutes of the part `hour`; default: %(default)s"
    parser.add_argument("--minutes", type=int, default=MINUTES, metavar="N", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
