"""The options that all vending commands share: the key file, the record, the card folder, the operator's card."""

from argparse import ArgumentParser, Namespace
from contextlib import AbstractContextManager
from pathlib import Path

from wattpurse_tools.station import station
from wattpurse_tools.station.actions import cards
from wattpurse_tools.station.shop import Shop, open_shop
from wattpurse_tools.station.station import Station


def add_station_options(parser: ArgumentParser) -> None:
    """Add --keys and --state."""
    parser.add_argument(
        "--keys", type=Path, default=Path("keys.json"), metavar="FILE", help="the key file; default: %(default)s"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path("station.db"),
        metavar="FILE",
        help="the station's record; default: %(default)s",
    )


def add_card_folder_options(parser: ArgumentParser) -> None:
    """Add --keys, --state and --cards."""
    add_station_options(parser)
    parser.add_argument(
        "--cards", type=Path, default=Path("cards"), metavar="DIR", help="the card folder; default: %(default)s"
    )
    parser.set_defaults(operator=None)


def add_selling_options(parser: ArgumentParser) -> None:
    """Add the same and --operator."""
    add_card_folder_options(parser)
    text = "the operator's card; some stations require one to sell"
    parser.add_argument("--operator", metavar="CARD", help=text)


def add_card_options(parser: ArgumentParser) -> None:
    """Add the card's name and the options of selling."""
    parser.add_argument("name", help="the card's name")
    add_selling_options(parser)


def add_statement_options(parser: ArgumentParser, text: str) -> None:
    """Add --card, a card whose statement is read, and the options to find it. `text` is the help."""
    parser.add_argument("--card", dest="name", metavar="NAME", help=text)
    add_card_folder_options(parser)


def open_station(arguments: Namespace) -> Station:
    """Open the record that the options name, for a `with` block."""
    return station.open_station(arguments.keys, arguments.state)


def open_shop_of(arguments: Namespace) -> AbstractContextManager[Shop]:
    """Open the station and the card folder that the options name, for a `with` block."""
    return open_shop(arguments.keys, arguments.state, arguments.cards, arguments.operator)


def statement_of(arguments: Namespace) -> dict | None:
    """Return the statement on the card that the options name, or None if it has none."""
    with open_shop_of(arguments) as shop:
        return cards.read(shop, arguments.name).document["statement"]
