"""The event log: the code, time and carrier of each event, in a ring that overwrites the oldest.

    event, 22 bytes: time u32, code u8, by u8 (see `carrier`), number i64, extra i64

The meaning of the two numbers depends on the code. With a key, the event's link in the chain follows (see
`event_chain`).

Anybody can cause an event of LIMITED: at most one an hour of each kind is written (see `event_limit`). In such an event
`extra` has 32 bits, and above them the number of events of its kind that were left out before it.
"""

import struct

from wattpurse.core import carrier, outcome
from wattpurse.core.constant import const
from wattpurse.core.guards import tamper
from wattpurse.core.journal.journal import Journal
from wattpurse.core.journal.survey import LOOK_BACK, settled, windows
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.records.event_chain import GOES_ON, LINK_SIZE, NO_LINK, UNCHAINED, EventChain
from wattpurse.core.records.event_limit import EventLimit

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.hal import Aes, Flash

RING = 3

_PREPARE_BELOW_SLOTS = 16

# `token.KINDS` has the codes of the events that tokens alone leave: 9, 29 to 38 and 43.
STARTED = const(1)
COMMISSIONED = const(2)
LOGIN = const(3)
LOGIN_REFUSED = const(4)
LOGOUT = const(5)
SETTING_CHANGED = const(6)
CLOCK_SET = const(7)
CLOCK_DOUBTED = const(8)
TOKEN = const(10)
TOKEN_REFUSED = const(11)
SUPPLY = const(12)
FAULT = const(13)
TAMPER = const(14)
TAMPER_CLEARED = const(15)
READER_LOST = const(16)
READER_BACK = const(17)
TARIFF_SENT = const(18)
TARIFF_ACTIVE = const(19)
CALIBRATED = const(20)
CONTRACT_CHANGED = const(21)
TERM_CHANGED = const(22)
RELAY_TEST = const(23)
KEYS_CHANGED = const(24)
PIN_CHANGED = const(25)
LEDGER_DEGRADED = const(26)
LEDGER_ERASED = const(27)
SERVICE_CARD = const(28)
AGREED = const(39)
SUPPLY_TEST = const(40)
CARD_REFUSED = const(41)
FLASH_TESTED = const(42)
TOKEN_VOIDED = const(44)
RESTART_ORDERED = const(45)
DISPLAY_LOST = const(46)
DISPLAY_BACK = const(47)
CARD_FORGOTTEN = const(48)
MAINS_FAILED = const(49)
MAINS_RETURNED = const(50)
CLAMPS_SET = const(51)
SAMPLES_LOST = const(52)
VOLTAGE_LOW = const(53)
VOLTAGE_HIGH = const(54)
VOLTAGE_BACK = const(55)
CLAMP_WRONG = const(56)
CLAMP_RIGHT = const(57)
METERING_CHIP_LOST = const(58)
METERING_CHIP_BACK = const(59)
METERING_CHIP_RESTORED = const(60)
DIGITS_REFUSED = const(72)
KEYPAD_LOST = const(73)
KEYPAD_BACK = const(74)
READOUT_REFUSED = const(76)
READOUT_SET = const(77)
BLUETOOTH_SET = const(70)
BROKER_FOUND = const(64)
BROKER_LOST = const(65)
NETWORK_SET = const(68)

