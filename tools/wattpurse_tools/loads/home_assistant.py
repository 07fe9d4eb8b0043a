"""Long-term statistics of Home Assistant as CSV: `statistic_id,unit,start,...,sum`, with any delimiter.

`sum` is the counter at the end of the hour that starts at `start`. The consumption is its rise. The first row of a
statistic gives the first reading alone. Times are local unless they have an offset or are seconds since 1970.
"""

from wattpurse_tools.loads.block import END, Rows, Value
from wattpurse_tools.loads.channels import chosen
from wattpurse_tools.loads.counters import differences
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import UNIT_NAMES, unit_of

HOUR_S = 3600


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of one statistic."""
    table = Table(file, options.table.delimiter, skipped=1)
    names = [name.lower() for name in table.head_rows()[0]]
    missing = [name for name in ("statistic_id", "unit", "sum") if name not in names]
    start = next((place for place, name in enumerate(names) if name in ("start", "start_ts")), None)
    if missing or start is None:
        raise ValueError(f"{file.name}: has no column {', '.join(missing) or 'start'}")
    identity, unit, total = (names.index(name) for name in ("statistic_id", "unit", "sum"))
    units = {row[identity]: row[unit] for _, row in table.rows() if row[unit] in UNIT_NAMES and row[total]}
    wanted = chosen(options.meaning.channel, units, file.name, "statistics")
    numbers = Numbers(options.table.decimal, table.delimiter)

    def reading(row: Row) -> Value | None:
        return row[total] or None if row[identity] == wanted else None

    layout = Layout((start,), value_of=reading, shift_s=HOUR_S)
    readers = Readers(numbers, TimeReader(options.zone, options.table.dates))
    blocks = differences(table.blocks(layout, readers), file.name)
    return Rows(blocks, unit_of(units[wanted]), END, is_counter=True)
