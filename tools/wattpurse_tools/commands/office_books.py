"""The actions of `wattpurse office` that look after the record: import, check, backup and restore."""

import argparse
import json
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from wattpurse_tools.commands import secrets_asked
from wattpurse_tools.commands.office_options import add_office_option, add_person_options, existing, prepare, signed_on
from wattpurse_tools.commands.office_options import tell as say
from wattpurse_tools.utc_texts import rfc3339

if TYPE_CHECKING:
    from wattpurse_tools.office.restoring import Restored

BACKUP_PASSPHRASE = "WATTPURSE_BACKUP_PASSPHRASE"

_LISTED = 10
_IMPORT = """\
Make an office of a vending station: its record, its plain key file, and FILE.sequences beside it. This is done once,
all or nothing, and the files stay as they are. When the office works, destroy the plain key file and all its copies."""
_BACKUP = """\
The backup has the whole record and no keys: the vault is never in it. If WATTPURSE_BACKUP_PASSPHRASE is set, the backup
is sealed with it. The newest backups of the last 7 days, 5 weeks and 12 months that have one are kept."""
_RESTORE = """\
Stop pages and programs of the office first; the vault runs alone (`wattpurse vault serve`). The record of now is kept
aside. Token numbers that were used after the backup, and receipts that were settled since, are known to the vault; the
command lists the facts that are lost."""


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the actions."""
    one = actions.add_parser("import", help="make an office of a vending station of before", description=_IMPORT)
    one.add_argument("record", type=Path, help="the station's record, such as station.db")
    one.add_argument("keys", type=Path, help="its key file, such as keys.json")
    one.add_argument(
        "--older-record", action="store_true", help="take a record that is behind the numbers used with the keys"
    )
    one.add_argument("--name", default="Office", help="name of the office on receipts; default: %(default)s")
    one.add_argument("--manager", action="append", metavar="NAME", help="user name of a manager; two for two persons")
    one.add_argument(
        "--time-zone", default="UTC", metavar="ZONE", help="time zone of the first shop; default: %(default)s"
    )
    add_office_option(one)
    secrets_asked.add_passphrase_option(one)
    _add_json(one)
    one.set_defaults(run=run_import)

    one = actions.add_parser("check", help="prove that ledger, receipts, tokens, meters and keys agree")
    add_person_options(one)
    _add_json(one)
    one.set_defaults(run=run_check)

    one = actions.add_parser("backup", help="back the record up, and remove old backups", description=_BACKUP)
    one.add_argument("--daily", action="store_true", help="do nothing if there is a backup of this UTC day")
    add_office_option(one)
    _add_json(one)
    one.set_defaults(run=run_backup)

    one = actions.add_parser("restore", help="put a backup in the place of the record", description=_RESTORE)
    one.add_argument("file", type=Path, help="the backup")
    one.add_argument(
        "--receipt",
        action="append",
        default=[],
        type=_receipt,
        metavar="SHOP=NUMBER",
        help="the newest receipt of a shop that is known on paper",
    )
    add_person_options(one)
    _add_json(one)
    one.set_defaults(run=run_restore)


def run_import(arguments: Namespace) -> int:
    """Make an office of a station, and print who may log in and the report."""
    folder = prepare(arguments)
    from wattpurse_tools.office import setting_up, taking_over

    plan = setting_up.Plan(
        name=arguments.name, time_zone=arguments.time_zone, managers=arguments.manager or ["manager"]
    )
    files = taking_over.OldFiles(arguments.record, arguments.keys, arguments.older_record)
    people, report = taking_over.take_over(folder, files, secrets_asked.new_passphrase(arguments), plan)
    if arguments.json:
        secrets_of = [
            {"name": one.username, "operator": one.operator, "password": one.password, "pin": one.pin} for one in people
        ]
        say(_document({"people": secrets_of, "report": report.as_dict()}))
        return 0
    rows = report.rows
    say(f"{folder.path}: the station of version {report.version} is an office now. It brought")
    say(f"  meters {rows['meters']}, cards {rows['cards']}, key cards {rows['key_cards']}")
    say(f"  tokens {rows['tokens']}, of which {rows['outstanding']} are not known to be redeemed")
    say(f"  receipts {rows['receipts']}, of which {rows['settled']} are settled; statements {rows['statements']}")
    say(f"  last token numbers of {report.last_numbers} meters; key versions {_list(report.key_versions)}")
    if report.stopped:
        say(f"Nothing is sold to these meters until a card that was there is read: {_list(report.stopped)}")
    say("Who may log in. These secrets are shown once:")
    for one in people:
        say(f"  {one.username}  password {one.password}  PIN {one.pin}  (operator {one.operator})")
    say(
        f"Put the station's card files into {folder.cards}. Destroy the plain key file {arguments.keys} and its copies."
    )
    return 0


def run_check(arguments: Namespace) -> int:
    """Check the books. Return 1 if there is a finding."""
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.office import checking

        checked = checking.check(office, actor)
    if arguments.json:
        say(_document(checked.as_dict()))
    else:
        for one in checked.findings:
            say(f"{one.check}: {one.subject}: {one.words}")
        rows = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in checked.rows.items())
        say(f"{len(checked.findings)} findings in {rows}")
        if checked.stopped:
            say(f"Sales are stopped for these meters: {_list(checked.stopped)}")
    return 1 if checked.findings else 0


def run_backup(arguments: Namespace) -> int:
    """Back the record up. The owner of the folder needs no sign-on for it."""
    folder = existing(arguments)
    from wattpurse_tools.office import backups
    from wattpurse_tools.office.actor import Actor

    owner = Actor(0, "", frozenset({"manage"}))
    passphrase = os.environ.pop(BACKUP_PASSPHRASE, None)
    make = backups.make_daily if arguments.daily else backups.make
    made = make(folder, owner, passphrase)
    if arguments.json:
        say(
            _document(
                {
                    "file": None if made is None else str(made.path),
                    "sealed": made is not None and made.manifest.scrypt is not None,
                    "size": None if made is None else made.manifest.size,
                    "sha256": None if made is None else made.manifest.sha256,
                    "removed": [] if made is None else [path.name for path in made.pruned],
                }
            )
        )
    elif made is None:
        say("There is a backup of today; nothing was done.")
    else:
        how = "sealed" if made.manifest.scrypt is not None else "not sealed, readable for its owner alone"
        say(f"{made.path}: {made.manifest.size:,} bytes of the record, {how}")
        say(f"The vault is not in it: keep copies of {folder.vault}/keys and its passphrase in other places.")
        for path in made.pruned:
            say(f"{path.name}: removed by the rule")
    return 0


def run_restore(arguments: Namespace) -> int:
    """Put a backup in the place of the record, and list the facts that are lost."""
    passphrase = os.environ.pop(BACKUP_PASSPHRASE, None)
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.office import restoring

        restored = restoring.restore(office, actor, arguments.file, passphrase, dict(arguments.receipt))
    if arguments.json:
        say(_document(restored.as_dict() | {"made": rfc3339(restored.made_s)}))
    else:
        _tell_restored(restored)
    return 0


def _tell_restored(restored: "Restored") -> None:
    from wattpurse_tools.office import restoring

    say(f"The record is that of {rfc3339(restored.made_s)} again. The former one is kept: {restored.aside}")
    if restored.former.is_known:
        say(f"Sales after the backup, which are in the former record alone: {len(restored.former.sales)}")
        for sale in restored.former.sales[:_LISTED]:
            amount = f"{sale.gross_microunits / 1_000_000:,.2f} {sale.currency}"
            say(f"  shop {sale.shop}, receipt {sale.receipt_number}: {amount} for meter {sale.meter}")
    else:
        say("The former record cannot be read, so the sales after the backup are not known.")
    for shop, (first, last) in restored.receipts.items():
        say(f"Shop {shop} goes on after receipt {last}; receipts {first} to {last} are not in the record.")
    say(f"Receipts of meters that the vault had settled since: {restored.settled}")
    say(f"Tokens that the vault made since: {len(restored.tokens)}")
    for lost in restored.tokens[:_LISTED]:
        say(f"  meter {lost.meter}, {lost.purpose}, {rfc3339(lost.made_s)}: {lost.words}")
    if restored.stopped:
        say("Nothing is sold to these meters until a card that was there is read, and `wattpurse meter resume`:")
        say(f"  {_list(restored.stopped)}")
    say("Nobody can know: " + "; ".join(restoring.UNKNOWN) + ".")


def _document(values: dict) -> str:
    return json.dumps(values, indent=2)


def _receipt(text: str) -> tuple[int, int]:
    shop, _, number = text.partition("=")
    if not shop.isdecimal() or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: write the numbers of shop and receipt, such as 1=412")
    return int(shop), int(number)


def _list(numbers: "list[int] | tuple[int, ...]") -> str:
    return ", ".join(map(str, numbers))


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON document")
