"""Virtual cards in a folder, one JSON file each, the same that the simulated meter takes to its reader.

NAME.json holds what `Card.image` of the card models gives. Beside a card that lies on a meter's reader there is a file
NAME.in-field: the card is in the meter's hands, and the station does not touch it.
"""

import json
import os
import re
from pathlib import Path

from boards.host.cards.classic import ClassicCard
from boards.host.cards.folder import CARD_SUFFIX, MARK_SUFFIX
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NXP = 0x04
_CASCADE_TAG = 0x88
_RANDOM_UID = 0x08


class CardFiles:
    """The cards in one folder."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def exists(self, name: str) -> bool:
        """Whether there is a card of that name. Raises ValueError for what cannot be a name."""
        return self._path(name).exists()

    def load(self, name: str):
        """The model of a card. Raises ValueError if there is none, it is on a meter's reader, or its file is broken."""
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

    def save(self, name: str, card) -> None:
        """Write a card's file: whoever reads it meanwhile, or after a crash, finds the old or the new one."""
        self._refuse_in_field(name)
        path = self._path(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".part")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(card.image()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def _refuse_in_field(self, name) -> None:
        if (self._folder / (name + MARK_SUFFIX)).exists():
            raise ValueError(f"card {name} lies on a meter's reader; take it away from there first")

    def _path(self, name):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no card name; use letters, digits, dots, dashes and underscores")
        return self._folder / (name + CARD_SUFFIX)


def blank_card(kind: str):
    """A card as it comes from its maker, with a UID of its own."""
    if kind == "classic-1k":
        uid = os.urandom(4)
        while uid[0] in (_CASCADE_TAG, _RANDOM_UID):
            uid = os.urandom(4)
        return ClassicCard(uid)
    uid = bytes((_NXP,)) + os.urandom(6)
    while uid[3] == _CASCADE_TAG:
        uid = bytes((_NXP,)) + os.urandom(6)
    return UltralightCard(kind, uid)
