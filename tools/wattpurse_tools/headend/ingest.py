"""Messages of meters into the record: statements, answers to tokens, alarms, and the state of their links.

`take` works on a batch in one transaction, and may get the same messages again: a statement is kept once, by its meter,
epoch and number, for its time and register are sealed with them. A message that cannot be worked on is set aside, and
the others of its batch go on. Only a fault of the database or of the vault ends a batch: the caller offers it again.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connection, transaction

from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.headend import command_queue, plain_statements, senders, set_aside
from wattpurse_tools.headend.fleet import ALARMS
from wattpurse_tools.headend.plain_statements import Told
from wattpurse_tools.office import learning
from wattpurse_tools.office.office import Office
from wattpurse_tools.record import bulk
from wattpurse_tools.record.models import MeterLink
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault import packed_statements
from wattpurse_tools.vault.interface import (
    STATEMENT_BYTES_AT_ONCE,
    STATEMENTS_AT_ONCE,
    UnsealedStatement,
    content_of,
)
from wattpurse_tools.vault.packed_statements import SealedStatement

# The topics that a worker takes.
NAMES = (mqtt.STATEMENT, mqtt.RECEIPT, mqtt.ALARMS, mqtt.LINK)

EARLIEST_S = 1_577_836_800  # 2020: a meter whose clock was never set tells an earlier time
AHEAD_S = 86_400  # a clock may be wrong by so much; a statement from beyond would hide all later ones
PAYLOAD_LIMIT = 4096

_ALARMS_LIMIT = 240
_FIRMWARE_LIMIT = 32
_NUMBER_LIMIT = 1 << 32

# The columns of a new link's row, and their types on PostgreSQL.
_LINKS = {
    "meter_id": "bigint",
    "is_online": "boolean",
    "changed_s": "bigint",
    "alarms": "text",
    "firmware": "text",
}

# Faults of the database, which say nothing about a message. The vault's are OSErrors.
OUTAGES = (OperationalError, InterfaceError, OSError)

Message = tuple[str, bytes]


class Unusable(ValueError):
    """A message that cannot be worked on, with the reason in words."""


@dataclass(frozen=True)
class IngestOutcome:
    """The number of statements that were recorded, of other messages, and of messages that were set aside."""

    statements: int = 0
    others: int = 0
    set_aside: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sorted:
    """A message whose topic names a meter of the record."""

    place: int
    meter_number: int
    name: str
    payload: bytes


def take(office: Office, messages: Sequence[Message], now_s: int) -> IngestOutcome:
    """Take a batch of `(topic, payload)` into the record, in one transaction. Raise one of OUTAGES if it cannot be."""
    with transaction.atomic():
        batch = _Batch(office, messages, now_s)
        batch.work()
        return batch.outcome()


def note_seen(meter_numbers: Collection[int], now_s: int) -> None:
    """Note that the broker has messages of these meters. A last will counts too: the broker sends it at once."""
    if not meter_numbers:
        return
    condition, asked = bulk.among("number", meter_numbers)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE meters SET seen_s = %s WHERE {condition}", [now_s, *asked])


def add_links(meter_numbers: Collection[int]) -> None:
    """Add the rows of the links of meters that the broker has messages of, if they are not there."""
    rows = [(number, False, 0, "", "") for number in sorted(meter_numbers)]
    bulk.insert("meter_links", _LINKS, rows, "ON CONFLICT (meter_id) DO NOTHING")


class _Batch:
    """A batch at work, in an open transaction."""

    def __init__(self, office: Office, messages: Sequence[Message], now_s: int) -> None:
        self._office = office
        self._station = Station(office.keys)
        self._messages = messages
        self._now_s = now_s
        self._bad: dict[int, str] = {}
        self._statements = 0
        self._others = 0
        self._meters: Mapping[int, plain_statements.Facts] = {}
        self._noted: set[int] = set()  # meters whose rows have the time of this batch

    def work(self) -> None:
        """Take all messages: first those in clear, and then the statements, which know better."""
        usable = self._usable()
        statements = [one for one in usable if one.name == mqtt.STATEMENT]
        opened = self._opened(statements)
        for one in usable:
            if one.name != mqtt.STATEMENT:
                self._guard(one.place, lambda one=one: self._hear(one))
        self._learn_all(opened)
        heard = {one.meter_number for one in usable if one.place not in self._bad}
        note_seen(heard - self._noted, self._now_s)
        add_links({number for number in heard if not self._meters[number]["seen_s"]})
        for place, reason in self._bad.items():
            topic, payload = self._messages[place]
            set_aside.put(set_aside.BROKER, topic, payload, reason, self._now_s)

    def outcome(self) -> IngestOutcome:
        """Return the counts of the batch."""
        return IngestOutcome(self._statements, self._others, len(self._bad), tuple(self._bad.values()))

    def _guard(self, place: int, step: Callable[[], None]) -> None:
        """Do the step of one message. A failure takes back that step alone, and sets the message aside."""
        try:
            with transaction.atomic():
                step()
        except OUTAGES:
            raise
        except Unusable as error:
            self._bad[place] = str(error)
        except Exception as error:  # one bad message must not stop the others
            self._bad[place] = f"{type(error).__name__}: {error}"

    def _usable(self) -> list[_Sorted]:
        """Return the messages of meters in the record, and lock the rows of these meters."""
        found = []
        for place, (topic, payload) in enumerate(self._messages):
            try:
                found.append(_sorted(place, topic, payload))
            except ValueError as error:
                self._bad[place] = str(error)
        self._meters = plain_statements.locked_meters({one.meter_number for one in found})
        for one in found:
            if one.meter_number not in self._meters:
                self._bad[one.place] = f"meter {one.meter_number} is not in the record"
        return [one for one in found if one.meter_number in self._meters]

    def _opened(self, statements: Sequence[_Sorted]) -> list[tuple[_Sorted, Told]]:
        """Return the statements that the vault has unsealed."""
        wanted: list[tuple[_Sorted, SealedStatement]] = []
        for one in statements:
            try:
                wanted.append((one, _sealed(one)))
            except ValueError as error:
                self._bad[one.place] = str(error)
        results: list[UnsealedStatement | None] = []
        for piece in _pieces([sealed for _, sealed in wanted]):
            results += packed_statements.unseal(self._office.keys, piece)
        found = []
        for (one, _), result in zip(wanted, results, strict=True):
            told = None if result is None else _told(one.meter_number, result)
            if told is None:
                self._bad[one.place] = "the statement cannot be opened: changed, or sealed under another key"
            else:
                found.append((one, told))
        return found

    def _learn_all(self, opened: Sequence[tuple[_Sorted, Told]]) -> None:
        """Record statements: plain ones together, and all others by the station's own way."""
        sound: dict[int, Told] = {}
        for one, told in opened:
            time_s = told.content["time_s"]
            if EARLIEST_S <= time_s <= self._now_s + AHEAD_S:
                sound[one.place] = told
            else:
                self._bad[one.place] = (
                    f"the clock of meter {one.meter_number} is wrong: its statement is of the time {time_s}"
                )
        others = self._keep_plain(list(sound.values()))
        self._statements += len(sound) - len(others)
        own_way = {id(told) for told in others}
        for place, told in sound.items():
            if id(told) in own_way:
                self._guard(place, lambda told=told: self._learn(told))

    def _keep_plain(self, statements: list[Told]) -> list[Told]:
        """Record the plain statements together. Return the others; they are all, if that fails."""
        try:
            with transaction.atomic():
                found = plain_statements.split(statements, self._meters)
                plain_statements.keep(found, self._now_s)
                told_s = {one.meter_number: one.content["time_s"] for one in found.plain}
                for number in sorted(told_s.keys() & set(found.expecting)):
                    command_queue.compare(number, told_s[number], self._now_s)
            self._noted = set(told_s)
            return found.others
        except OUTAGES:
            raise
        except Exception:  # the station's own way finds the statement that it is about
            return statements

    def _learn(self, told: Told) -> None:
        """Record a statement by the station's own way."""
        if told.version > self._meters[told.meter_number]["key_version"]:
            self._station.key_history.note_statement(told.meter_number, told.version)
        self._station.learn(told.whole)
        learning.learn(told.meter_number)
        command_queue.compare(told.meter_number, told.content["time_s"], self._now_s)
        self._statements += 1

    def _hear(self, one: _Sorted) -> None:
        """Note a message in clear. It proves nothing, and changes nothing of weight."""
        if one.name == mqtt.RECEIPT:
            self._hear_answer(one)
        elif one.name == mqtt.ALARMS:
            self._note_link(one.meter_number, **_told_in_clear(one.payload))
        else:
            self._hear_link(one)
        self._others += 1

    def _hear_answer(self, one: _Sorted) -> None:
        fields = _json(one.payload)
        sequence, outcome, is_redeemed = (fields.get(name) for name in ("token", "outcome", "redeemed"))
        if sequence is None:
            return  # the meter could not read a token, and cannot say which
        if type(sequence) is not int or not isinstance(outcome, str) or not isinstance(is_redeemed, bool):
            raise Unusable("the answer to a token has no number, outcome and mark of redemption")
        if 0 < sequence < _NUMBER_LIMIT:
            command_queue.answered(one.meter_number, sequence, outcome, is_redeemed, self._now_s)

    def _hear_link(self, one: _Sorted) -> None:
        if one.payload not in (mqtt.ONLINE, mqtt.OFFLINE):
            raise Unusable("the state of a link is neither online nor offline")
        is_online = one.payload == mqtt.ONLINE
        self._note_link(one.meter_number, is_online=is_online, changed_s=self._now_s)
        if is_online:
            senders.wake(one.meter_number, self._now_s)

    def _note_link(self, meter_number: int, **facts: object) -> None:
        MeterLink.objects.update_or_create(meter_id=meter_number, defaults=facts)


