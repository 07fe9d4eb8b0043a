"""`wattpurse walk`: data cards, with which meters without a network are visited."""

from wattpurse.cards import data_card
from wattpurse_tools.commands.desk_options import add_card_folder_options, add_card_options, desk_of, open_station
from wattpurse_tools.commands.meter import known_meter
from wattpurse_tools.station.card_report import amount_text, order_text, time_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.walk import Walk

_SLOTS = {"short": data_card.SHORT_SLOT, "full": data_card.FULL_SLOT}


def add_parser(subparsers) -> None:
    """Adds `walk new`, `walk load` and `walk read`."""
    parser = subparsers.add_parser("walk", help="visit meters without a network: take tokens, bring statements")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = actions.add_parser("new", help="make a data card")
    new.add_argument("name", help="the card's name")
    new.add_argument("--kind", required=True, choices=data_card.KINDS)
    text = "short: balance and total of more meters; full: months and receipts of fewer (default: short)"
    new.add_argument("--statements", choices=_SLOTS, default="short", help=text)
    add_card_folder_options(new)
    new.set_defaults(run=run_new)

    load = actions.add_parser("load", help="put the tokens on it that were made with `token --hex`")
    load.add_argument("--meters", type=int, nargs="+", metavar="N", help="of these meters; default: of all")
    add_card_options(load)
    load.set_defaults(run=run_load)

    read = actions.add_parser("read", help="take in the statements that it brought, and make room for the next walk")
    add_card_options(read)
    read.set_defaults(run=run_read)


def run_new(arguments) -> int:
    """Makes a data card."""
    with open_station(arguments) as station:
        Walk(station, desk_of(arguments, station)).new_card(
            arguments.name, arguments.kind, _SLOTS[arguments.statements]
        )
    meters = len(data_card.slots_of(arguments.kind, _SLOTS[arguments.statements]))
    print(f"card {arguments.name}: {arguments.kind} for statements of {meters} meters")
    return 0


def run_load(arguments) -> int:
    """Puts tokens on the data card."""
    with open_station(arguments) as station:
        meters = arguments.meters or [row["number"] for row in station.meters()]
        for number in meters:
            known_meter(station, number)
        rows = Walk(station, desk_of(arguments, station)).load(arguments.name, meters)
        for row in rows:
            said = order_text(row, currency_of_meter(station, row["meter"]))
            print(f"card {arguments.name}: {said} for meter {row['meter']}, token {row['sequence']}")
    if not rows:
        print(f"card {arguments.name}: no tokens for these meters; it brings their statements back")
    return 0


def run_read(arguments) -> int:
    """Takes in what the data card brought."""
    with open_station(arguments) as station:
        brought = Walk(station, desk_of(arguments, station)).read(arguments.name)
        lines = [_line(one, currency_of_meter(station, one.meter_number)) for one in brought]
    print("\n".join(lines) or f"card {arguments.name}: no statements")
    return 0


def _line(one, currency) -> str:
    if one.told is None:
        return f"meter {one.meter_number}  a statement that cannot be opened: torn, or of a meter not known here"
    told = one.told
    alarms = ", ".join(told["alarms"]) or "none"
    balance = amount_text(told["unit"], told["balance"], currency)
    return f"meter {one.meter_number}  {time_text(told['time_s'])}  balance {balance}  alarms {alarms}"
