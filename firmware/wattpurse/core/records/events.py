"""The event log: what happened, when, and who brought it about, in a ring of its own that overwrites the oldest.

event, 22 bytes: time u32, code u8, by u8 (see `carrier`), number i64, extra i64; what the numbers mean depends on
    the code. With a key it is followed by its link in the chain (see `event_chain`).
"""

import struct

from wattpurse.core import carrier, outcome
from wattpurse.core.guards import tamper
from wattpurse.core.journal.journal import Journal
from wattpurse.core.money import supply
from wattpurse.core.records.event_chain import GOES_ON, LINK_SIZE, LOOK_BACK, NO_LINK, UNCHAINED, EventChain

RING = 3

_PREPARE_BELOW_SLOTS = 16

STARTED = 1
COMMISSIONED = 2
LOGIN = 3
LOGIN_REFUSED = 4
LOGOUT = 5
SETTING_CHANGED = 6
CLOCK_SET = 7
CLOCK_DOUBTED = 8
CREDIT_MONEY = 9
TOKEN = 10
TOKEN_REFUSED = 11
SUPPLY = 12
FAULT = 13
TAMPER = 14
TAMPER_CLEARED = 15
READER_LOST = 16
READER_BACK = 17
TARIFF_SENT = 18
TARIFF_ACTIVE = 19
CALIBRATED = 20
CONTRACT_CHANGED = 21
TERM_CHANGED = 22
RELAY_TEST = 23
KEYS_CHANGED = 24
PIN_CHANGED = 25
LEDGER_DEGRADED = 26
LEDGER_ERASED = 27
SERVICE_CARD = 28
CREDIT_ENERGY = 29
DAYS_BOUGHT = 30
DISPENSED = 31
TAKEN_BACK = 32
CLEARED = 33
TENANT_CHANGED = 34
DEBT_CHANGED = 35
PERMITTED = 36
SWITCH_ORDERED = 37
SHORTAGE = 38
AGREED = 39
SUPPLY_TEST = 40
CARD_REFUSED = 41
FLASH_TESTED = 42

KEY_CHANGES = (COMMISSIONED, KEYS_CHANGED)

_TEXTS = {
    STARTED: "started",
    COMMISSIONED: "commissioned",
    LOGIN: "login",
    LOGIN_REFUSED: "wrong PIN",
    LOGOUT: "logout",
    SETTING_CHANGED: "setting changed",
    CLOCK_SET: "clock set",
    CLOCK_DOUBTED: "clock not to be trusted",
    CREDIT_MONEY: "money credited",
    CREDIT_ENERGY: "energy credited",
    TOKEN: "token redeemed",
    TOKEN_REFUSED: "token refused",
    SUPPLY: "supply",
    FAULT: "fault",
    TAMPER: "tamper",
    TAMPER_CLEARED: "tamper cleared",
    READER_LOST: "card reader does not answer",
    READER_BACK: "card reader answers again",
    TARIFF_SENT: "tariff accepted",
    TARIFF_ACTIVE: "tariff in force",
    CALIBRATED: "calibrated",
    CONTRACT_CHANGED: "contract changed",
    TERM_CHANGED: "term changed",
    RELAY_TEST: "relay test",
    KEYS_CHANGED: "keys changed",
    PIN_CHANGED: "PIN changed",
    LEDGER_DEGRADED: "a flash sector failed, its copy holds",
    LEDGER_ERASED: "ledger erased",
    SERVICE_CARD: "service card",
    DAYS_BOUGHT: "term paid until",
    DISPENSED: "contract of kWh and days accepted",
    TAKEN_BACK: "credit taken back",
    CLEARED: "credit and debt cleared",
    TENANT_CHANGED: "tenant changed",
    DEBT_CHANGED: "debt is now",
    PERMITTED: "supply permitted until",
    SWITCH_ORDERED: "load switch ordered",
    SHORTAGE: "shortage level",
    AGREED: "button pressed",
    SUPPLY_TEST: "supply test, minutes",
    FLASH_TESTED: "flash tested, JEDEC ID",
    CARD_REFUSED: "key card refused: an older image of it, or no genuine one",
}
_RECORD = 1
_CHAINED = 2
_LAYOUT = "<IBBqq"
_BODY_SIZE = 22
_PLACE = "<I"


class Event:
    """One event: `time_s`, `code`, `by`, two numbers whose meaning depends on the code, and its link or None."""

    def __init__(self, time_s: int, code: int, by: int, number: int, extra: int, link: bytes | None = None) -> None:
        self.time_s = time_s
        self.code = code
        self.by = by
        self.number = number
        self.extra = extra
        self.link = link

    @property
    def body(self) -> bytes:
        """What the link seals."""
        return struct.pack(_LAYOUT, self.time_s, self.code, self.by, self.number, self.extra)


