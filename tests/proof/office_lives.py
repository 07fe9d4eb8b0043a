"""An office that sells from several processes while processes are killed, backups come back and statements are forged.

A case is an office on SQLite with its vault in a process of its own, and three meters with the firmware's own account.
In each round some processes sell, take credit out and pay receipts, all at once; one of them, or the vault, is killed
at any moment. After that each half-done call is repeated under its key. Then tokens reach the meters, some of them
twice, some changed, with power cuts, and statements come back, some of them changed or old. Now and then a backup is
made, or an earlier one comes back. Every choice comes from the seed, but for the moment at which the system runs each
process.

After each round `office check` must find nothing. Beside it a plain list of all tokens ever seen decides: a number is
one token for ever, a meter has bought exactly the credit of the tokens that it took, and the vault's log settles each
receipt once.
"""

import atexit
import os
import random as randoms
import shutil
import tempfile
from pathlib import Path

from tests import office_of_tests

NAME = "office"
ABOUT = "an office's processes and its vault, killed at any moment; backups that come back; forged statements"
SHORT_CASES = 3
LONG_CASES = 1_400

_ROUNDS = 4
_templates: dict[int, Path] = {}


def run_case(seed: int, tally):
    """Let one office live."""
    office_of_tests.configure()
    from tests.proof.office_world import World

    before = os.environ.pop("DATABASE_URL", None)
    folder = Path(tempfile.mkdtemp(prefix="wp-proof-office-"))
    try:
        world = World(randoms.Random(f"{NAME} {seed}"), template_of_process(), folder / "office", tally)
        try:
            for _ in range(_ROUNDS):
                world.live()
        finally:
            world.close()
    finally:
        shutil.rmtree(folder)
        if before is not None:
            os.environ["DATABASE_URL"] = before
    tally.cases += 1


def template_of_process() -> Path:
    """Return the folder of an office that each case of this process copies."""
    if os.getpid() not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="wp-proof-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _templates[os.getpid()] = office_of_tests.make_template(folder / "office").path
    return _templates[os.getpid()]
