"""The card at the reader of a till, for the actions of selling."""

from wattpurse_tools.desk.frames import RemoteDriver
from wattpurse_tools.desk.remote_cards import RemoteCards
from wattpurse_tools.office.reader import CardSeen, Reader, StationReader
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.tills import Place
from wattpurse_tools.station.reader_cards import ReaderCards
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import Station


def reader_at(request: OfficeRequest, place: Place) -> Reader:
    """Return the reader of a till. Raise OSError if no card lies on it, or if it does not answer."""
    station = Station(request.office.keys, request.actor)
    if place.desk.takes_frames:
        real = ReaderCards(RemoteDriver(place.desk), station.name_of_card, lock=place.desk.held)
        return StationReader(Shop(station, real), real.name())
    cards = RemoteCards(place.desk)
    return StationReader(Shop(station, cards), cards.name())


def read_card(request: OfficeRequest, place: Place) -> CardSeen:
    """Read the card on the reader of a till. The facts in its statement are recorded."""
    return reader_at(request, place).read()
