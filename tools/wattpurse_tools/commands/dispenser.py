"""`wattpurse dispenser`: dispensing units, their system cards, and the sales that these bring home."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from pathlib import Path

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools import private_files
from wattpurse_tools.commands.selling import add_json_option
from wattpurse_tools.commands.station_options import actor_of, add_selling_options, office_of, open_shop_of
from wattpurse_tools.office import dispensers, prices
from wattpurse_tools.office.dispensers import Wanted
from wattpurse_tools.record.models import Dispenser
from wattpurse_tools.station.amounts import parse_amount
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.order import MONEY
from wattpurse_tools.utc_texts import rfc3339

_CARD = """\
A first card is made, as an NTAG216. The credit is added to what the unit may sell. The card is refused while it has
sales that are not settled. If it does not take the record, the same command with a credit of 0 writes it."""
_REVOKE = """\
The unit gets no card any more, and its sales can still be settled. Each meter refuses its tokens once it has redeemed a
token `revoke` of the issuer: put one on the next card that comes to the meter."""


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `dispenser` and its actions."""
    parser = subparsers.add_parser("dispenser", help="vending points without a computer: their cards and their sales")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = _add(actions, "new", "add a dispensing unit", run_new)
    new.add_argument("issuer", type=int, help="the issuer number of the unit, 1 to 15, that nobody has used")
    new.add_argument("--name", default="", help="such as the place of the unit")
    new.add_argument("--shop", type=int, default=1, metavar="N", help="the shop that its sales are receipts of")
    new.add_argument("--meters", type=int, nargs="+", required=True, help="the meters that it sells to")

    key = _add(actions, "key", "write the line that sets the unit up at its console", run_key)
    key.add_argument("issuer", type=int, help="the issuer number of the unit")
    key.add_argument("out", type=Path, help="the new file; an existing file is not overwritten")

    card = _add(actions, "card", "write the system card: keys, prices and credit", run_card, _CARD)
    card.add_argument("issuer", type=int, help="the issuer number of the unit")
    card.add_argument("name", help="the card's name")
    card.add_argument("--credit", required=True, metavar="MONEY", help="the money for which it may sell more")
    card.add_argument("--days", type=int, default=90, help="the days until the card expires (default: 90)")
    card.add_argument("--most", default="500", metavar="MONEY", help="the most for one sale (default: 500)")
    card.add_argument("--meters", type=int, nargs="+", default=(), help="the meters from now on")

    settle = _add(actions, "settle", "book the sales on a system card that came home", run_settle)
    settle.add_argument("name", help="the card's name")

    revoke = _add(actions, "revoke", "revoke a unit that is lost or stolen", run_revoke, _REVOKE)
    revoke.add_argument("issuer", type=int, help="the issuer number of the unit")

    _add(actions, "list", "list the dispensing units", run_list)


def run_new(arguments: Namespace) -> int:
    """Add a dispensing unit."""
    with open_shop_of(arguments) as shop:
        office = office_of(arguments, shop)
        made = dispensers.new(
            office, actor_of(shop), arguments.issuer, arguments.name, arguments.shop, arguments.meters
        )
        document = _document(made)
    return _say(arguments, document, [f"dispensing unit {made.issuer}: sells to {len(made.meters)} meters"])


def run_key(arguments: Namespace) -> int:
    """Write the line that sets a unit up."""
    if arguments.out.exists():
        raise ValueError(f"{arguments.out} exists and is not overwritten; choose another name")
    with open_shop_of(arguments) as shop:
        office = office_of(arguments, shop)
        key = dispensers.unit_key(office, actor_of(shop), arguments.issuer, arguments.approval)
    private_files.create(arguments.out, f"setup {arguments.issuer} {key.hex()}\n".encode())
    words = f"{arguments.out}: type this line at the console of the unit, and destroy the file then"
    return _say(arguments, {"issuer": arguments.issuer, "file": str(arguments.out)}, [words])


