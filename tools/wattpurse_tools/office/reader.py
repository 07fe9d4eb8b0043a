"""The card at a reader, as the actions of selling see it. The station's cards are one, a desk far away another."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class CardSeen:
    """A card that was read: its UID in hexadecimal digits, its role and its meter's number, or 0.

    `room` is the number of bytes of tokens that its kind can hold. `on_card` has the numbers of the tokens on it.
    `redeemed` has those that the newest statement on it shows as redeemed. `trouble` says why nothing can be sold to
    this card, with the remedy, or is empty.
    """

    uid: str
    role: str
    meter_number: int
    room: int = 0
    on_card: frozenset[int] = frozenset()
    redeemed: frozenset[int] = frozenset()
    trouble: str = ""


class Reader(Protocol):
    """A reader with a card on it. A call raises OSError if the card was lifted or the reader fails."""

    name: str

    def read(self) -> CardSeen:
        """Read the card. What its statement proves is in the record after that."""
        ...

    def write(self) -> None:
        """Write exactly the outstanding tokens of the card in the record, and read them back."""
        ...

    def load_key_card(self) -> None:
        """Write the content of a key card that is in the record, and read it back."""
        ...
