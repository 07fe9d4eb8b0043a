"""CSV files of any delimiter as blocks: the columns, and the numbers as people write them."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

from wattpurse_tools.loads.block import BLOCK_ROWS, Block, Value
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.times import TimeReader

Row = list[str]

HEAD_LINES = 64
_DELIMITERS = (";", "\t", "|", ",")


class Numbers:
    """The numbers of one file, turned into text with a decimal point.

    decimal: "." or ",", or None to accept a comma if it cannot be a separator of columns.
    """

    def __init__(self, decimal: str | None, delimiter: str) -> None:
        self._decimal = decimal
        self._has_commas = False
        self.are_plain = decimal is None and delimiter == ","

    def point(self, text: str) -> str:
        """Return a number with a decimal point and without marks of thousands."""
        if self._decimal == ".":
            return text.replace(",", "").replace("\u00a0", "")
        if self._decimal == ",":
            return text.replace(".", "").replace("\u00a0", "").replace(",", ".")
        if self.are_plain:
            return text
        if "," in text:
            self._has_commas = True
            return text if text.rfind(".") > text.rfind(",") else text.replace(".", "").replace(",", ".")
        if "." in text and self._has_commas:
            raise ValueError(
                f"{text!r} has a point where other numbers have a comma; say which is decimal: --decimal ,"
            )
        return text


@dataclass(frozen=True)
class Layout:
    """The places of a table's columns, counted from 0.

    times: the columns of a time, joined by a space. ends: the same of the end of the interval, or empty.
    value: the column of the value. width: the number of columns that each row has; None if it may differ.
    value_of: calculates the value from a row instead, and returns None to leave the row out.
    shift_s: seconds that are added to each time.
    """

    times: tuple[int, ...]
    value: int = 0
    ends: tuple[int, ...] = ()
    width: int | None = None
    value_of: Callable[[Row], Value | None] | None = None
    shift_s: int = 0


@dataclass
class Readers:
    """The readers of times and numbers of one file. Ends of intervals have their own, because order counts."""

    numbers: Numbers
    times: TimeReader
    ends: TimeReader | None = field(default=None)


class Table:
    """The rows of a CSV file. skipped: the lines before the first row of values, header included."""

    def __init__(self, file: TextFile, delimiter: str | None = None, skipped: int = 0) -> None:
        self.file = file
        self.delimiter = delimiter or delimiter_of(file.head)
        self.skipped = skipped

    def head_rows(self) -> list[Row]:
        """Return the rows of the first lines of the file."""
        lines = self.file.head.splitlines()[:HEAD_LINES]
        reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True)
        return [[column.strip() for column in row] for row in reader]

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield `(line, columns)` of each row behind the header that is not empty."""
        for first, chunk in self._chunks():
            for place, row in enumerate(chunk):
                columns = [column.strip() for column in row]
                if any(columns):
                    yield first + place, columns

    def blocks(self, layout: Layout, readers: Readers) -> Iterator[Block]:
        """Yield the rows in blocks. Raise ValueError that names file and line of a wrong row."""
        get_time, get_value = itemgetter(layout.times[0]), itemgetter(layout.value)
        is_simple = len(layout.times) == 1 and not (layout.ends or layout.value_of or layout.shift_s)
        is_simple = is_simple and readers.numbers.are_plain
        for first, chunk in self._chunks():
            if is_simple and (layout.width is None or set(map(len, chunk)) == {layout.width}):
                try:
                    times = readers.times.read_all(list(map(get_time, chunk)))
                    yield Block(range(first, first + len(chunk)), times, list(map(get_value, chunk)))
                    continue
                except (ValueError, IndexError):
                    pass  # row by row, the reason is found
            yield self._block(first, chunk, layout, readers)

    def _block(self, first: int, chunk: list[Row], layout: Layout, readers: Readers) -> Block:
        """Return the block of a chunk, row by row."""
        block = Block([], [], [], [] if layout.ends else None)
        for place, row in enumerate(chunk):
            columns = [column.strip() for column in row]
            if not any(columns):
                continue
            try:
                self._add(block, first + place, columns, layout, readers)
            except (ValueError, IndexError) as error:
                words = "ends early" if isinstance(error, IndexError) else error
                raise ValueError(f"{self.file.name} line {first + place}: {words}") from error
        return block

    def _add(self, block: Block, line: int, columns: Row, layout: Layout, readers: Readers) -> None:
        """Add a row to a block."""
        if layout.width is not None and len(columns) != layout.width:
            raise ValueError(self._words_of_width(len(columns), layout.width))
        value = columns[layout.value] if layout.value_of is None else layout.value_of(columns)
        if value is None:
            return
        value = readers.numbers.point(value) if isinstance(value, str) else value
        time_s = readers.times.read(" ".join(columns[place] for place in layout.times))
        end_s = None
        if layout.ends and readers.ends is not None:
            end_s = readers.ends.read(" ".join(columns[place] for place in layout.ends))
        if time_s is None or (layout.ends and end_s is None):
            if str(value).strip("0."):
                raise ValueError("a daylight change skips this local time, but the row has energy; correct its time")
            return
        assert isinstance(block.lines, list) and isinstance(block.values, list)
        block.lines.append(line)
        block.times.append(time_s + layout.shift_s)
        block.values.append(value)
        if block.ends is not None and end_s is not None:
            block.ends.append(end_s)

    def _words_of_width(self, count: int, width: int) -> str:
        if width == 2:
            return (
                f"has {count} columns; write two, a time and a value, with one delimiter between them and a decimal "
                "point; or name them: --delimiter, --decimal"
            )
        return f"has {count} columns, and the first line {width}; check the delimiter: --delimiter"

    def _chunks(self) -> Iterator[tuple[int, list[Row]]]:
        """Yield `(line of the first row, rows)`. An empty line is an empty row."""
        with self.file.open() as lines:
            for _ in range(self.skipped):
                next(lines, None)
            reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True)
            first = self.skipped + 1
            try:
                while chunk := list(islice(reader, BLOCK_ROWS)):
                    yield first, chunk
                    first = self.skipped + reader.line_num + 1
            except csv.Error as error:
                line = self.skipped + reader.line_num
                raise ValueError(f"{self.file.name} line {line}: {error}; save it as plain CSV") from error


def delimiter_of(head: str) -> str:
    """Return the delimiter of a file that begins with `head`: the first of `;`, tab, `|` and `,` in most lines."""
    lines = [line for line in head.splitlines()[:HEAD_LINES] if line.strip()]
    for delimiter in _DELIMITERS:
        if 2 * sum(delimiter in line for line in lines) > len(lines):
            return delimiter
    return ","
