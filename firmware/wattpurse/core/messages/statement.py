"""The statement: a meter's report to its seller, sealed for one card and cut to the room on it.

    header, 8 bytes in clear: mark u8 = 0x54, payload blocks u8, number u16, meter number u32
    payload, sealed (see `sealing`):
        head, 32 bytes: time u32, balance i64 of the contract's unit, total mWh u48, newest token of the office u32, its
            window u64 (see `money.token_windows`), contract u4 (low) and detail u4 (high), alarms u8
        if there is room: tariff version, number of registers (the rates of the tariff, and then those that only earlier
            tariffs had), mWh of each, index of the current month, number of months, the
            months, newest first; then sections (see `statement_sections`)
    tag, 8 bytes

`number` tells the newer of two copies on a card. Months are in Wh, rounded down: per rate and charge (detail 3), total
and charge (2) or total alone (1). The detail is chosen that lets the statement hold most months. If the receipt and the
sums that only grow have no room beside this, sections follow the head at once (4). Numbers after the head are varints,
signed ones in zigzag form.
"""

import struct

from wattpurse.core.journal.varint import put, put_all, unzigzag, zigzag
from wattpurse.core.messages.reader import Reader
from wattpurse.core.messages.statement_sections import (
    issuers_of,
    levies_of,
    names_of,
    parse_sections,
    put_sections,
    receipt_of,
    size_of,
    standing_of,
    supply_of,
    totals_of,
    voided_of,
)
from wattpurse.core.money.contract import MONEY, by_code
from wattpurse.core.money.token_windows import OFFICE
from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken, authenticate, seal, unseal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattpurse.core.money.account import Account
    from wattpurse.core.money.registers import Month
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

MARK = 0x54
HEADER_SIZE = 8
HEAD_SIZE = 32

ALARM_TAMPER = 1
ALARM_CLOCK = 2
ALARM_FLASH = 4
ALARM_READER = 8
ALARM_DISPLAY = 16
ALARM_TEXTS = (
    (ALARM_TAMPER, "tamper"),
    (ALARM_CLOCK, "clock"),
    (ALARM_FLASH, "flash"),
    (ALARM_READER, "reader"),
    (ALARM_DISPLAY, "display"),
)

_HEADER = "<BBHI"
_HEAD = "<IqIHIQBB"
_DETAIL_PLACE = 30  # of the byte with contract and detail
_HEAD_ONLY = 0
_TOTAL = 1
_TOTAL_AND_CHARGE = 2
_RATES_AND_CHARGE = 3
_SECTIONS_ALONE = 4
_MWH_PER_WH = 1000


class MonthCodes:
    """The months of an account as a statement codes them, the current one first.

    The codes of closed months are kept from one statement to the next: only a new month or a new tariff changes them.
    """

    def __init__(self) -> None:
        self.count = 0
        self._current = self._tariff = None
        self._closed = []
        self._codes = {}
        self._rate_count = 0

    def follow(self, account: "Account") -> None:
        """Take the months of `account` as they are now."""
        closed = account.registers.closed_months
        if account.tariff is not self._tariff or closed != self._closed:
            self._tariff = account.tariff
            self._closed = list(closed)
            self._codes.clear()
        self._current = account.registers.month
        self._rate_count = _register_count(account)
        self.count = 1 + len(closed)

    def of(self, age: int, detail: int) -> bytes:
        """Return the code of the month that is `age` months older than the current one."""
        if age == 0:
            return _coded(self._current, detail, self._rate_count)
        key = age << 4 | detail
        if key not in self._codes:
            self._codes[key] = _coded(self._closed[age - 1], detail, self._rate_count)
        return self._codes[key]


def seal_statement(aes: "Aes", keys: "KeyPair", number: int, meter_number: int, payload: bytes) -> bytes:
    """Return the sealed statement; `number` is taken modulo 65,536."""
    blocks = (len(payload) + BLOCK - 1) // BLOCK
    return seal(aes, keys, struct.pack(_HEADER, MARK, blocks, number & 0xFFFF, meter_number), payload)