# The events that anybody can cause, alone or with a token or pass that comes again and again. The value names the field
# that makes kinds of its own: it is one of a few, or there is an authentic token or pass for each.
_NUMBER = const(1)
_EXTRA = const(2)
LIMITED = {
    STARTED: 0,
    LOGIN_REFUSED: 0,
    CLOCK_DOUBTED: 0,
    TOKEN_REFUSED: _EXTRA,
    SUPPLY: _NUMBER,
    FAULT: _NUMBER,
    READER_LOST: 0,
    READER_BACK: 0,
    DISPLAY_LOST: 0,
    DISPLAY_BACK: 0,
    LEDGER_DEGRADED: 0,
    SERVICE_CARD: _NUMBER,
    AGREED: _NUMBER,
    CARD_REFUSED: 0,
    CARD_FORGOTTEN: 0,
    MAINS_FAILED: 0,
    MAINS_RETURNED: 0,
    SAMPLES_LOST: 0,
    VOLTAGE_LOW: _NUMBER,
    VOLTAGE_HIGH: _NUMBER,
    VOLTAGE_BACK: _NUMBER,
    CLAMP_WRONG: _EXTRA,
    CLAMP_RIGHT: _NUMBER,
    METERING_CHIP_LOST: 0,
    METERING_CHIP_BACK: 0,
    METERING_CHIP_RESTORED: 0,
    DIGITS_REFUSED: 0,
    KEYPAD_LOST: 0,
    KEYPAD_BACK: 0,
    READOUT_REFUSED: 0,
    BROKER_FOUND: 0,
    BROKER_LOST: 0,
}
_CONSEQUENCES = (SUPPLY,)
_NUMBERED = (
    FAULT,
    SAMPLES_LOST,
    VOLTAGE_LOW,
    VOLTAGE_HIGH,
    VOLTAGE_BACK,
    CLAMP_WRONG,
    CLAMP_RIGHT,
    METERING_CHIP_RESTORED,
    BLUETOOTH_SET,
)
# The other events, which only a token, a PIN, a service card or commissioning can cause, and those of `token.KINDS`.
# A tamper is latched, and only an authorised person clears it.
UNLIMITED = (
    COMMISSIONED,
    LOGIN,
    LOGOUT,
    SETTING_CHANGED,
    CLOCK_SET,
    TOKEN,
    TAMPER,
    TAMPER_CLEARED,
    TARIFF_SENT,
    TARIFF_ACTIVE,
    CALIBRATED,
    CONTRACT_CHANGED,
    TERM_CHANGED,
    RELAY_TEST,
    KEYS_CHANGED,
    PIN_CHANGED,
    LEDGER_ERASED,
    SUPPLY_TEST,
    FLASH_TESTED,
    TOKEN_VOIDED,
    RESTART_ORDERED,
    CLAMPS_SET,
    READOUT_SET,
    BLUETOOTH_SET,
    NETWORK_SET,
)

KEY_CHANGES = (COMMISSIONED, KEYS_CHANGED)

# `token.KINDS` has the words of the events that tokens leave.
OTHER_TEXTS = (
    (STARTED, "started"),
    (COMMISSIONED, "commissioned"),
    (LOGIN, "login"),
    (LOGIN_REFUSED, "wrong PIN"),
    (LOGOUT, "logout"),
    (SETTING_CHANGED, "setting changed"),
    (CLOCK_DOUBTED, "clock not to be trusted"),
    (TOKEN, "token redeemed"),
    (TOKEN_REFUSED, "token refused"),
    (TOKEN_VOIDED, "token voided"),
    (SUPPLY, "supply"),
    (FAULT, "fault"),
    (TAMPER, "tamper"),
    (READER_LOST, "card reader does not answer"),
    (READER_BACK, "card reader answers again"),
    (TARIFF_ACTIVE, "tariff in force"),
    (CALIBRATED, "calibrated"),
    (RELAY_TEST, "relay test"),
    (PIN_CHANGED, "PIN changed"),
    (LEDGER_DEGRADED, "a flash sector failed, its copy holds"),
    (LEDGER_ERASED, "ledger erased"),
    (SERVICE_CARD, "service card"),
    (AGREED, "button pressed"),
    (SUPPLY_TEST, "supply test, minutes"),
    (FLASH_TESTED, "flash tested, JEDEC ID"),
    (RESTART_ORDERED, "restart ordered"),
    (DISPLAY_LOST, "display does not answer"),
    (DISPLAY_BACK, "display answers again"),
    (MAINS_FAILED, "mains failed"),
    (MAINS_RETURNED, "mains returned"),
    (CARD_REFUSED, "key card refused: an older image of it, or no genuine one"),
    (CARD_FORGOTTEN, "key card forgotten, too many others came: a copy of it can be used again"),
    (CLAMPS_SET, "clamps calibrated or set"),
    (SAMPLES_LOST, "samples of the clamps lost, frames"),
    (VOLTAGE_LOW, "voltage too low, leg"),
    (VOLTAGE_HIGH, "voltage too high, leg"),
    (VOLTAGE_BACK, "voltage within its limits again, leg"),
    (CLAMP_WRONG, "clamp looks wrong, leg"),
    (CLAMP_RIGHT, "clamp looks right again, leg"),
    (METERING_CHIP_LOST, "metering chip does not answer"),
    (METERING_CHIP_BACK, "metering chip answers again"),
    (METERING_CHIP_RESTORED, "metering chip had lost its configuration and has it again, times"),
    (DIGITS_REFUSED, "wrong digits"),
    (KEYPAD_LOST, "keypad does not answer"),
    (KEYPAD_BACK, "keypad answers again"),
    (READOUT_REFUSED, "wrong password at the readout head"),
    (READOUT_SET, "readout head set"),
    (BLUETOOTH_SET, "Bluetooth on (1) or off (0):"),
    (BROKER_FOUND, "connected to the broker"),
    (BROKER_LOST, "connection to the broker lost"),
    (NETWORK_SET, "network set"),
)
_READOUT_CHANGES = ("on", "off", "device address", "password")
_RECORD = 1
_CHAINED = 2
_LAYOUT = "<IBBqq"
_BODY_SIZE = 22
_PLACE = "<I"
_EXTRA_BITS = 32
_EXTRA_LIMIT = (1 << _EXTRA_BITS) - 1
_LEFT_OUT_LIMIT = (1 << 31) - 1


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
    def kind(self) -> tuple | None:
        """The kind for the limit of events, or None if the event is not limited."""
        field = LIMITED.get(self.code)
        if field is None:
            return None
        return self.code, (0, self.number, self.extra & _EXTRA_LIMIT)[field]

    @property
    def left_out(self) -> int:
        """The number of events of this kind that were left out before it."""
        return 0 if self.kind is None else self.extra >> _EXTRA_BITS

    @property
    def body(self) -> bytes:
        """The bytes that the link seals."""
        return struct.pack(_LAYOUT, self.time_s, self.code, self.by, self.number, self.extra)


