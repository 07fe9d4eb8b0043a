"""Images of virtual cards: dictionaries that can be stored as JSON."""

from boards.host.cards.classic import ClassicCard
from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.desfire_chip import DesfireChip
from boards.host.cards.iso14443a import Card
from boards.host.cards.ultralight import UltralightCard


def from_image(image: dict) -> Card:
    """Return the card of an image: {"kind": ..., "uid": hex, "memory": hex}. Raises KeyError or ValueError."""
    uid = bytes.fromhex(image["uid"])
    memory = bytes.fromhex(image["memory"])
    if image["kind"] == "classic-1k":
        return ClassicCard(uid, memory)
    if image["kind"] == DESFIRE:
        return DesfireChip(uid, memory)
    return UltralightCard(image["kind"], uid, memory)
