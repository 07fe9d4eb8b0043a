"""A process that works on payments: `python payment_process.py FOLDER FAULT`.

FAULT names the step at which the process is killed: see `FAULTS`. With "none" it works until nothing is new.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

NO_FAULT = "none"
FAULTS = ("receipt", "token", "ledger", "queue", "message", "payment", "committed", "suspense")


def die(*_: object, **__: object) -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def plant(fault: str) -> None:
    """Let this process be killed at a step."""
    from wattpurse_tools.headend import command_queue, outbox, payments
    from wattpurse_tools.office import sales
    from wattpurse_tools.record.models import Payment

    if fault == "receipt":
        sales.write_receipt = die
    if fault == "token":
        sales.tariff_rides.made = die
    if fault == "ledger":
        sales.post_new = die
    if fault == "queue":
        command_queue.queue = die
    if fault == "message":
        outbox.put = die
    if fault == "payment":
        Payment.save = die
    if fault == "suspense":
        payments.post_step = die
    if fault == "committed":
        work_on = payments.work_on

        def work_and_die(*words: object) -> bool:
            work_on(*words)
            die()
            return True

        payments.work_on = work_and_die


@contextmanager
def at_work(path: str, plant_fault: Callable[[], None]) -> "Iterator[tuple[Office, Actor]]":
    """Open the office of a folder for a `with` block, after a fault is planted, and sign on as this Unix user."""
    from tests.office_of_tests import configure

    configure()
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import open_office
    from wattpurse_tools.record.office_folder import OfficeFolder
    from wattpurse_tools.vault.client import VaultClient

    plant_fault()
    folder = OfficeFolder(path)
    keys = VaultClient(folder.socket)
    actor = Actor.of(keys.sign_on_as_user())
    with open_office(folder, keys) as office:
        yield office, actor


def main(path: str, fault: str) -> None:
    """Work on payments, and print the number of each that was worked on here."""
    with at_work(path, lambda: plant(fault)) as (office, actor):
        from wattpurse_tools.headend import payments

        done = 1
        while done:
            done = payments.work(office, actor, int(time.time()))
            print(done, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
