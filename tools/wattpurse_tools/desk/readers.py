"""The readers of a desk: a folder, in which a card file is the card on the reader, or a real reader."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from boards.host.cards.folder import CARD_SUFFIX
from boards.host.cards.images import from_image
from wattpurse_tools.desk.frames import FIND, FrameDriver, carry_out
from wattpurse_tools.desk.protocol import CardImage, digest_of
from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.card_places import driver_at, is_reader

IDLE_S = 1.0
_FRAMES_ALONE = "this reader carries frames alone; the office is of an older release"


class DeskReader(Protocol):
    """A reader at a desk. A method raises OSError or ValueError, with the reason in words.

    `takes_frames` is True for a real reader: it carries frames, and has no images.
    """

    takes_frames: bool

    def look(self) -> str | None:
        """Return the name of the card on the reader, or None."""
        ...

    def read(self) -> CardImage:
        """Return the card on the reader."""
        ...

    def write(self, name: str, was: str, image: dict) -> None:
        """Replace the content of the card, whose digest is `was`. The content may be there already."""
        ...

    def carry(self, command: dict) -> dict:
        """Carry out a command for frames and return its answer."""
        ...

    def close(self) -> None:
        """Let other programs have the reader."""
        ...


class FolderReader:
    """A folder as a reader: to lay a card on it, move the card's file there."""

    takes_frames = False

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

    def carry(self, command: dict) -> dict:
        """Raise ValueError: a folder has no frames."""
        raise ValueError("the reader of this desk is a folder")

    def close(self) -> None:
        """Do nothing: a folder is not held."""


class RealReader:
    """A real reader. Between commands it leaves the card if none has come for IDLE_S."""

    takes_frames = True

    def __init__(self, driver: FrameDriver, now_s: Callable[[], float] = time.monotonic) -> None:
        self._driver = driver
        self._now_s = now_s
        self._used_s = now_s() - IDLE_S
        self._uid: str | None = None

    def look(self) -> str | None:
        """Return the UID of the card on the reader, or None. The card is left alone while the office works on it."""
        if self._now_s() - self._used_s < IDLE_S:
            return self._uid
        try:
            answer = carry_out(self._driver, {"call": FIND})
        finally:
            self._driver.close()
        if "reason" in answer:
            raise OSError("the card on the reader cannot be used; lay it flat on the reader, or take another one")
        self._uid = answer["uid"]
        return self._uid

    def read(self) -> CardImage:
        """Raise ValueError: a real reader gives no image."""
        raise ValueError(_FRAMES_ALONE)

    def write(self, name: str, was: str, image: dict) -> None:
        """Raise ValueError: a real reader takes no image."""
        raise ValueError(_FRAMES_ALONE)

    def carry(self, command: dict) -> dict:
        """Carry out a command for frames and return its answer."""
        self._used_s = self._now_s()
        if command["call"] == FIND:
            self._driver.close()
        answer = carry_out(self._driver, command)
        if command["call"] == FIND:
            self._uid = answer.get("uid")
        elif answer.get("reason") == "silent":
            self._uid = None
        return answer

    def close(self) -> None:
        """Let other programs have the reader."""
        self._driver.close()


def reader_at(place: str) -> DeskReader:
    """Return the reader that a place names: `pcsc:NAME`, `serial:PORT`, or a folder, which is made."""
    if is_reader(place):
        return RealReader(driver_at(place))
    Path(place).mkdir(parents=True, exist_ok=True)
    return FolderReader(place)
