"""The card at a till's reader, as a card folder: the station's cards read and write it through the agent.

The office works on a copy of the card's memory with the meter's own driver and keys, and sends the result as a whole. A
card that was lifted, or changed, meanwhile is refused by the agent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from boards.host.cards.images import from_image
from boards.host.cards.iso14443a import Card
from wattpurse_tools.desk.exchange import Desk
from wattpurse_tools.desk.protocol import CardImage
from wattpurse_tools.station.card_reader import AnyCard


class RemoteCards:
    """The cards of a desk: the one on its reader."""

    antenna = None

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._read: CardImage | None = None

    def name(self) -> str:
        """Read the card on the reader and return its name."""
        self._read = self._desk.read()
        return self._read.name

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other pages of the till from the card for a `with` block. A block inside it does nothing."""
        with self._desk.held:
            yield

    def exists(self, name: str) -> bool:
        """Return True if the card of that name lies on the reader."""
        return self._desk.card == name

    def load(self, name: str) -> Card:
        """Return the model of the card. Raise ValueError if another card, or a broken one, lies on the reader."""
        self._read = self._desk.read()
        if self._read.name != name:
            raise ValueError(f"card {self._read.name} lies on the reader, not {name}")
        try:
            return from_image(self._read.image)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the card on the reader is broken: {error}") from error

    def save(self, name: str, card: AnyCard) -> None:
        """Write the card on the reader, and read it back."""
        if self._read is None or self._read.name != name:
            raise ValueError(f"card {name} was not read at this reader")
        image = cast(Card, card).image()
        self._desk.write(self._read, image)
        back = self._desk.read()
        if back.image != image:
            raise OSError("the card cannot be used: it does not keep the data written to it")
        self._read = back
