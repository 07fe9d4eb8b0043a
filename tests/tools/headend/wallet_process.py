"""A process that works on wallets: `python wallet_process.py FOLDER WORK FAULT`.

WORK is "payments", or "cash" to pay 2.00 EUR into the wallet of customer 101 under the key "k1". FAULT names the step
at which the process is killed: see `IN_FAULTS`, `OUT_FAULTS` and `CASH_FAULTS`. With "none" it ends its work.
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

from tests.tools.headend.payment_process import NO_FAULT, at_work, die  # noqa: E402

IN_FAULTS = ("opened", "taken in", "booked in", "state", "committed")
OUT_FAULTS = ("taken out", "receipt", "queue", "booked out", "state", "committed")
CASH_FAULTS = ("opened", "taken in", "cash booked", "trail", "cash committed")


def kill_after(owner: object, name: str) -> None:
    """Let this process be killed when a function has done its work."""
    known = getattr(owner, name)

    def run_and_die(*words: object, **names: object) -> None:
        known(*words, **names)
        die()

    setattr(owner, name, run_and_die)


def plant(fault: str) -> None:
    """Let this process be killed at a step."""
    from wattpurse_tools.headend import command_queue, payments, wallets
    from wattpurse_tools.office import sales
    from wattpurse_tools.record.models import Payment

    places = {
        "opened": (wallets, "open_wallet"),
        "taken in": (wallets, "taken_in"),
        "booked in": (payments, "post_step"),
        "taken out": (wallets, "taken_out"),
        "receipt": (sales, "write_receipt"),
        "queue": (command_queue, "queue"),
        "booked out": (payments, "post_step"),
        "state": (Payment, "save"),
        "committed": (payments, "work_on"),
        "cash booked": (wallets, "post"),
        "trail": (wallets.audit, "note"),
        "cash committed": (wallets, "pay_in_cash"),
    }
    if fault != NO_FAULT:
        kill_after(*places[fault])


def main(path: str, work: str, fault: str) -> None:
    """Work on payments until nothing is new, or pay cash in."""
    with at_work(path, lambda: plant(fault)) as (office, actor):
        from wattpurse_tools.headend import payments, wallets

        if work == "cash":
            print(wallets.pay_in_cash(office, actor, 101, 2_000_000, "k1", int(time.time())).pk)
            return
        while payments.work(office, actor, int(time.time())):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
