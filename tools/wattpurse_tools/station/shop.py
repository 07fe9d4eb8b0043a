"""An open station with its card folder. The actions in `station.actions` take one, from any program."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.cards import StationCards
from wattpurse_tools.station.key_card_vending import KeyCardVending
from wattpurse_tools.station.station import Station, open_station
from wattpurse_tools.station.vending import Vending
from wattpurse_tools.station.walk import Walk


class Shop:
    """The record of a station, and the work on its cards.

    `station` is the record. `cards` reads and writes cards of every role. `vending` works on customers' cards,
    `key_cards` on key cards, and `walk` on data cards.
    """

    def __init__(self, station: Station, card_folder: str | Path) -> None:
        site_keys = station.site_keys
        self.station = station
        self.cards = StationCards(site_keys, station, CardFiles(card_folder), CardReader(site_keys))
        self.vending = Vending(station, self.cards)
        self.key_cards = KeyCardVending(site_keys, station, self.cards)
        self.walk = Walk(station, self.cards)


@contextmanager
def open_shop(
    keys: str | Path,
    record: str | Path,
    cards: str | Path,
    operator_card: str | None = None,
) -> Iterator[Shop]:
    """Open a station with its key file, its record and its card folder, for a `with` block.

    If an operator's card is named, its operator signs on. Raise ValueError if a file or the card is not valid.
    """
    with open_station(keys, record) as station:
        shop = Shop(station, cards)
        if operator_card is not None:
            shop.cards.sign_on(operator_card)
        yield shop
