"""The sections of a statement after its months: further facts, if the card has room for them.

    section: tag u8 (1 or more), length varint (none here above 127), content; a tag of 0 or the end of the payload ends
        them

A reader skips a section with an unknown tag, so that older readers can read newer statements.

    EVENTS   place of the newest event varint, its link 5 bytes (see `event_chain`)
    MEAN     mean use of a day, of the last seven whole days: Wh varint, micro-units signed
    DEMAND   for each month of the statement, newest first: the largest use of a half hour, Wh varint, and unless that
             is 0, the age of that half hour, from its begin to the statement, in half hours, varint
    RECEIPT  the last credit taken out of the meter: the token that asked for it varint, micro-units and mWh signed, the
             debt in micro-units that went with it, the seconds of a term, the tenant and the number of the card that it
             is for, varints; it has its room before any month
    TOTALS   sums that only grow, varints: of money in micro-units and then of energy in mWh, bought, charged, taken out
             and waived; of a term in seconds, bought and taken out; of debt in micro-units, added, taken off, paid back
             and taken out; zeros at the end are left out, but for the first number
    ISSUERS  revoked issuers as bits varint; then for each issuer but the office that has a window: issuer u8, newest
             count varint, window u64
    VOIDED   the newest tokens that were refused for good: token number u32 and outcome u8 of each
    STANDING for each number of `standing` that is not 0: its place u8, its value signed
    SUPPLY   the reason of `supply` for the position of the load switch u8
    LEVIES   for each levy: length of its name u8, name, and varints: its sum and that of the current month, micro-units
    NAMES    for each register, in the order of the rates: length of its name u8, name; if an earlier tariff left one
    LEGS     for each leg of a meter with clamps: Wh that it took in and gave out, varints, up to a quarter of an hour
             old
    TAMPER   the latched kinds of `tamper`, as bits, varint; comes first
"""

import struct

from wattpurse.core.guards import tamper
from wattpurse.core.journal.varint import put, put_all, put_signed
from wattpurse.core.messages.reader import Reader
from wattpurse.core.money import standing
from wattpurse.core.money.token_windows import OFFICE
from wattpurse.core.tariffs.calendar import HALF_HOUR_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from wattpurse.core.money.account import Account

    class Settings(Protocol):
        """The part of the settings that is in a statement."""

        def get(self, name: str, default: int) -> int: ...

    class Log(Protocol):
        """The part of the event log that is in a statement."""

        @property
        def place(self) -> int: ...

        @property
        def link(self) -> bytes: ...

    class Demand(Protocol):
        """The maximum demand of a month."""

        month: int
        energy_mwh: int
        start_s: int

    class Profile(Protocol):
        """The part of the load profile that is in a statement."""

        def demands(self) -> "Sequence[Demand]": ...

        def mean_daily_mwh(self) -> "int | None": ...

        def mean_daily_microunits(self) -> "int | None": ...

    class Stores(Protocol):
        """The part of `wattpurse.stores.Stores` that is in a statement."""

        @property
        def settings(self) -> Settings: ...

        @property
        def events(self) -> Log: ...

        @property
        def load_profile(self) -> Profile: ...


EVENTS = 1
MEAN = 2
DEMAND = 3
RECEIPT = 4
STANDING = 5
SUPPLY = 6
TAMPER = 7
TOTALS = 8
ISSUERS = 9
VOIDED = 10
LEVIES = 11
NAMES = 12
LEGS = 13

_WINDOW = "<Q"
_VOIDED = "<IB"
_TOTALS_OF_REGISTER = ("bought", "charged", "taken", "waived")
_TOTALS_OF_STANDING = (
    "term_bought_s",
    "term_taken_s",
    "debt_added_microunits",
    "debt_reduced_microunits",
    "debt_recovered_microunits",
    "debt_taken_microunits",
)

_MWH_PER_WH = 1000
_LINK_SIZE = 5
_HEAD_SIZE = 2
_LENGTH_LIMIT = 127


def sections_of(stores: "Stores", now_s: int, month_index: int) -> list:
    """Return `(tag, parts)` of the sections from `stores`, the most important first.

    The statement is of `now_s`, and the current month is `month_index`.
    """
    return [
        (TAMPER, _tamper(stores.settings.get("tamper", 0))),
        (EVENTS, _events(stores.events)),
        (MEAN, _mean(stores.load_profile)),
        (DEMAND, _demand(stores.load_profile.demands(), now_s, month_index)),
        (LEGS, _legs(stores.settings)),
    ]


