"""Telegrams of the P1 port of a DSMR meter, one after the other in a log: DSMR 5.0.2, P1 companion standard.

`0-0:1.0.0(260601000000S)` is the local time, with S in summer and W in winter. `1-0:1.8.1` and `1-0:1.8.2` are the
readings of both tariffs in kWh. The consumption is the rise of their sum. Everything else is left out.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from wattpurse_tools.loads.block import BLOCK_ROWS, END, Block, Rows
from wattpurse_tools.loads.counters import differences
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_of

_TIME = re.compile(r"0-0:1\.0\.0\((\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})([SW])\)", re.ASCII)
_READING = re.compile(r"1-0:1\.8\.[12]\((\d+\.\d+)\*kWh\)", re.ASCII)
_OFFSETS = {"S": "+02:00", "W": "+01:00"}
_END_OF_TELEGRAM = "!"


def read(file: TextFile, _options: ReadOptions) -> Rows:
    """Return the rows between the telegrams."""
    return Rows(differences(_blocks(file), file.name), unit_of("kWh"), END, is_counter=True)


def _blocks(file: TextFile) -> Iterator[Block]:
    """Yield the readings. A telegram without a time or with one reading alone was cut short, and is left out."""
    times = TimeReader(None, None)
    block = Block([], [], [])
    for line, time, reading in _telegrams(file):
        time_s = times.read(time)
        assert time_s is not None and isinstance(block.lines, list) and isinstance(block.values, list)
        block.lines.append(line)
        block.times.append(time_s)
        block.values.append(reading)
        if len(block.lines) == BLOCK_ROWS:
            yield block
            block = Block([], [], [])
    yield block


def _telegrams(file: TextFile) -> Iterator[tuple[int, str, Decimal]]:
    """Yield line, time and reading of each whole telegram."""
    time, readings = "", []
    with file.open() as lines:
        for number, text in enumerate(lines, 1):
            matched = _TIME.match(text)
            if matched:
                year, month, day, hour, minute, second, season = matched.groups()
                time = f"20{year}-{month}-{day}T{hour}:{minute}:{second}{_OFFSETS[season]}"
            matched = _READING.match(text)
            if matched:
                readings.append(Decimal(matched[1]))
            if text.startswith(_END_OF_TELEGRAM):
                if time and len(readings) == 2:
                    yield number, time, sum(readings, Decimal(0))
                time, readings = "", []
