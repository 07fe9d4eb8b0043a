"""The station's cards of every role: read, make and write them, under any version of the site's keys.

The facts that a card's statement proves are recorded at once. A pass is a technician's or an operator's: it opens the
meters of the site, or this station, and is sealed for its card's UID.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from boards.host.cards.iso14443a import Card
from boards.host.chips.aes import aes
from wattpurse.cards import purse
from wattpurse.core.messages.service_pass import make_pass, open_pass
from wattpurse.core.messages.statement import open_statement
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.station.card_files import CardFiles, blank_card
from wattpurse_tools.station.card_reader import CardReader, Result, Step
from wattpurse_tools.station.key_file import SiteKeys
from wattpurse_tools.station.station import Station

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

BLANK = "blank"
CUSTOMER = "customer"
SERVICE = "service"
OPERATOR = "operator"
DATA = "data"
KEY_CARD = "key card"

_ROLES = {
    purse.CUSTOMER: CUSTOMER,
    purse.SERVICE: SERVICE,
    purse.OPERATOR: OPERATOR,
    purse.DATA: DATA,
    purse.KEY_CARD: KEY_CARD,
}
_ROLE_TEXTS = {
    SERVICE: "a technician's card",
    OPERATOR: "an operator's card",
    DATA: "a data card",
    BLANK: "blank",
    KEY_CARD: "a key card",
}


class CardRead:
    """A card that was read: `name`, `card`, its order `box` or None, its newest `statement` or None, `meter_number`.

    `meter_number` is None or 0 for every card but a customer's.
    """

    def __init__(
        self,
        name: str,
        card: Card,
        box: purse.OrderBox | None,
        statement: dict | None,
        meter_number: int | None,
    ) -> None:
        self.name = name
        self.card = card
        self.box = box
        self.statement = statement
        self.meter_number = meter_number

    @property
    def role(self) -> str:
        """The role of the card."""
        if self.box is not None:
            return _ROLES[self.box.kind]
        return CUSTOMER if self.meter_number else BLANK

    @property
    def written_box(self) -> purse.OrderBox:
        """The order box of a card whose role says that it has one."""
        if self.box is None:
            raise ValueError(f"card {self.name} is {a_card_of(self.role)}")
        return self.box

    @property
    def customer_meter(self) -> int:
        """The meter of a customer's card."""
        if not self.meter_number:
            raise ValueError(f"card {self.name} is no customer's card")
        return self.meter_number

    def sealed_tokens(self) -> list[bytes]:
        """Return the tokens on a customer's card or a data card."""
        if self.box is None or self.role not in (CUSTOMER, DATA):
            return []
        return purse.split_tokens(self.box.content)


