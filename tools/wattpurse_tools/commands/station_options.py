"""The options that all vending commands share: the office folder, the card folder, the operator's card.

The record is that of the office folder, and the keys are in its vault, a process of its own. A person signs on with
the operator's card, or as the Unix user that the vault knows.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.models import User
from wattpurse_tools.record.office_folder import OfficeFolder, folder_of, open_record
from wattpurse_tools.station.actions import cards
from wattpurse_tools.station.actions.keys import refuse_other_vault
from wattpurse_tools.station.reader_cards import Patience
from wattpurse_tools.station.shop import Shop, open_shop
from wattpurse_tools.station.station import Deal, Station
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.files import VaultInUse
from wattpurse_tools.vault.interface import ApprovalNeeded, Keys, SignOnNeeded, VaultClosed

_NOT_NOTED = ("run", "office", "cards", "json", "csv")
CARDS_VARIABLE = "WATTPURSE_CARDS"
_LAY_S = 20.0
_TRIAL_WAIT_S = 10
_TRIAL_PAUSE_S = 0.05


def add_station_options(parser: ArgumentParser) -> None:
    """Add --office."""
    text = "the folder of the office; default: WATTPURSE_OFFICE, or office-data"
    parser.add_argument("--office", type=Path, metavar="DIR", help=text)
    parser.set_defaults(operator=None)


def add_card_folder_options(parser: ArgumentParser) -> None:
    """Add --office and --cards."""
    add_station_options(parser)
    text = "the card folder, or pcsc:NAME for a reader; default: WATTPURSE_CARDS, or the folder cards of the office"
    parser.add_argument("--cards", type=Path, metavar="PLACE", help=text)


def add_selling_options(parser: ArgumentParser) -> None:
    """Add the same, --operator and the options of a second person."""
    add_card_folder_options(parser)
    add_operator_option(parser)
    add_approval_options(parser)


def add_operator_option(parser: ArgumentParser) -> None:
    """Add --operator."""
    text = "the operator's card; without one the Unix user signs on, if the vault knows the user"
    parser.add_argument("--operator", metavar="CARD", help=text)


def add_approval_options(parser: ArgumentParser) -> None:
    """Add --reason, which proposes to a second person, and --approval, which uses an approval."""
    text = "if a second person has to approve this: propose it, with this reason"
    parser.add_argument("--reason", metavar="TEXT", help=text)
    parser.add_argument("--approval", metavar="NUMBER", help="the number of the request that was approved")


def add_card_options(parser: ArgumentParser) -> None:
    """Add the card's name and the options of selling."""
    parser.add_argument("name", help="the card's name")
    add_selling_options(parser)


def add_statement_options(parser: ArgumentParser, text: str) -> None:
    """Add --card, a card whose statement is read, and the options to find it. `text` is the help."""
    parser.add_argument("--card", dest="name", metavar="NAME", help=text)
    add_card_folder_options(parser)
    add_operator_option(parser)


@contextmanager
def connect(folder: OfficeFolder) -> Iterator[Keys]:
    """Yield the vault of an office. Raise VaultClosed, with the command that starts it, if none serves.

    The vault of an office for trials is opened in this process if none serves: its passphrase lies in its folder.
    """
    client = VaultClient(folder.socket)
    if not folder.trial_passphrase.exists() or _serves(client):
        yield client
        return
    with _opened(folder) as vault:
        yield vault


def has_office(arguments: Namespace) -> bool:
    """Return True if the office folder that the options name has an office."""
    folder = folder_of(arguments.office)
    return not folder.is_sqlite or folder.database.exists()


def deal_of(arguments: Namespace) -> Deal:
    """Return the deal that the options describe."""
    return Deal(approval=arguments.approval)


