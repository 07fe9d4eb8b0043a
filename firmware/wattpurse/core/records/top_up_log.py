"""The top-up log: every redeemed token, its amount and the balance that resulted, in its own ring.

    top-up, 26 bytes: time u32, token number u32, token kind u8, carrier u8, amount i64, balance i64 that resulted

A credit is written here before the ledger redeems its token, so that no power cut leaves it out. If power fails before
the ledger has the token, readers skip the entry, and the token is still good: the ledger alone decides. A power cut by
itself writes nothing here.
"""

import struct

from wattpurse.core.journal.journal import Journal
from wattpurse.core.messages import token

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattpurse.hal import Flash

RING = 5

_PREPARE_BELOW_SLOTS = 16
_ATTEMPTS = 64  # the number of tokens that the ledger knows one by one
_TOP_UP = 1
_LAYOUT = "<IIBBqq"


class TopUp:
    """A redeemed token: `amount` and `balance` are in the unit that its `kind` credits (see `token.KINDS`), or 0."""

    def __init__(self, time_s: int, sequence: int, kind: int, carrier: int, amount: int, balance: int) -> None:
        self.time_s = time_s
        self.sequence = sequence
        self.kind = kind
        self.carrier = carrier
        self.amount = amount
        self.balance = balance

    @property
    def unit(self) -> str | None:
        """`money` or `energy`; None for a token whose amount is not logged."""
        unit = token.benefit(self.kind)
        return unit if unit in (token.MONEY, token.ENERGY) else None

    @property
    def text(self) -> str:
        """The effect of the token, in words."""
        return token.words(self.kind)


class TopUpLog:
    """The log on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, bytes)
        self.failed = False
        self._newest = None

    @property
    def opened(self) -> bool:
        """True once the log was opened or created; until then `note` does nothing."""
        return self._journal.opened

    def open(self) -> None:
        """Continue the log. Raise ring.JournalBlank, slots.JournalUnreadable or OSError. Write nothing."""
        self._journal.resume()

    def create(self) -> None:
        """Create an empty log in blank flash. Raise ValueError if the flash is not blank."""
        self._journal.create()
        self._journal.mark_firm()  # else the first token would have to roll before it, with two erases

    def erase(self) -> None:
        """Erase the log. Call only for a person's explicit order."""
        self._newest = None
        self._journal.erase()

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def note(self, kind: int, sequence: int, carrier: int, now_s: int, amount: int = 0, balance: int = 0) -> None:
        """Write one token. If this fails, set `failed` and carry on."""
        if not self._journal.opened:
            return
        try:
            if self._is_newest(kind, sequence, amount, balance):
                return  # else repeated power cuts in the middle of one top-up would erase the log
            self._journal.append(_TOP_UP, struct.pack(_LAYOUT, now_s, sequence, kind, carrier, amount, balance))
            self._newest = TopUp(now_s, sequence, kind, carrier, amount, balance)
        except OSError:
            self.failed = True

    def redeemed(self, is_used: "Callable[[int], bool]") -> "Iterator[TopUp]":
        """Yield each TopUp, newest first; `is_used(sequence)` asks the ledger about a token."""
        shown = []
        for top_up in self._every():
            if top_up.sequence not in shown and is_used(top_up.sequence):
                shown.append(top_up.sequence)
                del shown[:-_ATTEMPTS]
                yield top_up

    def _is_newest(self, kind: int, sequence: int, amount: int, balance: int) -> bool:
        if self._newest is None:
            self._journal.repeat_doubtful()
            self._newest = self._read_newest()
        newest = self._newest
        if newest is None:
            return False
        return (newest.kind, newest.sequence, newest.amount, newest.balance) == (kind, sequence, amount, balance)

    def _read_newest(self) -> TopUp | None:
        for newest in self._every():
            return newest
        return None

    def _every(self) -> "Iterator[TopUp]":
        if self._journal.opened:
            for record in self._journal.survey():
                if record is not None and record[0] == _TOP_UP:
                    yield TopUp(*struct.unpack_from(_LAYOUT, record[1]))
