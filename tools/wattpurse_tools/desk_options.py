"""The options that every vending subcommand has: which keys, which state, which cards."""

from pathlib import Path

from wattpurse_tools import card_report, key_file
from wattpurse_tools.card_files import CardFiles
from wattpurse_tools.card_reader import CardReader
from wattpurse_tools.sequence_marks import SequenceMarks
from wattpurse_tools.station import Station
from wattpurse_tools.vending import Vending


def add_station_options(parser):
    """Adds --keys and --state."""
    parser.add_argument("--keys", type=Path, default=Path("keys.json"), metavar="FILE", help="default: keys.json")
    parser.add_argument("--state", type=Path, default=Path("station.db"), metavar="FILE", help="default: station.db")


def add_card_options(parser):
    """Adds the card's name and where it is."""
    parser.add_argument("name", help="the card's name")
    _add_folder(parser)
    add_station_options(parser)


def add_statement_options(parser, what: str):
    """Adds --card, the card whose statement is `what`, and where it is."""
    parser.add_argument("--card", dest="name", metavar="NAME", help=what)
    _add_folder(parser)
    add_station_options(parser)


def statement_of(arguments) -> dict | None:
    """What the statement on the card says that `add_statement_options` asked for, None if it has none."""
    with open_station(arguments) as station:
        vending = vending_of(arguments, station)
        return card_report.document_of(vending.read(arguments.name), vending, station)["statement"]


def _add_folder(parser):
    parser.add_argument("--cards", type=Path, default=Path("cards"), metavar="DIR", help="default: cards")


def open_station(arguments) -> Station:
    """The station's state, to be used in a `with` block."""
    return Station(arguments.state, key_file.load(arguments.keys), SequenceMarks(arguments.keys))


def vending_of(arguments, station) -> Vending:
    """The operations on the cards that the arguments name."""
    site_keys = key_file.load(arguments.keys)
    return Vending(site_keys, station, CardFiles(arguments.cards), CardReader(site_keys.site_key))
