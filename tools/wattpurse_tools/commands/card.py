"""`wattpurse card`: the vending station's work on virtual cards."""

import json
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from wattpurse.cards import purse
from wattpurse_tools.commands import card_settling, key_card
from wattpurse_tools.commands.desk_options import (
    add_card_folder_options,
    add_card_options,
    desk_of,
    open_station,
    vending_of,
)
from wattpurse_tools.station import card_capacity, card_report
from wattpurse_tools.station.amounts import parse_credit, parse_kwh_credit
from wattpurse_tools.station.currencies import currency_for_new_meter, currency_of_meter, site_currency
from wattpurse_tools.station.order import ENERGY, MONEY, credit
from wattpurse_tools.station.station import check_meter_number
from wattpurse_tools.station.vending import Vending

PERSON_LIMIT = (1 << 32) - 1


def add_parser(subparsers) -> None:
    """Adds `card new`, `card topup`, `card read` and what else is done with cards."""
    parser = subparsers.add_parser("card", help="make, top up, read and erase cards")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = actions.add_parser("new", help="make a card; one that is in use is not overwritten")
    new.add_argument("name", help="the card's name")
    add_card_folder_options(new)
    new.set_defaults(run=run_new)
    new.add_argument("--kind", required=True, choices=purse.KINDS)
    new.add_argument("--meter", type=int, metavar="N", help="the customer's meter")
    new.add_argument("--service", action="store_true", help="a technician's card instead of a customer's")
    new.add_argument("--technician", type=int, metavar="N", help="the technician's number")
    text = "an operator's card: the number of whoever sells with it"
    new.add_argument("--operator", type=int, metavar="N", dest="operator_number", help=text)
    new.add_argument("--key-card", action="store_true", help="a key card: its money stays on it, and --price with it")
    key_card.add_terms_options(new, required=False)
    new.add_argument("--user", type=int, default=0, metavar="N", help="a key card: whose it is")
    text = "last day of a technician's or an operator's card, as 2027-12-31"
    new.add_argument("--expires", metavar="DATE", help=text)

    reprice = _action(actions, "reprice", "give a key card another price and allowance", run_reprice)
    key_card.add_terms_options(reprice, required=True)

    topup = _action(actions, "topup", "put credit on a card", run_topup)
    amount = topup.add_mutually_exclusive_group(required=True)
    amount.add_argument("--amount", metavar="MONEY", help="such as 20.00")
    amount.add_argument("--kwh", metavar="KWH", help="such as 12.5")
    topup.add_argument("--meter", type=int, metavar="N", help="refuse unless the card is for this meter")

    read = _action(actions, "read", "show what is on a card", run_read)
    read.add_argument("--json", action="store_true", help="for programs")

    _action(actions, "repair", "write again what belongs on a card, after a write that failed", run_repair)

    replace = actions.add_parser("replace", help="put the credit of a card that is lost or broken on another card")
    replace.add_argument("lost", metavar="OLD", help="the card that is lost or broken; its file is not needed")
    add_card_options(replace)
    replace.set_defaults(run=run_replace)

    erase = _action(actions, "erase", "wipe a card; refused while there is unredeemed credit on it", run_erase)
    erase.add_argument("--forfeit", action="store_true", help="give up the credit that is on it")

    _action(actions, "rekey", "give a card the newest site key that its meters have", run_rekey)
    card_settling.add_actions(actions)

    kinds = actions.add_parser("kinds", help="list what each kind of card can carry")
    kinds.add_argument("--json", action="store_true", help="for programs")
    kinds.set_defaults(run=run_kinds)


