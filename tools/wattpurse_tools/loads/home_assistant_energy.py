"""The download of Home Assistant's energy dashboard as CSV: a row for each entity, and a column for each time in UTC.

Rows of the type `grid_consumption` are energies consumed, from the time above each on.
"""

import csv
from collections.abc import Iterator

from wattpurse_tools.loads.block import BLOCK_ROWS, START, Block, Rows
from wattpurse_tools.loads.channels import chosen
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import UNIT_NAMES, unit_of

CONSUMED = "grid_consumption"

_FIRST_VALUE = 3
_MILLISECONDS = ".000Z"


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the energies of one entity."""
    entities: dict[str, tuple[int, list[str]]] = {}
    header: list[str] = []
    with file.open() as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            if not header:
                header = row
            elif row[1:2] == [CONSUMED]:
                entities[row[0]] = number, row
    wanted = chosen(options.meaning.channel, entities, file.name, "entities")
    line, row = entities[wanted]
    if row[2] not in UNIT_NAMES:
        raise ValueError(f"{file.name} line {line}: {wanted} is in {row[2] or 'no unit'}; a bill needs Wh or kWh")
    return Rows(_blocks(header, row, line, f"{file.name} line {line}"), unit_of(row[2]), START)


def _blocks(header: list[str], row: list[str], line: int, where: str) -> Iterator[Block]:
    """Yield the values. A time without a value is a gap."""
    times = TimeReader(None, None)
    pairs = [(time, value) for time, value in zip(header[_FIRST_VALUE:], row[_FIRST_VALUE:], strict=False) if value]
    for first in range(0, len(pairs), BLOCK_ROWS):
        chunk = pairs[first : first + BLOCK_ROWS]
        try:
            starts = [times.read(time.replace(_MILLISECONDS, "Z")) for time, _ in chunk]
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        yield Block([line] * len(chunk), [start_s or 0 for start_s in starts], [value for _, value in chunk])
