"""`wattpurse card`: make, top up, read, repair, replace and erase virtual cards."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Sequence
from datetime import date

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse.cards import purse
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands import card_settling
from wattpurse_tools.commands.counter import (
    Counter,
    add_counter_options,
    open_counter_of,
    request_of,
    say_sold,
    words_of,
)
from wattpurse_tools.commands.selling import add_json_option, uninterrupted
from wattpurse_tools.commands.station_options import (
    add_approval_options,
    add_card_folder_options,
    add_card_options,
    open_shop_of,
)
from wattpurse_tools.office import sales
from wattpurse_tools.office.counter import meter_of_card, wish_for_energy, wish_for_payment
from wattpurse_tools.office.reader import CardSeen, StationReader
from wattpurse_tools.office.sale_types import CARD, MONEY, Wish
from wattpurse_tools.office.sale_types import KEY_CARD as ON_KEY_CARD
from wattpurse_tools.station import card_capacity, card_report
from wattpurse_tools.station.actions import cards
from wattpurse_tools.station.actions.tokens import IssuedToken
from wattpurse_tools.station.amounts import parse_credit, parse_kwh_credit
from wattpurse_tools.station.cards import KEY_CARD
from wattpurse_tools.station.currencies import currency_of_meter, site_currency
from wattpurse_tools.station.key_card_terms import parse_terms


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `card` and its actions."""
    parser = subparsers.add_parser("card", help="make, top up, read and erase cards")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    _add_new(actions)

    reprice = _add_action(actions, "reprice", "change the price and the allowance of a key card", run_reprice)
    _add_terms_options(reprice, required=True)

    topup = _add_action(actions, "topup", "sell credit on a card", run_topup)
    amount = topup.add_mutually_exclusive_group(required=True)
    amount.add_argument("--amount", metavar="MONEY", help="such as 20.00")
    amount.add_argument("--kwh", metavar="KWH", help="such as 12.5")
    topup.add_argument("--meter", type=int, metavar="N", help="refuse if the card is for another meter")
    add_counter_options(topup)
    add_json_option(topup)

    read = _add_action(actions, "read", "show the content of a card", run_read)
    read.add_argument("--json", action="store_true", help="for programs")

    _add_action(
        actions, "repair", "write the outstanding tokens to a card again, after a write that failed", run_repair
    )

    replace = actions.add_parser("replace", help="move the credit of a lost or broken card to another card")
    replace.add_argument("lost", metavar="OLD", help="the lost or broken card; its file is not needed")
    add_card_options(replace)
    replace.set_defaults(run=run_replace)

    erase = _add_action(actions, "erase", "wipe a card; refused while it has unredeemed credit", run_erase)
    erase.add_argument("--forfeit", action="store_true", help="forfeit the credit on the card")

    _add_action(actions, "rekey", "write the newest site key that the card's meters have", run_rekey)
    card_settling.add_actions(actions)

    kinds = actions.add_parser("kinds", help="list the capacities of each kind of card")
    kinds.add_argument("--json", action="store_true", help="for programs")
    kinds.set_defaults(run=run_kinds)


def run_new(arguments: Namespace) -> int:
    """Make a customer's, a technician's, an operator's or a key card."""
    if arguments.key_card:
        return _new_key_card(arguments)
    if arguments.price is not None or arguments.allowance is not None or arguments.user:
        raise ValueError("--price, --allowance and --user go with --key-card")
    if arguments.operator_number is not None:
        return _new_operator_card(arguments)
    if arguments.service:
        return _new_technician_card(arguments)
    return _new_customer_card(arguments)


def run_topup(arguments: Namespace) -> int:
    """Sell credit on a card."""
    name = arguments.name
    with uninterrupted(), open_counter_of(arguments) as counter:
        reader = counter.reader(name)
        seen = reader.read()
        if seen.role == KEY_CARD:
            return _load_key_card(counter, reader, seen, arguments)
        if seen.trouble:
            raise ValueError(seen.trouble)
        meter_number = meter_of_card(seen, arguments.meter)
        wish = _wish(counter, meter_number, arguments)
        request = request_of(counter, arguments, meter_number, wish, CARD, seen.uid)
        sold = counter.sell(request, reader)
        return say_sold(counter, sold, {"card": name}, f"card {name}: {words_of(counter, sold)}", arguments)


