"""The event log: what happened, when, and who brought it about, in a ring of its own that overwrites the oldest."""

import struct

from wattpurse.core import carrier, outcome, supply
from wattpurse.core.journal import Journal

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
CARD_REFUSED = 50

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
    CARD_REFUSED: "key card refused: an older image of it",
}
_RECORD = 1
_LAYOUT = "<IBBqq"


class Event:
    """One event: `time_s`, `code`, `by` (see `carrier`), and two numbers whose meaning depends on the code."""

    def __init__(self, time_s: int, code: int, by: int, number: int, extra: int):
        self.time_s = time_s
        self.code = code
        self.by = by
        self.number = number
        self.extra = extra


class EventLog:
    """The log on `sectors` sectors twice over, from sector `first_sector` of `flash`."""

    def __init__(self, flash, first_sector: int, sectors: int):
        self._journal = Journal(flash, first_sector, sectors, RING, bytes)
        self.failed = False

    @property
    def opened(self) -> bool:
        """True once the log was opened or created; until then `note` does nothing."""
        return self._journal.opened

    def open(self):
        """Go on behind what is there. Raises ring.JournalBlank, slots.JournalUnreadable, OSError; writes nothing.

        A start costs one slot, not a sector: else whoever cuts the mains a few times would wipe the log.
        """
        self._journal.resume()

    def prepare(self) -> bool:
        """Erase one sector ahead of need; False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def create(self):
        """Start an empty log in blank flash. Raises ValueError if the flash is not blank."""
        self._journal.create()

    def erase(self):
        """Erase the log, for a person's explicit order only."""
        self._journal.erase()

    def note(self, code: int, by: int, now_s: int, number: int = 0, extra: int = 0):
        """Write one event. A log that cannot be written sets `failed` and stops nothing: metering goes on."""
        if not self._journal.opened:
            return
        try:
            self._journal.append(_RECORD, struct.pack(_LAYOUT, now_s, code, by, number, extra))
        except OSError:
            self.failed = True

    def recent(self, count: int) -> list:
        """The newest `count` events, newest first."""
        newest = []
        if not self._journal.opened:
            return newest
        for kind, payload in self._journal.history():
            if kind == _RECORD:
                newest.append(Event(*struct.unpack_from(_LAYOUT, payload)))
                if len(newest) == count:
                    break
        return newest


def text(event: Event) -> str:
    """What happened, in words, without the time."""
    words = _TEXTS.get(event.code, f"event {event.code}")
    if event.code == SUPPLY:
        words += " " + supply.text(event.number)
    elif event.code == TOKEN_REFUSED:
        words += ": " + outcome.text(event.number)
    elif event.code == FAULT:
        words += f" {event.number}"
    return words + ", by " + carrier.text(event.by)
