"""`wattpurse vault`: make, start and govern the process that holds the keys."""

import os
import pwd
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from wattpurse_tools.commands import secrets_asked
from wattpurse_tools.utc_texts import time_text
from wattpurse_tools.vault import server, setup
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.hsm import ModulePlace
from wattpurse_tools.vault.interface import RIGHTS, ApprovalNeeded, Limits, LogEntry, Operator, Session
from wattpurse_tools.vault.places import DEFAULT_OFFICE, OFFICE_VARIABLE, default_office, folder_of, socket_of
from wattpurse_tools.vault.sealed_document import Cost

_DESCRIPTION = """\
The vault is a process of its own: the only one that has the keys of the site and its token numbers. The office, its web
pages and the other subcommands ask it at its socket. It holds each operator to rights and limits, and asks for a second
person for free credit, refunds, keys and the revocation of a vending point."""

_NO_LIMIT = "none"
_NO_USER = "none"
_CONNECT_ONLY = "0"


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `vault` and its actions."""
    parser = subparsers.add_parser("vault", help="the process that holds the keys", description=_DESCRIPTION)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_init(actions)
    _add_offline(actions)
    _add_people(actions)
    _add_requests(actions)
    _add_log(actions)


def run_init(arguments: Namespace) -> int:
    """Make a vault, or begin anew after a loss."""
    folder = _folder(arguments)
    if arguments.counters_lost or arguments.older_keys:
        return _begin_anew(arguments, folder)
    source = None if arguments.key_file is None else setup.read_source(arguments.key_file)
    place = None
    lines = secrets_asked.pin_lines(arguments)
    passphrase = secrets_asked.new_passphrase(arguments)
    if arguments.library is not None:
        place = ModulePlace(arguments.library, arguments.token, secrets_asked.pin(lines, f"PIN of {arguments.token}"))
    operators = [
        (setup.first_operator(number, name), secrets_asked.new_pin(lines, f"PIN of operator {number}, {name}"))
        for number, name in enumerate(arguments.operator or ["owner"], 1)
    ]
    signs_on = arguments.persons == 1 and not arguments.pin_only
    users = {os.getuid(): operators[0][0].number} if signs_on else {}
    people = setup.People(operators, users, arguments.persons)
    setup.create(folder, passphrase, people, source, place, Cost(n=1 << arguments.work))
    print(f"{folder}: a new vault. Without its passphrase nobody reads the keys: keep the passphrase in a safe place.")
    if arguments.key_file is not None:
        print(
            f"Destroy {arguments.key_file} and all copies of it when the vault serves: it has the keys in plain text."
        )
    print("Start it with: wattpurse vault serve")
    return 0


def run_serve(arguments: Namespace) -> int:
    """Serve until SIGTERM."""
    server.harden()
    vault = Vault.open(_folder(arguments), secrets_asked.passphrase(arguments))
    try:
        path = _socket(arguments)
        server.serve_until_signal(vault, path, lambda: print(f"{path}: the vault serves.", flush=True))
    finally:
        vault.close()
    return 0


def run_passwd(arguments: Namespace) -> int:
    """Change the passphrase."""
    with Vault.open(_folder(arguments), secrets_asked.passphrase(arguments)) as vault:
        renewed = secrets_asked.Lines(arguments.new_fd).next("passphrase") if arguments.new_fd is not None else None
        if renewed is None:
            renewed = secrets_asked.new_passphrase(Namespace(passphrase_fd=None), "New passphrase")
        vault.change_passphrase(renewed, Cost(n=1 << arguments.work))
    print("The passphrase is changed. Copies of the key file that were made before still open with the old one.")
    return 0


def run_persons(arguments: Namespace) -> int:
    """Set the number of persons that a change of weight needs."""
    with Vault.open(_folder(arguments), secrets_asked.passphrase(arguments)) as vault:
        vault.change_persons(arguments.persons)
    print(f"A change of weight needs {arguments.persons} person(s) now.")
    return 0


def run_memory_cards(arguments: Namespace) -> int:
    """Set the most that a key card on a memory card may hold."""
    limit = None if arguments.microunits == _NO_USER else int(arguments.microunits)
    with Vault.open(_folder(arguments), secrets_asked.passphrase(arguments)) as vault:
        vault.change_memory_cards(limit)
    print(f"The most on a memory card: {arguments.microunits}")
    return 0


def run_reset_pin(arguments: Namespace) -> int:
    """Give an operator another PIN without the old one."""
    lines = secrets_asked.pin_lines(arguments)
    with Vault.open(_folder(arguments), secrets_asked.passphrase(arguments)) as vault:
        vault.reset_pin(arguments.operator, secrets_asked.new_pin(lines, f"New PIN of operator {arguments.operator}"))
    print(f"Operator {arguments.operator} has another PIN now.")
    return 0


def run_status(arguments: Namespace) -> int:
    """Print facts about the vault."""
    for name, value in _client(arguments).status().items():
        print(f"{name.replace('_', ' ')}: {_text(value)}")
    return 0


def run_operators(arguments: Namespace) -> int:
    """List the operators."""
    for one in _client(arguments).operators():
        print(_operator_text(one))
    return 0


def run_set_operator(arguments: Namespace) -> int:
    """Add an operator, or change one."""
    client, lines = _client(arguments), secrets_asked.pin_lines(arguments)
    session = _sign_on(client, arguments, lines)
    known = {one.number: one for one in client.operators()}.get(arguments.number)
    if known is None and arguments.name is None:
        raise ValueError(f"operator {arguments.number} is new; name the operator with --name")
    operator = known or Operator(arguments.number, arguments.name, ())
    changes: dict = {} if arguments.name is None else {"name": arguments.name}
    if arguments.rights is not None:
        changes["rights"] = tuple(arguments.rights)
    if arguments.card is not None:
        changes["uid"] = None if arguments.card == _NO_USER else bytes.fromhex(arguments.card)
    if arguments.service is not None:
        changes["active"] = arguments.service == "on"
    operator = replace(operator, limits=_limits(operator.limits, arguments.limit or ()), **changes)
    asks_pin = arguments.new_pin or (known is None and operator.uid is None)
    pin = secrets_asked.new_pin(lines, f"PIN of operator {arguments.number}") if asks_pin else None

    def act() -> None:
        client.set_operator(session.ticket, operator, pin, arguments.approval)

    return _do_or_propose(client, session, arguments, act, _operator_text(operator))


def run_user(arguments: Namespace) -> int:
    """Permit a Unix user to connect, or end that."""
    client = _client(arguments)
    session = _sign_on(client, arguments, secrets_asked.pin_lines(arguments))
    user = int(arguments.user) if arguments.user.isdigit() else _user_number(arguments.user)
    operator = None if arguments.number == _NO_USER else int(arguments.number)

    def act() -> None:
        client.set_user(session.ticket, user, operator, arguments.approval)

    return _do_or_propose(client, session, arguments, act, f"Unix user {user}: operator {arguments.number}")


def run_pin(arguments: Namespace) -> int:
    """Change one's own PIN."""
    client, lines = _client(arguments), secrets_asked.pin_lines(arguments)
    present = secrets_asked.pin(lines, f"Present PIN of operator {arguments.number}")
    session = client.sign_on(arguments.number, present)
    client.set_pin(session.ticket, present, secrets_asked.new_pin(lines, "New PIN"))
    print(f"Operator {arguments.number} has another PIN now.")
    return 0