def read_header(data: bytes) -> tuple | None:
    """Return `(number, meter number, whole size)` from the header, not yet proven, or None for other bytes."""
    if len(data) < HEADER_SIZE:
        return None
    mark, blocks, number, meter_number = struct.unpack_from(_HEADER, data)
    if mark != MARK or blocks < HEAD_SIZE // BLOCK:
        return None
    return number, meter_number, HEADER_SIZE + blocks * BLOCK + TAG_SIZE


def open_statement(aes: "Aes", keys: "KeyPair", data: bytes) -> dict:
    """Return the content of the sealed statement, proven authentic. Raise sealing.SealBroken if it is not authentic."""
    header = _whole_header(data)
    statement = parse(unseal(aes, keys, HEADER_SIZE, bytes(data[: header[2]])))
    statement["number"], statement["meter_number"] = header[0], header[1]
    return statement


def is_authentic(aes: "Aes", keys: "KeyPair", data: bytes) -> bool:
    """Return True if the statement is authentic, without decryption: less than half the cost of `open_statement`."""
    try:
        authenticate(aes, keys, HEADER_SIZE, bytes(data[: _whole_header(data)[2]]))
    except SealBroken:
        return False
    return True


def compose(
    account: "Account",
    alarms: int,
    now_s: int,
    capacity: int,
    sections: "Sequence[tuple[int, list]]" = (),
    reason: int | None = None,
    month_codes: MonthCodes | None = None,
) -> bytes:
    """Return the payload with as much of `account` as fits into `capacity` bytes (32 or more).

    The receipt comes first, then the sums that only grow, the levies, the issuers, the voided tokens, `reason` of
    supply and standing, then months, then `sections`: (tag, parts), the most important first, and the names of the
    registers. `month_codes` saves time if the same are handed in each time.
    """
    own = [
        receipt_of(account),
        totals_of(account),
        levies_of(account),
        issuers_of(account),
        voided_of(account),
        supply_of(reason),
        standing_of(account),
    ]
    rate_count = _register_count(account)
    further = bytearray()
    put(further, account.tariff.version)
    further.append(rate_count)
    put_all(further, account.registers.rate_mwh[:rate_count])
    put(further, account.registers.month.index)
    room = capacity - HEAD_SIZE - len(further) - 1
    if room < size_of(own[0]) + size_of(own[1]):
        out = bytearray()
        put_sections(out, own, capacity - HEAD_SIZE)
        return _head(account, alarms, now_s, _SECTIONS_ALONE if out else _HEAD_ONLY) + bytes(out)
    for section in own:
        size = size_of(section)
        if size <= room:
            room -= size
    month_codes = month_codes or MonthCodes()
    month_codes.follow(account)
    detail, count, months = _best_months(month_codes, room)
    further.append(count)
    further.extend(months)
    put_sections(further, own + list(sections) + [names_of(account)], capacity - HEAD_SIZE - len(further))
    return _head(account, alarms, now_s, detail) + bytes(further)


def parse(payload: bytes, reads_closed_months: bool = True) -> dict:
    """Return the content of a payload as a dict.

    If closed months are not read, each has its index and its demand alone, and `closed_months_code` is the bytes that
    code their numbers.
    Raise SealBroken if its inner lengths are wrong, and ValueError for an unknown contract.
    """
    statement = parse_head(payload)
    detail = payload[_DETAIL_PLACE] >> 4
    if detail != _HEAD_ONLY:
        reader = Reader(payload, HEAD_SIZE)
        if detail != _SECTIONS_ALONE:
            _parse_further(reader, detail, statement, reads_closed_months)
        parse_sections(reader, statement)
    return statement


