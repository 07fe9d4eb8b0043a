"""Exports of Enedis, the French grid operator, as CSV with semicolons.

The account of a customer exports lines about the meter, then `Horodate;Valeur`. A load curve (`Courbe de charge`) has
the mean power in W up to each time. Daily values have the energy from each time on. An export for companies (flow R63)
repeats the facts in each row, and its times are starts.
"""

from wattpurse_tools.loads.block import END, START, Rows
from wattpurse_tools.loads.csv_table import Layout, Numbers, Readers, Row, Table
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader
from wattpurse_tools.loads.units import UNIT_NAMES, unit_of

_DIRECTION = "grandeur metier"
_KIND = "type de donnees"
_UNIT = "unite"
_CONSUMED = ("consommation", "cons")


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of the consumption. `--stamps` overrides which end of its interval a time is."""
    table = Table(file, ";")
    head = table.head_rows()
    number = next((number for number, row in enumerate(head) if "horodate" in [name.lower() for name in row]), None)
    if number is None or number + 1 >= len(head):
        raise ValueError(f"{file.name}: has no line `Horodate;Valeur`, or nothing below it")
    table.skipped = number + 1
    names = [_plain(name) for name in head[number]]
    facts = _facts(head, number, names)
    _check(facts, file.name)
    is_curve = "courbe" in facts.get(_KIND, "").lower()
    time, value = names.index("horodate"), names.index("valeur")

    def consumed(row: Row) -> str | None:
        return row[value] or None  # a time without a value is a gap

    layout = Layout((time,), value, value_of=consumed)
    readers = Readers(Numbers(options.table.decimal, ";"), TimeReader(options.zone, options.table.dates, is_curve))
    stamps = options.meaning.stamps or (END if is_curve else START)
    return Rows(table.blocks(layout, readers), unit_of(facts[_UNIT]), stamps)


def _facts(head: list[Row], number: int, names: list[str]) -> dict[str, str]:
    """Return the facts about the meter, by the names of their columns: above the values, or in each row."""
    if _UNIT in names:
        return dict(zip(names, head[number + 1], strict=False))
    above = [row for row in head[:number] if any(row)]
    return dict(zip(map(_plain, above[0]), above[1], strict=False)) if len(above) > 1 else {}


def _check(facts: dict[str, str], name: str) -> None:
    """Raise ValueError if the values are not energy or power consumed."""
    direction = facts.get(_DIRECTION, _CONSUMED[0])
    if direction.lower() not in _CONSUMED:
        raise ValueError(f"{name}: holds {direction}, not Consommation; a bill needs the energy consumed")
    if facts.get(_UNIT) not in UNIT_NAMES:
        raise ValueError(f"{name}: the values are in {facts.get(_UNIT) or 'no unit'}; a bill needs W, Wh or kWh")


def _plain(name: str) -> str:
    """Return a name in small letters and without accents."""
    return name.lower().translate(str.maketrans("\u00e9\u00e8\u00ea\u00e0", "eeea"))
