"""The export of hours of DSMR-reader as CSV: `Hour Start,Electricity 1 (...),Electricity 2 (...),...`, in kWh.

The consumption is the sum of both tariffs of the meter. Energy returned and gas are left out.
"""

from decimal import Decimal, InvalidOperation

from wattpurse_tools.loads.block import START, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_of


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of the consumption."""
    table = Table(file, skipped=1)
    names = [name.lower() for name in table.head_rows()[0]]
    columns = [place for place, name in enumerate(names) if name.startswith(("electricity 1 (", "electricity 2 ("))]
    if len(columns) != 2 or not names[0].endswith("start"):
        raise ValueError(f"{file.name}: has no columns `Hour Start`, `Electricity 1` and `Electricity 2`")

    def consumed(row: Row) -> Decimal:
        try:
            return sum((Decimal(row[place]) for place in columns), Decimal(0))
        except InvalidOperation as error:
            raise ValueError(f"{row[columns[0]]!r} and {row[columns[1]]!r} are not two numbers of kWh") from error

    layout = Layout((0,), value_of=consumed)
    readers = Readers(Numbers(".", table.delimiter), TimeReader(options.zone, options.table.dates))
    return Rows(table.blocks(layout, readers), unit_of("kWh"), START)