def run_count(arguments: Namespace) -> int:
    """Continue the token numbers of a meter after a count."""
    client = _client(arguments)
    session = _sign_on(client, arguments, secrets_asked.pin_lines(arguments))

    def act() -> None:
        client.raise_count(session.ticket, arguments.meter, arguments.count, arguments.approval)

    told = f"meter {arguments.meter} continues after count {arguments.count}"
    return _do_or_propose(client, session, arguments, act, told)


def run_requests(arguments: Namespace) -> int:
    """List the requests for a second person."""
    client = _client(arguments)
    session = _sign_on(client, arguments, secrets_asked.pin_lines(arguments))
    for one in client.requests(session.ticket):
        decided = "" if one.decider is None else f" by operator {one.decider}"
        because = f" ({one.decision})" if one.decision else ""
        print(f"{one.number}: {one.words}")
        print(f"    operator {one.proposer} on {time_text(one.proposed_s)}, because: {one.reason}")
        print(f"    {one.state}{decided}{because}")
    return 0


def run_approve(arguments: Namespace) -> int:
    """Approve the request of another operator."""
    client = _client(arguments)
    session = _sign_on(client, arguments, secrets_asked.pin_lines(arguments))
    client.approve(session.ticket, arguments.request)
    print(f"Request {arguments.request} is approved.")
    return 0


