"""A bill as an Excel workbook: a sheet with the months, and one with every line of every month.

It is made from the JSON document of the bill, so that a new kind of charge is in the workbook too. Amounts are numbers
of the currency and of kWh, with all six decimals; a workbook keeps 15 digits.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MARK = "wattpurse bill"

_AUTHOR = "docProps/core.xml"
_MILLION = 1_000_000
_UNITS = {
    "_mwh": " kWh",
    "_millionths": "",
    "_microunits": "",
    "_microunits_per_kwh": " per kWh",
    "_microunits_per_day": " per day",
}
_WIDTH = 18


def workbook(document: dict[str, Any]) -> bytes:
    """Return the workbook of a bill's JSON document."""
    import xlsxwriter  # only here: it takes longer to import than most bills take

    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        book.set_properties({"author": MARK})
        heading = book.add_format({"bold": True, "bottom": 1})
        number = book.add_format({"num_format": "#,##0.000000"})
        months = book.add_worksheet("Months")
        _write(months, _month_rows(document), heading, number)
        lines = book.add_worksheet("Lines")
        _write(lines, _line_rows(document), heading, number)
    return data.getvalue()


def is_own(path: Path) -> bool:
    """Return True if a file is a workbook that `workbook` made."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as parts:
            return f">{MARK}<" in parts.read(_AUTHOR).decode()
    except (zipfile.BadZipFile, KeyError, ValueError):
        return False


def _month_rows(document: dict[str, Any]) -> list[list[Any]]:
    """Return the heading and a row for each month, and the total."""
    rows: list[list[Any]] = [["month", "kWh", document["currency"]]]
    for period in (*document["months"], {"month": "total", **document["total"]}):
        rows.append([period["month"], _amount(period["energy_mwh"]), _amount(period["charge_microunits"])])
    return rows


def _line_rows(document: dict[str, Any]) -> list[list[Any]]:
    """Return the heading and a row for each line of each month. A line fills the columns that its kind has."""
    found = [
        (month["month"], kind, line)
        for month in document["months"]
        for kind, lines in month.items()
        if isinstance(lines, list)
        for line in lines
    ]
    keys = list(dict.fromkeys(key for _, _, line in found for key in line))
    rows: list[list[Any]] = [["month", "kind", *(_column_name(key, document["currency"]) for key in keys)]]
    for month, kind, line in found:
        cells = [_amount(line[key]) if key in line and _is_amount(key) else line.get(key) for key in keys]
        rows.append([month, kind, *cells])
    return rows


def _write(sheet: "Worksheet", rows: list[list[Any]], heading: "Format", number: "Format") -> None:
    for place, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                style = heading if place == 0 else (number if isinstance(value, float) else None)
                sheet.write(place, column, value, style)
    sheet.set_column(0, max(map(len, rows)) - 1, _WIDTH)
    sheet.freeze_panes(1, 0)


def _is_amount(key: str) -> bool:
    return key.endswith(tuple(_UNITS))


def _amount(millionths: int) -> float:
    return millionths / _MILLION


def _column_name(key: str, code: str) -> str:
    for ending in sorted(_UNITS, key=len, reverse=True):
        if key.endswith(ending):
            words = key.removesuffix(ending).replace("_", " ")
            return f"{words} {code}{_UNITS[ending]}" if "microunits" in ending else f"{words}{_UNITS[ending]}"
    return key.replace("_", " ")
