"""Green Button CSV: `TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES`, below some lines about the customer.

Times are local, so `--zone` is needed. The end of an interval is left out: some utilities write its last minute, others
the first minute behind it. Rows of gas are left out too.
"""

from wattpurse_tools.loads.block import START, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import MONTH_FIRST, ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import Unit, unit_in, unit_of

_USAGE = ("usage", "import")


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of electricity."""
    table = Table(file, ",")
    number, header = next(
        (number, row)
        for number, row in enumerate(table.head_rows(), 1)
        if [name.lower() for name in row[:1]] == ["type"]
    )
    table.skipped = number
    names = [name.lower() for name in header]
    usage = next((place for place, name in enumerate(names) if name.split(" ")[0] in _USAGE), None)
    if usage is None:
        raise ValueError(f"{file.name}: has no column USAGE or IMPORT")
    units = names.index("units") if "units" in names else None

    def energy(row: Row) -> str | None:
        if "electric" not in row[0].lower():
            return None
        if units is not None and units < len(row) and row[units].lower() != unit.name.lower():
            raise ValueError(f"is in {row[units]}, and the rows before it in {unit.name}; make a file of each")
        return row[usage]

    unit = _unit(header[usage], table, units)
    layout = Layout((names.index("date"), names.index("start time")), usage, value_of=energy)
    readers = Readers(Numbers(options.table.decimal, ","), TimeReader(options.zone, options.table.dates or MONTH_FIRST))
    return Rows(table.blocks(layout, readers), unit, START)


def _unit(header: str, table: Table, units: int | None) -> Unit:
    """Return the unit that the header of the usage names, or else the column of units."""
    named = unit_in(header)
    if named is not None:
        return named
    for _, row in table.rows():
        if units is not None and units < len(row) and "electric" in row[0].lower():
            found = unit_in(row[units])
            if found is not None:
                return found
    if units is None:
        raise ValueError(f"{table.file.name}: neither the column USAGE nor a column UNITS names the unit")
    return unit_of("kWh")