def run_deny(arguments: Namespace) -> int:
    """Deny a request."""
    client = _client(arguments)
    session = _sign_on(client, arguments, secrets_asked.pin_lines(arguments))
    client.deny(session.ticket, arguments.request, arguments.reason)
    print(f"Request {arguments.request} is denied.")
    return 0


def run_log(arguments: Namespace) -> int:
    """Print the log."""
    client = _client(arguments)
    since = arguments.since
    while entries := client.log(since):
        for entry in entries:
            print(_entry_text(entry))
        since = entries[-1].number
    return 0


def run_check_log(arguments: Namespace) -> int:
    """Check the chain of the log, without the process."""
    with Vault.open(_folder(arguments), secrets_asked.passphrase(arguments)) as vault:
        lines = vault.check_log()
    print(f"{lines} lines, each with the hash of the line before it. None was changed, removed or put in.")
    return 0


def _begin_anew(arguments: Namespace, folder: Path) -> int:
    passphrase = secrets_asked.passphrase(arguments)
    if arguments.older_keys:
        version = setup.accept_older_keys(folder, passphrase, int(time.time()))
        print(f"{folder}: goes on with this key file; its newest version is {version}.")
        print("Keys, operators and limits that were made after this copy are lost. A lost version is not made again.")
        return 0
    meters = setup.begin_counters_anew(folder, passphrase, int(time.time()))
    print(f"{folder}: the counters begin anew, with the counts of {meters} meters from the log or from an older copy.")
    print(
        "No token is made for a meter until a newer statement of it was read: read cards that have been at the meters."
    )
    return 0


def _do_or_propose(
    client: VaultClient, session: Session, arguments: Namespace, act: Callable[[], None], told: str
) -> int:
    """Run an action. If it needs a second person and a reason was given, propose it."""
    try:
        act()
    except ApprovalNeeded as needed:
        if arguments.reason is None:
            raise ValueError(f"{needed}; propose it with --reason TEXT") from None
        number = client.propose(session.ticket, needed.action, needed.document, arguments.reason)
        print(f"Request {number} waits for another operator, who approves it with: wattpurse vault approve {number}")
        print(f"Then give this command again, with --approval {number} in place of --reason.")
        return 0
    print(told)
    return 0


def _folder(arguments: Namespace) -> Path:
    return arguments.folder or folder_of(arguments.office or default_office())


def _socket(arguments: Namespace) -> Path:
    return arguments.socket or socket_of(arguments.office or default_office())


def _client(arguments: Namespace) -> VaultClient:
    return VaultClient(_socket(arguments))


def _sign_on(client: VaultClient, arguments: Namespace, lines: secrets_asked.Lines | None) -> Session:
    if arguments.sign_on is None:
        return client.sign_on_as_user()
    return client.sign_on(arguments.sign_on, secrets_asked.pin(lines, f"PIN of operator {arguments.sign_on}"))


