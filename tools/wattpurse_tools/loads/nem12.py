"""NEM12, the interval data of Australian meters: AEMO, Meter Data File Format Specification NEM12 & NEM13.

A record 200 names a register, its unit and the length of its intervals. Each record 300 below it has the values of one
day, in market time: UTC+10 without daylight time. Registers whose suffix begins with E are energy to the customer,
those with B energy from the customer. Records 400 and 500 say how values were made, and are left out. A day of quality
N has no values: it is a gap.
"""

import csv
from collections.abc import Iterator

from wattpurse_tools.loads.block import BOTH, Block, Rows
from wattpurse_tools.loads.channels import chosen
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import Unit, unit_of
from wattpurse_tools.loads.zones import fixed

MARKET_OFFSET_MINUTES = 600
DAY_MINUTES = 1440

_DETAILS = "200"
_VALUES = "300"
_NMI, _SUFFIX, _UNIT, _MINUTES = 1, 4, 7, 8
_NULL = "N"
_UNITS = {"KWH": "kWh", "WH": "Wh", "MWH": "MWh"}


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of one register."""
    registers: dict[str, str] = {}
    for line, record in _records(file):
        if record[0] == _DETAILS and record[_SUFFIX : _SUFFIX + 1] and record[_SUFFIX].startswith("E"):
            registers[_register(record)] = _unit_name(record, f"{file.name} line {line}")
    meters = {name.split("/")[0] for name in registers}
    short = {name.split("/")[1]: name for name in registers} if len(meters) == 1 else {name: name for name in registers}
    register = short[chosen(options.meaning.channel, short, file.name, "registers")]
    unit: Unit = unit_of(registers[register])
    return Rows(_blocks(file, register), unit, BOTH)


def _blocks(file: TextFile, register: str) -> Iterator[Block]:
    """Yield the values of each day of a register."""
    times = TimeReader(fixed(MARKET_OFFSET_MINUTES), None)
    current, interval_s = "", 0
    for line, record in _records(file):
        where = f"{file.name} line {line}"
        if record[0] == _DETAILS:
            current, interval_s = _register(record), _interval_s(record, where)
        elif record[0] == _VALUES and current == register:
            count = DAY_MINUTES * 60 // interval_s
            values = record[2 : 2 + count]
            if len(values) < count or not values[-1] or values[-1][0].isalpha():
                raise ValueError(f"{where}: a day of {interval_s // 60} minutes has {count} values, this one fewer")
            if record[2 + count : 3 + count] == [_NULL]:
                continue
            start_s = _day_s(times, record[1], where)
            starts = list(range(start_s, start_s + count * interval_s, interval_s))
            yield Block([line] * count, starts, values, [start_s + interval_s for start_s in starts])


def _records(file: TextFile) -> Iterator[tuple[int, list[str]]]:
    with file.open() as lines:
        for line, record in enumerate(csv.reader(lines), 1):
            columns = [column.strip() for column in record]
            if any(columns):
                yield line, columns


def _register(record: list[str]) -> str:
    return f"{record[_NMI]}/{record[_SUFFIX]}"


def _unit_name(record: list[str], where: str) -> str:
    name = record[_UNIT] if len(record) > _UNIT else ""
    if name.upper() not in _UNITS:
        raise ValueError(f"{where}: the register is in {name or 'no unit'}; a bill needs Wh, kWh or MWh")
    return _UNITS[name.upper()]


def _interval_s(record: list[str], where: str) -> int:
    text = record[_MINUTES] if len(record) > _MINUTES else ""
    if not (text.isascii() and text.isdigit() and int(text) and DAY_MINUTES % int(text) == 0):
        raise ValueError(f"{where}: {text!r} is no length of intervals; it is 5, 15 or 30 minutes")
    return int(text) * 60


def _day_s(times: TimeReader, text: str, where: str) -> int:
    """Return the first second of a day such as 20260601, in market time."""
    try:
        start_s = times.read(f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 else text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    assert start_s is not None, "market time skips no hour"
    return start_s
