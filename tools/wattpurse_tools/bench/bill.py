"""The cost of a bill: `python -m wattpurse_tools.bench.bill FILE`.

`wattpurse bill` and `plain_bill.py` compute the bill of the same year under the same tariff, in whole processes that
take turns, so that both meet the same load of the machine. A time is processor time, and the lowest of several runs.
Both run from compiled modules, as an installed command does.

Memory is the peak of the process. The files have 100,000 and 1,000,000 rows of the same period, so that the bills are
of the same length. Addresses are not randomised, because the peak then depends on the program alone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from wattpurse_tools import output_files
from wattpurse_tools.places import ROOT

TARIFF = ROOT / "tools/examples/tariff-household.toml"
PLAIN = Path(__file__).with_name("plain_bill.py")

YEAR_START_S = 1_767_222_000  # 2026-01-01 00:00 in Berlin
YEAR_S = 365 * 86_400
DAYLIGHT_S = (1_774_746_000, 1_792_890_000)  # begin and end in 2026
RUNS = 7
RUNS_OF_MINUTES = 3
MEMORY_ROWS = (100_000, 1_000_000)
MEMORY_PERIOD_S = 60_000_000

_KILO = 1024


class Command:
    """A program that computes a bill, with the compiled modules of its own folder."""

    def __init__(self, words: list[str], cache: Path) -> None:
        self._words = words
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**own, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONHASHSEED": "0"}

    def run(self, load: Path) -> tuple[float, int]:
        """Return the seconds of processor time and the KiB of peak memory of one run. Raise OSError if it fails."""
        words = [*self._words, str(load)]
        process = subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise OSError(f"{' '.join(words)}: exit status {process.returncode}")
        peak_kb = usage.ru_maxrss // (_KILO if sys.platform == "darwin" else 1)
        return usage.ru_utime + usage.ru_stime, peak_kb


def measure(note: Callable[[str], object]) -> dict[str, float]:
    """Return all figures by name. `note(line)` takes a line about each file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [sys.executable, "-m", "wattpurse_tools.cli", "bill", "--tariff", str(TARIFF), "--load"]
        ours = Command(words, folder / "compiled")
        plain = Command([sys.executable, str(PLAIN)], folder / "compiled")
        values: dict[str, float] = {}
        for kind, interval_s, runs in (("quarter_hours", 900, RUNS), ("minutes", 60, RUNS_OF_MINUTES)):
            load = write_load(folder / f"{kind}.csv", interval_s, YEAR_S // interval_s)
            ours_s, plain_s = lowest_times(ours, plain, load, runs)
            rows = YEAR_S // interval_s
            values[f"bill_{kind}_ms"] = round(ours_s * 1000, 1)
            values[f"bill_{kind}_us_per_row"] = round(ours_s * 1e6 / rows, 2)
            values[f"plain_{kind}_ms"] = round(plain_s * 1000, 1)
            values["bill_ratio" if kind == "quarter_hours" else f"bill_ratio_{kind}"] = round(ours_s / plain_s, 2)
            note(f"{kind}: {rows:,} rows, {ours_s * 1000:.0f} ms; a plain loop with floats {plain_s * 1000:.0f} ms")
        values["bill_memory_growth_kb"] = memory_growth_kb(folder, ours, note)
    return values


def lowest_times(ours: Command, plain: Command, load: Path, runs: int) -> tuple[float, float]:
    """Return the lowest time of each command over runs that take turns. The first run compiles, and does not count."""
    for command in (ours, plain):
        command.run(load)
    pairs = [(ours.run(load)[0], plain.run(load)[0]) for _ in range(runs)]
    return min(one for one, _ in pairs), min(other for _, other in pairs)


def memory_growth_kb(folder: Path, ours: Command, note: Callable[[str], object]) -> int:
    """Return the KiB by which the peak memory of many rows exceeds that of few."""
    peaks = []
    setarch = shutil.which("setarch")
    steady = Command([*([setarch, "-R"] if setarch else []), *ours._words], folder / "compiled")
    for count in MEMORY_ROWS:
        load = write_load(folder / "memory.csv", MEMORY_PERIOD_S // count, count)
        peaks.append(min(steady.run(load)[1] for _ in range(RUNS_OF_MINUTES)))
        note(f"memory: {count:,} rows, {peaks[-1]:,} KiB")
    return max(0, peaks[1] - peaks[0])


def write_load(path: Path, interval_s: int, count: int) -> Path:
    """Write a load of made-up energies with the local times of Berlin. Return the path."""
    with path.open("w", encoding="utf-8") as file:
        file.write("start,Wh\n")
        file.writelines(_lines(interval_s, count))
    return path


def _lines(interval_s: int, count: int) -> Iterator[str]:
    winter, summer = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))
    drawn = 1
    for number in range(count):
        utc_s = YEAR_START_S + number * interval_s
        zone = summer if DAYLIGHT_S[0] <= utc_s < DAYLIGHT_S[1] else winter
        drawn = drawn * 1_103_515_245 + 12_345 & 0x7FFF_FFFF
        tenths = drawn % (4 * interval_s)
        yield f"{datetime.fromtimestamp(utc_s, UTC).astimezone(zone).isoformat()},{tenths // 10}.{tenths % 10}\n"


def main(arguments: list[str]) -> int:
    """Measure, print all figures and write them to the file that is named."""
    target = Path(arguments[0])
    output_files.check(target, _is_own, force=False)
    values = measure(lambda line: print(line, flush=True))
    for name, value in values.items():
        print(f"{name:<33}{value:>10g}")
    target.parent.mkdir(parents=True, exist_ok=True)
    output_files.write(target, (json.dumps(values, indent=2) + "\n").encode(), _is_own, force=False)
    return 0


def _is_own(path: Path) -> bool:
    """Return True if a file has figures of this bench."""
    return output_files.contains('"bill_ratio": ')(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