class EventLog:
    """The log on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._chain = None
        self._limit = EventLimit(_CONSEQUENCES)
        self._base = 0
        self.link = NO_LINK
        self.failed = False

    @property
    def opened(self) -> bool:
        """True once the log was opened or created; until then `note` does nothing."""
        return self._journal.opened

    @property
    def place(self) -> int:
        """The place of the newest event. It rises with every event, and a little with a power cut. It never falls."""
        return self._base + self._journal.used_slots

    def open(self) -> None:
        """Continue after the newest event. Raise ring.JournalBlank, slots.JournalUnreadable or OSError. Write nothing.

        A start costs one slot, or the rest of a page in which power failed. It costs no sector: else a few power cuts
        would erase the log.
        """
        snapshot = self._journal.resume()
        self._base = struct.unpack(_PLACE, snapshot)[0] if len(snapshot) == struct.calcsize(_PLACE) else 0

    def chain(self, aes: "Aes", key_of_meter: bytes) -> bool:
        """Join new events to the newest event by links. Return False if that event is of another key, or was changed.

        An event that is whole in one copy alone was interrupted by a power cut, and may be unreadable the next time.
        It is written again. If that fails, the next event takes its place.
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

    def verdicts(self) -> "Iterator[tuple[Event, str]]":
        """Yield `(event, verdict)`, newest first, by the chain in force (see `event_chain`)."""
        if self._chain is not None:
            return self._chain.verdicts(self.survey())
        return ((event, UNCHAINED) for event in self.survey() if event is not None)

    def survey(self) -> "Iterator[Event | None]":
        """Yield every event, newest first, and None for each unreadable place.

        An event that was written repeatedly is one event: its writing was interrupted, or one copy refused it.
        """
        if not self._journal.opened:
            return
        for window in windows(self._journal.survey()):
            if window[0] is None:
                yield None
            elif not self._earlier_writing(window):
                yield _event(*window[0][:2])

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def create(self) -> None:
        """Create an empty log in blank flash. Raise ValueError if the flash is not blank."""
        self._base = 0
        self._journal.create()

    def erase(self) -> None:
        """Erase the log. Call only for a person's explicit order."""
        self.link = NO_LINK
        self._journal.erase()

    def note(self, code: int, by: int, now_s: int, number: int = 0, extra: int = 0) -> None:
        """Write one event, unless the limit leaves it out. If this fails, set `failed` and carry on with metering."""
        if not self._journal.opened:
            return
        event = Event(now_s, code, by, number, extra)
        try:
            if event.kind is None:
                self._append(event)
                self._limit.release(now_s)
            else:
                self._append_limited(event)
        except OSError:
            self.failed = True

    def recent(self, count: int) -> list:
        """Return the newest `count` events, newest first."""
        newest = []
        for event in self.survey():
            if event is not None:
                newest.append(event)
                if len(newest) == count:
                    break
        return newest

    def _append_limited(self, event: Event) -> None:
        """Write an event that anybody can cause, unless there was one of its kind within the hour."""
        kind, now_s = event.kind, event.time_s
        self._limit.recall(self._kinds_and_times(), now_s)
        left_out = self._limit.left_out(kind, now_s)
        if left_out is not None:
            event.extra |= min(left_out, _LEFT_OUT_LIMIT) << _EXTRA_BITS
            self._append(event)
            self._limit.note(kind, now_s)

    def _kinds_and_times(self) -> "Iterator[tuple]":
        """Yield `(kind or None, time_s)` of every event, newest first, without a look at the chain."""
        for record in self._journal.survey():
            event = None if record is None else _event(record[0], record[1])
            if event is not None:
                yield event.kind, event.time_s

    def _append(self, event: Event) -> None:
        """Write an event with its link. Keep the link only after it is in flash."""
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

    def _newest(self) -> tuple:
        """Return the newest chained events, newest first, and the number of copies of the first.

        Read a few places only.
        """
        newest = []
        copies_of_first = 0
        places = 2 * LOOK_BACK
        for kind, payload, copies in settled(self._journal.survey(), self._earlier_writing):
            event = _event(kind, payload)
            if event is not None and event.link is not None:
                copies_of_first = copies_of_first or copies
                newest.append(event)
            places -= 1
            if places == 0 or len(newest) > LOOK_BACK:
                break
        return newest, copies_of_first

    def _earlier_writing(self, window: list) -> int:
        """Return the place of the oldest writing of the first record of a window, 0 if there is no other.

        A start repeats an event behind doubtful events next to it in the chain, and behind nothing else. A copy of an
        event behind other events is a forgery. Without a link, equal neighbours alone are one event.
        """
        kind, payload, _ = window[0]
        equal = [place for place, one in enumerate(window) if one is not None and one[0] == kind and one[1] == payload]
        event = _event(kind, payload)
        oldest = 0
        for place in range(1, equal[-1] + 1):
            record = window[place]
            if place in equal:
                oldest = place
            elif record is not None and not self._are_next_to_each_other(event, _event(record[0], record[1])):
                break
        return oldest

    def _are_next_to_each_other(self, event: "Event | None", other: "Event | None") -> bool:
        """Return True if one of two events follows the other in the chain. Without the key any two may."""
        if event is None or other is None or event.link is None or other.link is None:
            return False
        chain = self._chain
        return chain is None or chain.follows(other, event.link) or chain.follows(event, other.link)

    def _snapshot(self) -> bytes:
        """Pack the place. The journal rolls, and the events of the sector before still count."""
        self._base = self.place
        return struct.pack(_PLACE, self._base & 0xFFFFFFFF)


