"""A process that runs rounds: `python engine_process.py FOLDER NOW_S ROUNDS STEP`.

With a STEP above 0 it ends by `os._exit` when it reaches that step for the first time: the steps are the calls of the
functions in STEPS, counted over all of them.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

KILLED = 70


def steps():
    """Return the functions at which a process may die, as (module, name)."""
    from wattpurse_tools.headend import accounts, charging, command_queue, outbox, permits, switching
    from wattpurse_tools.office import audit

    return (
        (accounts, "post_new"),
        (charging, "charge"),
        (charging, "post_new"),
        (accounts, "settle_wish"),
        (switching, "make_tokens"),
        (permits, "make_tokens"),
        (command_queue, "queue"),
        (outbox, "put"),
        (audit, "note"),
    )


class Killer:
    """Steps that are counted before and after each call. The `last` of them calls `die`."""

    def __init__(self, last, die):
        self.count = 0
        self._last = last
        self._die = die

    def wrapped(self, function):
        """Return the function with a step before and a step after it."""

        def call(*words, **further):
            self._step()
            found = function(*words, **further)
            self._step()
            return found

        return call

    def _step(self):
        self.count += 1
        if self.count == self._last:
            self._die()


def main(path, now_s, rounds, step):
    """Run rounds."""
    from tests.office_of_tests import configure

    configure()
    from wattpurse_tools.headend import engine
    from wattpurse_tools.headend.signing_on import HeadendOperator
    from wattpurse_tools.office.office import open_office
    from wattpurse_tools.record.office_folder import OfficeFolder
    from wattpurse_tools.vault.client import VaultClient

    folder = OfficeFolder(path)
    killer = Killer(step, lambda: os._exit(KILLED))
    for module, name in steps():
        setattr(module, name, killer.wrapped(getattr(module, name)))
    with open_office(folder, VaultClient(folder.socket)) as office:
        operator = HeadendOperator(office)
        for _ in range(rounds):
            engine.run_round(office, operator.actor(), now_s)
    print(killer.count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
