"""Consumption from n3rgy as CSV: `timestamp (UTC),energyConsumption (kWh)`, in UTC, at the start of each half hour."""

from wattpurse_tools.loads.block import START, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_of
from wattpurse_tools.loads.zones import fixed


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of the consumption. `--stamps end` reads times as ends of intervals."""
    table = Table(file, ",", skipped=1)
    names = [name.lower() for name in table.head_rows()[0]]
    if "timestamp (utc)" not in names or "energyconsumption (kwh)" not in names:
        raise ValueError(
            f"{file.name}: has no columns `timestamp (UTC)` and `energyConsumption (kWh)` as n3rgy writes them"
        )
    layout = Layout((names.index("timestamp (utc)"),), names.index("energyconsumption (kwh)"))
    readers = Readers(Numbers(".", ","), TimeReader(fixed(0), options.table.dates))
    return Rows(table.blocks(layout, readers), unit_of("kWh"), options.meaning.stamps or START)
