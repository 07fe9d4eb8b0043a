"""The binary form of a tariff: compact, versioned and checked. A seller sends it, and a meter keeps it in flash.

`decode` turns the table into the fields of `tariffs.rules`, and `encode` turns the fields into the same bytes. Both
raise ValueError if a rule is broken, so that a decoded table answers every question.

Layout, little-endian; varint is seven bits per byte, least significant first, in its shortest form only:

    "WPT"  format u8 = 2  length of everything u16
    version u32  activation u32  currency 3 bytes  decimals u8  customer class u8
    offset minutes i16  daylight u8 (0 none, 1 local time, 2 UTC, 3 table of changes)
        with a rule: start and end, each month u8, week << 3 | weekday u8, minute i16; then shift minutes i16
        with changes: number u8, each: minutes since the change before, or since 1970, varint; offset in minutes as a
            varint in zigzag form
    standing charge varint  allowance varint  charge per month varint  minimum varint  price of demand varint
    blocks u8: 1 of all rates, 2 by day, 4 without free energy
    levies u8, each: name length u8, name, kind u8, value varint
    rates u8, each: name length u8, name, prices u8, prices varint, block limits varint
    day types u8, each: switches u8, switches u16 = minute << 3 | rate
    seasons u8, each: month u8, day u8, four bytes of two day types (the earlier day in the low half)
    holidays u8, each u16 = (year - 2000, or 0) << 9 | month << 5 | day
    CRC-32 of all before it, u32

Format 1 had neither changes, levies, blocks of all rates nor charges by month. No meter in service has it.
"""

import binascii
import struct

from wattpurse.core.tariffs.calendar import CHANGE_LIMIT, Zone
from wattpurse.core.tariffs.rules import (
    BLOCK_LIMIT,
    DAY_TYPE_LIMIT,
    FIRST_HOLIDAY_YEAR,
    HOLIDAY_LIMIT,
    LEVY_LIMIT,
    LEVY_NAME_LIMIT,
    NAME_LIMIT,
    RATE_LIMIT,
    SEASON_LIMIT,
    SWITCH_LIMIT,
    check_fields,
    check_range,
)

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

TABLE_LIMIT = 864  # two tables and the rest of the account fill a snapshot
FORMAT = 2

_MAGIC = b"WPT"
_HEADER_BYTES = 6
_CRC_BYTES = 4
_VARINT_BYTES = 7
_DAYLIGHT_NONE = 0
_DAYLIGHT_WALL = 1
_DAYLIGHT_UTC = 2
_DAYLIGHT_CHANGES = 3
_OF_TOTAL = 1
_BY_DAY = 2
_WITHOUT_FREE = 4


