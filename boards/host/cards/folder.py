"""The folder of virtual cards. Each card is a file, which the vending command reads and writes too.

NAME.json holds the card's image (see `cards.images`). While a card lies on the reader there is a file NAME.in-field
beside it: the simulated meter has the card's memory then, and no other program may change the file.
"""

import json
import os

from boards.host import files
from boards.host.cards.images import from_image

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.cards.iso14443a import Card


CARD_SUFFIX = ".json"
MARK_SUFFIX = ".in-field"


class CardFolder:
    """The cards in `path`. `name` and `card` are the card on the reader, or None."""

    def __init__(self, path: str) -> None:
        files.make_folder(path)
        self.path = path
        self.name: str | None = None
        self.card: Card | None = None
        self._saved: bytes | None = None
        for entry in os.listdir(path):
            if entry.endswith(MARK_SUFFIX):
                files.remove(path + "/" + entry)  # left by a run that was ended without warning

    def names(self) -> list:
        """Return the names of all cards, sorted."""
        return sorted([entry[: -len(CARD_SUFFIX)] for entry in os.listdir(self.path) if entry.endswith(CARD_SUFFIX)])

    def take(self, name: str) -> "Card":
        """Take the card from its file to the reader. Raises OSError or ValueError if the file holds no card."""
        if self.card is not None:
            raise ValueError(f"{self.name} is on the reader")
        with open(self._file(name)) as file:
            image = json.load(file)
        try:
            card = from_image(image)
        except (KeyError, TypeError):
            raise ValueError(f"{name} holds no card")
        files.write_whole(self._mark(name), "")
        self.name, self.card, self._saved = name, card, bytes(card.memory)
        return card

    @property
    def is_behind(self) -> bool:
        """True if the memory of the card on the reader has changed since its file was written."""
        return self.card is not None and self.card.memory != self._saved

    def save(self) -> None:
        """Write the card on the reader to its file if its memory has changed."""
        if self.card is not None and self.name is not None and self.is_behind:
            self._saved = bytes(self.card.memory)
            files.write_whole(self._file(self.name), json.dumps(self.card.image()))

    def put_back(self) -> None:
        """Bring the card's file up to date and let other programs use it: the card has left the reader."""
        if self.name is not None:
            self.save()
            files.remove(self._mark(self.name))
            self.name = self.card = self._saved = None

    def _file(self, name: str) -> str:
        return self.path + "/" + name + CARD_SUFFIX

    def _mark(self, name: str) -> str:
        return self.path + "/" + name + MARK_SUFFIX
