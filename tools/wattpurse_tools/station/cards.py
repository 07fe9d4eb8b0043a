"""The station's desk: cards of every role, read, made and written, whichever keys of the site they have.

What is read from a card's statement is noted in the station's record at once. A pass is a technician's or an
operator's: it opens the meters of the site, or this station, and is sealed for its card's UID.
"""

import time

from boards.host.chips.aes import aes
from wattpurse.cards import purse
from wattpurse.core.messages import statement
from wattpurse.core.messages.service_pass import make_pass, open_pass
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.station.card_files import blank_card

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
_SAID = {
    SERVICE: "a technician's card",
    OPERATOR: "an operator's card",
    DATA: "a data card",
    BLANK: "blank",
    KEY_CARD: "a key card",
}


class CardRead:
    """A card that was read: `name`, `card`, its order `box` or None, what its newest statement `told` or None, and
    `meter_number`, None or 0 if it is no customer's."""

    def __init__(self, name, card, box, told, meter_number) -> None:
        self.name = name
        self.card = card
        self.box = box
        self.told = told
        self.meter_number = meter_number

    @property
    def role(self) -> str:
        """What the card is for."""
        if self.box is not None:
            return _ROLES[self.box.kind]
        return CUSTOMER if self.meter_number else BLANK

    def sealed_tokens(self) -> list:
        """The tokens on a customer's card or a data card."""
        has_tokens = self.box is not None and self.role in (CUSTOMER, DATA)
        return purse.split_tokens(self.box.content) if has_tokens else []


class StationCards:
    """Works on the cards in `files` with `reader`, and with the keys and the record of the station."""

    def __init__(self, site_keys, station, files, reader) -> None:
        self._keys = site_keys
        self._station = station
        self._files = files
        self._reader = reader

    def read(self, name: str) -> CardRead:
        """Read a card; what its statement proves is noted. Raises ValueError or OSError if it cannot be read."""
        card = self._files.load(name)
        box = self._reader.work(card, purse.read_orders)
        if box is not None:
            meter_number = box.meter_number if box.kind == purse.CUSTOMER else 0
        else:
            known = self._station.card(card.uid)
            meter_number = None if known is None else known["meter"]
        told = self._read_statement(card, meter_number) if meter_number else None
        if told is not None:
            self._station.learn(told)
        return CardRead(name, card, box, told, meter_number)

    def new_card(self, name: str, kind: str, key_version: int, role: int, number: int, content_of) -> None:
        """Make a card of a role (purse), with `number` in its head and `content_of(card)` in its order box.

        Raises ValueError rather than overwrite a card in use.
        """
        exists = self._files.exists(name)
        card = self._files.load(name) if exists else blank_card(kind)
        if card.kind != kind:
            raise ValueError(f"card {name} exists and is a {card.kind}")
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

    def look(self, read: CardRead, step):
        """What the coroutine `step(memory)` finds on the card. Raises OSError."""
        return self._reader.work(read.card, step)

    def write(self, read: CardRead, step) -> None:
        """Change the card; its file tells what is on it afterwards, torn or not. Raises OSError."""
        self._change(read, lambda: self._reader.work(read.card, step))

    def rekey(self, name: str) -> int:
        """Give a card the keys that its meters are proved to have; their version. Raises OSError, ValueError."""
        read = self.read(name)
        if read.role == CUSTOMER:
            version = self._station.key_history.site_version(read.meter_number)
        else:
            version = self._pass_version(purse.SERVICE if read.box is None else read.box.kind)
        if read.role in (SERVICE, OPERATOR):
            self._renew_pass(read, version)
        self._change(read, lambda: self._reader.rekey(read.card, version))
        return version

    def sign_on(self, name: str) -> None:
        """From now on whose card this is sells. Raises ValueError if it is no operator's, or not valid."""
        read = self.read(name)
        if read.role != OPERATOR:
            raise ValueError(f"card {name} is {a_card_of(read.role)}, not an operator's")
        operator, expires_s = self.open_pass(read)
        if expires_s <= time.time():
            raise ValueError(f"the operator's card {name} has expired; make a new one with: wattpurse card new")
        self._station.operator = operator

    def open_pass(self, read: CardRead) -> tuple:
        """`(number of the person, expiry)` of a pass. Raises ValueError if it was not made by this station."""
        for key_set in self._keys.newest_first:
            try:
                return open_pass(aes, self._pass_key(read.card, read.box.kind, key_set.key_version), read.box.content)
            except SealBroken:
                pass
        raise ValueError(f"the pass on card {read.name} was not made with the keys of this key file")

    def open_statement(self, meter_number: int, uid: bytes, data: bytes) -> dict | None:
        """What a sealed statement says, under any version of the meter's key; None if it is not authentic."""
        for version, key in self._keys.meter_keys(meter_number):
            try:
                told = statement.open_statement(aes, keys.statement_keys(aes, key, uid), data)
            except SealBroken:
                continue
            self._station.key_history.note_statement(meter_number, version)
            return told
        return None

    def _read_statement(self, card, meter_number):
        for version, key in self._keys.meter_keys(meter_number):
            pair = keys.statement_keys(aes, key, card.uid)
            told = self._reader.work(card, lambda memory, pair=pair: purse.read_statement(memory, aes, pair))
            if told is not None:
                self._station.key_history.note_statement(meter_number, version)
                return told
        return None

    def _opens(self, card) -> bool:
        try:
            self._reader.work(card, read_all)
        except OSError:
            return False
        return True

    def _change(self, read, action) -> None:
        try:
            action()
        finally:
            self._files.save(read.name, read.card)

    def _pass_version(self, role):
        """An operator's pass is this station's alone; what goes to all meters waits for the last of them."""
        return self._keys.key_version if role == purse.OPERATOR else self._station.key_history.common_site_version()

    def _pass_key(self, card, role, version):
        key_set = self._keys.version(version)
        if role == purse.OPERATOR:
            return keys.operator_pass_key(aes, key_set.vending_key, card.uid)
        return keys.service_pass_key(aes, key_set.site_key, card.uid)

    def _pass(self, card, role, version, person, expires_s):
        return make_pass(aes, self._pass_key(card, role, version), person, expires_s)

    def _renew_pass(self, read, version) -> None:
        kind = read.box.kind
        content = self._pass(read.card, kind, version, *self.open_pass(read))
        if content != read.box.content:
            self.write(read, lambda memory: purse.write_orders(memory, kind, 0, content))


def a_card_of(role: str) -> str:
    """What a card is, in words."""
    return _SAID.get(role, f"a {role}'s card")


async def read_all(memory) -> bytearray:
    """All that is on a card."""
    content = bytearray(memory.capacity)
    await memory.read(0, content)
    return content