def receipt_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the receipt of `account`. There are no parts if nothing was ever taken out."""
    numbers = account.standing
    out = bytearray()
    if numbers["receipt_sequence"]:
        put(out, numbers["receipt_sequence"])
        put_signed(out, numbers["receipt_microunits"])
        put_signed(out, numbers["receipt_mwh"])
        put(out, numbers["receipt_debt_microunits"])
        put(out, numbers["receipt_term_s"])
        put(out, numbers["receipt_tenant"])
        put(out, numbers["receipt_card"])
    return RECEIPT, [out] if out else []


def totals_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the sums of `account` that only grow."""
    sums = list(account.money.sums() + account.energy.sums())
    sums += [account.standing[name] for name in _TOTALS_OF_STANDING]
    while len(sums) > 1 and not sums[-1]:
        sums.pop()
    out = bytearray()
    put_all(out, sums)
    return TOTALS, [out]


def levies_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the sums of levies, those of the tariff in force first."""
    parts = []
    for name, one in zip(account.levy_names(), account.levies.sums):
        part = _named(name)
        put(part, one.microunits)
        put(part, one.month_microunits)
        parts.append(part)
    return LEVIES, parts


def names_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the names of the registers, those of the tariff in force first.

    There are no parts if the tariff has a rate for every register: its version tells the names.
    """
    if not account.registers.former_names:
        return NAMES, []
    names = list(account.tariff.rate_names) + account.registers.former_names
    return NAMES, [_named(name) for name in names]


def issuers_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the revoked issuers and of the windows of all issuers but the office."""
    windows = account.tokens
    others = [issuer for issuer in windows.issuers() if issuer != OFFICE]
    if not others and not windows.revoked:
        return ISSUERS, []
    head = bytearray()
    put(head, windows.revoked)
    parts = [head]
    for issuer in others:
        part = bytearray((issuer,))
        put(part, windows.top(issuer))
        part.extend(struct.pack(_WINDOW, windows.window(issuer)))
        parts.append(part)
    return ISSUERS, parts


def voided_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the voided tokens, the newest first."""
    return VOIDED, [struct.pack(_VOIDED, *entry) for entry in reversed(account.voided.newest)]


def supply_of(reason: int | None) -> tuple:
    """Return `(tag, parts)` of the reason of supply. There are no parts if it is unknown."""
    return SUPPLY, [] if reason is None else [bytes((reason,))]


def standing_of(account: "Account") -> tuple:
    """Return `(tag, parts)` of the standing of `account`, without the receipt and the sums of `totals_of`."""
    parts = []
    names = standing.names()
    for place, value in account.standing.changed():
        name = names[place]
        if not name.startswith("receipt_") and name not in _TOTALS_OF_STANDING:
            part = bytearray((place,))
            put_signed(part, value)
            parts.append(part)
    return STANDING, parts


def size_of(section: tuple) -> int:
    """Return the bytes of a whole section."""
    size = sum(len(part) for part in section[1])
    return _HEAD_SIZE + size if size else 0


def put_sections(out: bytearray, sections: "Sequence[tuple[int, list]]", room: int) -> None:
    """Append the sections that fit into `room` bytes, in their order, each with as many of its first parts as fit."""
    for tag, parts in sections:
        content = bytearray()
        for part in parts:
            if _HEAD_SIZE + len(content) + len(part) > min(room, _HEAD_SIZE + _LENGTH_LIMIT):
                break
            content.extend(part)
        if content:
            room -= _HEAD_SIZE + len(content)
            out.append(tag)
            out.append(len(content))
            out.extend(content)


def parse_sections(reader: Reader, statement: dict) -> None:
    """Add the content of the sections to `statement`. Raise SealBroken if their lengths are wrong."""
    while not reader.is_at_end:
        tag = reader.byte()
        if tag == 0:
            return
        content = Reader(reader.bytes(reader.number()), 0)
        if tag in _PARSERS:
            _PARSERS[tag](content, statement)


def _named(name: str) -> bytearray:
    part = bytearray((len(name),))
    part.extend(name.encode())
    return part


def _tamper(kinds: int) -> list:
    out = bytearray()
    if kinds:
        put(out, kinds)
    return [out]


def _events(log: "Log") -> list:
    out = bytearray()
    put(out, log.place)
    out.extend(log.link)
    return [out]


