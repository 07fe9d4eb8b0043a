"""The table of load formats: their names, and the words by which a file shows its format.

A format is a module of this package with a function `read(file, options)` that returns `block.Rows`. The module has the
name of the format, with underscores. `csv` is `generic_csv`, for files that no other format recognises.
"""

from collections.abc import Callable
from importlib import import_module

from wattpurse_tools.loads.block import Rows
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile

GENERIC = "csv"

_RECOGNISED = 4096  # characters at the start of a file

# Rows of (name, meaning, texts that the start of such a file contains, in small letters). The first that fits counts.
FORMATS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("nem12", "interval data of Australian meters (NEM12)", ("100,nem12,",)),
    ("green-button-xml", "Green Button, XML of the ESPI standard", ("http://naesb.org/espi",)),
    ("green-button-csv", "Green Button, CSV", ("type,date,start time,",)),
    ("octopus", "Octopus Energy, CSV", ("consumption (kwh)", "start", "end")),
    ("n3rgy", "n3rgy, CSV", ("timestamp (utc)", "energyconsumption (kwh)")),
    ("enedis", "Enedis, CSV", ("identifiant prm", "horodate;valeur")),
    ("dsmr-reader", "DSMR-reader, CSV of hours", ("electricity 1 (", "electricity 2 (")),
    ("dsmr-telegrams", "telegrams of the P1 port of a DSMR meter", ("0-0:1.0.0(", "1-0:1.8.1(")),
    ("dsmr-readings", "P4 readings of a DSMR meter, CSV", ("1.8.1", "1.8.2")),
    ("home-assistant", "Home Assistant, CSV of long-term statistics", ("statistic_id", "unit", "start", "sum")),
    ("home-assistant-energy", "Home Assistant, CSV of the energy dashboard", ("entity_id,type,unit,",)),
    ("wattpurse", "the load profile of a Wattpurse meter", ("start_utc,start_local,seconds,kwh",)),
    (GENERIC, "CSV with a time and a value in each row", ()),
)

Importer = Callable[[TextFile, ReadOptions], Rows]


def names() -> list[str]:
    """Return the names of all formats."""
    return [name for name, _, _ in FORMATS]


def format_of(head: str) -> str:
    """Return the name of the format of a file that begins with `head`."""
    start = head[:_RECOGNISED].lower()
    return next(name for name, _, texts in FORMATS if all(text in start for text in texts))


def importer(name: str) -> Importer:
    """Return the importer of a format. Its module is imported only when it is needed."""
    module = "generic_csv" if name == GENERIC else name.replace("-", "_")
    return import_module(f"wattpurse_tools.loads.{module}").read
