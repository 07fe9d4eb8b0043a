"""Shared by all parts of the campaign: cases named by seeds, counts of the attempts, and the report.

A part is a module with `NAME`, `ABOUT`, `SHORT_CASES`, `LONG_CASES` and `run_case(seed, tally)`. A case draws every
random choice from its seed, so the seed is enough to repeat it. It raises Broken if the meter broke a promise. Any
other exception is an escape.
"""

import fcntl
import importlib
import json
import multiprocessing
import signal
import traceback
from pathlib import Path

from tests.proof.proof_flash import Hang

LOST = "lost"
DOUBLED = "doubled"
HANGS = "hangs"
ESCAPES = "escapes"
BROKEN_RULES = "broken_rules"
FINDINGS = (LOST, DOUBLED, HANGS, ESCAPES, BROKEN_RULES)

REPORT = Path(__file__).resolve().parents[2] / "build" / "proof.json"
# Every sound case stays far below this processor time. It detects loops that do not touch flash.
CASE_LIMIT_S = 180
_FAILURES_SHOWN = 20


class Broken(Exception):
    """A broken promise; `what` is one of FINDINGS."""

    def __init__(self, what: str, message: str):
        super().__init__(message)
        self.what = what


class Tally:
    """The attempts and findings of a run. `figures` are further numbers of a part; `worst` has the largest of each."""

    def __init__(self):
        self.cases = 0
        self.faults = 0
        self.findings = dict.fromkeys(FINDINGS, 0)
        self.figures = {}
        self.worst = {}
        self.failures = []

    def add(self, name: str, count: int = 1):
        """Add to a count that only this part has."""
        self.figures[name] = self.figures.get(name, 0) + count

    def at_most(self, name: str, value):
        """Keep `value` if it is the largest seen."""
        self.worst[name] = max(value, self.worst.get(name, value))

    def merge(self, other: "Tally"):
        """Add the counts of another process."""
        self.cases += other.cases
        self.faults += other.faults
        for what, count in other.findings.items():
            self.findings[what] += count
        for name, count in other.figures.items():
            self.add(name, count)
        for name, value in other.worst.items():
            self.at_most(name, value)
        self.failures += other.failures

    def fail(self, part, seed: int, what: str, message: str):
        """Note a finding with the command that repeats it."""
        self.findings[what] += 1
        command = f'make proof ARGS="--part {part.NAME} --seed {seed} --cases 1"'
        self.failures.append({"seed": seed, "what": what, "message": message, "replay": command})

    def as_dict(self) -> dict:
        """Return the counts in the form of the report."""
        return {
            "cases": self.cases,
            "faults": self.faults,
            **self.findings,
            **self.figures,
            **self.worst,
            "failures": self.failures[:_FAILURES_SHOWN],
        }


def run(part, first_seed: int, cases: int, processes: int = 1, on_share=None) -> Tally:
    """Run `cases` cases from `first_seed` on, and return their tally.

    `on_share(share)` is called at the end of each share, so that a long run reports its findings early.
    """
    if processes == 1 or cases < 2:
        tally = _run_seeds((part, range(first_seed, first_seed + cases)))
        if on_share:
            on_share(tally)
        return tally
    tally = Tally()
    shares = min(cases, 64 * processes)
    work = [(part, range(first_seed + share, first_seed + cases, shares)) for share in range(shares)]
    with multiprocessing.get_context("fork").Pool(processes, _leave_interrupts_to_the_parent) as pool:
        for share in pool.imap_unordered(_run_named, [(part.__name__, seeds) for part, seeds in work]):
            tally.merge(share)
            if on_share:
                on_share(share)
    tally.failures.sort(key=lambda failure: failure["seed"])
    return tally


def _leave_interrupts_to_the_parent():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_named(work):
    name, seeds = work
    return _run_seeds((importlib.import_module(name), seeds))


def _run_seeds(work):
    part, seeds = work
    tally = Tally()
    before = signal.signal(signal.SIGVTALRM, _raise_hang)
    try:
        for seed in seeds:
            signal.setitimer(signal.ITIMER_VIRTUAL, CASE_LIMIT_S)
            _run_one(part, seed, tally)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return tally


def _run_one(part, seed, tally):
    try:
        part.run_case(seed, tally)
    except Broken as broken:
        tally.fail(part, seed, broken.what, str(broken))
    except Hang as hang:
        tally.fail(part, seed, HANGS, str(hang))
    except Exception:  # an escape from the meter's code is a finding
        tally.fail(part, seed, ESCAPES, traceback.format_exc(limit=-6))


def _raise_hang(_signal, _frame):
    raise Hang(f"{CASE_LIMIT_S} s of processor time in one case")


def write_report(part, form: str, first_seed: int, tally: Tally, seconds: float):
    """Put the figures of this run into the report, beside those of the other parts."""
    REPORT.parent.mkdir(exist_ok=True)
    with open(REPORT, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        report = json.loads(text) if text else {}
        report[part.NAME] = {
            "form": form,
            "first_seed": first_seed,
            "seconds": round(seconds, 1),
            **tally.as_dict(),
        }
        file.seek(0)
        file.truncate()
        json.dump(report, file, indent=1, sort_keys=True)


def table(rows: list) -> str:
    """Return the figures of several parts, `(part, tally, seconds)`, as a table for people."""
    heads = ("part", "cases", "faults", "lost", "doubled", "hangs", "escapes", "rules", "seconds")
    lines = [heads]
    for part, tally, seconds in rows:
        found = [str(tally.findings[what]) for what in FINDINGS]
        lines.append((part.NAME, f"{tally.cases:,}", f"{tally.faults:,}", *found, f"{seconds:.0f}"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = []
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        text.append("  ".join(cells))
    for part, tally, _ in rows:
        for name, value in {**tally.figures, **tally.worst}.items():
            number = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
            text.append(f"{part.NAME}: {name.replace('_', ' ')} {number}")
    return "\n".join(text)


def failures_text(tally: Tally) -> str:
    """Return every finding with its seed and the command that repeats it."""
    lines = []
    for failure in tally.failures[:_FAILURES_SHOWN]:
        lines.append(f"{failure['what'].upper()} seed {failure['seed']}: {failure['message'].rstrip()}")
        lines.append(f"    {failure['replay']}")
    if len(tally.failures) > _FAILURES_SHOWN:
        lines.append(f"and {len(tally.failures) - _FAILURES_SHOWN} more")
    return "\n".join(lines)