def _mean(profile: "Profile") -> list:
    energy_mwh, charge_microunits = profile.mean_daily_mwh(), profile.mean_daily_microunits()
    out = bytearray()
    if energy_mwh is not None:
        put(out, energy_mwh // _MWH_PER_WH)
        put_signed(out, charge_microunits or 0)
    return [out]


def _demand(demands: "Sequence[Demand]", now_s: int, month_index: int) -> list:
    """Return a part for each month, down to the oldest month with a demand."""
    by_month = {one.month: one for one in demands}
    oldest = min(by_month) if by_month else month_index + 1
    return [_month(by_month.get(month), now_s) for month in range(month_index, oldest - 1, -1)]


def _month(demand: "Demand | None", now_s: int) -> bytearray:
    out = bytearray()
    wh = 0 if demand is None else demand.energy_mwh // _MWH_PER_WH
    put(out, wh)
    if wh:
        put(out, max(0, now_s // HALF_HOUR_S - demand.start_s // HALF_HOUR_S))
    return out


def _legs(settings: "Settings") -> list:
    imports, exports = settings.get("leg_imports", 0), settings.get("leg_exports", 0)
    if not imports and not exports:
        return []
    from wattpurse.core import leg_energy  # a meter that counts pulses does not need it

    parts = []
    for one in zip(leg_energy.split(imports), leg_energy.split(exports)):
        part = bytearray()
        if any(one) or not parts:
            put_all(part, one)
        parts.append(part)
    return parts


def _parse_tamper(content: Reader, statement: dict) -> None:
    statement["tamper"] = tamper.texts(content.number())


def _parse_events(content: Reader, statement: dict) -> None:
    statement["event_place"] = content.number()
    statement["event_link"] = content.bytes(_LINK_SIZE).hex()


def _parse_mean(content: Reader, statement: dict) -> None:
    statement["mean_daily_wh"] = content.number()
    statement["mean_daily_microunits"] = content.signed()


def _parse_demand(content: Reader, statement: dict) -> None:
    """Add each month's demand to its month. Skip months that the statement does not hold."""
    for month in statement.get("months", ()):
        if content.is_at_end:
            return
        wh = content.number()
        if wh:
            month["demand_wh"] = wh
            month["demand_s"] = (statement["time_s"] // HALF_HOUR_S - content.number()) * HALF_HOUR_S


def _parse_receipt(content: Reader, statement: dict) -> None:
    statement["receipt"] = {
        "sequence": content.number(),
        "money": content.signed(),
        "energy": content.signed(),
        "debt": content.number(),
        "term_s": content.number(),
        "tenant": content.number(),
        "card": content.number(),
    }


def _parse_totals(content: Reader, statement: dict) -> None:
    """Add the sums by name, those of money and energy as a dict each.

    `bought`, `charged` and `taken` are those of the contract's unit. `other_balance` is that of the other unit.
    """
    sums = []
    while not content.is_at_end:
        sums.append(content.number())
    count = len(_TOTALS_OF_REGISTER)
    sums += [0] * (2 * count + len(_TOTALS_OF_STANDING) - len(sums))
    totals = statement["totals"] = {
        "money": dict(zip(_TOTALS_OF_REGISTER, sums)),
        "energy": dict(zip(_TOTALS_OF_REGISTER, sums[count:])),
    }
    totals.update(zip(_TOTALS_OF_STANDING, sums[2 * count :]))
    for name in ("bought", "charged", "taken"):
        statement[name] = totals[statement["unit"]][name]
    other = totals["energy" if statement["unit"] == "money" else "money"]
    statement["other_balance"] = other["bought"] - other["charged"] - other["taken"] + other["waived"]


def _parse_issuers(content: Reader, statement: dict) -> None:
    statement["revoked_issuers"] = content.number()
    while not content.is_at_end:
        issuer, top = content.byte(), content.number()
        statement["windows"][issuer] = (top, struct.unpack(_WINDOW, content.bytes(struct.calcsize(_WINDOW)))[0])


def _parse_voided(content: Reader, statement: dict) -> None:
    statement["voided"] = []
    while not content.is_at_end:
        statement["voided"].append(struct.unpack(_VOIDED, content.bytes(struct.calcsize(_VOIDED))))


def _parse_standing(content: Reader, statement: dict) -> None:
    """Add the standing. Skip numbers of a newer meter that are unknown here."""
    names = standing.names()
    statement["standing"] = {}
    while not content.is_at_end:
        place, value = content.byte(), content.signed()
        if place < len(names):
            statement["standing"][names[place]] = value


def _parse_levies(content: Reader, statement: dict) -> None:
    statement["levies"] = []
    while not content.is_at_end:
        levy = {"name": str(content.bytes(content.byte()), "ascii"), "microunits": content.number()}
        levy["month_microunits"] = content.number()
        statement["levies"].append(levy)


def _parse_names(content: Reader, statement: dict) -> None:
    statement["rate_names"] = []
    while not content.is_at_end:
        statement["rate_names"].append(str(content.bytes(content.byte()), "ascii"))


def _parse_legs(content: Reader, statement: dict) -> None:
    statement["legs"] = []
    while not content.is_at_end:
        statement["legs"].append({"import_wh": content.number(), "export_wh": content.number()})


def _parse_supply(content: Reader, statement: dict) -> None:
    statement["supply_reason"] = content.byte()


_PARSERS = {
    EVENTS: _parse_events,
    MEAN: _parse_mean,
    DEMAND: _parse_demand,
    RECEIPT: _parse_receipt,
    STANDING: _parse_standing,
    SUPPLY: _parse_supply,
    TAMPER: _parse_tamper,
    TOTALS: _parse_totals,
    ISSUERS: _parse_issuers,
    VOIDED: _parse_voided,
    LEVIES: _parse_levies,
    NAMES: _parse_names,
    LEGS: _parse_legs,
}