def run_reprice(arguments: Namespace) -> int:
    """Change the terms of a key card."""
    with open_shop_of(arguments) as shop:
        cards.change_key_card_terms(shop, arguments.name, arguments.price, arguments.allowance)
    print(f"card {arguments.name}: has its new price")
    return 0


def run_read(arguments: Namespace) -> int:
    """Print the content of a card."""
    with open_shop_of(arguments) as shop:
        content = cards.read(shop, arguments.name)
    print(json.dumps(content.document, indent=2) if arguments.json else content.table())
    return 0


def run_repair(arguments: Namespace) -> int:
    """Write the outstanding tokens to a card again."""
    with open_shop_of(arguments) as shop:
        repaired = cards.repair(shop, arguments.name)
        sales.mark_written(StationReader(shop, arguments.name).read().uid)
    if repaired.money is not None:
        print(f"card {arguments.name}: {repaired.money} were missing; the card is written again")
        return 0
    missing = _numbers(repaired.tokens)
    print(f"card {arguments.name}: {f'{missing} put on it' if missing else 'nothing was missing'}")
    return 0


def run_replace(arguments: Namespace) -> int:
    """Move the outstanding tokens of a card to another."""
    with open_shop_of(arguments) as shop:
        moved = cards.replace(shop, arguments.lost, arguments.name)
    print(f"card {arguments.name}: {_numbers(moved) or 'nothing'} taken over from card {arguments.lost}")
    return 0


def run_erase(arguments: Namespace) -> int:
    """Wipe a card."""
    with open_shop_of(arguments) as shop:
        erased = cards.erase(shop, arguments.name, arguments.forfeit)
    forfeited = erased.money or _numbers(erased.tokens)
    print(f"card {arguments.name}: erased{f'; forfeited: {forfeited}' if forfeited else ''}")
    return 0


def run_rekey(arguments: Namespace) -> int:
    """Write newer keys to a card."""
    with open_shop_of(arguments) as shop:
        version = cards.rekey(shop, arguments.name)
    print(f"card {arguments.name}: has the site key of version {version}")
    return 0


def run_kinds(arguments: Namespace) -> int:
    """Print a line for each kind of card."""
    capacities = card_capacity.capacities()
    print(json.dumps(capacities, indent=2) if arguments.json else card_report.kinds_table(capacities))
    return 0


def _wish(counter: Counter, meter_number: int, arguments: Namespace) -> Wish:
    """Return the wish that the options name, in kWh or in money."""
    if arguments.kwh is not None:
        return wish_for_energy(parse_kwh_credit(arguments.kwh, "kWh"))
    currency = currency_of_meter(counter.cards.station, meter_number)
    return wish_for_payment(meter_number, parse_credit(MONEY, arguments.amount, "amount", currency))


def _load_key_card(counter: Counter, reader: StationReader, seen: CardSeen, arguments: Namespace) -> int:
    name = arguments.name
    if arguments.meter is not None:
        raise ValueError(f"card {name} is a key card: it is for every meter of the site")
    if arguments.kwh is not None:
        raise ValueError(f"card {name} is a key card: it takes money alone")
    currency = site_currency()
    wish = Wish(MONEY, gross_microunits=parse_credit(MONEY, arguments.amount, "amount", currency))
    row = counter.cards.station.key_cards.of(bytes.fromhex(seen.uid))
    before = 0 if row is None else row["loaded"] - row["spent"]
    sold = counter.sell(request_of(counter, arguments, 0, wish, ON_KEY_CARD, seen.uid), reader)
    amount = sum(line.quantity for line in sold.lines if line.what == MONEY)
    text = f"card {name}: {currency.exact_text(amount)} put on it, {currency.exact_text(before)} before"
    document = {"card": name, "amount": amount, "balance_before": before}
    return say_sold(counter, sold, document, text, arguments)


