"""A head-end whose processes die at any statement, with a broker, a network and providers that misbehave.

A case is an office on SQLite with its vault, and meters of the fleet under several contracts. Worker, engine, payment
worker and sender work in turn, in virtual time. Each of them is killed at a random call of the database or of the
vault, in the middle of a batch. Messages come twice, late and in another order; the broker forgets its queues; meters
lose power in the middle of a write, or have a wrong clock chip; the network is gone for days. Payments are told again
and again, under forged signatures too.

Afterwards the network returns, and everything is worked off. A plain book of the payers decides: payments = credit at
meters and accounts + suspense. No order is lost, no message is sent twice, and no meter is lit longer than its permit.
"""

import atexit
import os
import random as randoms
import shutil
import tempfile
from pathlib import Path

from tests import office_of_tests

NAME = "headend"
ABOUT = "worker, engine, payment worker and sender killed at any call; messages doubled, delayed, lost; forged payments"
SHORT_CASES = 4
LONG_CASES = 10_000
LEAST_STEPS = 8  # a short life ends in the midst of things, a long one has a history

_MEMORY = Path("/dev/shm")  # noqa: S108 a case kills processes and cuts no power of the office's computer
_templates: dict[int, Path] = {}


def run_case(seed: int, tally):
    """Let one head-end live."""
    office_of_tests.configure()
    from tests.proof.headend_world import HeadendWorld

    before = os.environ.pop("DATABASE_URL", None)
    folder = _new_folder("wp-proof-headend-")
    try:
        random = randoms.Random(f"{NAME} {seed}")
        with HeadendWorld(random, _template(), folder / "office", tally) as world:
            world.live(random.randrange(LEAST_STEPS, world.steps + 1))
            world.work_off()
            world.judge()
    finally:
        shutil.rmtree(folder)
        if before is not None:
            os.environ["DATABASE_URL"] = before
    tally.cases += 1


def _template() -> Path:
    """Return the folder of an office that each case of this process copies."""
    if os.getpid() not in _templates:
        folder = _new_folder("wp-proof-template-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _templates[os.getpid()] = office_of_tests.make_template(folder / "office").path
    return _templates[os.getpid()]


def _new_folder(prefix: str) -> Path:
    """Return a new folder, in memory if this computer has such a place: the disk would sync each transaction."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))
