"""`wattpurse headend`: the processes of the head-end."""

import argparse
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from wattpurse_tools.commands.office_options import add_office_option, existing, tell, warn

if TYPE_CHECKING:
    from wattpurse_tools.headend.delivery import Transport

_DESCRIPTION = """\
The head-end works on the record of an office: it takes in what meters send, keeps managed accounts, and writes to
customers. docs/headend-notify.md describes the sender."""

_ROUND_S = 2.0
_WATCH_S = 60


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `headend` and its actions."""
    parser = subparsers.add_parser("headend", help="run the processes of the head-end", description=_DESCRIPTION)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for add in _ACTIONS:
        add(actions)


def _add_sender(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sender = actions.add_parser("sender", help="send messages to customers; Ctrl-C or SIGTERM ends it")
    add_office_option(sender)
    sender.add_argument("--once", action="store_true", help="send the messages whose time has come, and end")
    sender.add_argument("--test", metavar="ADDRESS", help="send one mail to this address, and end")
    sender.set_defaults(run=run_sender)


def run_sender(arguments: argparse.Namespace) -> int:
    """Send messages until SIGINT or SIGTERM. Return 1 if a test mail was not sent."""
    folder = existing(arguments)
    from wattpurse_tools.headend import settings_file

    settings = settings_file.read(folder)
    transports = settings_file.transports(settings)
    if not transports:
        raise ValueError(f"{folder.path / settings_file.FILE_NAME}: sets no channel up; see docs/headend-notify.md")
    if arguments.test is not None:
        return _send_test(transports, arguments.test)
    if arguments.once:
        _round(transports)
        return 0
    tell(f"The sender sends by {', '.join(transports)}. Ctrl-C ends it.")
    until_stopped(lambda: _round(transports), _ROUND_S)
    return 0


def until_stopped(work: Callable[[], object], pause_s: float) -> None:
    """Do work again and again until SIGINT or SIGTERM. A failure is told, and does not end it."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.is_set():
        try:
            work()
        except (OSError, ValueError) as error:
            warn(f"wattpurse: {error}")
        except _database_error() as error:
            warn(f"wattpurse: the record: {error}")
        stopped.wait(pause_s)


def _database_error() -> type[Exception]:
    from django.db import Error

    return Error


def _round(transports: "dict[str, Transport]") -> None:
    from django.db import close_old_connections

    from wattpurse_tools.headend import delivery

    close_old_connections()
    delivery.run_round(_now_s(), transports, _now_s)


def _send_test(transports: "dict[str, Transport]", address: str) -> int:
    """Send a mail that is not in the record, and print the outcome."""
    from wattpurse_tools.headend.outbox import MAIL, SENT
    from wattpurse_tools.record.models import Message

    if MAIL not in transports:
        raise ValueError("headend.toml: has no section [mail]; see docs/headend-notify.md")
    now_s = _now_s()
    text = "This is a test of the sender of messages.\n"
    message = Message(key=f"test:{now_s}", channel=MAIL, address=address, subject="Test", text=text)
    outcome = transports[MAIL].send(message, now_s)
    if outcome.state == SENT:
        tell(f"The server took a mail to {address}.")
        return 0
    warn(f"wattpurse: the mail was not sent: {outcome.state}: {outcome.trouble}")
    return 1


def _now_s() -> int:
    return int(time.time())


# One row for each action, so that further processes are one line each.
_ACTIONS = (_add_sender,)
