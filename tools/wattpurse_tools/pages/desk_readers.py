"""The reader of a till, for the actions of selling."""

from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.tills import Place


def reader_at(request: OfficeRequest, place: Place) -> Reader:
    """Return the reader of a till. Raise OSError if no card lies on it, or if it does not answer."""
    raise OSError("no agent is at this till's reader; start it there with: wattpurse desk run")


def read_card(request: OfficeRequest, place: Place) -> tuple[str, CardSeen]:
    """Read the card on the reader of a till and return its name and what it shows."""
    reader = reader_at(request, place)
    return reader.name, reader.read()
