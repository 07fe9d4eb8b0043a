"""The options that every vending subcommand has: which keys, which state, which cards."""

from pathlib import Path

from wattpurse_tools.station import card_report, key_file
from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.cards import StationCards
from wattpurse_tools.station.sequence_marks import SequenceMarks
from wattpurse_tools.station.station import Station
from wattpurse_tools.station.vending import Vending


def add_station_options(parser) -> None:
    """Adds --keys and --state."""
    parser.add_argument("--keys", type=Path, default=Path("keys.json"), metavar="FILE", help="default: keys.json")
    parser.add_argument("--state", type=Path, default=Path("station.db"), metavar="FILE", help="default: station.db")


def add_card_folder_options(parser) -> None:
    """Adds --keys, --state and --cards."""
    add_station_options(parser)
    parser.add_argument("--cards", type=Path, default=Path("cards"), metavar="DIR", help="default: cards")
    parser.set_defaults(operator=None)


def add_selling_options(parser) -> None:
    """Adds the same and --operator."""
    add_card_folder_options(parser)
    text = "the operator's card; a station that requires one sells with it only"
    parser.add_argument("--operator", metavar="CARD", help=text)


def add_card_options(parser) -> None:
    """Adds the card's name, and the options of selling."""
    parser.add_argument("name", help="the card's name")
    add_selling_options(parser)


def add_statement_options(parser, what: str) -> None:
    """Adds --card, the card whose statement is `what`, and where it is."""
    parser.add_argument("--card", dest="name", metavar="NAME", help=what)
    add_card_folder_options(parser)


def open_station(arguments) -> Station:
    """The station's state, to be used in a `with` block."""
    return Station(arguments.state, key_file.load(arguments.keys), SequenceMarks(arguments.keys))


def desk_of(arguments, station) -> StationCards:
    """The desk for the cards that the arguments name, signed on to with the operator's card where they name one."""
    site_keys = key_file.load(arguments.keys)
    desk = StationCards(site_keys, station, CardFiles(arguments.cards), CardReader(site_keys))
    if arguments.operator is not None:
        desk.sign_on(arguments.operator)
    return desk


def vending_of(arguments, station) -> Vending:
    """The operations on customers' cards."""
    return Vending(station, desk_of(arguments, station))


def statement_of(arguments) -> dict | None:
    """What the statement on the card says that `add_statement_options` asked for, None if it has none."""
    with open_station(arguments) as station:
        return card_report.document_of(desk_of(arguments, station).read(arguments.name), station)["statement"]
