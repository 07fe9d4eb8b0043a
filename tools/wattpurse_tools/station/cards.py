"""The station's cards of every role: read, make and write them, under any version of the site's keys.

The facts that a card's statement proves are recorded at once. A pass is a technician's or an operator's: it opens the
meters that it names, or this station, and is sealed for its card's UID.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse.cards import purse
from wattpurse.core.messages.service_pass import read_service_pass
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.refusals import Refusal, Words
from wattpurse_tools.station.card_files import CardStore, blank_card
from wattpurse_tools.station.card_reader import AnyCard, CardReader, Result, Step
from wattpurse_tools.station.page_cards import is_unused
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import ACTIVE, ERASED, Station

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

BLANK = "blank"
CUSTOMER = "customer"
SERVICE = "service"
OPERATOR = "operator"
DATA = "data"
KEY_CARD = "key card"
SYSTEM = "system"

_ROLES = {
    purse.CUSTOMER: CUSTOMER,
    purse.SERVICE: SERVICE,
    purse.OPERATOR: OPERATOR,
    purse.DATA: DATA,
    purse.KEY_CARD: KEY_CARD,
    purse.SYSTEM: SYSTEM,
}
_ROLE_TEXTS = {
    CUSTOMER: Words("a customer's card"),
    SERVICE: Words("a technician's card"),
    OPERATOR: Words("an operator's card"),
    DATA: Words("a data card"),
    BLANK: Words("blank"),
    KEY_CARD: Words("a key card"),
    SYSTEM: Words("a dispensing unit's system card"),
}


class NotOnCard(OSError):
    """A step is in the record and did not reach the card. `rows` are the tokens, if it made any."""

    def __init__(self, words: str, rows: Sequence[Row] = ()) -> None:
        super().__init__(words)
        self.rows = rows


class CardRead:
    """A card that was read: `name`, `card`, its order `box` or None, its newest `statement` or None, `meter_number`.

    `meter_number` is None or 0 for every card but a customer's. `row` is the card's in the record, or None.
    """

    def __init__(
        self,
        name: str,
        card: AnyCard,
        box: purse.OrderBox | None,
        statement: dict | None,
        meter_number: int | None,
        row: Row | None = None,
    ) -> None:
        self.row = row
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

    @property
    def state(self) -> str:
        """The state of the card in the record. A card that the record does not have is active."""
        return ACTIVE if self.row is None else self.row["state"]

    @property
    def tenant(self) -> int:
        """The tenant whose card it is, or 0."""
        return 0 if self.row is None else self.row["tenant"]

    def sealed_tokens(self) -> list[bytes]:
        """Return the tokens on a customer's card or a data card."""
        if self.box is None or self.role not in (CUSTOMER, DATA):
            return []
        return purse.split_tokens(self.box.content)


