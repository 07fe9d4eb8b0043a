"""`wattpurse headend account`: managed accounts, by the meters of their tenancies.

The pages of the head-end do the same by the same functions.
"""

import json
import secrets
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from wattpurse_tools.commands.office_options import (
    add_person_options,
    add_sign_on_options,
    do_or_propose,
    signed_on,
    tell,
)
from wattpurse_tools.station.amounts import parse_amount
from wattpurse_tools.station.order import MONEY
from wattpurse_tools.utc_texts import rfc3339

if TYPE_CHECKING:
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import Office
    from wattpurse_tools.record.models import ManagedAccount

# Those of `sale_types.BANK_TYPES`, which are not imported before the record is open.
_BY = ("card", "transfer", "mobile", "voucher")
_PRIORITIES = range(10)


def add_account(parser: ArgumentParser) -> None:
    """Add the actions of `account` with their options."""
    kinds = parser.add_subparsers(metavar="ACTION", required=True)

    one = kinds.add_parser("list", help="list all accounts")
    one.add_argument("--json", action="store_true", help="print a JSON document: amounts in micro-units")
    add_person_options(one)
    one.set_defaults(run=run_list)

    one = kinds.add_parser("open", help="open the account of the tenancy at a managed meter")
    _add_meter(one)
    _add_terms(one)
    add_person_options(one)
    one.set_defaults(run=run_open)

    one = kinds.add_parser("change", help="change the limit or the priority of an account")
    _add_meter(one)
    _add_terms(one)
    add_person_options(one)
    one.set_defaults(run=run_change)

    one = kinds.add_parser("deposit", help="take a deposit")
    _add_meter(one)
    one.add_argument("amount", metavar="MONEY", help="the deposit, such as 20.00")
    _add_by(one)
    add_person_options(one)
    one.set_defaults(run=run_deposit)

    one = kinds.add_parser("close", help="close an account, and pay its rest and its deposit back")
    _add_meter(one)
    _add_by(one)
    add_sign_on_options(one)
    one.set_defaults(run=run_close)


def run_list(arguments: Namespace) -> int:
    """List all accounts."""
    with signed_on(arguments) as (_, actor):
        from wattpurse_tools.headend import accounts, watching

        actor.require("order")
        currency = accounts.currency()
        rows = [_document(one) for one in watching.all_accounts()]
    if arguments.json:
        tell(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        money = currency.exact_text(row["balance_microunits"])
        limit = currency.exact_text(row["limit_microunits"])
        rest = "" if row["closed"] is None else f"; closed {row['closed']}"
        tell(f"{row['meter']}  {row['customer']}: {money}, limit {limit}, priority {row['priority']}{rest}")
    return 0


def run_open(arguments: Namespace) -> int:
    """Open an account. One that is open stays as it is."""
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.headend import accounts
        from wattpurse_tools.office import sales

        limit = _limit(arguments)
        tenancy = sales.tenancy_at(arguments.meter)
        if tenancy is None:
            raise ValueError(f"there is no tenant at meter {arguments.meter}; move the customer in first")
        made = accounts.open_account(office, actor, tenancy, int(time.time()), limit or 0, arguments.priority or 0)
        tell(_line(made))
    return 0


def run_change(arguments: Namespace) -> int:
    """Change the terms of an account. Those that are not given stay."""
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.headend import accounts

        limit = _limit(arguments)
        if limit is None and arguments.priority is None:
            raise ValueError("give --limit, --priority or both")
        found = accounts.account_at(arguments.meter)
        accounts.change_terms(office, actor, found.tenancy, limit, arguments.priority)
        tell(_line(accounts.account_at(arguments.meter)))
    return 0


def run_deposit(arguments: Namespace) -> int:
    """Take a deposit."""
    with signed_on(arguments) as (office, actor):
        from wattpurse_tools.headend import accounts, trust

        currency = accounts.currency()
        amount = parse_amount(MONEY, arguments.amount, "MONEY", currency)
        tenancy = accounts.account_at(arguments.meter).tenancy
        key = secrets.token_hex(12)
        held = trust.pay_deposit(office, actor, tenancy, amount, arguments.by, key, int(time.time()))
        tell(f"meter {arguments.meter}: the office holds a deposit of {currency.exact_text(held)}")
    return 0


def run_close(arguments: Namespace) -> int:
    """Close an account, or propose it to a second person."""

    def act(office: "Office", actor: "Actor") -> str:
        from wattpurse_tools.headend import accounts

        tenancy = accounts.account_at(arguments.meter).tenancy
        key, now_s = accounts.closing_key(tenancy.pk), int(time.time())
        accounts.close(office, actor, tenancy, key, now_s, arguments.by, arguments.approval)
        return _told(tenancy.pk)

    words = do_or_propose(arguments, act)
    if words is not None:
        tell(f"The account at meter {arguments.meter} is closed. {words}")
    return 0


def _told(tenancy: int) -> str:
    from wattpurse_tools.headend import accounts

    money = accounts.currency().exact_text
    return f"Back to the customer: {money(accounts.paid_back(tenancy))}. Debt: {money(accounts.debt_of(tenancy))}."


def _limit(arguments: Namespace) -> int | None:
    from wattpurse_tools.headend import accounts

    if arguments.limit is None:
        return None
    return parse_amount(MONEY, arguments.limit, "--limit", accounts.currency())


def _line(account: "ManagedAccount") -> str:
    from wattpurse_tools.headend import accounts

    limit = accounts.currency().exact_text(account.limit_microunits)
    return f"meter {account.meter.number}: the account has limit {limit}, priority {account.priority}"


def _document(account: "ManagedAccount") -> dict:
    return {
        "tenancy": account.pk,
        "meter": account.meter.number,
        "customer": account.tenancy.customer.name,
        "balance_microunits": account.balance_microunits,
        "limit_microunits": account.limit_microunits,
        "priority": account.priority,
        "opened": rfc3339(account.opened_s),
        "closed": None if account.closed_s is None else rfc3339(account.closed_s),
    }


def _add_meter(parser: ArgumentParser) -> None:
    parser.add_argument("meter", type=int, metavar="METER", help="the meter of the tenancy")


def _add_terms(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="MONEY", help="the customer may owe so much, such as 5.00")
    text = "the priority in a shortage, 0 to 9; 9 always stays on"
    parser.add_argument("--priority", type=int, choices=_PRIORITIES, metavar="N", help=text)


def _add_by(parser: ArgumentParser) -> None:
    text = f"{', '.join(_BY)}; default: %(default)s"
    parser.add_argument("--by", choices=_BY, default="transfer", metavar="TYPE", help=text)
