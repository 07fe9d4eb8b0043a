"""`wattpurse token`: any instruction to a meter, sealed, onto a card or as hexadecimal digits for another carrier.

Every token is in the station's record before it leaves. One that is printed can be typed at the meter's console, or
is taken along by the next `wattpurse walk load`.
"""

from wattpurse_tools.commands.desk_options import add_selling_options, desk_of, open_station
from wattpurse_tools.commands.meter import known_meter
from wattpurse_tools.station import key_file
from wattpurse_tools.station.card_report import order_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.token_orders import KINDS, Context
from wattpurse_tools.station.vending import Vending


def add_parser(subparsers) -> None:
    """Adds `token METER KIND ...`, one kind for each in `token_orders.KINDS`."""
    parser = subparsers.add_parser("token", help="seal any instruction to a meter: credit, contract, orders, keys")
    parser.add_argument("meter", type=int, metavar="METER", help="the number of the meter")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for name, words, text, read in KINDS:
        kind = kinds.add_parser(name, help=text, description=text)
        for place, word in enumerate(words):
            may_be_left_out = word.startswith("[")
            kind.add_argument(f"word{place}", metavar=word.strip("[]"), nargs="?" if may_be_left_out else None)
        carrier = kind.add_mutually_exclusive_group(required=True)
        carrier.add_argument("--card", metavar="CARD", help="put it on this customer's card of the meter")
        carrier.add_argument("--hex", action="store_true", help="print it for the console or the next walk")
        add_selling_options(kind)
        kind.set_defaults(run=run, read=read, words=len(words))


def run(arguments) -> int:
    """Makes the token."""
    words = [getattr(arguments, f"word{place}") for place in range(arguments.words)]
    with open_station(arguments) as station:
        meter = known_meter(station, arguments.meter)
        context = Context(meter, key_file.load(arguments.keys), station.key_history)
        order = arguments.read([word for word in words if word is not None], context)
        desk = desk_of(arguments, station)
        vending = Vending(station, desk)
        if arguments.hex:
            made = vending.give_out(order, arguments.meter)
        else:
            made = vending.put(desk.read(arguments.card), order, arguments.meter)
        told = order_text(made, currency_of_meter(station, arguments.meter))
    if arguments.hex:
        print(made["sealed"].hex())
    else:
        print(f"card {arguments.card}: {told} for meter {arguments.meter}, token {made['sequence']}")
    return 0
