"""`wattpurse headend`: the processes that work on the office's record for meters at a broker.

Each action is a module or a pair of functions in `_ACTIONS`: one adds its options, and sets the default `run`.
"""

import argparse
import signal
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from wattpurse_tools.commands import headend_payments, headend_rounds, headend_sender, headend_start
from wattpurse_tools.commands.office_options import add_office_option, existing, tell
from wattpurse_tools.vault.client import VaultClient

VAULT_S = 60.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `headend` and its actions."""
    parser = subparsers.add_parser("headend", help="processes for meters at a broker, payments and messages")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, (text, add_options) in _ACTIONS.items():
        add_options(actions.add_parser(name, help=text))


def run_worker(arguments: Namespace) -> int:
    """Take messages from a broker into the record until SIGINT or SIGTERM."""
    folder = existing(arguments)
    from wattpurse_tools.headend.broker_link import Access, BrokerLink
    from wattpurse_tools.headend.worker import Worker, topics
    from wattpurse_tools.office.office import Office

    file = arguments.password_file
    access = Access(arguments.broker, arguments.user, file.read_text().strip() if file else None, arguments.ca)
    is_ended = ended_by_signal()
    with BrokerLink(access, arguments.name, topics(arguments.group)) as link:
        tell(f"worker {arguments.name}: takes messages from {arguments.broker}")
        worker = Worker(Office(folder, VaultClient(folder.socket, VAULT_S)), link)
        worker.run(is_ended)
    counts = worker.counts
    tell(f"worker {arguments.name}: {counts.statements} statements, {counts.sent} tokens, {counts.set_aside} set aside")
    return 0


def ended_by_signal() -> Callable[[], bool]:
    """Return a function that tells if SIGINT or SIGTERM has come. The main thread calls this."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return lambda: bool(came)


def add_broker_options(parser: ArgumentParser) -> None:
    """Add the options of a link to a broker."""
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the broker")
    parser.add_argument("--user", metavar="NAME", help="the user at the broker")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="a file with the password")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the certificate of the authority in PEM: use TLS")


def _add_worker(parser: ArgumentParser) -> None:
    add_office_option(parser)
    add_broker_options(parser)
    name = f"wattpurse-{socket.gethostname()}"
    text = "the name of its session at the broker, one for each worker; default: wattpurse- and the host's name"
    parser.add_argument("--name", default=name, metavar="NAME", help=text)
    text = "the group of workers that share the messages; default: %(default)s"
    parser.add_argument("--group", default="headend", metavar="NAME", help=text)
    parser.set_defaults(run=run_worker)


_ACTIONS: dict[str, tuple[str, Callable[[ArgumentParser], None]]] = {
    "worker": ("take messages of meters into the record, and send them waiting tokens", _add_worker),
    "start": ("set an office up if there is none, and serve it with all of the head-end", headend_start.add_start),
    "engine": ("keep the managed accounts: charges, permits, orders to the switch", headend_rounds.add_engine),
    "payments": ("sell for the payments that came in", headend_rounds.add_payments),
    "meter": ("give meters users at the broker of this computer", headend_start.add_meter),
    "status": ("show figures of the head-end", headend_start.add_status),
    "provider": ("payment providers and banks with their secrets", headend_payments.add_provider),
    "bank-statement": ("record the payments of a bank statement", headend_payments.add_statement),
    "sender": ("write to customers by mail, SMS and web hook, and answer their SMS", headend_sender.add_sender),
}