def parse_head(payload: bytes) -> dict:
    """Return the facts of the head of a payload as a dict: much faster than `parse`, which returns them too.

    Raise SealBroken if the payload is too short, and ValueError for an unknown contract.
    """
    if len(payload) < HEAD_SIZE:
        raise SealBroken("statement too short")
    time_s, balance, total_low, total_high, top, window, contract_and_detail, alarms = struct.unpack_from(
        _HEAD, payload
    )
    return {
        "time_s": time_s,
        "balance": balance,
        "total_mwh": total_high << 32 | total_low,
        "windows": {OFFICE: (top, window)},
        "contract": contract_and_detail & 0x0F,
        "unit": "money" if by_code(contract_and_detail & 0x0F).credit_unit == MONEY else "energy",
        "alarms": [text for bit, text in ALARM_TEXTS if alarms & bit],
    }


def _whole_header(data: bytes) -> tuple:
    header = read_header(data)
    if header is None or header[2] > len(data):
        raise SealBroken("no statement")
    return header


def _head(account: "Account", alarms: int, now_s: int, detail: int) -> bytes:
    unit = account.contract.credit_unit
    total_mwh = account.registers.total_mwh
    return struct.pack(
        _HEAD,
        now_s,
        account.credit_register(unit).balance,
        total_mwh & 0xFFFFFFFF,
        total_mwh >> 32,
        account.tokens.top(),
        account.tokens.window(),
        account.contract.code | detail << 4,
        alarms,
    )


def _best_months(codes: MonthCodes, room: int) -> tuple:
    """Return `(detail, count, coded months)`: the detail that fits most months, and of such the richest."""
    best = (_RATES_AND_CHARGE,) + _months_that_fit(codes, _RATES_AND_CHARGE, room)
    for detail in (_TOTAL_AND_CHARGE, _TOTAL):
        if best[1] == codes.count:
            break
        count, coded = _months_that_fit(codes, detail, room)
        if count > best[1]:
            best = (detail, count, coded)
    return best


def _months_that_fit(codes: MonthCodes, detail: int, room: int) -> tuple:
    """Return `(count, coded months)` of the newest months that fit into `room` bytes."""
    out = bytearray()
    for age in range(codes.count):
        coded = codes.of(age, detail)
        if len(out) + len(coded) > room:
            return age, out
        out.extend(coded)
    return codes.count, out


def _register_count(account: "Account") -> int:
    return account.tariff.rate_count + len(account.registers.former_names)


def _coded(month: "Month", detail: int, rate_count: int) -> bytes:
    """Return the numbers of a month, as they stand in a statement."""
    numbers = [] if detail == _TOTAL else [zigzag(month.charge_microunits)]
    if detail == _RATES_AND_CHARGE:
        for mwh in month.rate_mwh[:rate_count]:
            numbers.append(mwh // _MWH_PER_WH)
    else:
        numbers.append(month.total_mwh // _MWH_PER_WH)
    out = bytearray()
    put_all(out, numbers)
    return bytes(out)


def _parse_further(reader: Reader, detail: int, statement: dict, reads_closed_months: bool) -> None:
    statement["tariff_version"] = reader.number()
    rate_count = reader.byte()
    statement["rate_mwh"] = reader.numbers(rate_count)
    index = reader.number()
    months = statement["months"] = []
    count = reader.byte()
    has_charge, has_rates = detail != _TOTAL, detail == _RATES_AND_CHARGE
    width = has_charge + (rate_count if has_rates else 1)
    read = count if reads_closed_months else min(count, 1)
    numbers = reader.numbers(read * width)
    for start in range(0, read * width, width):
        month: dict = {"index": index}
        index -= 1
        if has_charge:
            month["charge_microunits"] = unzigzag(numbers[start])
        if has_rates:
            month["rate_wh"] = numbers[start + 1 : start + width]
            month["total_wh"] = sum(month["rate_wh"])
        else:
            month["total_wh"] = numbers[start + width - 1]
        months.append(month)
    if read < count:
        statement["closed_months_code"] = reader.skip((count - read) * width)
        months.extend([{"index": index - age} for age in range(count - read)])
