"""Where cards are: a folder of card files, or a reader, as the user names it.

`pcsc:NAME` names the PC/SC reader with NAME in its name, in any letters. `pcsc:` names the only one. `serial:PORT`
names the desk reader at a serial port, and `serial:` the only one. Everything else is a folder.
"""

from collections.abc import Callable
from pathlib import Path

from wattpurse_tools.readers import desk_reader
from wattpurse_tools.readers.desk_reader import DeskReaderDriver
from wattpurse_tools.readers.driver import PcscDriver, driver_of
from wattpurse_tools.station.card_files import CardFiles, CardStore
from wattpurse_tools.station.reader_cards import Patience, ReaderCards

PCSC = "pcsc:"
SERIAL = desk_reader.PREFIX


def is_reader(place: str | Path) -> bool:
    """Return True if a place of cards is a reader."""
    return str(place).startswith((PCSC, SERIAL))


def driver_at(place: str | Path) -> PcscDriver | DeskReaderDriver:
    """Return the driver of the reader that a place names."""
    if str(place).startswith(SERIAL):
        return desk_reader.driver_of(str(place).removeprefix(SERIAL))
    return driver_of(str(place).removeprefix(PCSC))


def cards_at(place: str | Path, name_of: Callable[[bytes], str | None], patience: Patience | None = None) -> CardStore:
    """Return the cards at a place. `name_of` returns the name of a card in the record by its UID, or None."""
    if is_reader(place):
        return ReaderCards(driver_at(place), name_of, patience)
    return CardFiles(place)
