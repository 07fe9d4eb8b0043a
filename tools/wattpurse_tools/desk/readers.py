"""The readers of a desk. Today a reader is a folder, and the card file in it is the card on the reader.

A real reader fits here as another class with the same three methods, once the office sends it frames.
"""

from pathlib import Path
from typing import Protocol

from boards.host.cards.folder import CARD_SUFFIX
from boards.host.cards.images import from_image
from wattpurse_tools.desk.protocol import CardImage, digest_of
from wattpurse_tools.station.card_files import CardFiles


class DeskReader(Protocol):
    """A reader at a desk. A method raises OSError or ValueError, with the reason in words."""

    def look(self) -> str | None:
        """Return the name of the card on the reader, or None."""
        ...

    def read(self) -> CardImage:
        """Return the card on the reader."""
        ...

    def write(self, name: str, was: str, image: dict) -> None:
        """Replace the content of the card, whose digest is `was`. The content may be there already."""
        ...


class FolderReader:
    """A folder as a reader: to lay a card on it, move the card's file there."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._files = CardFiles(folder)

    def look(self) -> str | None:
        """Return the name of the card in the folder, or None. Raise ValueError if there are two."""
        names = sorted(path.name.removesuffix(CARD_SUFFIX) for path in self._folder.glob("*" + CARD_SUFFIX))
        if len(names) > 1:
            raise ValueError(f"{len(names)} cards lie on the reader: {', '.join(names[:4])}; leave one there")
        return names[0] if names else None

    def read(self) -> CardImage:
        """Return the card in the folder. Raise OSError if there is none."""
        name = self.look()
        if name is None:
            raise OSError("no card lies on the reader")
        return CardImage(name, self._files.load(name).image())

    def write(self, name: str, was: str, image: dict) -> None:
        """Replace the content of the card. Raise OSError if the reader is empty or has another card."""
        with self._files.held():
            there = self.read()
            if there.image["uid"] != image["uid"]:
                raise OSError(f"another card lies on the reader: {there.name}; put {name} back")
            if there.image == image:
                return
            if digest_of(there.image) != was:
                raise OSError("the card has changed since it was read; read it again")
            self._files.save(there.name, from_image(image))