@contextmanager
def open_shop_of(arguments: Namespace) -> Iterator[Shop]:
    """Open the office that the options name, and sign on, for a `with` block.

    An action that needs a second person is proposed if a reason is given.
    """
    folder = folder_of(arguments.office)
    if not has_office(arguments):
        raise ValueError(f"{folder.path}: there is no office here; set one up with: wattpurse office init")
    with connect(folder) as keys:
        open_record(folder)
        refuse_other_vault(keys)
        shop = open_shop(keys, _card_place(arguments, folder), None, arguments.operator, _patience())
        if arguments.operator is None:
            _sign_on_as_user(shop.station)
        try:
            yield shop
        except ApprovalNeeded as error:
            raise ValueError(_proposed(shop.station, error, arguments)) from error
        _note(shop, arguments)


@contextmanager
def open_station(arguments: Namespace) -> Iterator[Station]:
    """Open the record that the options name, and sign on, for a `with` block."""
    with open_shop_of(arguments) as shop:
        yield shop.station


def statement_of(arguments: Namespace) -> dict | None:
    """Return the statement on the card that the options name, or None if it has none."""
    with open_shop_of(arguments) as shop:
        return cards.read(shop, arguments.name).document["statement"]


def actor_of(shop: Shop) -> Actor:
    """Return the person who has signed on, with the shop that the person belongs to."""
    person = shop.station.person
    if person is None:
        raise ValueError("nobody has signed on; name your operator's card with --operator CARD")
    user = User.objects.select_related("shop").filter(operator=person.operator).first()
    number = None if user is None or user.shop is None else user.shop.number
    return Actor.of(person, number)


def _card_place(arguments: Namespace, folder: OfficeFolder) -> str | Path:
    """Return the place of the cards that the options or WATTPURSE_CARDS name, or the card folder of the office."""
    return getattr(arguments, "cards", None) or os.environ.get(CARDS_VARIABLE) or folder.cards


def _ask(line: str) -> None:
    """Ask the person at the terminal for a card."""
    print(line, file=sys.stderr, flush=True)


def _patience() -> Patience:
    """Return the time that a person at a terminal gets to lay a card on a reader."""
    return Patience(_LAY_S if sys.stdin is not None and sys.stdin.isatty() else 0.0, _ask)


def _note(shop: Shop, arguments: Namespace) -> None:
    """Note the command of a person in the audit trail, with its words."""
    if shop.station.person is None:
        return
    words = {
        name: str(value)
        for name, value in vars(arguments).items()
        if name not in _NOT_NOTED and value not in (None, False, "", [])
    }
    with transaction.atomic():
        audit.note(actor_of(shop), "command", _name_of(arguments), words=words)


def _name_of(arguments: Namespace) -> str:
    """Return the name of a command, such as "card topup": its module and its function say it."""
    module = arguments.run.__module__.rpartition(".")[2]
    return f"{module} {arguments.run.__name__.removeprefix('run').strip('_')}".replace("_", " ").strip()


def _serves(client: VaultClient) -> bool:
    try:
        client.fingerprint()
    except VaultClosed:
        return False
    return True


def _opened(folder: OfficeFolder) -> Vault:
    """Open the vault of an office for trials. Wait for another command that has it open."""
    passphrase = folder.passphrase_of_trial() or ""
    until = time.monotonic() + _TRIAL_WAIT_S
    while True:
        try:
            return Vault.open(folder.vault, passphrase)
        except VaultInUse:
            if time.monotonic() > until:
                raise
        time.sleep(_TRIAL_PAUSE_S)


def _sign_on_as_user(station: Station) -> None:
    """Sign on as the Unix user. A user whom the vault does not know reads, and has no right to anything."""
    try:
        station.person = station.keys.sign_on_as_user()
    except SignOnNeeded:
        station.person = None


def _proposed(station: Station, error: ApprovalNeeded, arguments: Namespace) -> str:
    reason = getattr(arguments, "reason", None)
    if reason is None:
        return f"{error}; propose it by the same command with: --reason TEXT"
    number = station.keys.propose(station.ticket, error.action, error.document, reason)
    return (
        f"request {number} waits for a second person: wattpurse vault approve {number}; then repeat this command with:"
        f" --approval {number}"
    )
