"""`wattpurse token`: seal any token, and write it to a card or print it for another carrier.

A token is in the station's record before it is printed or written. A printed one can be typed at the meter's console,
or goes with the next `wattpurse walk load`. Credit of money, energy or days also has twenty digits, for a keypad.
"""

from argparse import Namespace, _SubParsersAction

from wattpurse.core.messages import short_token, token
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.counter import (
    Counter,
    add_counter_options,
    open_counter_of,
    request_of,
    say_given_out,
    say_sold,
    tokens_of,
    words_of,
)
from wattpurse_tools.commands.selling import add_json_option, documents, say, say_not_on_card, uninterrupted
from wattpurse_tools.commands.station_options import add_selling_options, deal_of, open_shop_of
from wattpurse_tools.office import counter as counters
from wattpurse_tools.office.sale_types import CARD, DAYS, DIGITS, DISPENSE, ENERGY, MONEY, NONE, Wish
from wattpurse_tools.office.wishes import DAYS_LIMIT
from wattpurse_tools.station.actions import tokens
from wattpurse_tools.station.amounts import parse_credit, parse_kwh_credit, parse_number
from wattpurse_tools.station.cards import NotOnCard
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.token_orders import ORDERS

_SHORT_KINDS = tuple(kind for kind, *_ in short_token.KINDS)
_SOLD_KINDS = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS, token.DISPENSE)


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `token METER KIND ...`, one kind for each in `token_orders.ORDERS`."""
    parser = subparsers.add_parser("token", help="seal any token for a meter: credit, contract, orders, keys")
    parser.add_argument("meter", type=int, metavar="METER", help="the number of the meter")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for code, words, text, _ in ORDERS:
        name = token.name(code)
        kind = kinds.add_parser(name, help=text, description=text)
        for place, word in enumerate(words):
            may_be_left_out = word.startswith("[")
            kind.add_argument(f"word{place}", metavar=word.strip("[]"), nargs="?" if may_be_left_out else None)
        carrier = kind.add_mutually_exclusive_group(required=True)
        carrier.add_argument("--card", metavar="CARD", help="write it to this customer's card of the meter")
        carrier.add_argument("--hex", action="store_true", help="print it for the console or the next walk")
        if code in _SHORT_KINDS:
            carrier.add_argument("--digits", action="store_true", help="print its twenty digits for a keypad")
        add_selling_options(kind)
        add_json_option(kind)
        is_sold = code in _SOLD_KINDS
        if is_sold:
            add_counter_options(kind)
        kind.set_defaults(run=run_sale if is_sold else run, kind=name, words=len(words))


def run_sale(arguments: Namespace) -> int:
    """Sell a token that credits something."""
    with uninterrupted(), open_counter_of(arguments) as counter:
        wish = _wish(counter, arguments)
        if arguments.card:
            reader = counter.reader(arguments.card)
            seen = reader.read()
            if seen.trouble:
                raise ValueError(seen.trouble)
            meter_number = counters.meter_of_card(seen, arguments.meter)
            sold = counter.sell(request_of(counter, arguments, meter_number, wish, CARD, seen.uid), reader)
            text = f"card {arguments.card}: {words_of(counter, sold)}"
            return say_sold(counter, sold, {"card": arguments.card}, text, arguments)
        carrier = DIGITS if getattr(arguments, "digits", False) else NONE
        sold = counter.sell(request_of(counter, arguments, arguments.meter, wish, carrier))
        if carrier == DIGITS:
            grouped = [short_token.grouped(one) for one in sold.digits]
            return say_given_out(counter, sold, {"digits": list(sold.digits)}, grouped, arguments)
        sealed = [one["sealed"].hex() for one in tokens_of(counter, sold)]
        return say_given_out(counter, sold, {}, sealed, arguments)


def _wish(counter: Counter, arguments: Namespace) -> Wish:
    """Return the wish that the words of the command name."""
    words = _words(arguments)
    if arguments.kind == MONEY:
        currency = currency_of_meter(counter.cards.station, arguments.meter)
        return Wish(MONEY, quantity=parse_credit(MONEY, words[0], "AMOUNT", currency))
    if arguments.kind == ENERGY:
        return Wish(ENERGY, quantity=parse_kwh_credit(words[0], "KWH"))
    days = parse_number(words[-1], "DAYS", 1, DAYS_LIMIT)
    if arguments.kind == DAYS:
        return Wish(DAYS, quantity=days)
    energy_mwh, daily_mwh = parse_kwh_credit(words[0], "KWH"), parse_kwh_credit(words[1], "KWH_A_DAY")
    return Wish(DISPENSE, quantity=energy_mwh, daily_mwh=daily_mwh, days=days)


def _words(arguments: Namespace) -> list[str]:
    given = [getattr(arguments, f"word{place}") for place in range(arguments.words)]
    return [word for word in given if word is not None]


def run(arguments: Namespace) -> int:
    """Make a token that credits nothing: an order."""
    words = _words(arguments)
    deal = deal_of(arguments)
    with uninterrupted(), open_shop_of(arguments) as shop:
        if arguments.hex:
            made = tokens.give_out(shop, arguments.meter, arguments.kind, words, deal)
            return say({"tokens": documents([made])}, made["sealed"].hex(), arguments)
        try:
            made = tokens.put_on_card(shop, arguments.meter, arguments.kind, words, arguments.card, deal)
        except NotOnCard as error:
            return say_not_on_card(shop, error, {"card": arguments.card}, arguments)
        number = number_text(made["sequence"])
        text = f"card {arguments.card}: {made['text']} for meter {arguments.meter}, token {number}"
        return say({"card": arguments.card, "tokens": documents([made])}, text, arguments)
