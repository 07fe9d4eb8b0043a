"""The load profile that `wattpurse export --profile` writes: `start_utc,start_local,seconds,kwh,...`.

If a half hour was lost, its energy is in the next row: `--gaps spread` bills it as the meter counted it.
"""

from collections.abc import Iterator

from wattpurse_tools.loads.block import BOTH, Block, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_of

_START, _SECONDS, _ENERGY = 0, 2, 3


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of the profile. Rows of no duration, at a change of the clock, are left out."""
    return Rows(_blocks(Table(file, ",", skipped=1), options), unit_of("kWh"), BOTH)


def _blocks(table: Table, options: ReadOptions) -> Iterator[Block]:
    seconds: list[int] = []

    def energy(row: list[str]) -> str | None:
        if not row[_SECONDS].isdigit() or row[_SECONDS] == "0":
            return None
        seconds.append(int(row[_SECONDS]))
        return row[_ENERGY]

    layout = Layout((_START,), value_of=energy)
    for block in table.blocks(layout, Readers(Numbers(".", ","), TimeReader(None, options.table.dates))):
        ends = [start_s + lasting_s for start_s, lasting_s in zip(block.times, seconds, strict=True)]
        seconds.clear()
        yield block._replace(ends=ends)