def run_card(arguments: Namespace) -> int:
    """Write the next issue of a system card."""
    with open_shop_of(arguments) as shop:
        office = office_of(arguments, shop)
        wanted = Wanted(
            _units(arguments.credit, "--credit"),
            arguments.days,
            _units(arguments.most, "--most"),
            tuple(arguments.meters),
        )
        made = dispensers.write_card(
            office, actor_of(shop), shop, arguments.issuer, arguments.name, wanted, arguments.approval
        )
        document = _document(made.dispenser) | {"issue": made.issue, "expires": rfc3339(made.expires_s)}
    left = document["allowed_units"] - document["settled_units"]
    words = f"card {arguments.name}: issue {made.issue}, credit {_money(left)} until {document['expires']}"
    return _say(arguments, document, [words])


def run_settle(arguments: Namespace) -> int:
    """Book the sales on a system card."""
    with open_shop_of(arguments) as shop:
        office = office_of(arguments, shop)
        done = dispensers.settle(office, actor_of(shop), shop, arguments.name)
        rows = [
            {
                "number": f"{one.dispenser.issuer}/{one.number}",
                "receipt": one.sale.receipt_number,
                "meter": one.meter_number,
                "paid_units": one.paid,
                "time": rfc3339(one.sale.time_s),
            }
            for one in done.sales
        ]
        unsold = [{"meter": meter, "token": number_text(number)} for meter, number in done.unsold]
        document = _document(done.dispenser) | {"sales": rows, "torn_blocks": done.torn_blocks, "unsold": unsold}
    lines = [
        f"sale {row['number']}: receipt {row['receipt']}, meter {row['meter']}, {_money(row['paid_units'])}"
        for row in rows
    ]
    lines.append(f"card {arguments.name}: {len(rows)} sales booked, {_money(done.paid)}")
    lines += [
        f"token {one['token']} of meter {one['meter']} is in no sale: the flash of the unit was restored from an older"
        " image; look into it"
        for one in unsold
    ]
    if done.torn_blocks:
        lines.append(f"{done.torn_blocks} blocks were torn: the unit has these sales; lay the card there once more")
    return _say(arguments, document, lines)


def run_revoke(arguments: Namespace) -> int:
    """Revoke a dispensing unit."""
    with open_shop_of(arguments) as shop:
        office = office_of(arguments, shop)
        document = _document(dispensers.revoke(office, actor_of(shop), arguments.issuer))
    lines = [f"dispensing unit {arguments.issuer} is revoked; each of its meters must learn it:"]
    lines += [f"wattpurse token {number} revoke {arguments.issuer} --card CARD" for number in document["meters"]]
    return _say(arguments, document, lines)


def run_list(arguments: Namespace) -> int:
    """List the dispensing units."""
    with open_shop_of(arguments):
        documents = [_document(one) for one in dispensers.units()]
    lines = [
        f"unit {one['issuer']} {one['name']}: shop {one['shop']}, {one['settled_sales']} sales settled,"
        f" credit left in the books {_money(one['allowed_units'] - one['settled_units'])}"
        + (", revoked" if one["is_revoked"] else "")
        for one in documents
    ]
    return _say(arguments, documents, lines or ["there is no dispensing unit"])


def _add(
    actions: _SubParsersAction, name: str, text: str, run: Callable[[Namespace], int], description: str | None = None
) -> ArgumentParser:
    action = actions.add_parser(name, help=text, description=description)
    add_selling_options(action)
    add_json_option(action)
    action.set_defaults(run=run)
    return action


def _document(one: Dispenser) -> dict:
    return {
        "issuer": one.issuer,
        "name": one.name,
        "shop": one.shop.number,
        "meters": one.meters,
        "allowed_units": one.allowed,
        "settled_units": one.settled_sum,
        "settled_sales": one.settled_sale,
        "is_revoked": one.is_revoked,
    }


def _units(text: str, option: str) -> int:
    """Return an amount of money in units of the currency's last decimal."""
    money = site_currency()
    return parse_amount(MONEY, text, option, money) // prices.smallest_unit(money.decimals)


def _money(units: int) -> str:
    money = site_currency()
    return money.exact_text(units * prices.smallest_unit(money.decimals))


def _say(arguments: Namespace, document: object, lines: list[str]) -> int:
    print(json.dumps(document, indent=2) if arguments.json else "\n".join(lines))
    return 0
