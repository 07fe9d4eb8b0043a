"""The rows of a CSV or XLSX file with a heading, as texts by column. A fault of the file names line and remedy."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

FILE_LIMIT = 20_000_000
ROW_LIMIT = 200_000

_UNPACKED_LIMIT = 400_000_000
_ZIP_MARK = b"PK\x03\x04"
_DELIMITERS = ",;\t"


class Faulty(ValueError):
    """A file that is no table at all. The words have the remedy."""


@dataclass(frozen=True)
class Row:
    """A row of a table: its line in the file, and its texts by the name of the column. A missing cell is ""."""

    line: int
    cells: dict[str, str]


def rows_of(data: bytes, columns: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a file that are not empty. Raise Faulty if it has no heading of `columns`."""
    if len(data) > FILE_LIMIT:
        raise Faulty(f"the file has {len(data):,} bytes; split it into files of at most {FILE_LIMIT:,}")
    lines = _workbook_lines(data) if data.startswith(_ZIP_MARK) else _csv_lines(data)
    heading: list[str] | None = None
    count = 0
    for number, cells in lines:
        if not any(cells):
            continue
        if heading is None:
            heading = _heading(number, cells, columns, needed)
            continue
        count += 1
        if count > ROW_LIMIT:
            raise Faulty(f"line {number}: is row {count:,}; split the file into files of at most {ROW_LIMIT:,} rows")
        extra = [cell for cell in cells[len(heading) :] if cell]
        if extra:
            raise Faulty(f"line {number}: has more cells than the heading; put a cell with a comma into quotes")
        yield Row(number, dict.fromkeys(columns, "") | dict(zip(heading, cells, strict=False)))
    if heading is None:
        raise Faulty(f"the file is empty; begin it with a line of the columns {', '.join(columns)}")


def _heading(line: int, cells: list[str], columns: tuple[str, ...], needed: tuple[str, ...]) -> list[str]:
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    while names and not names[-1]:
        names.pop()
    unknown = [name or "(empty)" for name in names if name not in columns]
    if unknown:
        raise Faulty(f"line {line}: column {', '.join(unknown)} is unknown; the columns are {', '.join(columns)}")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise Faulty(f"line {line}: column {', '.join(double)} is there twice; leave one out")
    missing = [name for name in needed if name not in names]
    if missing:
        raise Faulty(f"line {line}: column {', '.join(missing)} is missing; add it")
    return names


def _csv_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Faulty(f"line {line}: is not text in UTF-8; save the file as CSV UTF-8, or as XLSX") from None
    if "\0" in text:
        raise Faulty("the file is neither CSV nor XLSX; save the table as one of them")
    first = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    try:
        for cells in reader:
            yield begun, [cell.strip() for cell in cells]
            begun = reader.line_num + 1
    except csv.Error as error:
        raise Faulty(f"line {begun}: cannot be read ({error}); check the quotes in it") from None


def _workbook_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # only here: it takes long to import

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            if sum(part.file_size for part in parts.infolist()) > _UNPACKED_LIMIT:
                raise Faulty("the workbook is too large when it is unpacked; split it")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise Faulty(f"the file is no workbook that can be read ({error}); save it as XLSX again") from None
    sheet = book.worksheets[0] if book.worksheets else None
    if sheet is None:
        raise Faulty("the workbook has no sheet; put the table on the first one")
    try:
        for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield line, [_text(cell) for cell in cells]
    finally:
        book.close()


def _text(cell: object) -> str:
    """Return the text of a workbook's cell. A whole number has no point, and a time at midnight is a day."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()
