"""The top-up log: every token that was redeemed, what it brought and what came of it, in a ring of its own.

    top-up, 26 bytes: time u32, token number u32, token kind u8, carrier u8, amount i64, balance i64 that resulted

A credit is written here before the ledger redeems its token, so that no power cut leaves one out. One that was cut off
before the ledger had it is passed over when the log is read, for its token is still good: the ledger alone decides.
Power cuts by themselves write nothing here.
"""

import struct

from wattpurse.core.journal.journal import Journal
from wattpurse.core.messages import token

RING = 5

_PREPARE_BELOW_SLOTS = 16
_ATTEMPTS = 64  # as many tokens as the ledger knows one by one
_TOP_UP = 1
_LAYOUT = "<IIBBqq"

_TEXTS = {
    token.CREDIT_MONEY: "money credited",
    token.CREDIT_ENERGY: "energy credited",
    token.CONTRACT: "contract changed",
    token.TARIFF: "tariff accepted",
    token.CLOCK: "clock set",
    token.CLEAR_TAMPER: "tamper cleared",
    token.TERM: "term changed",
    token.DAYS: "days bought",
    token.DISPENSE: "dispenser filled",
    token.REFUND: "credit taken back",
    token.CLEAR: "credit cleared",
    token.TENANT: "tenant changed",
    token.DEBT: "debt changed",
    token.PERMIT: "supply permitted",
    token.SWITCH: "switch ordered",
    token.SHORTAGE: "shortage level",
    token.METER_KEY: "meter key changed",
    token.SITE_KEY: "site key changed",
}


class TopUp:
    """A token that was redeemed: `amount` and `balance` are of the unit that its `kind` (see `token`) credits, or 0."""

    def __init__(self, time_s: int, sequence: int, kind: int, carrier: int, amount: int, balance: int) -> None:
        self.time_s = time_s
        self.sequence = sequence
        self.kind = kind
        self.carrier = carrier
        self.amount = amount
        self.balance = balance

    @property
    def unit(self) -> str | None:
        """Of `money` or of `energy`; None for a token that brings no credit."""
        return {token.CREDIT_MONEY: "money", token.CREDIT_ENERGY: "energy"}.get(self.kind)

    @property
    def text(self) -> str:
        """What the token brought about, in words."""
        return _TEXTS.get(self.kind, f"token of kind {self.kind}")


class TopUpLog:
    """The log on `sectors` sectors twice over, from sector `first_sector` of `flash`."""

    def __init__(self, flash, first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, bytes)
        self.failed = False
        self._newest = None

    @property
    def opened(self) -> bool:
        """True once the log was opened or created; until then `note` does nothing."""
        return self._journal.opened

    def open(self) -> None:
        """Go on behind what is there. Raises ring.JournalBlank, slots.JournalUnreadable, OSError; writes nothing."""
        self._journal.resume()

    def create(self) -> None:
        """Start an empty log in blank flash. Raises ValueError if the flash is not blank."""
        self._journal.create()

    def erase(self) -> None:
        """Erase the log, for a person's explicit order only."""
        self._newest = None
        self._journal.erase()

    def prepare(self) -> bool:
        """Erase one sector ahead of need; False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def note(self, kind: int, sequence: int, carrier: int, now_s: int, amount: int = 0, balance: int = 0) -> None:
        """Write one token. A log that cannot be written sets `failed` and stops nothing."""
        if not self._journal.opened:
            return
        try:
            if self._is_newest(kind, sequence, amount, balance):
                return  # else whoever cuts the mains in the middle of one top-up again and again would wipe the log
            self._journal.append(_TOP_UP, struct.pack(_LAYOUT, now_s, sequence, kind, carrier, amount, balance))
            self._newest = TopUp(now_s, sequence, kind, carrier, amount, balance)
        except OSError:
            self.failed = True

    def redeemed(self, is_used):
        """Yield each TopUp, newest first; `is_used(sequence)` is the ledger's word on a token."""
        shown = []
        for top_up in self._every():
            if top_up.sequence not in shown and is_used(top_up.sequence):
                shown.append(top_up.sequence)
                del shown[:-_ATTEMPTS]
                yield top_up

    def _is_newest(self, kind, sequence, amount, balance):
        if self._newest is None:
            self._journal.repeat_doubtful()
            self._newest = self._read_newest()
        newest = self._newest
        if newest is None:
            return False
        return (newest.kind, newest.sequence, newest.amount, newest.balance) == (kind, sequence, amount, balance)

    def _read_newest(self):
        for newest in self._every():
            return newest
        return None

    def _every(self):
        if self._journal.opened:
            for kind, payload in self._journal.history():
                if kind == _TOP_UP:
                    yield TopUp(*struct.unpack_from(_LAYOUT, payload))
