"""The fast way of statements that say nothing but that time has passed and energy was used.

Most statements are of this kind. A statement is plain if the station's own way (`Station.learn`) would keep it, note
its months, and write the meter's newest facts, and nothing else: no token, receipt, contract or key version changes,
and nothing disagrees. Everything else goes the station's own way. Both end with the same record, but for closed months:
the own way leaves them in the content of each statement, and this way where they are new or have changed.

A step works on all meters of a batch at once: one question for each kind of fact, one COPY for the rows. The caller
holds the locks of the meters' rows, so nobody else records a statement of them.
"""

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from django.db import connection

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.record import bulk
from wattpurse_tools.station import usefulness
from wattpurse_tools.station.monthly_readings import Month, rate_names, told, write_months
from wattpurse_tools.station.order import OUTSTANDING, REDEEMED, VOIDED
from wattpurse_tools.station.rows import STATEMENT
from wattpurse_tools.station.statement_record import bought_in
from wattpurse_tools.station.station import is_redeemed, is_too_old
from wattpurse_tools.vault.interface import content_of

Facts = Mapping[str, Any]

_METER = (
    "number",
    "is_stopped",
    "is_retired",
    "contract",
    "told_s",
    "key_version",
    "closed_months",
    "newest",
    "seen_s",
)
_CODE = "closed_months_code"
_GROWING = ("total_mwh", "bought", "charged", "taken")
_COLUMNS = ("meter_id", *STATEMENT[1:], "content", "read_s")

# The tokens that a statement may tell something about, and those that tell whether a meter had tenants.
_TOKENS = "state NOT IN (%s, %s) OR kind = %s AND state = %s"
_TOKENS_ASKED = (REDEEMED, VOIDED, token.TENANT, REDEEMED)
# The columns that are written for many meters, and their types on PostgreSQL.
_FACTS = {
    "number": "bigint",
    "unit": "text",
    "told_s": "bigint",
    "alarms": "text",
    "balance": "bigint",
    "days_left": "integer",
    "tenant": "bigint",
    "closed_months": "bigint",
    "newest": "text",
}


class Newest(NamedTuple):
    """The facts of a meter's newest statement with which the next one is compared.

    The meter's row has them, as a JSON list, if that statement was plain. The others are asked for.
    """

    time_s: int
    unit: str
    has_other_issuers: bool
    total_mwh: int
    bought: int | None
    charged: int | None
    taken: int | None
    windows: list[list[int]]
    bought_by_unit: dict[str, int]

    @classmethod
    def of(cls, content: Mapping[str, Any], has_other_issuers: bool = False) -> "Newest":
        """Return the facts in the content of a statement, as it came or as the record has it."""
        return cls(
            time_s=content["time_s"],
            unit=content["unit"],
            has_other_issuers=has_other_issuers,
            total_mwh=content["total_mwh"],
            bought=content.get("bought"),
            charged=content.get("charged"),
            taken=content.get("taken"),
            windows=[[int(issuer), *window] for issuer, window in content["windows"].items()],
            bought_by_unit=bought_in(content),
        )


@dataclass(frozen=True)
class Told:
    """An opened statement: its key version, its content and its payload.

    The content may have its closed months as `statement.parse` leaves them that does not read them: most of them are
    in the record already. `whole` has all of them. Without a payload the content is whole.
    """

    version: int
    content: dict[str, Any]
    payload: bytes = b""

    @property
    def meter_number(self) -> int:
        """The number of its meter."""
        return self.content["meter_number"]

    @cached_property
    def whole(self) -> dict[str, Any]:
        """The content with all closed months. Raise SealBroken or ValueError as `content_of` does."""
        if _CODE not in self.content:
            return self.content
        return content_of(self.meter_number, (self.version, self.content["number"], self.payload))

    @cached_property
    def facts(self) -> Newest:
        """The facts with which the next statement is compared, if this one is plain."""
        return Newest.of(self.content)


@dataclass
class _Known:
    """The record's facts about a meter, as far as a plain statement touches them."""

    meter: Facts
    newest: Newest | None = None
    tokens: list[int] = field(default_factory=list)
    outstanding: list[int] = field(default_factory=list)
    receipts: set[int] = field(default_factory=set)
    has_open_receipt: bool = False
    had_tenants: bool = False


