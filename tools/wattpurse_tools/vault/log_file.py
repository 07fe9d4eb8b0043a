"""The vault's log: a file of JSON lines to which lines are only added. Each line holds the hash of the line before it.

    {"number": 1, "time_s": ..., "operator": 1 or null, "action": "issue", "details": {...}, "link": 64 hex digits}

`link` is SHA-256 over the link before it and the rest of the line. The counters keep the newest link that they know, so
a log that was cut is noticed. A line is on the disk before the result of its action leaves the vault. The result of a
last line without its end never left, and the line is removed when the log is opened.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice

from wattpurse_tools.vault.files import Folder, write_all
from wattpurse_tools.vault.interface import LOG_PAGE, LogEntry
from wattpurse_tools.vault.sealed_document import canonical

NAME = "log"
FIRST_LINK = "0" * 64

_TAIL = 1 << 20
_PAGE_BYTES = 4 << 20


class LogFile:
    """The log in a folder. `number` and `link` are those of its last line."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        existed = folder.has(NAME)
        self._file = folder.open(NAME, os.O_RDWR | os.O_APPEND) if existed else folder.create(NAME)
        if not existed:
            folder.sync()
        try:
            self.number, self.link = self._last()
        except ValueError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def append(self, time_s: int, operator: int | None, action: str, details: dict) -> LogEntry:
        """Add a line. It is on the disk when this returns. Raise OSError if the disk does not take it."""
        link = link_of(self.link, self.number + 1, time_s, operator, action, details)
        entry = LogEntry(self.number + 1, time_s, operator, action, details, link)
        size = os.fstat(self._file).st_size
        try:
            os.lseek(self._file, size, os.SEEK_SET)
            write_all(self._file, canonical(vars(entry)) + b"\n")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        self.number, self.link = entry.number, link
        return entry

    def since(self, number: int) -> list[LogEntry]:
        """Return the lines after line `number`, at most LOG_PAGE of them and about as many bytes as an answer has."""
        found, size = [], 0
        with self._reader() as file:
            for line in islice(file, max(0, number), max(0, number) + LOG_PAGE):
                found.append(_parse(line))
                size += len(line)
                if size > _PAGE_BYTES:
                    break
        return found

    def tail(self, known: tuple[int, str]) -> list[LogEntry] | None:
        """Return the lines after a line that is known by number and link. None: that line is no longer there."""
        number, link = known
        if not number:
            return list(self.all())
        with self._reader() as file:
            lines = islice(file, number - 1, None)
            first = next(lines, None)
            if first is None or _parse(first).link != link:
                return None
            return [_parse(line) for line in lines]

    def all(self) -> Iterator[LogEntry]:
        """Yield all lines. Raise ValueError at a line that cannot be read."""
        with self._reader() as file:
            for line in file:
                yield _parse(line)

    def check(self, known: tuple[int, str] = (0, FIRST_LINK)) -> int:
        """Return the number of lines. Raise ValueError at the first one that was changed, or if the end was cut off.

        `known` are number and link of a line that the counters remember.
        """
        link, count = FIRST_LINK, 0
        for entry in self.all():
            count += 1
            expected = link_of(link, count, entry.time_s, entry.operator, entry.action, entry.details)
            if entry.number != count or entry.link != expected:
                raise ValueError(f"{self._path}: line {count} was changed, or a line before it was removed or put in")
            link = expected
            if count == known[0] and link != known[1]:
                raise ValueError(f"{self._path}: line {count} is not the one that the counters remember")
        if count < known[0]:
            raise ValueError(f"{self._path}: ends at line {count}, but the counters remember line {known[0]}")
        return count

    @property
    def _path(self) -> str:
        return str(self._folder.path / NAME)

    def _reader(self) -> BufferedReader:
        return os.fdopen(self._folder.open(NAME, os.O_RDONLY), "rb")

    def _last(self) -> tuple[int, str]:
        """Return number and link of the last whole line. Remove a torn one."""
        size = os.fstat(self._file).st_size
        start = max(0, size - _TAIL)
        tail = os.pread(self._file, size - start, start)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            if start and not whole:
                raise ValueError(f"{self._path}: its last line has no end; restore the log from a copy")
            os.ftruncate(self._file, start + whole)
            os.fsync(self._file)
        if not whole:
            return 0, FIRST_LINK
        line = tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole]
        entry = _parse(line)
        return entry.number, entry.link


def link_of(before: str, number: int, time_s: int, operator: int | None, action: str, details: dict) -> str:
    """Return the link of a line behind the link `before`."""
    rest = {"number": number, "time_s": time_s, "operator": operator, "action": action, "details": details}
    return hashlib.sha256(before.encode() + canonical(rest)).hexdigest()


def _parse(line: bytes) -> LogEntry:
    try:
        return LogEntry(**json.loads(line))
    except (TypeError, ValueError):
        raise ValueError(f"a line of the vault's log cannot be read: {line[:60]!r}") from None
