"""An open station with its card folder. The actions in `station.actions` take one, from any program."""

from pathlib import Path

from wattpurse_tools.station.card_files import CardStore
from wattpurse_tools.station.card_places import cards_at
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.cards import StationCards
from wattpurse_tools.station.key_card_vending import KeyCardVending
from wattpurse_tools.station.reader_cards import Patience, ReaderCards
from wattpurse_tools.station.station import Person, Station
from wattpurse_tools.station.vending import Vending
from wattpurse_tools.station.walk import Walk
from wattpurse_tools.vault.interface import Keys


class Shop:
    """The record of a station, and the work on its cards, which are in `files`.

    `station` is the record, and `files` has the cards. `cards` reads and writes cards of every role. `vending` works
    on customers' cards, `key_cards` on key cards, and `walk` on data cards.
    """

    def __init__(self, station: Station, files: CardStore) -> None:
        self.station = station
        self.files = files
        if isinstance(files, ReaderCards):
            files.antenna.vault = station.keys
        self.cards = StationCards(station, files, CardReader(station.keys, files.antenna))
        self.vending = Vending(station, self.cards)
        self.key_cards = KeyCardVending(station, self.cards)
        self.walk = Walk(station, self.cards)


def open_shop(
    keys: Keys,
    card_place: str | Path,
    person: Person | None = None,
    operator_card: str | None = None,
    patience: Patience | None = None,
) -> Shop:
    """Return the shop of the open record with a vault and a place of cards (`card_places`), where `person` works.

    If an operator's card is named, its operator signs on instead. Raise ValueError if the card is not valid.
    """
    station = Station(keys, person)
    shop = Shop(station, cards_at(card_place, station.name_of_card, patience))
    if operator_card is not None:
        shop.cards.sign_on(operator_card)
    return shop