class StationCards:
    """The cards in `files`, on `reader`, with the vault and the record of the station."""

    def __init__(self, station: Station, files: CardStore, reader: CardReader) -> None:
        self._keys = station.keys
        self._station = station
        self._files = files
        self._held: CardRead | None = None
        self._reader = reader

    def read(self, name: str) -> CardRead:
        """Read a card and record the facts in its statement. Raise ValueError or OSError if it cannot be read.

        Raise ValueError too for a card that was erased and has an older content again.
        """
        card = self._files.load(name)
        box = self._box_of(card)
        row = self._station.card(card.uid)
        if row is not None and row["state"] == ERASED:
            if box is not None:
                raise Refusal(
                    "card %(card)s was erased, and now has an older content again: it is a copy; its credit was"
                    " forfeited; wipe it once more with: wattpurse card erase %(card)s --forfeit",
                    card=name,
                )
            row = None
        if box is not None:
            meter_number = box.meter_number if box.kind == purse.CUSTOMER else 0
        else:
            meter_number = None if row is None else row["meter_number"]
        if box is not None and box.kind == purse.CUSTOMER:
            self._station.take_over(card.uid, purse.split_tokens(box.content))
        statement = self._read_statement(card, meter_number) if meter_number else None
        if statement is not None:
            self._station.learn(statement)
        return CardRead(name, card, box, statement, meter_number, row)

    def read_to_erase(self, name: str) -> CardRead:
        """Read a card that is to be wiped, even if it was erased before and has an older content again."""
        card = self._files.load(name)
        row = self._station.card(card.uid)
        if row is None or row["state"] != ERASED:
            return self.read(name)
        box = self._box_of(card)
        meter_number = box.meter_number if box is not None and box.kind == purse.CUSTOMER else 0
        return CardRead(name, card, box, None, meter_number, row)

    def new_desfire_card(self, name: str, make: Callable[[bytes], tuple[str, bytes]]) -> None:
        """Make a DESFire key card in a dialog that `make(uid)` begins. Raise ValueError if the card is in use."""
        exists = self._files.exists(name)
        card = self._files.load(name) if exists else blank_card(DESFIRE)
        if card.kind != DESFIRE:
            raise ValueError(f"card {name} exists and is a {card.kind}")
        if exists and self._box_of(card) is not None:
            raise ValueError(f"card {name} exists and is in use; it is not overwritten")
        try:
            self._reader.converse(card, lambda: make(card.uid), self._keys.answer_desfire)
        finally:
            self._files.save(name, card)
        self._station.add_card(card.uid, name, 0, KEY_CARD, card.kind)

    def converse(self, read: CardRead, begin: Callable[[], tuple[str, bytes]], is_change: bool) -> CardContent | None:
        """Let the vault talk to a DESFire card, in the dialog that `begin` begins. Return its result.

        Raise OSError if it fails. The card's file has the changes, complete or not.
        """
        if not is_change:
            return self._reader.converse(read.card, begin, self._keys.answer_desfire)
        with self.held(read):
            try:
                return self._reader.converse(read.card, begin, self._keys.answer_desfire)
            finally:
                self._files.save(read.name, read.card)

    def new_card(
        self,
        name: str,
        kind: str,
        key_version: int,
        role: int,
        number: int,
        content_of: Callable[[AnyCard], bytes],
    ) -> None:
        """Make a card of a role (purse), with `number` in its head and `content_of(card)` in its order box.

        Raise ValueError if the card is in use, or has less memory than its kind.
        """
        if kind == DESFIRE:
            raise ValueError("a DESFire card can only be a key card; make it with --key-card")
        exists = self._files.exists(name)
        card = self._files.load(name) if exists else blank_card(kind)
        if card.kind != kind:
            raise ValueError(f"card {name} exists and is a {card.kind}")
        self._reader.prove(card)
        if exists and self._opens(card):
            if not is_unused(card.kind, self._reader.work(card, read_all)):
                raise ValueError(f"card {name} exists and is in use; it is not overwritten")
            self._reader.rekey(card, key_version)
        else:
            self._reader.format(card, key_version)
        content = content_of(card)
        self._reader.work(card, lambda memory: purse.write_orders(memory, role, number, content))
        meter_number = number if role == purse.CUSTOMER else 0
        self._station.add_card(card.uid, name, meter_number, _ROLES[role], card.kind)
        self._files.save(name, card)

    def new_service_card(self, name: str, kind: str, technician: int, expires_s: int, meters: Sequence[int]) -> None:
        """Make the card of a technician, whose pass names `meters`."""
        version = self._access_version(purse.SERVICE)
        self.new_card(
            name, kind, version, purse.SERVICE, 0, lambda card: self._service_pass(card, technician, expires_s, meters)
        )

    def new_operator_card(
        self, name: str, kind: str, operator: int, expires_s: int, approval: str | None = None
    ) -> None:
        """Make the card of an operator, whom the vault knows by this card from then on.

        In an office of two persons a manager names the card to the vault first, and both approve its pass.
        """

        def content_of(card: AnyCard) -> bytes:
            known = next((one for one in self._keys.operators() if one.number == operator), None)
            if known is None:
                raise ValueError(
                    f"operator {operator} is not known to the vault; add the operator with: wattpurse vault operator"
                )
            if known.uid != card.uid and self._keys.persons == 1:
                self._keys.set_operator(self._station.ticket, replace(known, uid=card.uid))
            return self._operator_pass(card, operator, expires_s, approval)

        self.new_card(name, kind, self._access_version(purse.OPERATOR), purse.OPERATOR, 0, content_of)

    def look(self, read: CardRead, step: Step[Result]) -> Result:
        """Return the result of the coroutine `step(memory)`, which reads the card. Raise OSError if it fails."""
        return self._reader.work(read.card, step)

    def write(self, read: CardRead, step: Step[None]) -> None:
        """Run the coroutine `step(memory)`, which changes the card. Raise OSError if it fails.

        The card's file has the changes, complete or not.
        """
        with self.held(read):
            self._change(read, lambda: self._reader.work(read.card, step))

    @contextmanager
    def held(self, read: CardRead) -> Iterator[None]:
        """Hold a card for a `with` block, as it is now: another program may have written it since it was read.

        A block inside it does nothing.
        """
        if self._held is read:
            yield
            return
        with self._files.held():
            card = self._files.load(read.name)
            if card.uid != read.card.uid:
                raise Refusal("card %(card)s is another one than before; read it again", card=read.name)
            read.card, self._held = card, read
            try:
                yield
            finally:
                self._held = None

    def rekey(self, name: str) -> int:
        """Write the newest keys that the card's meters are proved to have. Return their version."""
        read = self.read(name)
        if read.card.kind == DESFIRE:
            version, uid = self._access_version(purse.KEY_CARD), read.card.uid
            begin = lambda: self._keys.rekey_desfire(self._station.ticket, uid, version)  # noqa: E731
            if self.converse(read, begin, is_change=True) is None:
                raise ValueError(f"card {name} is no key card of this site")
            return version
        if read.role == CUSTOMER:
            version = self._station.key_history.site_version(read.customer_meter)
        else:
            version = self._access_version(purse.SERVICE if read.box is None else read.box.kind)
        if read.role in (SERVICE, OPERATOR):
            self._renew_pass(read)
        with self.held(read):
            self._change(read, lambda: self._reader.rekey(read.card, version))
        return version

    def sign_on(self, name: str) -> None:
        """Sign on the operator whose card this is. Raise ValueError if it is no valid operator's card."""
        read = self.read(name)
        if read.role != OPERATOR:
            raise ValueError(f"card {name} is {a_card_of(read.role)}, not an operator's")
        _, expires_s = self._open_operator_pass(read)
        if expires_s <= time.time():
            raise ValueError(f"the operator's card {name} has expired; make a new one with: wattpurse card new")
        self._station.person = self._keys.sign_on_with_card(read.card.uid, read.written_box.content)

    def open_statement(self, meter_number: int, uid: bytes, data: bytes) -> dict | None:
        """Return the content of a sealed statement, under any version of the meter's key. None: it is not authentic."""
        opened = self._keys.open_statement(meter_number, uid, data)
        if opened is None:
            return None
        version, statement = opened
        self._station.key_history.note_statement(meter_number, version)
        return statement

    def _read_statement(self, card: AnyCard, meter_number: int) -> dict | None:
        for data in self._reader.work(card, purse.read_statement_copies):
            statement = self.open_statement(meter_number, card.uid, data)
            if statement is not None:
                return statement
        return None

    def _box_of(self, card: AnyCard) -> purse.OrderBox | None:
        """Return the order box of a card. A DESFire key card has none of its own; the vault knows it."""
        if card.kind != DESFIRE:
            return self._reader.work(card, purse.read_orders)
        content = self._reader.converse(card, lambda: self._keys.read_desfire(card.uid), self._keys.answer_desfire)
        return None if content is None else purse.OrderBox(0, purse.KEY_CARD, 0, 0, b"")

    def _opens(self, card: AnyCard) -> bool:
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

    def _access_version(self, role: int) -> int:
        """Return the version of the site key that opens a card which is not a customer's.

        Only this station reads an operator's card, so it has the newest. Every meter reads the others.
        """
        return self._keys.newest_version if role == purse.OPERATOR else self._station.key_history.common_site_version()

    def _service_pass(self, card: AnyCard, technician: int, expires_s: int, meters: Sequence[int]) -> bytes:
        """Return a pass under the newest keys that the meters are proved to have."""
        history = self._station.key_history
        versions = [(number, history.meter_version(number)) for number in meters]
        return self._keys.seal_service_pass(self._station.ticket, card.uid, technician, expires_s, versions)

    def _operator_pass(self, card: AnyCard, operator: int, expires_s: int, approval: str | None = None) -> bytes:
        return self._keys.seal_operator_pass(self._station.ticket, card.uid, operator, expires_s, approval)

    def _open_operator_pass(self, read: CardRead) -> tuple[int, int]:
        """Return `(number of the operator, expiry)`. Raise ValueError if another station made the pass."""
        opened = self._keys.open_operator_pass(read.card.uid, read.written_box.content)
        if opened is None:
            raise ValueError(f"the pass on card {read.name} was not made with the keys of this vault")
        return opened

    def _open_service_pass(self, read: CardRead) -> tuple[int, int, list[int]]:
        """Return `(number of the technician, expiry, meters)`. Raise ValueError if another station made the pass."""
        content = read.written_box.content
        try:
            technician, expires_s, meters = read_service_pass(content)
        except SealBroken:
            technician, expires_s, meters = 0, 0, []
        opened = [self._keys.open_service_pass(read.card.uid, content, number) for number in meters]
        if not opened or None in opened:
            raise ValueError(f"the pass on card {read.name} was not made with the keys of this vault")
        return technician, expires_s, meters

    def _renew_pass(self, read: CardRead) -> None:
        """Write the pass of a card anew, under the keys that are in force now."""
        box = read.written_box
        if read.role == OPERATOR:
            content = self._operator_pass(read.card, *self._open_operator_pass(read))
        else:
            content = self._service_pass(read.card, *self._open_service_pass(read))
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
