"""The long form of a part in pieces: each finished piece is on disk, so a run that is cut goes on where it ended.

`build/proof-PART.json` has the first seed, the number of seeds that ran, their tally, and a digest of the sources. A
run with other sources, or from another seed, begins anew: cases of two programs do not add up.
"""

import hashlib
import json
import time
from pathlib import Path

from tests.proof import campaign

PIECE = 500  # seeds
FOLDER = campaign.REPORT.parent

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("firmware", "boards", "tools/wattpurse_tools", "tests")


def run(part, first_seed: int, cases: int, processes: int, goes_on: bool, on_share) -> tuple:
    """Run `cases` cases in pieces. Return tally and seconds of all, with those of the earlier run if it `goes_on`.

    `on_share` is that of `campaign.run`.
    """
    state = _State(part, first_seed, digest())
    if goes_on:
        state.load()
    while state.seeds < cases:
        count = min(PIECE, cases - state.seeds)
        started_s = time.monotonic()
        state.tally.merge(campaign.run(part, first_seed + state.seeds, count, processes, on_share))
        state.seeds += count
        state.seconds += time.monotonic() - started_s
        state.save()
        form = "long" if state.seeds >= cases else f"long, {state.seeds:,} of {cases:,} seeds"
        campaign.write_report(part, form, first_seed, state.tally, state.seconds)
    return state.tally, state.seconds


def path_of(part) -> Path:
    """Return the file with the progress of a part."""
    return FOLDER / f"proof-{part.NAME}.json"


def digest() -> str:
    """Return a digest of all sources that a case may run."""
    hashed = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            hashed.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()


class _State:
    """The progress of one part."""

    def __init__(self, part, first_seed, sources):
        self._path = path_of(part)
        self._first_seed = first_seed
        self._sources = sources
        self.seeds = 0
        self.seconds = 0.0
        self.tally = campaign.Tally()

    def load(self):
        """Take the progress of an earlier run with the same sources and the same first seed, if there is one."""
        if not self._path.exists():
            return
        document = json.loads(self._path.read_text(encoding="utf-8"))
        if (document["sources"], document["first_seed"]) != (self._sources, self._first_seed):
            return
        self.seeds, self.seconds = document["seeds"], document["seconds"]
        vars(self.tally).update(document["tally"])

    def save(self):
        """Write the progress. A file that is cut off keeps the old one."""
        document = {
            "sources": self._sources,
            "first_seed": self._first_seed,
            "seeds": self.seeds,
            "seconds": self.seconds,
            "tally": vars(self.tally),
        }
        part = self._path.with_suffix(".part")
        part.parent.mkdir(exist_ok=True)
        part.write_text(json.dumps(document, indent=1), encoding="utf-8")
        part.replace(self._path)
