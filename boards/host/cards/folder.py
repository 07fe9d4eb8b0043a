"""The folder of virtual cards. Each card is a file, which the vending command reads and writes too.

NAME.json holds the card's image (see `cards.images`). While a card lies on the reader there is a file NAME.in-field
beside it: the simulated meter has the card's memory then, and no other program may change the file. The meter locks
that file. A mark without a lock is left from a run that was ended without warning.
"""

import json
import os

from boards.host import files
from boards.host.cards.images import from_image

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import IO

    from boards.host.cards.iso14443a import Card


CARD_SUFFIX = ".json"
MARK_SUFFIX = ".in-field"

_WRITTEN_S = 8  # st_mtime


class CardFolder:
    """The cards in `path`. `name` and `card` are the card on the reader, or None."""

    def __init__(self, path: str) -> None:
        files.make_folder(path)
        self.path = path
        self.name: str | None = None
        self.card: Card | None = None
        self._saved: bytes | None = None
        self._lock: IO[str] | None = None
        for entry in os.listdir(path):
            if entry.endswith(MARK_SUFFIX):
                _remove_stale(path + "/" + entry)

    def names(self) -> list:
        """Return the names of all cards, sorted."""
        return sorted([entry[: -len(CARD_SUFFIX)] for entry in os.listdir(self.path) if entry.endswith(CARD_SUFFIX)])

    def written_s(self, name: str) -> int:
        """Return the time at which the card's file was written, in seconds since 1970."""
        return int(os.stat(self._file(name))[_WRITTEN_S])

    def take(self, name: str) -> "Card":
        """Take the card from its file to the reader. Raises OSError or ValueError if the file holds no card.

        A card on the reader of another meter is refused as well.
        """
        if self.card is not None:
            raise ValueError(f"{self.name} is on the reader")
        lock = files.lock(self._mark(name))
        if lock is None:
            raise ValueError("it lies on the reader of another meter")
        try:
            card = self._read(name)
        except (OSError, ValueError):
            files.remove(self._mark(name))
            lock.close()
            raise
        self.name, self.card, self._saved, self._lock = name, card, bytes(card.memory), lock
        return card

    def _read(self, name: str) -> "Card":
        with open(self._file(name)) as file:
            image = json.load(file)
        try:
            return from_image(image)
        except (KeyError, TypeError):
            raise ValueError(f"{name} holds no card")

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
        if self.name is not None and self._lock is not None:
            self.save()
            files.remove(self._mark(self.name))
            self._lock.close()
            self.name = self.card = self._saved = self._lock = None

    def _file(self, name: str) -> str:
        return self.path + "/" + name + CARD_SUFFIX

    def _mark(self, name: str) -> str:
        return self.path + "/" + name + MARK_SUFFIX


def _remove_stale(mark: str) -> None:
    """Remove a mark unless the run that made it still holds the card."""
    lock = files.lock(mark)
    if lock is not None:
        files.remove(mark)
        lock.close()
