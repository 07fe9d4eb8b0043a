"""The processes of `wattpurse headend` that work in rounds: the engine of managed accounts, and the payment worker.

The other processes of the head-end end by the same signals, and open the office in the same way.
"""

import signal
import sys
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from wattpurse_tools import private_files
from wattpurse_tools.commands.office_options import add_office_option, existing, tell, warn
from wattpurse_tools.vault.client import VaultClient

if TYPE_CHECKING:
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office

VAULT_S = 60.0
ROUND_S = 0.5
OUTAGE_S = 2.0
LONGEST_ROUND_S = 86_400.0
THOROUGH_S = 60


def add_engine(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend engine`."""
    _add_options(parser)
    parser.set_defaults(run=run_engine)


def add_payments(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend payments`."""
    _add_options(parser)
    parser.set_defaults(run=run_payments)


def run_engine(arguments: Namespace) -> int:
    """Work on all accounts that have something due, again and again, until SIGINT or SIGTERM."""
    office = office_of(arguments)
    from wattpurse_tools.headend import engine

    def work(actor: "Actor", now_s: int) -> object:
        return engine.run_round(office, actor, now_s)

    return run_rounds(arguments, office, "engine", work)


def run_payments(arguments: Namespace) -> int:
    """Sell for the payments that came in, again and again, until SIGINT or SIGTERM.

    Once a minute it also looks at payments that wait for something else, and ends the days of the online shop.
    """
    office = office_of(arguments)
    from wattpurse_tools.headend import online_shop, payments, refunds, rounds

    thorough_s = 0

    def work(actor: "Actor", now_s: int) -> None:
        nonlocal thorough_s
        is_thorough = now_s - thorough_s >= THOROUGH_S
        refunds.work(office.folder, actor, now_s)
        payments.work(office, actor, now_s, is_thorough)
        if is_thorough:
            online_shop.close_days(office, actor, now_s)
            thorough_s = now_s
        rounds.ended(rounds.PAYMENTS, now_s)

    return run_rounds(arguments, office, "payment worker", work)


def run_rounds(arguments: Namespace, office: "Office", name: str, work: "Callable[[Actor, int], object]") -> int:
    """Do `work(actor, now_s)` in rounds until SIGINT or SIGTERM. Faults of database and vault are waited out."""
    from django.db import Error, close_old_connections, connection

    from wattpurse_tools.headend.signing_on import HeadendOperator
    from wattpurse_tools.vault.interface import SignOnNeeded, VaultClosed

    pin = private_files.read(arguments.pin_file).decode().strip() if arguments.pin_file else None
    operator = HeadendOperator(office, arguments.operator, pin)
    is_ended, pause = ended_by_signal(), threading.Event()
    tell(f"{name}: works in rounds of {arguments.every:g} s")
    while not is_ended():
        rest_s = arguments.every
        try:
            close_old_connections()
            work(operator.actor(), int(time.time()))
        except SignOnNeeded:
            continue  # the ticket has ended in the middle of a round
        except (VaultClosed, Error) as error:
            warn(f"{name}: waits: {type(error).__name__}: {' '.join(str(error).split())}")
            connection.close()
            rest_s = OUTAGE_S
        sys.stdout.flush()
        pause.wait(rest_s)
    return 0


def office_of(arguments: Namespace) -> "Office":
    """Return the office that the options name, with its vault behind the socket."""
    folder = existing(arguments)
    from wattpurse_tools.office.office import Office

    return Office(folder, VaultClient(folder.socket, VAULT_S))


def round_seconds(text: str) -> float:
    """Return the seconds between two rounds. Raise ArgumentTypeError for a time that is none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_ROUND_S:
        raise ArgumentTypeError(f"{text!r}: write seconds above 0, at most {LONGEST_ROUND_S:.0f}, such as {ROUND_S:g}")
    return seconds


def add_every(parser: ArgumentParser, text: str) -> None:
    """Add --every."""
    parser.add_argument("--every", type=round_seconds, default=ROUND_S, metavar="S", help=text)


def ended_by_signal() -> Callable[[], bool]:
    """Return a function that tells if SIGINT or SIGTERM has come. The main thread calls this."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return lambda: bool(came)


def _add_options(parser: ArgumentParser) -> None:
    add_office_option(parser)
    add_every(parser, "seconds between two rounds; default: %(default)s")
    text = "the operator of the process, with --pin-file; without one it acts as the Unix user"
    parser.add_argument("--operator", type=int, metavar="NUMBER", help=text)
    parser.add_argument("--pin-file", type=Path, metavar="FILE", help="a file with the PIN of --operator")