def _add_new(actions: _SubParsersAction) -> None:
    new = actions.add_parser("new", help="make a card; a card in use is not overwritten")
    new.add_argument("name", help="the card's name")
    add_card_folder_options(new)
    add_approval_options(new)
    new.add_argument("--by", metavar="CARD", dest="operator", help="the operator's card of the one who makes it")
    new.set_defaults(run=run_new)
    new.add_argument("--kind", required=True, choices=(*purse.KINDS, DESFIRE), help="the kind of card")
    text = "the customer's meter, or a meter that a technician's card opens; a technician's may be given several times"
    new.add_argument("--meter", type=int, action="append", default=[], metavar="N", dest="meters", help=text)
    new.add_argument("--service", action="store_true", help="a technician's card instead of a customer's")
    new.add_argument("--technician", type=int, metavar="N", help="the technician's number")
    text = "an operator's card: the number of the operator"
    new.add_argument("--operator", type=int, metavar="N", dest="operator_number", help=text)
    text = "a key card: it carries its money and its price to any meter of the site"
    new.add_argument("--key-card", action="store_true", help=text)
    _add_terms_options(new, required=False)
    new.add_argument("--user", type=int, default=0, metavar="N", help="a key card: the number of its user")
    text = "last day of a technician's or an operator's card, as 2027-12-31"
    new.add_argument("--expires", metavar="DATE", help=text)


def _add_terms_options(parser: ArgumentParser, required: bool) -> None:
    """Add --price and --allowance."""
    text = "money per kWh, such as 0.30; 0 for free energy; 'tariff' for the price of the meter's tariff"
    parser.add_argument("--price", metavar="MONEY", required=required, help=text)
    text = "free kWh in each period, such as 2/day, 10/week or 40/month; 'none' takes it away"
    parser.add_argument("--allowance", metavar="KWH/PERIOD", help=text)


def _add_action(
    actions: _SubParsersAction,
    name: str,
    text: str,
    run: Callable[[Namespace], int],
) -> ArgumentParser:
    parser = actions.add_parser(name, help=text)
    add_card_options(parser)
    parser.set_defaults(run=run)
    return parser


def _new_customer_card(arguments: Namespace) -> int:
    if len(arguments.meters) != 1 or arguments.technician is not None or arguments.expires is not None:
        raise ValueError("a customer's card needs --meter once; --technician and --expires go with --service")
    meter_number = arguments.meters[0]
    with open_shop_of(arguments) as shop:
        currency = cards.new_customer_card(shop, arguments.name, arguments.kind, meter_number)
    note = "" if currency is None else f"; the meter is new to this station and sells in {currency.code}"
    print(f"card {arguments.name}: {arguments.kind} for meter {meter_number}{note}")
    return 0


def _new_operator_card(arguments: Namespace) -> int:
    if arguments.meters or arguments.service or arguments.technician is not None:
        raise ValueError("an operator's card needs --operator and --expires alone")
    if arguments.expires is None:
        raise ValueError("an operator's card needs --operator and --expires")
    last_day = _day(arguments.expires)
    with open_shop_of(arguments) as shop:
        cards.new_operator_card(
            shop, arguments.name, arguments.kind, arguments.operator_number, last_day, arguments.approval
        )
    print(f"card {arguments.name}: {arguments.kind} for operator {arguments.operator_number} until {last_day}")
    return 0


def _new_technician_card(arguments: Namespace) -> int:
    if arguments.technician is None or arguments.expires is None:
        raise ValueError("a technician's card needs --technician and --expires")
    last_day = _day(arguments.expires)
    with open_shop_of(arguments) as shop:
        opened = cards.new_technician_card(
            shop, arguments.name, arguments.kind, arguments.technician, last_day, arguments.meters
        )
    what = f"{arguments.kind} for technician {arguments.technician} until {last_day}"
    print(f"card {arguments.name}: {what}, opens meters {', '.join(str(number) for number in opened)}")
    return 0


def _new_key_card(arguments: Namespace) -> int:
    if arguments.price is None or arguments.meters or arguments.service or arguments.expires is not None:
        raise ValueError("a key card needs --price; it has no --meter and does not expire")
    terms = parse_terms(arguments.price, arguments.allowance)
    with open_shop_of(arguments) as shop:
        cards.new_key_card(shop, arguments.name, arguments.kind, terms, arguments.user)
    print(f"card {arguments.name}: {arguments.kind}, a key card for user {arguments.user}")
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--expires {text}: write a day such as 2027-12-31") from None


def _numbers(issued: Sequence[IssuedToken]) -> str:
    return ", ".join(f"token {number_text(one['sequence'])}" for one in issued)
