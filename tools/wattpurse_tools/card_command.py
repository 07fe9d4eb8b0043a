"""`wattpurse card`: the vending station's work on virtual cards."""

import json
import re
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from wattpurse.cards import purse
from wattpurse.core.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse_tools import card_report
from wattpurse_tools.desk_options import add_card_options, open_station, vending_of
from wattpurse_tools.meter_command import DEFAULT_CURRENCY, DEFAULT_DECIMALS
from wattpurse_tools.station import ENERGY, MONEY, check_meter_number

KWH_DECIMALS = 3
TECHNICIAN_LIMIT = (1 << 32) - 1


def add_parser(subparsers):
    """Adds `card new`, `card topup`, `card read`, `card repair`, `card replace` and `card erase`."""
    parser = subparsers.add_parser("card", help="make, top up, read and erase cards")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = _action(actions, "new", "make a card; one that is in use is not overwritten", run_new)
    new.add_argument("--kind", required=True, choices=purse.KINDS)
    new.add_argument("--meter", type=int, metavar="N", help="the customer's meter")
    new.add_argument("--service", action="store_true", help="a technician's card instead of a customer's")
    new.add_argument("--technician", type=int, metavar="N", help="the technician's number")
    new.add_argument("--expires", metavar="DATE", help="last day of a technician's card, as 2027-12-31")

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


def run_new(arguments) -> int:
    """Makes a customer's or a technician's card."""
    if arguments.service:
        return _new_service_card(arguments)
    if arguments.meter is None or arguments.technician is not None or arguments.expires is not None:
        raise ValueError("a customer's card needs --meter; --technician and --expires go with --service")
    check_meter_number(arguments.meter)
    with open_station(arguments) as station:
        vending_of(arguments, station).new_customer_card(arguments.name, arguments.kind, arguments.meter)
        added = station.add_meter(arguments.meter, DEFAULT_CURRENCY, DEFAULT_DECIMALS)
    note = f"; the meter is new to this station and sells in {DEFAULT_CURRENCY}" if added else ""
    print(f"card {arguments.name}: {arguments.kind} for meter {arguments.meter}{note}")
    return 0


def run_topup(arguments) -> int:
    """Puts a new token on the card."""
    with open_station(arguments) as station:
        vending = vending_of(arguments, station)
        read = vending.read(arguments.name)
        money = _money_of(station, read.meter_number)
        unit, amount = _credit(arguments, money[1])
        made = vending.top_up(read, unit, amount, arguments.meter)
        told = card_report.amount_text(unit, amount, *money)
    print(f"card {arguments.name}: {told} for meter {made['meter']}, token {made['sequence']}")
    return 0


def run_read(arguments) -> int:
    """Prints what is on the card."""
    with open_station(arguments) as station:
        vending = vending_of(arguments, station)
        read = vending.read(arguments.name)
        document = card_report.document_of(read, vending, station)
        money = _money_of(station, read.meter_number)
    print(json.dumps(document, indent=2) if arguments.json else card_report.table_of(document, *money))
    return 0


def run_repair(arguments) -> int:
    """Writes what belongs on the card."""
    with open_station(arguments) as station:
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
        lost = vending_of(arguments, station).erase(arguments.name, arguments.forfeit)
    told = ", ".join(f"token {row['sequence']}" for row in lost)
    print(f"card {arguments.name}: erased{f'; forfeited: {told}' if told else ''}")
    return 0


def parse_credit(text: str, option: str, decimals: int) -> int:
    """Millionths in a decimal number above zero. Raises ValueError that says what is wrong with it."""
    matched = re.fullmatch(r"(\d{1,9})(?:\.(\d+))?", text, re.ASCII)
    if matched is None:
        raise ValueError(f"{option} {text}: write a number above zero, such as 20.00")
    if len((matched[2] or "").rstrip("0")) > decimals:
        raise ValueError(f"{option} {text}: at most {decimals} decimals can be sold")
    amount = int(matched[1]) * 1_000_000 + int((matched[2] or "").rstrip("0").ljust(6, "0"))
    if not 0 < amount <= CREDIT_AMOUNT_LIMIT:
        raise ValueError(f"{option} {text}: write a number above zero, at most {CREDIT_AMOUNT_LIMIT // 1_000_000}")
    return amount


def _action(actions, name, text, run):
    parser = actions.add_parser(name, help=text)
    add_card_options(parser)
    parser.set_defaults(run=run)
    return parser


def _new_service_card(arguments):
    if arguments.meter is not None or arguments.technician is None or arguments.expires is None:
        raise ValueError("a technician's card needs --technician and --expires, and no --meter")
    if not 0 <= arguments.technician <= TECHNICIAN_LIMIT:
        raise ValueError(f"--technician is from 0 to {TECHNICIAN_LIMIT}")
    expires_s = _end_of(arguments.expires)
    with open_station(arguments) as station:
        vending = vending_of(arguments, station)
        vending.new_service_card(arguments.name, arguments.kind, arguments.technician, expires_s)
    print(f"card {arguments.name}: {arguments.kind} for technician {arguments.technician} until {arguments.expires}")
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


def _credit(arguments, decimals):
    if arguments.kwh is not None:
        return ENERGY, parse_credit(arguments.kwh, "--kwh", KWH_DECIMALS)
    return MONEY, parse_credit(arguments.amount, "--amount", decimals)


def _money_of(station, meter_number):
    """Currency and decimals that a meter sells in."""
    row = None if not meter_number else station.meter(meter_number)
    return (DEFAULT_CURRENCY, DEFAULT_DECIMALS) if row is None else (row["currency"], row["decimals"])