def run_new(arguments) -> int:
    """Makes a customer's, a technician's, an operator's or a key card."""
    if arguments.key_card:
        return _new_key_card(arguments)
    if arguments.price is not None or arguments.allowance is not None or arguments.user:
        raise ValueError("--price, --allowance and --user go with --key-card")
    if arguments.operator_number is not None:
        if arguments.meter is not None or arguments.service or arguments.technician is not None:
            raise ValueError("an operator's card needs --operator and --expires alone")
        return _new_pass_card(arguments, purse.OPERATOR, "operator", arguments.operator_number)
    if arguments.service:
        if arguments.meter is not None or arguments.technician is None:
            raise ValueError("a technician's card needs --technician and --expires, and no --meter")
        return _new_pass_card(arguments, purse.SERVICE, "technician", arguments.technician)
    if arguments.meter is None or arguments.technician is not None or arguments.expires is not None:
        raise ValueError("a customer's card needs --meter; --technician and --expires go with --service")
    check_meter_number(arguments.meter)
    with open_station(arguments) as station:
        currency = currency_for_new_meter(station) if station.meter(arguments.meter) is None else None
        vending_of(arguments, station).new_customer_card(arguments.name, arguments.kind, arguments.meter)
        if currency is not None:
            station.add_meter(arguments.meter, currency)
    note = "" if currency is None else f"; the meter is new to this station and sells in {currency.code}"
    print(f"card {arguments.name}: {arguments.kind} for meter {arguments.meter}{note}")
    return 0


def run_topup(arguments) -> int:
    """Puts a new token on the card."""
    with open_station(arguments) as station:
        desk = desk_of(arguments, station)
        read = desk.read(arguments.name)
        if key_card.is_key_card(read):
            return _top_up_key_card(arguments, station, read)
        currency = currency_of_meter(station, read.meter_number)
        made = Vending(station, desk).put(read, _credit(arguments, currency), arguments.meter)
        told = card_report.order_text(made, currency)
    print(f"card {arguments.name}: {told} for meter {made['meter']}, token {made['sequence']}")
    return 0


def run_reprice(arguments) -> int:
    """Gives a key card other terms."""
    price = key_card.parse_price(arguments.price)
    allowance = key_card.parse_allowance(arguments.allowance)
    with open_station(arguments) as station:
        desk = key_card.key_card_desk_of(arguments, station)
        desk.change_terms(desk.look(desk_of(arguments, station).read(arguments.name)), price, *allowance)
    print(f"card {arguments.name}: has its new price")
    return 0


def run_read(arguments) -> int:
    """Prints what is on the card."""
    with open_station(arguments) as station:
        read = desk_of(arguments, station).read(arguments.name)
        document = card_report.document_of(read, station)
        if key_card.is_key_card(read):
            found = key_card.key_card_desk_of(arguments, station).look(read)
            document["key_card"] = key_card.document_of(found)
        currency = currency_of_meter(station, read.meter_number)
    if arguments.json:
        print(json.dumps(document, indent=2))
        return 0
    further = key_card.lines_of(document["key_card"], currency) if "key_card" in document else []
    print("\n".join([card_report.table_of(document, currency), *further]))
    return 0


def run_repair(arguments) -> int:
    """Writes what belongs on the card."""
    with open_station(arguments) as station:
        read = desk_of(arguments, station).read(arguments.name)
        if key_card.is_key_card(read):
            desk = key_card.key_card_desk_of(arguments, station)
            put = desk.repair(desk.look(read))
            print(f"card {arguments.name}: {site_currency(station).exact_text(put)} were missing; it is written anew")
            return 0
        missing = vending_of(arguments, station).repair(arguments.name)
    told = ", ".join(f"token {row['sequence']}" for row in missing)
    print(f"card {arguments.name}: {f'{told} put on it' if told else 'nothing was missing'}")
    return 0


def run_replace(arguments) -> int:
    """Puts the outstanding tokens of one card on another."""
    with open_station(arguments) as station:
        moved = vending_of(arguments, station).replace(arguments.lost, arguments.name)
    told = ", ".join(f"token {row['sequence']}" for row in moved)
    print(f"card {arguments.name}: {told or 'nothing'} taken over from card {arguments.lost}")
    return 0


