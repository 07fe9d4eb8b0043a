"""`wattpurse headend`: the processes that work on the office's record for meters at a broker.

Each action is a module or a pair of functions in `_ACTIONS`: one adds its options, and sets the default `run`.
"""

import argparse
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from wattpurse_tools.commands import headend_account, headend_payments, headend_rounds, headend_sender, headend_start
from wattpurse_tools.commands.broker_options import access_of, add_broker_options
from wattpurse_tools.commands.headend_rounds import ended_by_signal, office_of
from wattpurse_tools.commands.office_options import add_office_option, tell

if TYPE_CHECKING:
    from wattpurse_tools.headend.broker_link import WorkerLink

AMQP = ("amqp://", "amqps://")
# A batch is one transaction, and SQLite has one writer at a time: payments and web hooks wait for its end.
SQLITE_BATCH = 50


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `headend` and its actions."""
    parser = subparsers.add_parser("headend", help="processes for meters at a broker, payments and messages")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, (text, add_options) in _ACTIONS.items():
        add_options(actions.add_parser(name, help=text))


def run_worker(arguments: Namespace) -> int:
    """Take messages from a broker into the record until SIGINT or SIGTERM."""
    office = office_of(arguments)
    from wattpurse_tools.headend.garbage import collect_seldom
    from wattpurse_tools.headend.worker import BATCH, Worker

    is_ended = ended_by_signal()
    with _link_of(arguments) as link:
        tell(f"worker {arguments.name}: takes messages from {arguments.broker}")
        worker = Worker(office, link, batch=SQLITE_BATCH if office.folder.is_sqlite else BATCH)
        collect_seldom()
        worker.run(is_ended)
    counts = worker.counts
    tell(f"worker {arguments.name}: {counts.statements} statements, {counts.sent} tokens, {counts.set_aside} set aside")
    return 0


def _link_of(arguments: Namespace) -> "WorkerLink":
    """Return the link that the address of the broker asks for: MQTT, or AMQP to a cluster of RabbitMQ."""
    from wattpurse_tools.headend import ingest, worker
    from wattpurse_tools.headend.broker_link import BrokerLink

    access = access_of(arguments)
    if not arguments.broker.startswith(AMQP):
        return BrokerLink(access, arguments.name, worker.topics(arguments.group))
    try:
        from wattpurse_tools.headend.amqp_link import AmqpLink
    except ImportError:
        raise ValueError("AMQP needs the package pika; type: .venv/bin/pip install 'wattpurse[amqp]'") from None
    return AmqpLink(access, arguments.group, ingest.NAMES)


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
    "account": ("list, open, change and close managed accounts, and take their deposits", headend_account.add_account),
    "payments": ("sell for the payments that came in", headend_rounds.add_payments),
    "meter": ("give meters users at the broker of this computer", headend_start.add_meter),
    "status": ("show figures of the head-end", headend_start.add_status),
    "provider": ("payment providers and banks with their secrets", headend_payments.add_provider),
    "bank-statement": ("record the payments of a bank statement", headend_payments.add_statement),
    "sender": ("write to customers by mail, SMS and web hook, and answer their SMS", headend_sender.add_sender),
}
