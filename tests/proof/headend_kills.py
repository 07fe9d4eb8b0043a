"""A head-end on PostgreSQL whose real processes are killed by SIGKILL at random instants, some at the same time.

It is the part `headend` with processes in place of exceptions: see `headend_kills_world`. The database and the broker,
a real mosquitto, are killed under the processes and come back. The judge is the same, with a book of the statements
that the broker has acknowledged.
"""

import atexit
import os
import random as randoms
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests import office_of_tests
from tests.office_of_tests import PostgresServer

NAME = "headend-kills"
ABOUT = "real processes of a head-end on PostgreSQL killed at random instants, several at once; database and broker too"
SHORT_CASES = 1
LONG_CASES = 200

_DATABASE = "office"
_templates: dict[int, Path] = {}


def run_case(seed: int, tally):
    """Let one head-end live."""
    office_of_tests.configure()
    from tests.proof.headend_kills_world import KillsWorld

    template = _template()
    folder = Path(tempfile.mkdtemp(prefix="wp-proof-kills-"))
    server = PostgresServer(template / "data")
    try:
        with server as running, _database(running.url(_DATABASE)):
            random = randoms.Random(f"{NAME} {seed}")
            with KillsWorld(random, template / "office", folder / "office", tally, server) as world:
                world.live(world.steps)
                world.work_off()
                world.judge()
    finally:
        shutil.rmtree(folder)
    tally.cases += 1


def _template() -> Path:
    """Return the folder of an office and of its database that each case of this process copies."""
    if os.getpid() not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="wp-proof-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        server = PostgresServer()
        with server as running, _database(running.url(_DATABASE)):
            running.sql(f"CREATE DATABASE {_DATABASE}")
            office_of_tests.make_template(folder / "office")
            server.keep(folder / "data")
        _templates[os.getpid()] = folder
    return _templates[os.getpid()]


@contextmanager
def _database(url: str):
    """Let DATABASE_URL name a database for a `with` block."""
    before = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = before
