"""`wattpurse walk`: data cards, for visits to meters without a network."""

from argparse import Namespace, _SubParsersAction

from wattpurse.cards import data_card
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.station_options import add_card_options, add_selling_options, open_shop_of
from wattpurse_tools.station.actions import walks
from wattpurse_tools.station.actions.walks import MeterStatement
from wattpurse_tools.utc_texts import time_text


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `walk new`, `walk load` and `walk read`."""
    parser = subparsers.add_parser("walk", help="visit meters without a network: take tokens, bring statements")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = actions.add_parser("new", help="make a data card")
    new.add_argument("name", help="the card's name")
    new.add_argument("--kind", required=True, choices=data_card.KINDS, help="the kind of card")
    text = "short: balance and total of more meters; full: months and receipts of fewer (default: short)"
    new.add_argument("--statements", choices=walks.SLOT_SIZES, default="short", help=text)
    add_selling_options(new)
    new.set_defaults(run=run_new)

    load = actions.add_parser("load", help="load it with the tokens that were made with `token --hex`")
    load.add_argument(
        "--meters", type=int, nargs="+", metavar="N", help="load the tokens of these meters (default: of all meters)"
    )
    add_card_options(load)
    load.set_defaults(run=run_load)

    read = actions.add_parser("read", help="record the statements on it, and free their room for the next walk")
    add_card_options(read)
    read.set_defaults(run=run_read)


def run_new(arguments: Namespace) -> int:
    """Make a data card."""
    with open_shop_of(arguments) as shop:
        meters = walks.new(shop, arguments.name, arguments.kind, arguments.statements)
    print(f"card {arguments.name}: {arguments.kind} for statements of {meters} meters")
    return 0


def run_load(arguments: Namespace) -> int:
    """Load a data card with tokens."""
    with open_shop_of(arguments) as shop:
        loaded = walks.load(shop, arguments.name, arguments.meters)
    for one in loaded:
        print(f"card {arguments.name}: {one['text']} for meter {one['meter']}, token {number_text(one['sequence'])}")
    if not loaded:
        print(f"card {arguments.name}: no tokens for these meters; it brings their statements back")
    return 0


def run_read(arguments: Namespace) -> int:
    """Record and print the statements on a data card."""
    with open_shop_of(arguments) as shop:
        found = walks.read(shop, arguments.name)
    print("\n".join(_line(one) for one in found) or f"card {arguments.name}: no statements")
    return 0


def _line(one: MeterStatement) -> str:
    statement = one.statement
    if statement is None:
        return f"meter {one.meter}  a statement that cannot be opened: torn, or of a meter not known here"
    alarms = ", ".join(statement["alarms"]) or "none"
    return f"meter {one.meter}  {time_text(statement['time_s'])}  balance {one.balance_text}  alarms {alarms}"
