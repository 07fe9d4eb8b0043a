"""The vault's log: a file of JSON lines to which lines are only added. Each line holds the hash of the line before it.

    {"number": 1, "time_s": ..., "operator": 1 or null, "action": "issue", "details": {...}, "link": 64 hex digits,
        "seal": 64 hex digits}

`link` is SHA-256 over the link before it and the rest of the line. `seal` is HMAC-SHA256 of the link under a key of the
sealed key file, so that nobody writes a line without the passphrase. The counters keep the newest link that they know,
so a log that was cut is noticed.

A line is on the disk before the result of its action leaves the vault. The result of a last line without its end never
left, and the line is removed when the log is opened.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from io import BufferedReader
from itertools import islice

from wattpurse_tools.vault import actions
from wattpurse_tools.vault.files import Folder, write_all
from wattpurse_tools.vault.interface import LOG_PAGE, LogEntry
from wattpurse_tools.vault.sealed_document import canonical

NAME = "log"
FIRST_LINK = "0" * 64

_SEAL = "seal"
_TAIL = 1 << 20
_PAGE_BYTES = 4 << 20


class LogFile:
    """The log in a folder. `number` and `link` are those of its last line. `key` seals lines; without it none is."""

    def __init__(self, folder: Folder, key: bytes | None = None) -> None:
        self._folder = folder
        self._key = key
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
        return self.append_all([(time_s, operator, action, details)])[0]

    def append_all(self, lines: Sequence[tuple[int, int | None, str, dict]]) -> list[LogEntry]:
        """Add lines: time, operator, action and details of each. All are on the disk when this returns, or none.

        Raise OSError if the disk does not take them.
        """
        if not lines:
            return []
        entries, data, link = [], b"", self.link
        for number, (time_s, operator, action, details) in enumerate(lines, self.number + 1):
            link = link_of(link, number, time_s, operator, action, details)
            entry = LogEntry(number, time_s, operator, action, details, link)
            seal = {} if self._key is None else {_SEAL: _seal(self._key, link)}
            entries.append(entry)
            data += canonical(vars(entry) | seal) + b"\n"
        size = os.fstat(self._file).st_size
        try:
            os.lseek(self._file, size, os.SEEK_SET)
            write_all(self._file, data)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        self.number, self.link = entries[-1].number, link
        return entries

    def since(self, number: int) -> list[LogEntry]:
        """Return the lines after line `number`, at most LOG_PAGE of them and about as many bytes as an answer has."""
        found, size = [], 0
        with self._reader() as file:
            for line in islice(file, max(0, number), max(0, number) + LOG_PAGE):
                found.append(_parse(line)[0])
                size += len(line)
                if size > _PAGE_BYTES:
                    break
        return found

    def all(self) -> Iterator[LogEntry]:
        """Yield all lines. Raise ValueError at a line that cannot be read."""
        with self._reader() as file:
            for line in file:
                yield _parse(line)[0]

    def checked(self) -> Iterator[LogEntry]:
        """Yield all lines. Raise ValueError at one that was changed or put in, or before which one was removed."""
        link = FIRST_LINK
        with self._reader() as file:
            for number, line in enumerate(file, 1):
                entry, seal = _parse(line)
                expected = link_of(link, number, entry.time_s, entry.operator, entry.action, entry.details)
                if entry.number != number or entry.link != expected or not self._is_sealed(entry, seal):
                    raise ValueError(
                        f"{self._path}: line {number} was changed, or a line before it was removed or put in; keep this"
                        " file as evidence in another place, and the vault begins another log that says so"
                    )
                link = expected
                yield entry

    def _is_sealed(self, entry: LogEntry, seal: str | None) -> bool:
        """Return True if the vault wrote a line. Facts are taken over before the vault has its passphrase."""
        if self._key is None:
            return True
        if seal is None:
            return entry.action == actions.TAKEN_OVER
        return hmac.compare_digest(seal, _seal(self._key, entry.link))

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
        entry, _ = _parse(line)
        return entry.number, entry.link


def link_of(before: str, number: int, time_s: int, operator: int | None, action: str, details: dict) -> str:
    """Return the link of a line behind the link `before`."""
    rest = {"number": number, "time_s": time_s, "operator": operator, "action": action, "details": details}
    return hashlib.sha256(before.encode() + canonical(rest)).hexdigest()


def _seal(key: bytes, link: str) -> str:
    return hmac.new(key, link.encode(), hashlib.sha256).hexdigest()


def _parse(line: bytes) -> tuple[LogEntry, str | None]:
    """Return a line and its seal."""
    try:
        values = json.loads(line)
        seal = values.pop(_SEAL, None)
        return LogEntry(**values), seal
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise ValueError(f"a line of the vault's log cannot be read: {line[:60]!r}") from None