def _limits(limits: Limits, changes: list[str] | tuple[str, ...]) -> Limits:
    """Return limits with changes such as `day_mwh=5000000` and `token_days=none`."""
    names = [one.name for one in fields(Limits)]
    for change in changes:
        name, equals, value = change.partition("=")
        if name not in names or not equals or not (value.isdigit() or value == _NO_LIMIT):
            raise ValueError(f"{change}: write a limit as NAME=NUMBER or NAME=none, with NAME of: {', '.join(names)}")
        limits = replace(limits, **{name: None if value == _NO_LIMIT else int(value)})
    return limits


def _user_number(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ValueError(f"there is no Unix user {name}") from None


def _operator_text(one: Operator) -> str:
    limits = [f"{name} {value}" for name, value in vars(one.limits).items() if value is not None]
    parts = [f"operator {one.number}: {one.name}", "rights: " + (", ".join(one.rights) or "none")]
    parts += ["limits: " + ", ".join(limits)] if limits else []
    parts += [] if one.uid is None else [f"card {one.uid.hex()}"]
    return "; ".join([*parts, *([] if one.active else ["out of service"])])


def _entry_text(entry: LogEntry) -> str:
    who = "the vault" if entry.operator is None else f"operator {entry.operator}"
    told = ", ".join(f"{name} {_text(value)}" for name, value in entry.details.items())
    return f"{entry.number} {time_text(entry.time_s)} {who}: {entry.action}" + (f" ({told})" if told else "")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(f"{name} {_text(one)}" for name, one in value.items())
    return "none" if value is None else str(value)


def _add_init(actions: _SubParsersAction) -> None:
    init = actions.add_parser("init", help="make a vault, with new keys or with those of a key file")
    _add_places(init)
    secrets_asked.add_passphrase_option(init)
    secrets_asked.add_pin_option(init)
    init.add_argument(
        "--operator", action="append", metavar="NAME", help="an operator with all rights; may be given several times"
    )
    init.add_argument("--persons", type=int, choices=(1, 2), default=1, help="persons that a change of weight needs")
    init.add_argument("--pin-only", action="store_true", help="this Unix user signs on with a PIN, as all others do")
    init.add_argument("--from", dest="key_file", type=Path, metavar="KEYFILE", help="take the keys of a key file")
    init.add_argument("--library", metavar="FILE", help="PKCS#11 library of a module that holds the vending keys")
    init.add_argument("--token", metavar="LABEL", help="label of the token in the module; its PIN comes first")
    _add_work(init)
    lost = init.add_mutually_exclusive_group()
    lost.add_argument("--counters-lost", action="store_true", help="begin the counters anew: the newest copy is lost")
    lost.add_argument("--older-keys", action="store_true", help="go on with an older key file: the newest is lost")
    init.set_defaults(run=run_init)


def _add_offline(actions: _SubParsersAction) -> None:
    """Add the actions of the holder of the passphrase."""
    for name, run, help_text in (
        ("serve", run_serve, "start the vault; it ends with SIGTERM"),
        ("passwd", run_passwd, "change the passphrase; stop the vault before"),
        ("persons", run_persons, "set the persons that a change of weight needs; stop the vault before"),
        (
            "memory-cards",
            run_memory_cards,
            "set the most that a key card on a memory card may hold; stop the vault before",
        ),
        ("reset-pin", run_reset_pin, "give an operator another PIN; stop the vault before"),
        ("check-log", run_check_log, "check the log; stop the vault before"),
    ):
        parser = actions.add_parser(name, help=help_text)
        _add_places(parser)
        secrets_asked.add_passphrase_option(parser)
        if name == "passwd":
            parser.add_argument("--new-fd", type=int, metavar="N", help="read the new passphrase from this descriptor")
            _add_work(parser)
        if name == "persons":
            parser.add_argument("persons", type=int, choices=(1, 2), help="1 or 2")
        if name == "memory-cards":
            parser.add_argument("microunits", help="micro-units; 0: DESFire key cards alone; none: any sum")
        if name == "reset-pin":
            parser.add_argument("operator", type=int, help="number of the operator")
            secrets_asked.add_pin_option(parser)
        parser.set_defaults(run=run)


def _add_people(actions: _SubParsersAction) -> None:
    status = actions.add_parser("status", help="show the state of the vault")
    _add_places(status)
    status.set_defaults(run=run_status)

    operators = actions.add_parser("operators", help="list the operators with rights and limits")
    _add_places(operators)
    operators.set_defaults(run=run_operators)

    operator = actions.add_parser("operator", help="add an operator, or change one")
    operator.add_argument("number", type=int, help="number of the operator")
    operator.add_argument("--name", help="name of the operator")
    operator.add_argument("--rights", nargs="*", choices=RIGHTS, metavar="RIGHT", help=f"of: {', '.join(RIGHTS)}")
    operator.add_argument(
        "--limit", action="append", metavar="NAME=VALUE", help="a limit for one token or one day, or none"
    )
    operator.add_argument("--card", metavar="UID", help="UID of the operator's card, or none")
    operator.add_argument("--service", choices=("on", "off"), help="take the operator into service, or out of it")
    operator.add_argument("--new-pin", action="store_true", help="give the operator another PIN")
    _add_approval(operator)
    operator.set_defaults(run=run_set_operator)

    user = actions.add_parser("user", help="permit a Unix user to connect")
    user.add_argument("user", help="name or number of the Unix user")
    user.add_argument("number", help="operator that the user is; 0: signs on with a PIN or a card; none: no longer")
    _add_approval(user)
    user.set_defaults(run=run_user)

    pin = actions.add_parser("pin", help="change your own PIN")
    pin.add_argument("number", type=int, help="your number as an operator")
    _add_places(pin)
    secrets_asked.add_pin_option(pin)
    pin.set_defaults(run=run_pin)

    count = actions.add_parser("count", help="continue the token numbers of a meter after a count")
    count.add_argument("meter", type=int, help="number of the meter")
    count.add_argument("count", type=int, help="highest count that was ever used")
    _add_approval(count)
    count.set_defaults(run=run_count)


def _add_requests(actions: _SubParsersAction) -> None:
    requests = actions.add_parser("requests", help="list the requests for a second person")
    _add_sign_on(requests)
    requests.set_defaults(run=run_requests)

    approve = actions.add_parser("approve", help="approve the request of another operator")
    approve.add_argument("request", help="number of the request")
    _add_sign_on(approve)
    approve.set_defaults(run=run_approve)

    deny = actions.add_parser("deny", help="deny a request")
    deny.add_argument("request", help="number of the request")
    deny.add_argument("reason", help="the reason, which its proposer reads")
    _add_sign_on(deny)
    deny.set_defaults(run=run_deny)


def _add_log(actions: _SubParsersAction) -> None:
    log = actions.add_parser("log", help="print the log of the vault")
    _add_places(log)
    log.add_argument("--since", type=int, default=0, metavar="N", help="begin after this line")
    log.set_defaults(run=run_log)


def _add_places(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--office",
        type=Path,
        metavar="DIR",
        help=f"folder of the office (default: ${OFFICE_VARIABLE}, or {DEFAULT_OFFICE})",
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder of the vault (default: OFFICE/vault)")
    parser.add_argument("--socket", type=Path, metavar="FILE", help="socket of the vault (default: OFFICE/vault.sock)")


def _add_sign_on(parser: ArgumentParser) -> None:
    _add_places(parser)
    secrets_asked.add_pin_option(parser)
    parser.add_argument(
        "--as", dest="sign_on", type=int, metavar="NUMBER", help="sign on as this operator with a PIN, not as Unix user"
    )


def _add_approval(parser: ArgumentParser) -> None:
    _add_sign_on(parser)
    parser.add_argument("--reason", metavar="TEXT", help="propose the change to a second person, for this reason")
    parser.add_argument("--approval", metavar="REQUEST", help="use this approved request")


def _add_work(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--work", type=int, choices=range(10, 20), default=17, metavar="N", help="work of a guess at the passphrase"
    )
