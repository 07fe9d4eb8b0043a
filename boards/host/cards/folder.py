"""The folder of virtual cards: each card is a file of its own, which the vending command reads and writes too.

NAME.json holds the card's image (see `cards.images`). While a card lies on the reader there is a file
NAME.in-field beside it: its memory is in the reader's hands then, and nobody else may change it.
"""

import json
import os

from boards.host import files
from boards.host.cards.images import from_image

CARD_SUFFIX = ".json"
MARK_SUFFIX = ".in-field"


class CardFolder:
    """The cards in `path`, and the one of them that was taken to the reader: `name` and `card`, or None."""

    def __init__(self, path: str) -> None:
        files.make_folder(path)
        self.path = path
        self.name = None
        self.card = None
        self._saved = None
        for entry in os.listdir(path):
            if entry.endswith(MARK_SUFFIX):
                files.remove(path + "/" + entry)  # left by a run that was ended without warning

    def names(self) -> list:
        """The names of all cards, sorted."""
        return sorted([entry[: -len(CARD_SUFFIX)] for entry in os.listdir(self.path) if entry.endswith(CARD_SUFFIX)])

    def take(self, name: str):
        """Take the card to the reader, as its file is now. Raises OSError or ValueError if that holds no card."""
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
        """Whether the memory of the card on the reader has changed since its file was written."""
        return self.card is not None and self.card.memory != self._saved

    def save(self) -> None:
        """Write the card on the reader to its file if its memory has changed."""
        if self.is_behind:
            self._saved = bytes(self.card.memory)
            files.write_whole(self._file(self.name), json.dumps(self.card.image()))

    def put_back(self) -> None:
        """The card has left the reader: its file is up to date and others may use it."""
        if self.card is not None:
            self.save()
            files.remove(self._mark(self.name))
            self.name = self.card = self._saved = None

    def _file(self, name):
        return self.path + "/" + name + CARD_SUFFIX

    def _mark(self, name):
        return self.path + "/" + name + MARK_SUFFIX