class EventLog:
    """The log on `sectors` sectors twice over, from sector `first_sector` of `flash`."""

    def __init__(self, flash, first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._chain = None
        self._base = 0
        self.link = NO_LINK
        self.failed = False

    @property
    def opened(self) -> bool:
        """True once the log was opened or created; until then `note` does nothing."""
        return self._journal.opened

    @property
    def place(self) -> int:
        """Where the newest event stands: it grows with every event, and a little with a power cut, and never falls."""
        return self._base + self._journal.used_slots

    def open(self) -> None:
        """Go on behind what is there. Raises ring.JournalBlank, slots.JournalUnreadable, OSError; writes nothing.

        A start costs one slot, not a sector: else whoever cuts the mains a few times would wipe the log.
        """
        snapshot = self._journal.resume()
        self._base = struct.unpack(_PLACE, snapshot)[0] if len(snapshot) == struct.calcsize(_PLACE) else 0

    def chain(self, aes, key_of_meter: bytes) -> bool:
        """Chain what is noted from now on behind the newest event. False if that is of another key, or was changed.

        If it is whole in one copy alone, it may not be there the next time: it was being written when power failed.
        Then it is written again. Where that cannot be, the next event takes its place.
        """
        self._chain = EventChain(aes, key_of_meter, KEY_CHANGES)
        self.link = NO_LINK
        newest, copies = self._newest()
        if not newest:
            return True
        self.link = newest[0].link
        if copies == 1 and not self._repeats_newest():
            link = self._chain.place_of(newest)
            self.link = self.link if link is None else link
        for _, verdict in self._chain.verdicts(newest):
            return verdict in GOES_ON
        return True

    def verdicts(self):
        """Yield `(event, verdict)`, newest first, by the chain in force (see `event_chain`)."""
        if self._chain is not None:
            return self._chain.verdicts(self.survey())
        return ((event, UNCHAINED) for event in self.survey() if event is not None)

    def survey(self):
        """Yield every event, newest first, and None for each place that cannot be read.

        Neighbours that are alike are one event whose writing was cut off, or that one copy did not take, and repeated.
        """
        if not self._journal.opened:
            return
        newer = None
        for kind, payload, _ in self._journal.survey():
            if kind is not None and (kind, payload) == newer:
                continue
            newer = newer if kind is None else (kind, payload)
            yield _event(kind, payload)

    def prepare(self) -> bool:
        """Erase one sector ahead of need; False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def create(self) -> None:
        """Start an empty log in blank flash. Raises ValueError if the flash is not blank."""
        self._base = 0
        self._journal.create()

    def erase(self) -> None:
        """Erase the log, for a person's explicit order only."""
        self.link = NO_LINK
        self._journal.erase()

    def note(self, code: int, by: int, now_s: int, number: int = 0, extra: int = 0) -> None:
        """Write one event. A log that cannot be written sets `failed` and stops nothing: metering goes on."""
        if not self._journal.opened:
            return
        event = Event(now_s, code, by, number, extra)
        try:
            self._append(event)
        except OSError:
            self.failed = True

    def recent(self, count: int) -> list:
        """The newest `count` events, newest first."""
        newest = []
        for event in self.survey():
            if event is not None:
                newest.append(event)
                if len(newest) == count:
                    break
        return newest

    def _append(self, event) -> None:
        """Write an event behind its link, which it is only when it is in flash."""
        if self._chain is None:
            self._journal.append(_RECORD, event.body)
            return
        link = self._chain.link(self.link, event.body)
        self._journal.append(_CHAINED, event.body + link)
        self.link = link

    def _repeats_newest(self) -> bool:
        try:
            return self._journal.repeat_doubtful()
        except OSError:
            self.failed = True
            return False

    def _newest(self):
        """The newest chained events, newest first, and how many copies hold the first. Looks at a few places only."""
        newest = []
        copies_of_first = 0
        places = 2 * LOOK_BACK
        for kind, payload, copies in self._journal.survey():
            event = _event(kind, payload)
            if newest and event is not None and event.link == newest[-1].link:
                continue
            if event is not None and event.link is not None:
                copies_of_first = copies_of_first or copies
                newest.append(event)
            places -= 1
            if places == 0 or len(newest) > LOOK_BACK:
                break
        return newest, copies_of_first

    def _snapshot(self):
        """The journal rolls: what was in the sector so far counts on."""
        self._base = self.place
        return struct.pack(_PLACE, self._base & 0xFFFFFFFF)


def _event(kind, payload):
    """The event in a record, None where there is none."""
    if kind == _CHAINED:
        return Event(*struct.unpack_from(_LAYOUT, payload), link=payload[_BODY_SIZE : _BODY_SIZE + LINK_SIZE])
    return Event(*struct.unpack_from(_LAYOUT, payload)) if kind == _RECORD else None


def text(event: Event) -> str:
    """What happened, in words, without the time."""
    words = _TEXTS.get(event.code, f"event {event.code}")
    if event.code == SUPPLY:
        words += " " + supply.text(event.number)
    elif event.code == TOKEN_REFUSED:
        words += ": " + outcome.text(event.number)
    elif event.code in (TAMPER, TAMPER_CLEARED) and event.number:
        words += ": " + ", ".join(tamper.texts(event.number))
    elif event.code == FLASH_TESTED:
        words += f" {event.number:06X}" if event.number else " unknown"
    elif event.code == FAULT:
        words += f" {event.number}"
    return words + ", by " + carrier.text(event.by)