class _Reader:
    """A reader that takes fields off the front of a table. It raises ValueError if a field runs past the end."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self._data = data
        self._position = position
        self._end = end

    def take(self, count: int) -> bytes:
        start = self._position
        if start + count > self._end:
            raise ValueError("tariff table: ends in the middle of a field")
        self._position = start + count
        return self._data[start : start + count]

    def numbers(self, layout: str) -> tuple:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return self.numbers("<H")[0]

    def count(self, what: str, lowest: int, highest: int) -> int:
        return check_range(what, self.u8(), lowest, highest)

    def text(self, count: int) -> str:
        taken = self.take(count)
        for character in taken:
            if not 0x20 <= character <= 0x7E:
                raise ValueError("tariff table: text that is not printable ASCII")
        return str(taken, "ascii")

    def varint(self) -> int:
        value = 0
        for index in range(_VARINT_BYTES):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte == 0 and index:
                    raise ValueError("tariff table: number not in its shortest form")
                return value
        raise ValueError("tariff table: number too long")

    def signed(self) -> int:
        value = self.varint()
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1

    def finish(self) -> None:
        if self._position != self._end:
            raise ValueError("tariff table: bytes left over")


def decode(data: bytes) -> dict:
    """Return the fields of a table, as `tariffs.rules` lists them.

    Raise ValueError with the reason for bytes that `encode` does not write.
    """
    _check_frame(data)
    reader = _Reader(data, _HEADER_BYTES, len(data) - _CRC_BYTES)
    version, activation_s = reader.numbers("<II")
    fields = {
        "version": version,
        "activation_s": activation_s,
        "currency": reader.text(3),
        "decimals": reader.u8(),
        "customer_class": reader.u8(),
        "zone": _read_zone(reader),
        "standing_charge_microunits": reader.varint(),
        "allowance_mwh": reader.varint(),
        "month_charge_microunits": reader.varint(),
        "minimum_microunits": reader.varint(),
        "demand_microunits_per_kw": reader.varint(),
    }
    blocks = reader.count("kind of blocks", 0, _OF_TOTAL | _BY_DAY | _WITHOUT_FREE)
    fields["blocks_of_total"] = bool(blocks & _OF_TOTAL)
    fields["blocks_by_day"] = bool(blocks & _BY_DAY)
    fields["free_in_blocks"] = not blocks & _WITHOUT_FREE
    fields["levies"] = _read_each(reader, "levies", 0, LEVY_LIMIT, _read_levy)
    fields["rates"] = _read_each(reader, "rates", 1, RATE_LIMIT, _read_rate)
    fields["day_types"] = _read_each(reader, "day types", 1, DAY_TYPE_LIMIT, _read_day_type)
    fields["seasons"] = _read_each(reader, "seasons", 1, SEASON_LIMIT, _read_season)
    fields["holidays"] = _read_each(reader, "holidays", 0, HOLIDAY_LIMIT, _read_holiday)
    reader.finish()
    check_fields(fields)
    return fields


def encode(fields: dict) -> bytes:
    """Return the table of these fields.

    Raise ValueError if a field is out of its range, or if the table is longer than TABLE_LIMIT bytes. In that case the
    message has the size of each part.
    """
    check_fields(fields)
    parts = (
        ("header", _write_header(fields)),
        ("levies", _write_each(fields["levies"], _write_levy)),
        ("rates", _write_each(fields["rates"], _write_rate)),
        ("day types", _write_each(fields["day_types"], _write_day_type)),
        ("seasons", _write_each(fields["seasons"], _write_season)),
        ("holidays", _write_each(fields["holidays"], _write_holiday)),
    )
    body = b"".join(part for _, part in parts)
    length = _HEADER_BYTES + len(body) + _CRC_BYTES
    if length > TABLE_LIMIT:
        room = ", ".join(f"{name} {len(part)}" for name, part in parts)
        raise ValueError(f"tariff table: {length} bytes, the limit is {TABLE_LIMIT}; bytes taken: {room}")
    framed = _MAGIC + struct.pack("<BH", FORMAT, length) + body
    return framed + struct.pack("<I", binascii.crc32(framed))


def _check_frame(data: bytes) -> None:
    if len(data) > TABLE_LIMIT:
        raise ValueError(f"tariff table: longer than {TABLE_LIMIT} bytes")
    if len(data) < _HEADER_BYTES + _CRC_BYTES or data[:3] != _MAGIC:
        raise ValueError("tariff table: not a tariff table")
    form, length = struct.unpack_from("<BH", data, 3)
    if form != FORMAT:
        raise ValueError(f"tariff table: format {form} is not known here")
    if length != len(data):
        raise ValueError(f"tariff table: {len(data)} bytes where {length} are announced")
    crc = struct.unpack_from("<I", data, length - _CRC_BYTES)[0]
    if crc != binascii.crc32(data[: length - _CRC_BYTES]):
        raise ValueError("tariff table: checksum is wrong")


def _read_each(reader: _Reader, what: str, lowest: int, highest: int, read: "Callable[[_Reader], tuple]") -> tuple:
    return tuple(read(reader) for _ in range(reader.count("number of " + what, lowest, highest)))


def _read_zone(reader: _Reader) -> Zone:
    offset_minutes, daylight = reader.numbers("<hB")
    if daylight == _DAYLIGHT_NONE:
        return Zone(offset_minutes)
    check_range("kind of daylight rule", daylight, _DAYLIGHT_WALL, _DAYLIGHT_CHANGES)
    if daylight == _DAYLIGHT_CHANGES:
        return Zone(offset_minutes, changes=_read_changes(reader))
    start = _read_daylight_day(reader)
    end = _read_daylight_day(reader)
    return Zone(offset_minutes, start, end, daylight == _DAYLIGHT_UTC, reader.numbers("<h")[0])


def _read_changes(reader: _Reader) -> tuple:
    changes = []
    minute = 0
    for _ in range(reader.count("number of changes of the zone", 1, CHANGE_LIMIT)):
        minute += reader.varint()
        changes.append(minute)
        changes.append(reader.signed())
    return tuple(changes)


def _read_daylight_day(reader: _Reader) -> tuple:
    month, day, minute = reader.numbers("<BBh")
    return month, day >> 3, day & 7, minute


def _read_levy(reader: _Reader) -> tuple:
    name = reader.text(reader.count("length of a levy's name", 1, LEVY_NAME_LIMIT))
    return name, reader.u8(), reader.varint()


def _read_rate(reader: _Reader) -> tuple:
    name = reader.text(reader.count("length of a rate's name", 1, NAME_LIMIT))
    blocks = reader.count("number of prices of " + name, 1, BLOCK_LIMIT)
    prices = tuple(reader.varint() for _ in range(blocks))
    return name, prices, tuple(reader.varint() for _ in range(blocks - 1))


def _read_day_type(reader: _Reader) -> tuple:
    count = reader.count("number of switches in a day type", 1, SWITCH_LIMIT)
    switches = [reader.u16() for _ in range(count)]
    return tuple((switch >> 3, switch & 7) for switch in switches)


def _read_season(reader: _Reader) -> tuple:
    month, day = reader.numbers("BB")
    halves = []
    for pair in reader.take(4):
        halves.append(pair & 0x0F)
        halves.append(pair >> 4)
    return month, day, tuple(halves)


def _read_holiday(reader: _Reader) -> tuple:
    packed = reader.u16()
    year = packed >> 9
    return packed >> 5 & 0x0F, packed & 0x1F, year and year + FIRST_HOLIDAY_YEAR - 1


def _write_header(fields: dict) -> bytes:
    zone = fields["zone"]
    amounts = (
        fields["standing_charge_microunits"],
        fields["allowance_mwh"],
        fields["month_charge_microunits"],
        fields["minimum_microunits"],
        fields["demand_microunits_per_kw"],
    )
    blocks = _OF_TOTAL if fields["blocks_of_total"] else 0
    blocks |= _BY_DAY if fields["blocks_by_day"] else 0
    blocks |= 0 if fields["free_in_blocks"] else _WITHOUT_FREE
    return (
        struct.pack("<II", fields["version"], fields["activation_s"])
        + fields["currency"].encode()
        + bytes((fields["decimals"], fields["customer_class"]))
        + _write_zone(zone)
        + b"".join(_varint(amount) for amount in amounts)
        + bytes((blocks,))
    )


def _write_zone(zone: Zone) -> bytes:
    if zone.is_fixed:
        return struct.pack("<hB", zone.offset_minutes, _DAYLIGHT_NONE)
    if zone.changes:
        return struct.pack("<hB", zone.offset_minutes, _DAYLIGHT_CHANGES) + _write_changes(zone.changes)
    written = struct.pack("<hB", zone.offset_minutes, _DAYLIGHT_UTC if zone.in_utc else _DAYLIGHT_WALL)
    for month, week, day, minute in (zone.start, zone.end):
        written += struct.pack("<BBh", month, week << 3 | day, minute)
    return written + struct.pack("<h", zone.shift_minutes)


def _write_changes(changes: tuple) -> bytes:
    written = bytes((len(changes) // 2,))
    before = 0
    for place in range(0, len(changes), 2):
        minute, offset = changes[place], changes[place + 1]
        written += _varint(minute - before) + _varint(2 * offset if offset >= 0 else -2 * offset - 1)
        before = minute
    return written


def _write_levy(levy: tuple) -> bytes:
    name, kind, value = levy
    return bytes((len(name),)) + name.encode() + bytes((kind,)) + _varint(value)


def _write_each(items: tuple, write: "Callable[[tuple], bytes]") -> bytes:
    return bytes((len(items),)) + b"".join(write(item) for item in items)


def _write_rate(rate: tuple) -> bytes:
    name, prices, limits_mwh = rate
    numbers = b"".join(_varint(number) for number in tuple(prices) + tuple(limits_mwh))
    return bytes((len(name),)) + name.encode() + bytes((len(prices),)) + numbers


def _write_day_type(switches: tuple) -> bytes:
    return _write_each(switches, lambda switch: struct.pack("<H", switch[0] << 3 | switch[1]))


def _write_season(season: tuple) -> bytes:
    month, day, day_types = season
    pairs = [day_types[index] | day_types[index + 1] << 4 for index in range(0, 8, 2)]
    return bytes([month, day] + pairs)


def _write_holiday(holiday: tuple) -> bytes:
    month, day, year = holiday
    return struct.pack("<H", (year and year - FIRST_HOLIDAY_YEAR + 1) << 9 | month << 5 | day)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
