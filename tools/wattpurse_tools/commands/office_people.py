"""`wattpurse office user` and `wattpurse office token`: the people who log in, and the programs of shops."""

import json
import time
from argparse import Namespace, _SubParsersAction
from typing import TYPE_CHECKING

from wattpurse_tools.commands import secrets_asked
from wattpurse_tools.commands.office_options import add_sign_on_options, do_or_propose, signed_on, tell
from wattpurse_tools.vault.interface import RIGHTS

if TYPE_CHECKING:
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office
    from wattpurse_tools.office.setting_up import NewPerson

_ROLES = ("cashier", "clerk", "manager")
_PROGRAM_RIGHTS = ("sell", "order", "cards")


def add_actions(actions: _SubParsersAction) -> None:
    """Add `user` and `token` with their actions."""
    user = actions.add_parser("user", help="list and change who may log in")
    kinds = user.add_subparsers(metavar="ACTION", required=True)

    one = kinds.add_parser("list", help="list all people")
    add_sign_on_options(one)
    one.add_argument("--json", action="store_true", help="print a JSON document")
    one.set_defaults(run=run_list)

    one = kinds.add_parser("add", help="add a person, and print password and PIN once")
    one.add_argument("name", help="user name")
    one.add_argument("--role", choices=_ROLES, default=_ROLES[0], help="default: %(default)s")
    one.add_argument("--shop", type=int, metavar="N", help="the person works in this shop alone")
    one.add_argument("--rights", nargs="*", choices=RIGHTS, metavar="RIGHT", help="others than those of the role")
    add_sign_on_options(one)
    one.set_defaults(run=run_add)

    one = kinds.add_parser("reset", help="give a person another password and PIN, and print them once")
    one.add_argument("name", help="user name")
    one.add_argument(
        "--new-codes", action="store_true", help="forget the app for one-time codes: the telephone is lost"
    )
    add_sign_on_options(one)
    one.set_defaults(run=run_reset)

    for name, help_text in (("off", "take a person out of service"), ("on", "take a person into service again")):
        one = kinds.add_parser(name, help=help_text)
        one.add_argument("name", help="user name")
        add_sign_on_options(one)
        one.set_defaults(run=run_service, is_active=name == "on")

    _add_tokens(actions)


def _add_tokens(actions: _SubParsersAction) -> None:
    token = actions.add_parser("token", help="list, make and revoke tokens of shops' programs")
    kinds = token.add_subparsers(metavar="ACTION", required=True)

    one = kinds.add_parser("list", help="list all tokens")
    add_sign_on_options(one)
    one.add_argument("--json", action="store_true", help="print a JSON document")
    one.set_defaults(run=run_list_tokens)

    one = kinds.add_parser("add", help="make a token, and print it once")
    one.add_argument("name", help="name of the program")
    one.add_argument("--shop", type=int, required=True, metavar="N", help="number of its shop")
    one.add_argument("--operator", type=int, required=True, metavar="N", help="operator that the program works as")
    one.add_argument("--rights", nargs="*", choices=_PROGRAM_RIGHTS, metavar="RIGHT", help="default: sell")
    one.add_argument("--days", type=int, metavar="N", help="the token expires after so many days")
    add_sign_on_options(one)
    one.set_defaults(run=run_add_token)

    one = kinds.add_parser("revoke", help="end a token")
    one.add_argument("token", help="first part of the token, as the list shows it")
    add_sign_on_options(one)
    one.set_defaults(run=run_revoke_token)


def run_list(arguments: Namespace) -> int:
    """List all people."""
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.office import users

        people = [
            {
                "name": one.user.username,
                "operator": one.user.operator,
                "role": one.user.role,
                "shop": one.user.shop.number if one.user.shop else None,
                "rights": list(one.operator.rights) if one.operator else [],
                "in_service": one.user.is_active and one.operator is not None and one.operator.active,
            }
            for one in users.accounts(office, actor)
        ]
    if arguments.json:
        tell(json.dumps(people, indent=2))
        return 0
    for one in people:
        shop = "" if one["shop"] is None else f", shop {one['shop']}"
        rest = "" if one["in_service"] else "; out of service"
        tell(
            f"{one['operator']}  {one['name']}: {one['role']}{shop}; rights: {', '.join(one['rights']) or 'none'}{rest}"
        )
    return 0


