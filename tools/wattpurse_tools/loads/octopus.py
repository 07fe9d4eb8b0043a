"""Consumption of Octopus Energy as CSV: `Consumption (kwh), Estimated Cost Inc. Tax (p), ..., Start, End`.

Start and end of each half hour have their offsets. The costs are left out.
"""

from wattpurse_tools.loads.block import BOTH, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import unit_of


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of the consumption."""
    table = Table(file, ",", skipped=1)
    names = [name.lower() for name in table.head_rows()[0]]
    missing = [name for name in ("consumption (kwh)", "start", "end") if name not in names]
    if missing:
        raise ValueError(f"{file.name}: has no column {', '.join(missing)} as Octopus Energy writes it")
    layout = Layout((names.index("start"),), names.index("consumption (kwh)"), (names.index("end"),))
    times, ends = (
        TimeReader(options.zone, options.table.dates),
        TimeReader(options.zone, options.table.dates, ends=True),
    )
    return Rows(table.blocks(layout, Readers(Numbers(".", ","), times, ends)), unit_of("kWh"), BOTH)
