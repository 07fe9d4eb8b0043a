"""CSV with a time and a value in each row: the load files of Wattpurse, and any other table of that shape.

The header names the unit, the columns, and whether times are ends of intervals. A file without a header has an ISO time
with its offset, a comma, and the Wh of the interval that starts then.
"""

import re
from collections.abc import Iterable

from wattpurse_tools.loads.block import END, START, Block, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import COUNTER, ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import Unit, unit_in, unit_of

_TIME_WORDS = ("time", "date", "datum", "zeit", "uhrzeit", "horodate", "fecha", "tijd", "data", "timestamp", "datetime")
_START_WORDS = ("start", "begin", "from", "von", "ab", "debut", "van", "inicio", "begins", "starting", "beginning")
_END_WORDS = ("end", "ending", "ends", "until", "to", "bis", "ende", "fin", "einde", "tot", "hasta")
_COUNTER_WORDS = (
    "reading", "readings", "counter", "index", "register", "cumulative", "cumulated", "total", "odometer", "stand",
    "zaehlerstand", "z\u00e4hlerstand", "meterstand", "meterstanden", "lifetime",
)  # fmt: skip
_IGNORED_WORDS = ("export", "returned", "generation", "fed", "injection", "production", "solar", "cost", "price", "gas")


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of a CSV file. Raise ValueError if the file can be read in two ways."""
    table = Table(file, options.table.delimiter)
    header, table.skipped = _header_of(table)
    if header is None:
        return _rows_without_header(table, options)
    ends, starts = _columns_of(header, options, _END_WORDS), _columns_of(header, options, _START_WORDS)
    times = (
        _chosen(options.table.time, header, "--time")
        if options.table.time
        else starts or _columns_of_time(header) or ends
    )
    if not times:
        raise ValueError(
            f"{file.name}: no column is named as a time; name it: --time NAME. There are: {_names(header)}"
        )
    value = _column_of_value(header, times, options, file.name)
    time_name = " ".join(header[place] for place in times)
    stamps = options.meaning.stamps or (END if _has_word(time_name, _END_WORDS) else START)
    unit = _unit_of(header[value], options, file.name)
    is_said = options.meaning.values is not None or unit.is_power
    if not is_said and _has_word(header[value], _COUNTER_WORDS):
        raise ValueError(
            f'{file.name}: the header "{header[value]}" names readings of a counter; add --values counter to take '
            "their differences, or --values energy if each is the energy of its interval"
        )
    layout = Layout(times, value, width=len(header) if len(header) == 2 else None)
    blocks = table.blocks(layout, _readers(table, options, stamps == END or options.meaning.values == COUNTER))
    return _rows(blocks, unit, stamps, options, file.name)


def _rows_without_header(table: Table, options: ReadOptions) -> Rows:
    """Return the rows of a file whose first line has values already."""
    times = _chosen(options.table.time, [], "--time") if options.table.time else (0,)
    value = _chosen(options.table.value, [], "--value")[0] if options.table.value else 1
    unit = unit_of(options.meaning.unit or "Wh")
    layout = Layout(times, value, width=None if options.table.time or options.table.value else 2)
    stamps = options.meaning.stamps or START
    blocks = table.blocks(layout, _readers(table, options, stamps == END or options.meaning.values == COUNTER))
    return _rows(blocks, unit, stamps, options, table.file.name)


def _rows(blocks: Iterable[Block], unit: Unit, stamps: str, options: ReadOptions, name: str) -> Rows:
    """Return rows of energies, or of readings of a counter if the person says so."""
    if options.meaning.values != COUNTER:
        return Rows(blocks, unit, stamps, may_be_counter=options.meaning.values is None and not unit.is_power)
    if unit.is_power:
        raise ValueError(f"{name}: a counter counts energy, and the unit {unit.name} is one of power")
    from wattpurse_tools.loads.counters import differences  # only here: it imports the module of decimal numbers

    return Rows(differences(blocks, name), unit, END, is_counter=True)


def _readers(table: Table, options: ReadOptions, are_ends: bool) -> Readers:
    times = TimeReader(options.zone, options.table.dates, are_ends)
    return Readers(Numbers(options.table.decimal, table.delimiter), times)


def _header_of(table: Table) -> tuple[Row | None, int]:
    """Return the header, or None, and the number of lines up to it. Lines above it have fewer columns."""
    for number, row in enumerate(table.head_rows(), 1):
        if not any(row):
            continue
        if any(column[:1].isdigit() or column[:1] in "+-." for column in row if column):
            return None, 0
        if len([column for column in row if column]) > 1:
            return row, number
    return None, 0


def _columns_of(header: Row, options: ReadOptions, words: tuple[str, ...]) -> tuple[int, ...]:
    """Return the first column that is named by one of the words, and is not the chosen value."""
    for place, name in enumerate(header):
        if _has_word(name, words) and name != options.table.value and unit_in_name(name) is None:
            return (place,)
    return ()


def _columns_of_time(header: Row) -> tuple[int, ...]:
    """Return the column of the time, or the columns of date and time."""
    named = [place for place, name in enumerate(header) if _has_word(name, _TIME_WORDS) and unit_in_name(name) is None]
    if len(named) == 2 and re.search(r"dat|fecha", header[named[0]].lower()):
        return tuple(named)
    return tuple(named[:1])


def _column_of_value(header: Row, times: tuple[int, ...], options: ReadOptions, name: str) -> int:
    """Return the column of the value: the chosen one, the only other one, or the only one of consumed energy."""
    if options.table.value:
        return _chosen(options.table.value, header, "--value")[0]
    others = [place for place in range(len(header)) if place not in times and header[place]]
    if len(others) == 1:
        return others[0]
    found = [place for place in others if unit_in_name(header[place]) and not _has_word(header[place], _IGNORED_WORDS)]
    if len(found) != 1:
        raise ValueError(f"{name}: name the column of the value: --value NAME. There are: {_names(header)}")
    return found[0]


def _unit_of(header: str, options: ReadOptions, name: str) -> Unit:
    """Return the unit that the person or the header names."""
    if options.meaning.unit:
        return unit_of(options.meaning.unit)
    try:
        found = unit_in(header)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if found is None:
        raise ValueError(f'{name}: the header "{header}" names no unit; say it: --unit Wh, kWh, MWh, W or kW')
    return found


def _chosen(text: str | None, header: Row, option: str) -> tuple[int, ...]:
    """Return the places of columns that a person named: by name or by number from 1, joined by `+`."""
    lowered = [name.lower() for name in header]
    if text and text.lower() in lowered:
        return (lowered.index(text.lower()),)
    places = []
    for part in (text or "").split("+"):
        part = part.strip()
        if part.lower() in lowered:
            places.append(lowered.index(part.lower()))
        elif part.isascii() and part.isdigit() and int(part) >= 1 and (not header or int(part) <= len(header)):
            places.append(int(part) - 1)
        else:
            raise ValueError(f"{option}: no column {part!r}; there are: {_names(header) or 'numbers from 1'}")
    return tuple(places)


def unit_in_name(name: str) -> str | None:
    """Return the unit in a column's name, or None if there is none that a bill knows."""
    try:
        found = unit_in(name)
    except ValueError:
        return name
    return found.name if found else None


def _has_word(name: str, words: tuple[str, ...]) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return any(word in words for word in re.split(r"[\W_]+", spaced.lower()))


def _names(header: Row) -> str:
    return ", ".join(name for name in header if name)
