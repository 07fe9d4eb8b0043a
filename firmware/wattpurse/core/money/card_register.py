"""The register of key cards: the numbers of every card that has left the account's list, in a ring of its own.

    entry, 23 bytes: card number u32, version u32, spent u48, pending u32, owed u32, unproved u8

An entry has the state of a `known_cards.KnownCard`. It is written when its card leaves the list, and holds until the
card leaves the list again. Therefore no older image of the card is accepted, and nothing that the card owes is lost.

If the register is full, it forgets the card with the smallest sum of `spent` and `owed`, and of equal ones the oldest.
This sum is the most that copies of a forgotten card can take again. A card from which nothing was ever deducted is thus
forgotten first, and costs nothing. `forgotten` lists the others.

The ring is opened, or created, at the first card that needs it: a meter without key cards spends no memory on it. If it
cannot be read or written, `failed` is set, and the meter continues with the cards of the account's list.
"""

import struct

from wattpurse.core.journal.late_log import LateLog
from wattpurse.core.money.key_card import join48, split48
from wattpurse.core.money.known_cards import KnownCard

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.core.journal.journal import Journal
    from wattpurse.hal import Flash

RING = 6
CAPACITY = 128

_ENTRY_RECORD = 1
_FORMAT = b"\x01"
_ENTRY = "<IIIHIIB"
_ENTRY_SIZE = struct.calcsize(_ENTRY)
_NUMBER = "<I"
_STAKE = "<IHII"  # the part of an entry from `spent` to `owed`
_STAKE_AT = 8
_RECORDS_A_STEP = 8
_U32_LIMIT = (1 << 32) - 1


class CardRegister(LateLog):
    """The register on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`.

    `forgotten` has `(card number, spent + owed)` of each card that was forgotten. The owner empties it.
    """

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        super().__init__(flash, first_sector, sectors, RING)
        self._entries = b""
        self._least_at = -1
        self.forgotten = []

    def find(self, number: int) -> KnownCard | None:
        """Return the card with that number as it left the list, or None."""
        if not self._opens():
            return None
        at = self._at(struct.pack(_NUMBER, number))
        return None if at < 0 else _card(self._entries, at)

    def note(self, card: KnownCard) -> None:
        """Keep a card that leaves the list. If this fails, set `failed` and carry on."""
        entry = _entry(card)
        if not self._opens() or not self._has_news(entry):
            return
        if not self._appends(_ENTRY_RECORD, entry):
            return
        lost = self._keep(entry)
        if lost is not None and _stake(lost):
            self.forgotten.append((lost.number, _stake(lost)))

    def _take_over(self, journal: "Journal", snapshot: bytes) -> "Iterator[None]":
        if snapshot[:1] != _FORMAT or (len(snapshot) - 1) % _ENTRY_SIZE:
            raise ValueError("the register has a format that is not known")
        self._entries = snapshot[1:]
        records = []
        for record in journal.newest_first():
            records.append(record)
            if len(records) % _RECORDS_A_STEP == 0:
                yield
        while records:
            kind, payload = records.pop()
            if kind == _ENTRY_RECORD:
                self._keep(payload[:_ENTRY_SIZE])
            if len(records) % _RECORDS_A_STEP == 0 or self._is_full:
                yield

    def _snapshot(self) -> bytes:
        return _FORMAT + self._entries

    def _at(self, number: bytes) -> int:
        """Return the place of the entry with that number, or -1."""
        at = self._entries.find(number)
        while at % _ENTRY_SIZE and at >= 0:
            at = self._entries.find(number, at + 1)
        return at

    def _has_news(self, entry: bytes) -> bool:
        """Return False for an entry that is here already, and for the one that would be forgotten at once."""
        at = self._at(entry[:4])
        if at >= 0:
            return self._entries[at : at + _ENTRY_SIZE] != entry
        if not self._is_full:
            return True
        card = _card(entry, 0)
        if _stake(card) > _stake(_card(self._entries, self._least())):
            return True
        if _stake(card):
            self.forgotten.append((card.number, _stake(card)))
        return False

    def _keep(self, entry: bytes) -> KnownCard | None:
        """Put an entry behind the others, in place of an earlier one of its card. Return the card that is forgotten."""
        entries = self._entries
        lost = None
        at = self._at(entry[:4])
        if at < 0 and self._is_full:
            at = self._least()
            lost = _card(entries, at)
        self._least_at = -1
        if at < 0:
            self._entries = entries + entry
        else:
            self._entries = b"".join((entries[:at], entries[at + _ENTRY_SIZE :], entry))
        return lost

    @property
    def _is_full(self) -> bool:
        return len(self._entries) >= CAPACITY * _ENTRY_SIZE

    def _least(self) -> int:
        """Return the place of the entry that is forgotten next. A search takes milliseconds, and its result is kept."""
        if self._least_at < 0:
            entries = self._entries
            least = None
            for at in range(0, len(entries), _ENTRY_SIZE):
                low, high, _, owed = struct.unpack_from(_STAKE, entries, at + _STAKE_AT)
                stake = join48(low, high) + owed
                if least is None or stake < least:
                    least, self._least_at = stake, at
        return self._least_at


def _stake(card: KnownCard) -> int:
    """Return the most micro-units that copies of a card can take again once the card is forgotten."""
    return card.spent + card.owed


def _entry(card: KnownCard) -> bytes:
    pending, owed = min(card.pending, _U32_LIMIT), min(card.owed, _U32_LIMIT)
    return struct.pack(_ENTRY, card.number, card.version, *split48(card.spent), pending, owed, card.unproved)


def _card(entries: bytes, at: int) -> KnownCard:
    number, version, low, high, pending, owed, unproved = struct.unpack_from(_ENTRY, entries, at)
    return KnownCard(number, version, join48(low, high), pending, unproved, owed)