def _sealed(one: _Sorted) -> SealedStatement:
    """Return the sealed statement in a message. Raise ValueError unless it has the size that its header tells."""
    number, sealed = mqtt.unwrap_statement(one.payload)
    header = statement.read_header(sealed)
    if header is None or len(sealed) != header[2]:
        raise Unusable("the statement is longer or shorter than its header says")
    return one.meter_number, carrier.statement_identity(carrier.MQTT, number), sealed


def _pieces(statements: Sequence[SealedStatement]) -> Iterator[list[SealedStatement]]:
    """Yield the statements in their order, in pieces that one call of the vault takes."""
    piece: list[SealedStatement] = []
    size = 0
    for one in statements:
        if len(piece) == STATEMENTS_AT_ONCE or size + len(one[2]) > STATEMENT_BYTES_AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(one)
        size += len(one[2])
    if piece:
        yield piece


def _told(meter_number: int, unsealed: UnsealedStatement) -> Told | None:
    """Return a statement with its content, or None for one that this firmware's rules cannot read."""
    try:
        return Told(unsealed[0], content_of(meter_number, unsealed, reads_closed_months=False), unsealed[2])
    except (SealBroken, ValueError):
        return None


def _sorted(place: int, topic: str, payload: bytes) -> _Sorted:
    parsed = mqtt.parse_topic(topic) if topic.isascii() else None
    if parsed is None or parsed[1] not in NAMES:
        raise Unusable("the topic is none of a meter")
    meter_number, name = parsed
    if not 0 < meter_number < _NUMBER_LIMIT:
        raise Unusable("the number in the topic is none of a meter")
    if len(payload) > PAYLOAD_LIMIT:
        raise Unusable(f"the message is longer than {PAYLOAD_LIMIT} bytes")
    return _Sorted(place, meter_number, name, payload)


def _json(payload: bytes) -> dict:
    """Return the JSON object in bytes that anybody at the broker may have written."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        raise Unusable("the message is no JSON") from None
    if not isinstance(fields, dict):
        raise Unusable("the message is no JSON object")
    return fields


def _told_in_clear(payload: bytes) -> dict[str, str]:
    """Return the alarms that a message names, and the version of the firmware if it tells one."""
    fields = _json(payload)
    names, firmware = fields.get("alarms"), fields.get("firmware")
    if not isinstance(names, list) or not all(name in ALARMS for name in names):
        raise Unusable("the alarms are none that a meter has")
    facts = {"alarms": ", ".join(names)[:_ALARMS_LIMIT]}
    if isinstance(firmware, str) and firmware.isascii() and firmware.isprintable():
        facts["firmware"] = firmware[:_FIRMWARE_LIMIT]
    return facts