@dataclass(frozen=True)
class Split:
    """The plain statements of a batch and the others, and the marks of closed months that the record has, by meter.

    The plain ones are in the order of their time, and the others in the order in which they came. `expecting` are the
    meters with tokens on their way. Their commands are compared with the newest of their statements.
    """

    plain: list[Told]
    others: list[Told]
    closed_months: Mapping[int, int | None]
    expecting: Collection[int] = ()


def locked_meters(numbers: Collection[int]) -> dict[int, Facts]:
    """Lock the rows of meters, always in the same order, and return the facts of _METER of those in the record."""
    condition, asked = bulk.among("meters.number", numbers)
    locking = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(_METER)} FROM meters WHERE {condition} ORDER BY number{locking}",
            asked,
        )
        return {row[0]: dict(zip(_METER, row, strict=True)) for row in cursor.fetchall()}


def split(statements: Sequence[Told], meters: Mapping[int, Facts]) -> Split:
    """Return the plain statements and the others. `meters` are the `locked_meters` of the statements.

    A copy of a statement that the record has adds nothing: it is in neither list.
    """
    known = _known({number: meters[number] for number in {one.meter_number for one in statements}})
    if kept := {id(one) for one in _kept([one for one in statements if _is_late(one, known[one.meter_number])])}:
        statements = [one for one in statements if id(one) not in kept]
    own_way: set[int] = set()
    plain: list[Told] = []
    for one in sorted(statements, key=lambda told: told.content["time_s"]):
        facts = known[one.meter_number]
        if one.meter_number in own_way or _is_copy(one, facts):
            continue
        if _is_plain(one, facts):
            plain.append(one)
            facts.newest = one.facts
        else:
            own_way.add(one.meter_number)
    return Split(
        [one for one in plain if one.meter_number not in own_way],
        [one for one in statements if one.meter_number in own_way],
        {number: facts.meter["closed_months"] for number, facts in known.items()},
        {number for number, facts in known.items() if facts.outstanding},
    )


def keep(found: Split, now_s: int) -> None:
    """Record the plain statements of a batch, and that their meters were seen. The caller opens the transaction."""
    if not found.plain:
        return
    names, read_s = _Names(), int(time.time())
    told_months = [_ToldMonths(one, found.closed_months.get(one.meter_number), names) for one in found.plain]
    copy_rows([values_of(one.stored_content(), read_s) for one in told_months])
    newest = {one.content["meter_number"]: one for one in told_months}
    _note_months(newest.values())
    _update_meters(newest.values(), now_s)


def _known(meters: Mapping[int, Facts]) -> dict[int, _Known]:
    """Return the record's facts about meters. Each kind of fact is one question for all of them."""
    found = {number: _Known(meter) for number, meter in meters.items()}
    for number, sequence, state in _of_meters("tokens", "sequence, state", meters, _TOKENS, _TOKENS_ASKED):
        if state == REDEEMED:
            found[number].had_tenants = True
        else:
            found[number].tokens.append(sequence)
            if state in OUTSTANDING:
                found[number].outstanding.append(sequence)
    for number, sequence, settled in _of_meters("meter_receipts", "sequence, settled", meters):
        found[number].receipts.add(sequence)
        found[number].has_open_receipt |= not settled
    for one in found.values():
        if one.meter["newest"] is not None:
            one.newest = Newest(*orjson.loads(one.meter["newest"]))
    unknown = {number: facts["told_s"] for number, facts in meters.items() if facts["newest"] is None}
    for number, newest in _newest_of(unknown):
        found[number].newest = newest
    return found


