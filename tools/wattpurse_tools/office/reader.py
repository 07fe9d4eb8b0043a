"""The card at a reader, as the actions of selling see it: that of the station's card folder, or one at a desk."""

from dataclasses import dataclass
from typing import Protocol

from wattpurse.cards import purse
from wattpurse.core.messages import token
from wattpurse_tools.record.models import Token
from wattpurse_tools.refusals import Failure, words_of
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.cards import CUSTOMER, KEY_CARD, CardRead
from wattpurse_tools.station.shop import Shop


@dataclass(frozen=True)
class Content:
    """The tokens of a card, by their numbers: those `on_card`, those that its newest statement shows as `redeemed`.

    `room` is the number of bytes of tokens that its kind holds. `tells_back` is False for a kind without statements.
    """

    room: int = 0
    on_card: frozenset[int] = frozenset()
    redeemed: frozenset[int] = frozenset()
    tells_back: bool = True


@dataclass(frozen=True)
class CardSeen:
    """A card that was read: its UID in hexadecimal digits, name, kind and role, and its meter's number, or 0.

    `trouble` says why nothing can be sold to this card, with the remedy, or is empty.
    """

    uid: str
    name: str
    kind: str
    role: str
    meter_number: int
    content: Content = Content()
    trouble: str = ""


class Reader(Protocol):
    """A reader with a card on it. A call raises OSError if the card was lifted or the reader fails."""

    def read(self) -> CardSeen:
        """Read the card. The record has the facts of its statement after that."""
        ...

    def write(self) -> None:
        """Write exactly the outstanding tokens of the card in the record, or a key card's content, and read it back."""
        ...

    def take_back(self, mark: bytes, amount: int, is_first: bool) -> None:
        """Take the amount of a sale off a DESFire key card, once for each `mark`.

        Raise NotTakenBack if the card proves that it was not taken. After an OSError nobody knows.
        """
        ...


class StationReader:
    """The card of a name in the card folder of a station's shop."""

    def __init__(self, shop: Shop, name: str) -> None:
        self._shop = shop
        self._name = name

    def read(self) -> CardSeen:
        """Read the card. The record has the facts of its statement after that."""
        read = self._shop.cards.read(self._name)
        return CardSeen(
            read.card.uid.hex(),
            read.name,
            read.card.kind,
            read.role,
            read.meter_number or 0,
            self._content(read) if read.role == CUSTOMER else Content(),
            self._trouble(read),
        )

    def write(self) -> None:
        """Write exactly the outstanding tokens of the card in the record, or a key card's content, and read it back."""
        read = self._shop.cards.read(self._name)
        if read.role == KEY_CARD:
            self._shop.key_cards.repair(self._shop.key_cards.look(read))
            if self._shop.key_cards.look(self._shop.cards.read(self._name)).missing:
                raise Failure("the card does not keep the data written to it")
            return
        wanted = {bytes(row["sealed"]) for row in self._shop.station.outstanding(read.card.uid)}
        self._shop.vending.repair(self._name)
        again = self._shop.cards.read(self._name)
        # Another process may have sold more on the card meanwhile, and a statement may have ended a token.
        still = {bytes(row["sealed"]) for row in self._shop.station.outstanding(read.card.uid)}
        if not wanted & still <= set(again.sealed_tokens()):
            raise Failure("the card does not keep the data written to it")

    def take_back(self, mark: bytes, amount: int, is_first: bool) -> None:
        """Take the amount of a sale off a DESFire key card, once for each `mark`."""
        found = self._shop.key_cards.look(self._shop.cards.read(self._name))
        self._shop.key_cards.take_back(found, mark, amount, is_first)

    def _trouble(self, read: CardRead) -> str:
        try:
            if read.role == KEY_CARD:
                return self._shop.key_cards.look(read).flaw
            self._shop.vending.refuse(read, [], None)
        except ValueError as error:
            return words_of(error)
        return ""

    def _content(self, read: CardRead) -> Content:
        headers = [token.read_header(sealed) for sealed in read.sealed_tokens()]
        on_card = [header[1] for header in headers if header is not None and header[0] == read.meter_number]
        statement = read.statement
        made = Token.objects.filter(card=read.card.uid.hex(), meter_id=read.meter_number)
        numbers = [] if statement is None else made.values_list("sequence", flat=True)
        redeemed = [one for one in numbers if statement is not None and stations.is_redeemed(statement, one)]
        layout = purse.layout_of(read.card.kind)
        return Content(layout.content_size, frozenset(on_card), frozenset(redeemed), bool(layout.statement_offsets))