def _event(kind: int, payload: bytes) -> Event | None:
    """Return the event in a record, or None if there is none."""
    if kind == _CHAINED:
        return Event(*struct.unpack_from(_LAYOUT, payload), link=payload[_BODY_SIZE : _BODY_SIZE + LINK_SIZE])
    return Event(*struct.unpack_from(_LAYOUT, payload)) if kind == _RECORD else None


def text(event: Event) -> str:
    """Return the event in words, without the time."""
    words = _words(event.code) or token.event_words(event.code) or f"event {event.code}"
    if event.code == SUPPLY:
        words += " " + supply.text(event.number)
    elif event.code == TOKEN_REFUSED:
        words += ": " + outcome.text(event.number)
    elif event.code in (TAMPER, TAMPER_CLEARED) and event.number:
        words += ": " + ", ".join(tamper.texts(event.number))
    elif event.code == FLASH_TESTED:
        words += f" {event.number:06X}" if event.number else " unknown"
    elif event.code == READOUT_SET and 1 <= event.number <= len(_READOUT_CHANGES):
        words += ": " + _READOUT_CHANGES[event.number - 1]
    elif event.code in _NUMBERED:
        words += f" {event.number}"
    words += ", by " + carrier.text(event.by)
    return f"{words}; {event.left_out} more left out before it" if event.left_out else words


def _words(code: int) -> str | None:
    """Return the words of an event that no token leaves, or None."""
    for one, words in OTHER_TEXTS:
        if one == code:
            return words
    return None
