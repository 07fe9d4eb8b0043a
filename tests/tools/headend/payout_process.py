"""A process that pays 6.00 EUR out of the wallet of customer 101: `python payout_process.py FOLDER WAY APPROVAL FAULT`.

FAULT names the step at which the process is killed: see `FAULTS`. With "none" it ends its work.
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

from tests.tools.headend.payment_process import NO_FAULT, at_work  # noqa: E402
from tests.tools.headend.wallet_process import kill_after  # noqa: E402

FAULTS = ("locked", "taken out", "booked", "trail", "committed")


def plant(fault: str) -> None:
    """Let this process be killed at a step."""
    from wattpurse_tools.headend import payouts

    places = {
        "locked": (payouts.wallets, "locked"),
        "taken out": (payouts.wallets, "taken_out"),
        "booked": (payouts, "post_new"),
        "trail": (payouts.audit, "note"),
        "committed": (payouts, "pay_out"),
    }
    if fault != NO_FAULT:
        kill_after(*places[fault])


def main(path: str, way: str, approval: str, fault: str) -> None:
    """Pay out, and print the entry."""
    with at_work(path, lambda: plant(fault)) as (office, actor):
        from wattpurse_tools.headend import payouts

        asked = payouts.Payout(101, 6_000_000, way, "moves away", "k1")
        print(payouts.pay_out(office, actor, asked, int(time.time()), approval or None).pk)


if __name__ == "__main__":
    main(*sys.argv[1:])
