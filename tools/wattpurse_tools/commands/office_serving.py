"""The actions of `wattpurse office` that make an office, bring its tables up to date, serve it and show its state."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wattpurse_tools.commands import secrets_asked
from wattpurse_tools.commands.office_options import add_office_option, existing, prepare, tell, warn
from wattpurse_tools.pages import supervisor
from wattpurse_tools.pages.settings import LANGUAGES
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault import server as vault_server
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import VaultClosed

if TYPE_CHECKING:
    from wattpurse_tools.office.setting_up import NewPerson

DEFAULT_PORT = 8017

_LOOPBACK = "127.0.0.1"
_LANGUAGES = tuple(code for code, _ in LANGUAGES)
_DEMO_NAME = "Demo"
_DEMO_MANAGERS = ["manager", "second"]


def add_actions(actions: _SubParsersAction) -> None:
    """Add the actions."""
    start = actions.add_parser("start", help="set an office up if there is none, and serve it")
    add_setting_up(start)
    add_serving(start)
    start.set_defaults(run=run_start)

    init = actions.add_parser("init", help="set an office up")
    add_setting_up(init)
    secrets_asked.add_passphrase_option(init)
    init.set_defaults(run=run_init)

    serve = actions.add_parser("serve", help="start vault and pages; Ctrl-C or SIGTERM ends both")
    add_office_option(serve)
    add_serving(serve)
    serve.set_defaults(run=run_serve)

    migrate = actions.add_parser("migrate", help="change the tables of an older office into those of this program")
    add_office_option(migrate)
    migrate.set_defaults(run=run_migrate)

    status = actions.add_parser("status", help="show the state of record, vault and pages")
    add_office_option(status)
    status.add_argument("--json", action="store_true", help="print a JSON document")
    status.set_defaults(run=run_status)


def run_start(arguments: Namespace) -> int:
    """Set an office up if there is none, and serve it."""
    folder = prepare(arguments)
    passphrase = None
    if not folder.secret.exists():
        passphrase = set_up(folder, arguments)
    return serve(folder, arguments, passphrase)


def run_init(arguments: Namespace) -> int:
    """Set an office up."""
    folder = prepare(arguments)
    set_up(folder, arguments)
    tell("Serve it with: wattpurse office serve")
    return 0


def run_serve(arguments: Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    return serve(existing(arguments), arguments, None)


def run_migrate(arguments: Namespace) -> int:
    """Change the tables."""
    existing(arguments)
    from wattpurse_tools.pages.office_checks import site_of_record, waiting_migrations

    site_of_record()
    waiting = waiting_migrations()
    office_folder.migrate()
    tell("Changed: " + ", ".join(waiting) if waiting else "The tables are those of this program; nothing was changed.")
    return 0


def run_status(arguments: Namespace) -> int:
    """Print the state. Return 1 unless record and vault are fit to serve."""
    folder = existing(arguments)
    from wattpurse_tools.pages.office_state import state_of

    state = state_of(folder)
    if arguments.json:
        tell(json.dumps(state, indent=2))
    else:
        for name, value in state.items():
            tell(f"{name.replace('_', ' ')}: {_text(value)}")
    return 0 if state["is_fit"] else 1


def set_up(folder: OfficeFolder, arguments: Namespace) -> str:
    """Set an office up, print who may log in, and return the passphrase."""
    from wattpurse_tools.office import setting_up, trials
    from wattpurse_tools.vault import setup

    plan = setting_up.Plan(
        name=arguments.name or (_DEMO_NAME if arguments.demo else "Office"),
        currency=arguments.currency,
        decimals=arguments.decimals,
        language=arguments.language,
        time_zone=arguments.time_zone,
        managers=arguments.manager or (_DEMO_MANAGERS if arguments.demo else ["manager"]),
        is_shell_trusted=not arguments.pin_only,
    )
    if arguments.demo and arguments.key_file is not None:
        raise ValueError("a demo makes keys of its own; leave --from or --demo out")
    if arguments.demo or arguments.trial:
        passphrase, people = trials.set_up_trial(folder, plan, arguments.key_file)
        if arguments.demo:
            people += _build_demo(folder, passphrase, people)
    else:
        keys = arguments.key_file
        make_vault = setup.create if keys is None else setting_up.vault_of_vending_point(keys)
        passphrase = secrets_asked.new_passphrase(arguments)
        people = setting_up.set_up(folder, passphrase, plan, make_vault)
    tell(f"{folder.path}: the office is set up.")
    _tell_people(people)
    if arguments.demo or arguments.trial:
        tell("This office is to try things on: its passphrase lies in its folder. Let it keep no secrets.")
    else:
        tell("Keep the passphrase in a safe place: without it nobody reads the keys of the site.")
    return passphrase


def _build_demo(folder: OfficeFolder, passphrase: str, people: "list[NewPerson]") -> "list[NewPerson]":
    """Make the site of the demo, and return its further people."""
    from django.db import connections

    from wattpurse_tools.office import demo, trials
    from wattpurse_tools.office.office import Office

    with trials.trial_vault(folder, passphrase) as vault:
        added = demo.build(Office(folder, vault), people)
    connections.close_all()
    return list(added)


def _tell_people(people: "list[NewPerson]") -> None:
    tell("Who may log in. These secrets are shown once; each person changes them on the own page:")
    for one in people:
        tell(f"  {one.username}  password {one.password}  PIN {one.pin}  (operator {one.operator})")
    tell("A manager needs an app for one-time codes at the first login, such as one on a telephone.")


def serve(
    folder: OfficeFolder,
    arguments: Namespace,
    passphrase: str | None,
    further: Sequence[supervisor.Child] = (),
    lines: Sequence[str] = (),
) -> int:
    """Start vault, pages and further processes, and keep them alive until SIGINT or SIGTERM. Tell `lines` once."""
    vault_server.harden()
    office_folder.open_record(folder)
    if arguments.own_vault:
        passphrase = None
    elif _is_vault_there(folder):
        raise ValueError(f"{folder.socket}: a vault serves here already; serve the pages alone with --own-vault")
    else:
        passphrase = passphrase or folder.passphrase_of_trial() or secrets_asked.passphrase(arguments)
    listener = supervisor.listen(_LOOPBACK, arguments.port)
    address = f"http://{_LOOPBACK}:{listener.getsockname()[1]}"

    def when_ready() -> None:
        tell(f"The office is at {arguments.public_url or address}" + _served_behind(arguments.public_url, address))
        tell(f"Who may log in: {_names_of_people()}. Ctrl-C ends all processes.")
        for line in lines:
            tell(line)

    with listener:
        supervisor.Supervisor(folder, listener, passphrase, arguments.public_url, warn, further).run(when_ready)
    tell("The office is closed.")
    return 0


def _served_behind(public_url: str | None, address: str) -> str:
    return "" if public_url is None else f" (the proxy with TLS asks {address})"


def _names_of_people() -> str:
    from wattpurse_tools.record.models import User

    rows = User.objects.filter(is_active=True).exclude(operator=None).order_by("operator")
    people = [f"{name} ({role})" for name, role in rows.values_list("username", "role")[:8]]
    more = rows.count() - len(people)
    return ", ".join(people) + (f" and {more} more" if more else "")


def _is_vault_there(folder: OfficeFolder) -> bool:
    try:
        VaultClient(folder.socket).fingerprint()
    except VaultClosed:
        return False
    return True


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def add_setting_up(parser: ArgumentParser) -> None:
    add_office_option(parser)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--demo", action="store_true", help="make a site with shops, meters and a year of sales to try")
    kinds.add_argument(
        "--trial", action="store_true", help="make an empty office to try: it has its passphrase in a file"
    )
    text = "take the keys of a vending point from its key file"
    parser.add_argument("--from", dest="key_file", type=Path, metavar="KEYFILE", help=text)
    parser.add_argument("--name", help="name of the office on receipts")
    parser.add_argument(
        "--manager",
        action="append",
        metavar="NAME",
        help="user name of a manager; with two of them, a change of weight needs two persons",
    )
    parser.add_argument("--currency", default="EUR", metavar="CODE", help="currency; default: %(default)s")
    parser.add_argument("--decimals", type=int, default=2, metavar="N", help="its decimals; default: %(default)s")
    parser.add_argument(
        "--language",
        default="en",
        choices=_LANGUAGES,
        metavar="CODE",
        help=f"language of the first shop: {', '.join(_LANGUAGES)}",
    )
    parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="time zone of the first shop")
    parser.add_argument(
        "--pin-only", action="store_true", help="this Unix user signs on with a PIN too, as all others do"
    )


def add_serving(parser: ArgumentParser) -> None:
    secrets_asked.add_passphrase_option(parser)
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, metavar="N", help="port; 0: any; default: %(default)s"
    )
    parser.add_argument(
        "--public-url", metavar="URL", help="https address of the pages, if a proxy with TLS on this computer serves it"
    )
    parser.add_argument(
        "--own-vault", action="store_true", help="start the pages alone: `wattpurse vault serve` runs by itself"
    )