def _of_meters(
    table: str, columns: str, numbers: Iterable[int], condition: str = "TRUE", asked: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Return the meter and columns of the rows of some meters. For so many numbers, Django takes longer to ask."""
    of_meters, parameters = bulk.among("meter_id", numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT meter_id, {columns} FROM {table} WHERE {of_meters} AND ({condition})", [*parameters, *asked]
        )
        return cursor.fetchall()


def _newest_of(told_s: Mapping[int, int]) -> Iterator[tuple[int, Newest]]:
    """Yield meters with the facts of their statements of a time."""
    for number, _, has_other_issuers, content in _statements_at(told_s.items()):
        yield number, Newest.of(content, has_other_issuers)


def _statements_at(places: Collection[tuple[int, int]]) -> Iterator[tuple[int, int, bool, dict[str, Any]]]:
    """Yield the statements of pairs of meter and time: both, the mark of other issuers, and the content.

    Django takes longer to ask.
    """
    if not places:
        return
    wanted, asked = bulk.pairs("wanted", ("number", "told_s"), places)
    times_s = [time_s for _, time_s in places]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT wanted.number, told_s, has_other_issuers, {bulk.as_text('content')} FROM {wanted} JOIN statements"
            " ON statements.meter_id = wanted.number AND statements.time_s = wanted.told_s"
            " WHERE statements.time_s BETWEEN %s AND %s ORDER BY statements.id",
            [*asked, min(times_s), max(times_s)],
        )
        for number, time_s, has_other_issuers, text in cursor.fetchall():
            yield number, time_s, bool(has_other_issuers), orjson.loads(text)


def _kept(statements: Sequence[Told]) -> list[Told]:
    """Return those of some late statements that the record has.

    The whole content is compared, without the months, which are not kept always. The clock of a meter may go back, so
    two statements of one second and the same energy may differ.
    """
    known: dict[tuple[int, int], list[Facts]] = {}
    for number, time_s, _, content in _statements_at({(one.meter_number, one.facts.time_s) for one in statements}):
        known.setdefault((number, time_s), []).append(_without_months(content))
    return [
        one
        for one in statements
        if (found := known.get((one.meter_number, one.facts.time_s)))
        and orjson.loads(bulk.json_text(_without_months(one.content))) in found
    ]


def _without_months(content: Facts) -> Facts:
    return {name: value for name, value in content.items() if name not in ("months", _CODE)}


def _is_late(one: Told, known: _Known) -> bool:
    """Return True if the record has a newer statement of the meter."""
    return known.newest is not None and one.facts.time_s < known.newest.time_s


def _is_copy(one: Told, known: _Known) -> bool:
    """Return True if a statement is the meter's newest one, which the record has.

    A meter that redeems a token in the second of a statement makes another one of the same time. It is no copy.
    """
    newest = known.newest
    return newest is not None and one.facts == newest._replace(has_other_issuers=False)


def _is_plain(one: Told, known: _Known) -> bool:
    """Return True if `keep` does all that the station's own way would do."""
    content, now, meter, newest = one.content, one.facts, known.meter, known.newest
    if newest is None or known.has_open_receipt or meter["is_stopped"] or meter["is_retired"]:
        return False
    receipt = content.get("receipt")
    return (
        now.time_s > newest.time_s
        and one.version <= meter["key_version"]
        and contracts.by_code(content["contract"]).name == meter["contract"]
        and (receipt is None or receipt["sequence"] in known.receipts)
        and not (known.had_tenants and "tenant" not in content.get("standing", {}))
        and not any(is_redeemed(content, sequence) for sequence in known.tokens)
        and not any(is_too_old(content, sequence) for sequence in known.outstanding)
        and not newest.has_other_issuers
        and now.windows == newest.windows
        and len(now.windows) == 1
        and now.bought_by_unit == newest.bought_by_unit  # the newest statement was compared with the sales already
        and _only_grows(newest, now)
    )


def _only_grows(newest: Newest, now: Newest) -> bool:
    if now.total_mwh < newest.total_mwh:
        return False
    if now.unit != newest.unit:
        return True
    pairs = ((getattr(newest, name), getattr(now, name)) for name in _GROWING)
    return all(None in pair or pair[0] <= pair[1] for pair in pairs)


def values_of(content: Mapping[str, Any], read_s: int) -> tuple[Any, ...]:
    """Return the row of a plain statement, in the order of _COLUMNS."""
    return (
        content["meter_number"],
        content["time_s"],
        content.get("number", 0),
        content["unit"],
        content["contract"],
        content["balance"],
        content.get("bought"),
        content.get("charged"),
        content.get("taken"),
        content["total_mwh"],
        ", ".join(content["alarms"]),
        content.get("event_link"),
        False,
        bulk.json_text(content),
        read_s,
    )


def copy_rows(rows: Iterable[tuple[Any, ...]], table: str = "statements") -> None:
    """Insert rows of `values_of`, by one COPY on PostgreSQL. The caller opens the transaction."""
    names = ", ".join(_COLUMNS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(_COLUMNS))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", list(rows))


class _ToldMonths:
    """The months in a statement. Closed months seldom change: the mark of a meter may say that the record has them."""

    def __init__(self, one: Told, known_mark: int | None, names: "_Names") -> None:
        self.content = one.content
        self.facts = one.facts
        self.new_mark: int | None = None
        self._months: Sequence[Mapping[str, Any]] = one.content.get("months", ())
        self._is_known = False
        if self._months:
            self._names = names.of(one.content)
            mark = _mark(self._names, self._months, one.content.get(_CODE, b""))
            self._is_known = mark == known_mark
            if self._is_known:
                self._months = self._months[:1]
            else:
                self.new_mark = mark
                self.content = one.whole
                self._months = self.content["months"]

    def stored_content(self) -> Mapping[str, Any]:
        """Return the content without closed months that the record has: they are half of it."""
        if not self._is_known:
            return self.content
        return {name: value for name, value in self.content.items() if name != _CODE} | {"months": self._months}

    def to_note(self) -> Iterator[tuple[int, Month]]:
        """Yield the months that the record may not have, each with its index."""
        for age, month in enumerate(self._months):
            yield month["index"], told(month, self._names, age > 0)


def _note_months(statements: Iterable[_ToldMonths]) -> None:
    """Note the months of the newest statement of each meter, as `note_months` does for one."""
    write_months([(one.content["meter_number"], *month) for one in statements for month in one.to_note()])


class _Names:
    """The names of the registers in the statements of a batch: the record is asked once for each tariff's version."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, int], list[str]] = {}

    def of(self, content: Mapping[str, Any]) -> list[str]:
        """Return the names of a statement's registers. All its months have the same registers."""
        count = len(content["months"][0].get("rate_wh", ()))
        if content.get("rate_names"):
            return rate_names(content, count)
        place = (content.get("tariff_version"), count)
        if place not in self._known:
            self._known[place] = rate_names(content, count)
        return self._known[place]


def _update_meters(statements: Iterable[_ToldMonths], seen_s: int) -> None:
    """Write the facts of the newest statement of each meter into the meter's row, with the time."""
    values = [_facts_of(one) for one in statements]
    setting = "unit = new.unit, told_s = new.told_s, alarms = new.alarms, balance = new.balance"
    setting += ", days_left = new.days_left, tenant = coalesce(new.tenant, meters.tenant)"
    setting += ", closed_months = coalesce(new.closed_months, meters.closed_months), newest = new.newest, seen_s = %s"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"UPDATE meters SET {setting} FROM {bulk.recordset(_FACTS)} WHERE meters.number = new.number",
                [seen_s, bulk.parameter(_FACTS, values)],
            )
        else:
            cursor.executemany(
                "UPDATE meters SET unit = %s, told_s = %s, alarms = %s, balance = %s, days_left = %s,"
                " tenant = coalesce(%s, tenant), closed_months = coalesce(%s, closed_months), newest = %s, seen_s = %s"
                " WHERE number = %s",
                [(*row[1:], seen_s, row[0]) for row in values],
            )


def _facts_of(one: _ToldMonths) -> tuple[Any, ...]:
    """Return the facts of a statement for the meter's row, in the order of _FACTS."""
    return (
        one.content["meter_number"],
        one.content["unit"],
        one.content["time_s"],
        ", ".join(one.content["alarms"]),
        one.content["balance"],
        usefulness.days_left(one.content),
        one.content.get("standing", {}).get("tenant"),
        one.new_mark,
        bulk.json_text(tuple(one.facts)),
    )


def _mark(names: Sequence[str], months: Sequence[Mapping[str, Any]], code: bytes) -> int:
    """Return a mark of closed months with the names of their registers, as a signed integer of 64 bits.

    `code` are the bytes of their numbers, if these were not read. The first month is that of now: it tells by the names
    of its members which numbers a month has.
    """
    has_charge = "charge_microunits" in months[0]
    told = bulk.json_text((names, has_charge, months[1:])).encode()
    digest = hashlib.blake2b(told + code, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
