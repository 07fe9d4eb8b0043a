"""Virtual cards in a folder, one JSON file each. The simulated meter reads the same files.

NAME.json has the `image` of a card model. While the card lies on a meter's reader there is also a file NAME.in-field,
and the station leaves the card alone.
While a program writes a card of the folder, others wait: a reader has one card at a time.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, cast

from boards.host.cards.classic import ClassicCard
from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.desfire_chip import DesfireChip
from boards.host.cards.folder import CARD_SUFFIX, MARK_SUFFIX
from boards.host.cards.images import from_image
from boards.host.cards.iso14443a import Card
from boards.host.cards.ultralight import UltralightCard
from wattpurse_tools.station.card_reader import Antenna, AnyCard

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOCK = ".lock"
_NXP = 0x04
_CASCADE_TAG = 0x88
_RANDOM_UID = 0x08


class CardStore(Protocol):
    """The place of cards: a folder, the reader of a desk, or a reader here.

    A method raises ValueError for a wrong name. `antenna` is the real reader that works on the cards, or None for
    models of cards.
    """

    @property
    def antenna(self) -> Antenna | None:
        """The real reader, or None."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keep others from the cards for a `with` block. A block inside it does nothing."""
        ...

    def exists(self, name: str) -> bool:
        """Return True if there is a card of that name."""
        ...

    def load(self, name: str) -> AnyCard:
        """Return a card. Raise ValueError or OSError, with the reason, if it cannot be used."""
        ...

    def save(self, name: str, card: AnyCard) -> None:
        """Keep a card's content. After a crash it is the old one or the new one, never a part."""
        ...


class CardFiles:
    """The card files in one folder. A method raises ValueError for a wrong name."""

    antenna = None

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other programs from the cards of the folder for a `with` block. A block inside it does nothing."""
        if self._is_held:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / _LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False

    def exists(self, name: str) -> bool:
        """Return True if there is a card of that name."""
        return self._path(name).exists()

    def load(self, name: str) -> Card:
        """Return the model of a card. Raise ValueError if it is missing, broken, or on a meter's reader."""
        path = self._path(name)
        if not path.exists():
            raise ValueError(f"there is no card {name} in {self._folder}; make one with: wattpurse card new {name}")
        self._refuse_in_field(name)
        try:
            return from_image(json.loads(path.read_text(encoding="utf-8")))
        except KeyError as error:
            raise ValueError(f"{path}: the card file is broken: {error} is missing or not known") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: the card file is broken: {error}") from error

    def save(self, name: str, card: AnyCard) -> None:
        """Write a card's file. After a crash, the file is the old one or the new one, never a part."""
        self._refuse_in_field(name)
        path = self._path(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".part")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(cast(Card, card).image()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def _refuse_in_field(self, name: str) -> None:
        if (self._folder / (name + MARK_SUFFIX)).exists():
            raise ValueError(f"card {name} lies on a meter's reader; take it away from there first")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no card name; use letters, digits, dots, dashes and underscores")
        return self._folder / (name + CARD_SUFFIX)


def blank_card(kind: str) -> Card:
    """Return a new card, as its maker delivers it, with a random UID."""
    if kind == "classic-1k":
        uid = os.urandom(4)
        while uid[0] in (_CASCADE_TAG, _RANDOM_UID):
            uid = os.urandom(4)
        return ClassicCard(uid)
    uid = bytes((_NXP,)) + os.urandom(6)
    while uid[3] == _CASCADE_TAG:
        uid = bytes((_NXP,)) + os.urandom(6)
    return DesfireChip(uid) if kind == DESFIRE else UltralightCard(kind, uid)
