"""The sections behind a statement's months: what a meter tells besides, where the card has room for it.

    section: tag u8 (1 or more), length varint (none here above 127), content; a tag of 0 or the end of the payload ends
        them

Whoever does not know a tag skips its section, so that older readers can read newer statements.

    EVENTS   place of the newest event varint, its link 5 bytes (see `event_chain`)
    MEAN     mean use of a day, of the last seven whole ones: Wh varint, micro-units signed
    DEMAND   for each month of the statement, newest first: the most that a half hour used, Wh varint, and unless that
             is 0, the age of that half hour, from its begin to the statement, in half hours, varint
    RECEIPT  what was last taken out of the meter: the token that asked for it varint, micro-units and mWh signed, the
             debt in micro-units that went with it varint, and the seconds of a term, if any; it has its room before any
             month
    STANDING for each number of `standing` that is not 0: its place u8, its value signed
    SUPPLY   the reason of `supply` why the load switch stands where it does u8
    TAMPER   the kinds of `tamper` that are latched, as bits, varint; comes first
"""

from wattpurse.core.guards import tamper
from wattpurse.core.messages.varint import Reader, put, put_signed
from wattpurse.core.money import standing
from wattpurse.core.records.load_profile import HALF_HOUR_S

EVENTS = 1
MEAN = 2
DEMAND = 3
RECEIPT = 4
STANDING = 5
SUPPLY = 6
TAMPER = 7

_MWH_PER_WH = 1000
_LINK_SIZE = 5
_HEAD_SIZE = 2
_LENGTH_LIMIT = 127


def sections_of(records, now_s: int, month_index: int) -> list:
    """`(tag, parts)` of what `records` (see `stores`) tell, what matters most first.

    The statement is of `now_s`, and the month that runs is `month_index`.
    """
    return [
        (TAMPER, _tamper(records.settings.get("tamper", 0))),
        (EVENTS, _events(records.events)),
        (MEAN, _mean(records.load_profile)),
        (DEMAND, _demand(records.load_profile.demands(), now_s, month_index)),
    ]


def receipt_of(account) -> tuple:
    """`(tag, parts)` of what was last taken out of `account`; without parts where nothing ever was."""
    numbers = account.standing
    out = bytearray()
    if numbers["receipt_sequence"]:
        put(out, numbers["receipt_sequence"])
        put_signed(out, numbers["receipt_microunits"])
        put_signed(out, numbers["receipt_mwh"])
        put(out, numbers["receipt_debt_microunits"])
        if numbers["receipt_term_s"]:
            put(out, numbers["receipt_term_s"])
    return RECEIPT, [out] if out else []


def supply_of(reason: int | None) -> tuple:
    """`(tag, parts)` of the reason of supply; without parts where it is not known."""
    return SUPPLY, [] if reason is None else [bytes((reason,))]


def standing_of(account) -> tuple:
    """`(tag, parts)` of where `account` stands, but for the receipt."""
    parts = []
    for place, value in account.standing.changed():
        if not standing.names()[place].startswith("receipt_"):
            part = bytearray((place,))
            put_signed(part, value)
            parts.append(part)
    return STANDING, parts


def size_of(section: tuple) -> int:
    """Bytes that a section takes whole."""
    size = sum(len(part) for part in section[1])
    return _HEAD_SIZE + size if size else 0


def put_sections(out: bytearray, sections, room: int) -> None:
    """Append the sections that fit into `room` bytes, in their order; of each as many of its first parts as fit."""
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
    """Add what the sections tell to `statement`. Raises SealBroken where their lengths are wrong."""
    while not reader.is_at_end:
        tag = reader.byte()
        if tag == 0:
            return
        content = Reader(reader.bytes(reader.number()), 0)
        if tag in _PARSERS:
            _PARSERS[tag](content, statement)


def _tamper(kinds):
    out = bytearray()
    if kinds:
        put(out, kinds)
    return [out]


def _events(log):
    out = bytearray()
    put(out, log.place)
    out.extend(log.link)
    return [out]


def _mean(profile):
    energy_mwh, charge_microunits = profile.mean_daily_mwh(), profile.mean_daily_microunits()
    out = bytearray()
    if energy_mwh is not None:
        put(out, energy_mwh // _MWH_PER_WH)
        put_signed(out, charge_microunits or 0)
    return [out]


def _demand(demands, now_s, month_index):
    """A part for each month, down to the oldest that has any."""
    by_month = {one.month: one for one in demands}
    oldest = min(by_month) if by_month else month_index + 1
    return [_month(by_month.get(month), now_s) for month in range(month_index, oldest - 1, -1)]


def _month(demand, now_s):
    out = bytearray()
    wh = 0 if demand is None else demand.energy_mwh // _MWH_PER_WH
    put(out, wh)
    if wh:
        put(out, max(0, now_s // HALF_HOUR_S - demand.start_s // HALF_HOUR_S))
    return out


def _parse_tamper(content, statement) -> None:
    statement["tamper"] = tamper.texts(content.number())


def _parse_events(content, statement) -> None:
    statement["event_place"] = content.number()
    statement["event_link"] = content.bytes(_LINK_SIZE).hex()


def _parse_mean(content, statement) -> None:
    statement["mean_daily_wh"] = content.number()
    statement["mean_daily_microunits"] = content.signed()


def _parse_demand(content, statement) -> None:
    """Each month's demand goes to the month; what is of months that the statement does not hold is left out."""
    for month in statement.get("months", ()):
        if content.is_at_end:
            return
        wh = content.number()
        if wh:
            month["demand_wh"] = wh
            month["demand_s"] = (statement["time_s"] // HALF_HOUR_S - content.number()) * HALF_HOUR_S


def _parse_receipt(content, statement) -> None:
    statement["receipt"] = {
        "sequence": content.number(),
        "money": content.signed(),
        "energy": content.signed(),
        "debt": content.number(),
        "term_s": 0 if content.is_at_end else content.number(),
    }


def _parse_standing(content, statement) -> None:
    """Numbers of a newer meter, not known here, are left out."""
    names = standing.names()
    statement["standing"] = {}
    while not content.is_at_end:
        place, value = content.byte(), content.signed()
        if place < len(names):
            statement["standing"][names[place]] = value


def _parse_supply(content, statement) -> None:
    statement["supply_reason"] = content.byte()


_PARSERS = {
    EVENTS: _parse_events,
    MEAN: _parse_mean,
    DEMAND: _parse_demand,
    RECEIPT: _parse_receipt,
    STANDING: _parse_standing,
    SUPPLY: _parse_supply,
    TAMPER: _parse_tamper,
}
