"""The options and the openings that the actions of `wattpurse office` share."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wattpurse_tools import private_files
from wattpurse_tools.commands import secrets_asked
from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder, folder_of
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import ApprovalNeeded

if TYPE_CHECKING:
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office

_Result = TypeVar("_Result")


def add_office_option(parser: ArgumentParser) -> None:
    """Add --office."""
    parser.add_argument(
        "--office", type=Path, metavar="DIR", help="the folder of the office; default: WATTPURSE_OFFICE, or office-data"
    )


def add_person_options(parser: ArgumentParser) -> None:
    """Add --office, --as and --pin-fd."""
    add_office_option(parser)
    secrets_asked.add_pin_option(parser)
    parser.add_argument(
        "--as", dest="sign_on", type=int, metavar="NUMBER", help="sign on as this operator with a PIN, not as Unix user"
    )


def add_sign_on_options(parser: ArgumentParser) -> None:
    """Add the same, --approval and --reason."""
    add_person_options(parser)
    parser.add_argument("--approval", metavar="REQUEST", help="use this approved request")
    parser.add_argument("--reason", metavar="TEXT", help="propose the change to a second person, for this reason")


def prepare(arguments: Namespace) -> OfficeFolder:
    """Return the folder of the office, with Django configured for it. Nothing that is made here is open to others."""
    os.umask(0o077)
    folder = folder_of(arguments.office)
    office_folder.configure(folder, **page_settings())
    return folder


def existing(arguments: Namespace) -> OfficeFolder:
    """Return the folder of an office that was set up, with its record open."""
    folder = prepare(arguments)
    if not folder.path.is_dir():
        raise ValueError(f"{folder.path}: there is no office here; make one with: wattpurse office init")
    private_files.check_folder(folder.path)
    office_folder.open_record(folder)
    return folder


@contextmanager
def signed_on(arguments: Namespace, lines: secrets_asked.Lines | None = None) -> Iterator[tuple["Office", "Actor"]]:
    """Open an office for a `with` block, with the person who works on it. `lines` has further PINs behind the own."""
    folder = existing(arguments)
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office

    keys = VaultClient(folder.socket)
    if arguments.sign_on is None:
        session = keys.sign_on_as_user()
    else:
        pin = secrets_asked.pin(lines or secrets_asked.pin_lines(arguments), f"PIN of operator {arguments.sign_on}")
        session = keys.sign_on(arguments.sign_on, pin)
    try:
        yield Office(folder, keys), Actor.of(session)
    finally:
        keys.sign_off(session.ticket)


def do_or_propose(arguments: Namespace, act: Callable[["Office", "Actor"], _Result]) -> _Result | None:
    """Return the result of an action. If it needs a second person and a reason was given, propose it."""
    with signed_on(arguments) as (office, actor):
        try:
            return act(office, actor)
        except ApprovalNeeded as needed:
            if arguments.reason is None:
                raise ValueError(f"{needed}; propose it with --reason TEXT") from None
            number = office.keys.propose(actor.ticket, needed.action, needed.document, arguments.reason)
    tell(f"Request {number} waits for another operator, who approves it with: wattpurse vault approve {number}")
    tell(f"Then give this command again, with --approval {number} in place of --reason.")
    return None


def tell(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def warn(line: str) -> None:
    """Print a line on standard error at once."""
    print(line, file=sys.stderr, flush=True)
