"""Tables of reports: headings, rows and notes, and their form as CSV and XLSX. Amounts stay integers until then."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from wattpurse.core.currency import exact_decimal_text

# Kinds of a column. MONEY is micro-units of the currency in the row's column of the kind CURRENCY.
TEXT = "text"
CURRENCY = "currency"
MONEY = "money"
ENERGY = "energy"
COUNT = "count"
PERCENT = "percent"

_MILLION = 1_000_000
_MONEY_DECIMALS = 2
_WIDTH = 18
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_UNIT_WORDS = {ENERGY: " (kWh)", PERCENT: " (%)"}

Cell = str | int | None


@dataclass(frozen=True)
class Column:
    """A column: its name and its kind. ENERGY is in mWh, PERCENT in millionths of a percent."""

    name: str
    kind: str = TEXT

    @property
    def is_number(self) -> bool:
        """True for amounts and counts."""
        return self.kind not in (TEXT, CURRENCY)


@dataclass(frozen=True)
class ReportTable:
    """A report. `notes` say how it was made and its limits."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    notes: tuple[str, ...] = field(default=())

    def texts(self, row: Sequence[Cell]) -> list[str]:
        """Return the cells of a row as text, exact."""
        return [text_of(column.kind, cell) for column, cell in zip(self.columns, row, strict=True)]

    def cells(self) -> list[list[tuple[Column, str]]]:
        """Return each row as columns with texts."""
        return [list(zip(self.columns, self.texts(row), strict=True)) for row in self.rows]


def text_of(kind: str, cell: Cell) -> str:
    """Return a cell as text, exact, without its unit."""
    if cell is None:
        return ""
    if kind in (MONEY, PERCENT) and isinstance(cell, int):
        return exact_decimal_text(cell, _MONEY_DECIMALS)
    if kind == ENERGY and isinstance(cell, int):
        return exact_decimal_text(cell, 3)
    return str(cell)


def csv_of(table: ReportTable) -> bytes:
    """Return the table as CSV in UTF-8. Texts that a spreadsheet would run as a formula have a mark in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_heading(column) for column in table.columns])
    for row in table.rows:
        texts = table.texts(row)
        columns = zip(table.columns, texts, strict=True)
        writer.writerow([text if column.is_number else _plain(text) for column, text in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def xlsx_of(tables: Sequence[ReportTable]) -> bytes:
    """Return the tables as the sheets of a workbook. Its numbers keep 15 digits."""
    import xlsxwriter  # only here: it takes long to import

    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(data, options) as book:
        heading = book.add_format({"bold": True, "bottom": 1})
        number = book.add_format({"num_format": "#,##0.00####"})
        for table in tables:
            sheet = book.add_worksheet(table.name[:31])
            for place, column in enumerate(table.columns):
                sheet.write_string(0, place, _heading(column), heading)
            for line, row in enumerate(table.rows, 1):
                for place, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
                    if isinstance(cell, int) and column.kind in (MONEY, ENERGY, PERCENT):
                        sheet.write_number(line, place, cell / _MILLION, number)
                    elif isinstance(cell, int):
                        sheet.write_number(line, place, cell)
                    elif cell is not None:
                        sheet.write_string(line, place, cell)
            sheet.set_column(0, max(0, len(table.columns) - 1), _WIDTH)
            sheet.freeze_panes(1, 0)
            for line, note in enumerate(table.notes, len(table.rows) + 2):
                sheet.write_string(line, 0, note)
    return data.getvalue()


def _heading(column: Column) -> str:
    return column.name + _UNIT_WORDS.get(column.kind, "")


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text