class StationCards:
    """The cards in `files`, on `reader`, with the keys and the record of the station."""

    def __init__(self, site_keys: SiteKeys, station: Station, files: CardFiles, reader: CardReader) -> None:
        self._keys = site_keys
        self._station = station
        self._files = files
        self._reader = reader

    def read(self, name: str) -> CardRead:
        """Read a card and record the facts in its statement. Raise ValueError or OSError if it cannot be read."""
        card = self._files.load(name)
        box = self._reader.work(card, purse.read_orders)
        if box is not None:
            meter_number = box.meter_number if box.kind == purse.CUSTOMER else 0
        else:
            known = self._station.card(card.uid)
            meter_number = None if known is None else known["meter"]
        statement = self._read_statement(card, meter_number) if meter_number else None
        if statement is not None:
            self._station.learn(statement)
        return CardRead(name, card, box, statement, meter_number)

    def new_card(
        self,
        name: str,
        kind: str,
        key_version: int,
        role: int,
        number: int,
        content_of: Callable[[Card], bytes],
    ) -> None:
        """Make a card of a role (purse), with `number` in its head and `content_of(card)` in its order box.

        Raise ValueError if the card is in use, or has less memory than its kind.
        """
        exists = self._files.exists(name)
        card = self._files.load(name) if exists else blank_card(kind)
        if card.kind != kind:
            raise ValueError(f"card {name} exists and is a {card.kind}")
        self._reader.prove(card)
        if exists and self._opens(card):
            if any(self._reader.work(card, read_all)):
                raise ValueError(f"card {name} exists and is in use; it is not overwritten")
            self._reader.rekey(card, key_version)
        else:
            self._reader.format(card, key_version)
        content = content_of(card)
        self._reader.work(card, lambda memory: purse.write_orders(memory, role, number, content))
        self._station.add_card(card.uid, name, number if role == purse.CUSTOMER else 0)
        self._files.save(name, card)

    def new_pass_card(self, name: str, kind: str, role: int, person: int, expires_s: int) -> None:
        """Make the card of a technician (purse.SERVICE) or an operator (purse.OPERATOR)."""
        version = self._pass_version(role)
        self.new_card(name, kind, version, role, 0, lambda card: self._pass(card, role, version, person, expires_s))

    def look(self, read: CardRead, step: Step[Result]) -> Result:
        """Return the result of the coroutine `step(memory)`, which reads the card. Raise OSError if it fails."""
        return self._reader.work(read.card, step)

    def write(self, read: CardRead, step: Step[None]) -> None:
        """Run the coroutine `step(memory)`, which changes the card. Raise OSError if it fails.

        The card's file has the changes, complete or not.
        """
        self._change(read, lambda: self._reader.work(read.card, step))

    def rekey(self, name: str) -> int:
        """Write the newest keys that the card's meters are proved to have. Return their version."""
        read = self.read(name)
        if read.role == CUSTOMER:
            version = self._station.key_history.site_version(read.customer_meter)
        else:
            version = self._pass_version(purse.SERVICE if read.box is None else read.box.kind)
        if read.role in (SERVICE, OPERATOR):
            self._renew_pass(read, version)
        self._change(read, lambda: self._reader.rekey(read.card, version))
        return version

    def sign_on(self, name: str) -> None:
        """Sign on the operator whose card this is. Raise ValueError if it is no valid operator's card."""
        read = self.read(name)
        if read.role != OPERATOR:
            raise ValueError(f"card {name} is {a_card_of(read.role)}, not an operator's")
        operator, expires_s = self.open_pass(read)
        if expires_s <= time.time():
            raise ValueError(f"the operator's card {name} has expired; make a new one with: wattpurse card new")
        self._station.operator = operator

    def open_pass(self, read: CardRead) -> tuple[int, int]:
        """Return `(number of the person, expiry)` of a pass. Raise ValueError if another station made it."""
        box = read.written_box
        for key_set in self._keys.newest_first:
            try:
                return open_pass(aes, self._pass_key(read.card, box.kind, key_set.key_version), box.content)
            except SealBroken:
                pass
        raise ValueError(f"the pass on card {read.name} was not made with the keys of this key file")

    def open_statement(self, meter_number: int, uid: bytes, data: bytes) -> dict | None:
        """Return the content of a sealed statement, under any version of the meter's key. None: it is not authentic."""
        for version, key in self._keys.meter_keys(meter_number):
            try:
                statement = open_statement(aes, keys.statement_keys(aes, key, uid), data)
            except SealBroken:
                continue
            self._station.key_history.note_statement(meter_number, version)
            return statement
        return None

    def _read_statement(self, card: Card, meter_number: int) -> dict | None:
        for version, key in self._keys.meter_keys(meter_number):
            pair = keys.statement_keys(aes, key, card.uid)
            statement = self._reader.work(card, lambda memory, pair=pair: purse.read_statement(memory, aes, pair))
            if statement is not None:
                self._station.key_history.note_statement(meter_number, version)
                return statement
        return None

    def _opens(self, card: Card) -> bool:
        try:
            self._reader.work(card, read_all)
        except OSError:
            return False
        return True

    def _change(self, read: CardRead, action: Callable[[], None]) -> None:
        try:
            action()
        finally:
            self._files.save(read.name, read.card)

    def _pass_version(self, role: int) -> int:
        """Return the key version of a pass.

        Only this station opens an operator's pass, so it has the newest. Every meter opens the others.
        """
        return self._keys.key_version if role == purse.OPERATOR else self._station.key_history.common_site_version()

    def _pass_key(self, card: Card, role: int, version: int) -> bytes:
        key_set = self._keys.version(version)
        if role == purse.OPERATOR:
            return keys.operator_pass_key(aes, key_set.vending_key, card.uid)
        return keys.service_pass_key(aes, key_set.site_key, card.uid)

    def _pass(self, card: Card, role: int, version: int, person: int, expires_s: int) -> bytes:
        return make_pass(aes, self._pass_key(card, role, version), person, expires_s)

    def _renew_pass(self, read: CardRead, version: int) -> None:
        box = read.written_box
        content = self._pass(read.card, box.kind, version, *self.open_pass(read))
        if content != box.content:
            self.write(read, lambda memory: purse.write_orders(memory, box.kind, 0, content))


def a_card_of(role: str) -> str:
    """Return the name of a card of this role, with its article."""
    return _ROLE_TEXTS.get(role, f"a {role}'s card")


async def read_all(memory: "Memory") -> bytearray:
    """Return the whole content of a card."""
    content = bytearray(memory.capacity)
    await memory.read(0, content)
    return content


async def wipe(memory: "Memory") -> None:
    """Write zeros over the whole content of a card. Raise OSError if it does not keep them."""
    await memory.write(0, bytes(memory.capacity))
    if any(await read_all(memory)):
        raise OSError("the card does not keep the data written to it")
