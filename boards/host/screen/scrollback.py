"""The answers of the service console: long lines are wrapped, and a person scrolls back through thousands of rows."""

_LINES_KEPT = 4_000
_ROWS_KEPT = 8_000
_BREAK_WITHIN = 24  # a row ends at a space if there is one among its last characters


class Scrollback:
    """The newest lines as rows of limited width. The newest rows are visible until somebody scrolls back."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._rows: list[str] = []
        self._columns = 0
        self._height = 1
        self._back = 0  # rows below the visible ones

    def add(self, lines: list) -> None:
        """Add lines at the end. Rows that are visible after scrolling back stay where they are."""
        self._lines += lines
        del self._lines[:-_LINES_KEPT]
        if self._columns:
            rows = wrapped(lines, self._columns)
            self._rows += rows
            del self._rows[:-_ROWS_KEPT]
            if self._back:
                self.scroll(len(rows))

    def fit(self, columns: int, height: int) -> None:
        """Show `height` rows of at most `columns` characters from now on."""
        if columns != self._columns:
            self._columns = columns
            self._rows = wrapped(self._lines, columns)
        self._height = max(1, height)
        self.scroll(0)

    def scroll(self, rows: int) -> None:
        """Move back by so many rows, forward if `rows` is negative, as far as there are rows."""
        self._back = max(0, min(len(self._rows) - self._height, self._back + rows))

    def turn(self, pages: int) -> None:
        """Move back by so many pages, forward if `pages` is negative. One row stays visible."""
        self.scroll(pages * max(1, self._height - 1))

    def return_to_end(self) -> None:
        """Show the newest rows again."""
        self._back = 0

    @property
    def is_at_end(self) -> bool:
        """True if the newest row is visible."""
        return self._back == 0

    def visible(self) -> list:
        """Return the visible rows."""
        end = len(self._rows) - self._back
        return self._rows[max(0, end - self._height) : end]

    def place(self) -> str:
        """Return the numbers of the visible rows, such as "rows 3-12 of 80"; empty if all rows are visible."""
        if len(self._rows) <= self._height:
            return ""
        end = len(self._rows) - self._back
        return f"rows {end - self._height + 1}-{end} of {len(self._rows)}"


def wrapped(lines: list, columns: int) -> list:
    """Return lines as rows of at most `columns` characters, broken at spaces where there are any."""
    rows = []
    for line in lines:
        while len(line) > columns:
            at = line.rfind(" ", columns - min(columns, _BREAK_WITHIN) + 1, columns + 1)
            end = columns if at < 1 else at
            rows.append(line[:end])
            line = line[end:] if at < 1 else line[end + 1 :]
        rows.append(line)
    return rows
