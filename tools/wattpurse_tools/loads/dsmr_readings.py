"""P4 readings of a DSMR meter as CSV: a time, and columns named by their OBIS codes `1.8.1` and `1.8.2`, in kWh.

Grid operators hand such quarter-hour readings to the portals of suppliers. The consumption is the rise of the sum of
both registers; `1.8.0` is left out beside them. The header says if the readings are in Wh.
"""

import re
from decimal import Decimal, InvalidOperation

from wattpurse_tools.loads.block import END, Rows
from wattpurse_tools.loads.counters import differences
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import DAY_FIRST, ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_in, unit_of

_CODE = re.compile(r"(?<![0-9.])1\.8\.[12](?![0-9])")


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows between the readings. Times are local unless they have an offset."""
    table = Table(file, options.table.delimiter, skipped=1)
    header = table.head_rows()[0]
    columns = [place for place, name in enumerate(header) if _CODE.search(name)]
    if len(columns) != 2:
        raise ValueError(f"{file.name}: has no two columns named 1.8.1 and 1.8.2")
    unit = unit_in(header[columns[0]]) or unit_of("kWh")
    numbers = Numbers(options.table.decimal, table.delimiter)

    def reading(row: Row) -> Decimal | None:
        texts = [row[place] for place in columns]
        if not any(texts):
            return None  # a time without readings is a gap
        try:
            return sum((Decimal(numbers.point(text)) for text in texts), Decimal(0))
        except InvalidOperation as error:
            raise ValueError(f"{' and '.join(map(repr, texts))} are not two readings") from error

    times = tuple(place for place in range(min(columns)) if re.search("dat|tijd|time", header[place].lower()))
    layout = Layout(times[:2] or (0,), value_of=reading)
    readers = Readers(numbers, TimeReader(options.zone, options.table.dates or DAY_FIRST, ends=True))
    return Rows(differences(table.blocks(layout, readers), file.name), unit, END, is_counter=True)
