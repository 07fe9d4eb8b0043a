"""Virtual cards kept in files: a card's image is a dictionary that JSON can hold."""

from boards.host.cards.classic import ClassicCard
from boards.host.cards.iso14443a import Card
from boards.host.cards.ultralight import UltralightCard


def from_image(image: dict) -> Card:
    """The card that `Card.image` described: {"kind": ..., "uid": hex, "memory": hex}. Raises KeyError or ValueError."""
    uid = bytes.fromhex(image["uid"])
    memory = bytes.fromhex(image["memory"])
    if image["kind"] == "classic-1k":
        return ClassicCard(uid, memory)
    return UltralightCard(image["kind"], uid, memory)