def run_erase(arguments) -> int:
    """Wipes the card."""
    with open_station(arguments) as station:
        read = desk_of(arguments, station).read(arguments.name)
        if key_card.is_key_card(read):
            desk = key_card.key_card_desk_of(arguments, station)
            forfeited = desk.erase(desk.look(read), arguments.forfeit)
            print(f"card {arguments.name}: erased; forfeited: {site_currency(station).exact_text(forfeited)}")
            return 0
        lost = vending_of(arguments, station).erase(arguments.name, arguments.forfeit)
    told = ", ".join(f"token {row['sequence']}" for row in lost)
    print(f"card {arguments.name}: erased{f'; forfeited: {told}' if told else ''}")
    return 0


def run_rekey(arguments) -> int:
    """Gives the card newer keys."""
    with open_station(arguments) as station:
        version = desk_of(arguments, station).rekey(arguments.name)
    print(f"card {arguments.name}: has the site key of version {version}")
    return 0


def run_kinds(arguments) -> int:
    """Prints a line for each kind of card."""
    capacities = card_capacity.capacities()
    print(json.dumps(capacities, indent=2) if arguments.json else card_report.kinds_table(capacities))
    return 0


def _action(actions, name, text, run):
    parser = actions.add_parser(name, help=text)
    add_card_options(parser)
    parser.set_defaults(run=run)
    return parser


def _new_key_card(arguments) -> int:
    if arguments.price is None or arguments.meter is not None or arguments.service or arguments.expires is not None:
        raise ValueError("a key card needs --price; it has no --meter and does not expire")
    if not 0 <= arguments.user <= key_card.USER_LIMIT:
        raise ValueError(f"--user is from 0 to {key_card.USER_LIMIT}")
    price = key_card.parse_price(arguments.price)
    allowance = key_card.parse_allowance(arguments.allowance)
    with open_station(arguments) as station:
        desk = key_card.key_card_desk_of(arguments, station)
        desk.new_card(arguments.name, arguments.kind, price, *allowance, arguments.user)
    print(f"card {arguments.name}: {arguments.kind}, a key card for user {arguments.user}")
    return 0


def _top_up_key_card(arguments, station, read) -> int:
    if arguments.amount is None or arguments.meter is not None:
        raise ValueError(f"card {arguments.name} is a key card: it takes --amount, and goes to any meter of the site")
    currency = site_currency(station)
    amount = parse_credit(MONEY, arguments.amount, "--amount", currency)
    desk = key_card.key_card_desk_of(arguments, station)
    found = desk.look(read)
    desk.top_up(found, amount)
    before = currency.exact_text(found.content.balance)
    print(f"card {arguments.name}: {currency.exact_text(amount)} put on it, {before} before")
    return 0


def _new_pass_card(arguments, role, who, person) -> int:
    if arguments.expires is None:
        raise ValueError(f"the card of a person needs --{who} and --expires")
    if not 0 <= person <= PERSON_LIMIT:
        raise ValueError(f"--{who} is from 0 to {PERSON_LIMIT}")
    expires_s = _end_of(arguments.expires)
    with open_station(arguments) as station:
        desk_of(arguments, station).new_pass_card(arguments.name, arguments.kind, role, person, expires_s)
    print(f"card {arguments.name}: {arguments.kind} for {who} {person} until {arguments.expires}")
    return 0


def _end_of(text):
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--expires {text}: write a day such as 2027-12-31") from None
    expires_s = int(datetime.combine(day, time_of_day(23, 59, 59), UTC).timestamp())
    if not time.time() < expires_s < 1 << 32:
        raise ValueError(f"--expires {text}: must lie ahead, and before 2106")
    return expires_s


def _credit(arguments, currency):
    if arguments.kwh is not None:
        return credit(ENERGY, parse_kwh_credit(arguments.kwh, "--kwh"))
    return credit(MONEY, parse_credit(MONEY, arguments.amount, "--amount", currency))