def run_add(arguments: Namespace) -> int:
    """Add a person."""

    def act(office: "Office", actor: "Actor") -> "NewPerson":
        from wattpurse_tools.office import users

        return users.add(
            office, actor, arguments.name, arguments.role, arguments.shop, arguments.rights, arguments.approval
        )

    return _tell_person(do_or_propose(arguments, act))


def run_reset(arguments: Namespace) -> int:
    """Give a person other secrets."""

    def act(office: "Office", actor: "Actor") -> "NewPerson":
        from wattpurse_tools.office import users

        return users.new_secrets(office, actor, arguments.name, arguments.new_codes, arguments.approval)

    return _tell_person(do_or_propose(arguments, act))


def run_service(arguments: Namespace) -> int:
    """Take a person into service or out of it."""

    def act(office: "Office", actor: "Actor") -> bool:
        from wattpurse_tools.office import users

        users.set_in_service(office, actor, arguments.name, arguments.is_active, arguments.approval)
        return True

    if do_or_propose(arguments, act):
        tell(f"{arguments.name} is {'in' if arguments.is_active else 'out of'} service.")
    return 0


def run_list_tokens(arguments: Namespace) -> int:
    """List all tokens."""
    with signed_on(arguments) as (_, actor):
        from wattpurse_tools.office import api_tokens

        tokens = [
            {
                "token": one.public_part,
                "name": one.name,
                "shop": one.shop.number,
                "operator": one.operator,
                "rights": one.rights,
                "made": _time(one.created_s),
                "expires": _time(one.expires_s),
                "used": _time(one.used_s),
                "revoked": _time(one.revoked_s),
            }
            for one in api_tokens.all_tokens(actor)
        ]
    if arguments.json:
        tell(json.dumps(tokens, indent=2))
        return 0
    for one in tokens:
        state = f"revoked {one['revoked']}" if one["revoked"] else f"last used {one['used'] or 'never'}"
        rights = ", ".join(one["rights"])
        tell(f"{one['token']}  {one['name']}: shop {one['shop']}, operator {one['operator']}, {rights}; {state}")
    return 0


def run_add_token(arguments: Namespace) -> int:
    """Make a token."""
    lines = secrets_asked.pin_lines(arguments)
    with signed_on(arguments, lines) as (office, actor):
        from wattpurse_tools.office import api_tokens

        pin = secrets_asked.pin(lines, f"PIN of operator {arguments.operator}, whom the program works as")
        expires_s = None if arguments.days is None else int(time.time()) + arguments.days * 86_400
        rights = arguments.rights or _PROGRAM_RIGHTS[:1]
        token, text = api_tokens.add(
            office, actor, arguments.name, arguments.shop, arguments.operator, pin, rights, expires_s
        )
    tell(f"The token of {token.name} for shop {token.shop.number}. It is shown once:")
    tell(f"  {text}")
    return 0


def run_revoke_token(arguments: Namespace) -> int:
    """End a token."""
    with signed_on(arguments) as (_, actor):
        from wattpurse_tools.office import api_tokens

        token = api_tokens.revoke(actor, arguments.token)
    tell(f"The token of {token.name} is revoked.")
    return 0


def _time(utc_s: int | None) -> str | None:
    return None if utc_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(utc_s))


def _tell_person(person: "NewPerson | None") -> int:
    if person is not None:
        tell(f"{person.username} is operator {person.operator}. These secrets are shown once:")
        tell(f"  password {person.password}  PIN {person.pin}")
    return 0
