"""`wattpurse token`: seal any token, and write it to a card or print it for another carrier.

A token is in the station's record before it is printed or written. A printed one can be typed at the meter's console,
or goes with the next `wattpurse walk load`. Credit of money, energy or days also has twenty digits, for a keypad.
"""

from argparse import Namespace, _SubParsersAction

from wattpurse.core.messages import short_token, token
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.selling import add_json_option, documents, say, say_not_on_card, uninterrupted
from wattpurse_tools.commands.station_options import add_selling_options, deal_of, open_shop_of
from wattpurse_tools.station.actions import tokens
from wattpurse_tools.station.cards import NotOnCard
from wattpurse_tools.station.token_orders import ORDERS

_SHORT_KINDS = tuple(kind for kind, *_ in short_token.KINDS)


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
        kind.set_defaults(run=run, kind=name, words=len(words))


def run(arguments: Namespace) -> int:
    """Make the token."""
    given = [getattr(arguments, f"word{place}") for place in range(arguments.words)]
    words = [word for word in given if word is not None]
    if getattr(arguments, "digits", False):
        return _give_out_digits(arguments, words)
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


def _give_out_digits(arguments: Namespace, words: list[str]) -> int:
    """Make the token, and print its digits in groups of four."""
    with uninterrupted(), open_shop_of(arguments) as shop:
        made, digits = tokens.give_out_digits(shop, arguments.meter, arguments.kind, words, deal_of(arguments))
        document = {"tokens": documents([made]), "digits": digits}
        return say(document, short_token.grouped(digits), arguments)
