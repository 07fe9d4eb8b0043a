"""The files of a DESFire application: standard, backup and value (MF3ICD81 data sheet, section 8.5).

A backup file and a value file keep their changes aside until `commit`; a standard file has no such copy.
"""

STANDARD = 0
BACKUP = 1
VALUE = 2

OK = 0x00
BOUNDARY = 0xBE
PARAMETER = 0x9E

_LOWEST = -(1 << 31)
_HIGHEST = (1 << 31) - 1
_FREE_GET_VALUE = 2


class DataFile:
    """A standard file (kind STANDARD) or a backup file (kind BACKUP) of `size` bytes."""

    def __init__(self, kind: int, mode: int, rights: int, size: int) -> None:
        self.kind = kind
        self.mode = mode
        self.rights = rights
        self.data = bytearray(size)
        self._next: bytearray | None = None

    @property
    def is_changed(self) -> bool:
        """True while a change waits for its commit."""
        return self._next is not None

    def settings(self) -> bytes:
        """Return the answer to GetFileSettings."""
        return _head(self) + len(self.data).to_bytes(3, "little")

    def read(self, offset: int, length: int) -> bytes | None:
        """Return committed bytes, or None beyond the end. A length of 0 reads to the end."""
        end = offset + length if length else len(self.data)
        if offset >= len(self.data) or end > len(self.data):
            return None
        return bytes(self.data[offset:end])

    def write(self, offset: int, data: bytes) -> int:
        """Write bytes, and return a status."""
        if offset + len(data) > len(self.data):
            return BOUNDARY
        target = self.data
        if self.kind == BACKUP:
            if self._next is None:
                self._next = bytearray(self.data)
            target = self._next
        target[offset : offset + len(data)] = data
        return OK

    def commit(self) -> None:
        """Make the changes valid."""
        if self._next is not None:
            self.data, self._next = self._next, None

    def abort(self) -> None:
        """Drop the changes."""
        self._next = None


class ValueFile:
    """A value between `lower` and `upper`. `options`: bit 0 permits the limited credit, bit 1 a free GetValue."""

    kind = VALUE

    def __init__(self, mode: int, rights: int, limits: tuple, value: int, options: int) -> None:
        self.mode = mode
        self.rights = rights
        self.lower, self.upper = limits
        self.value = value
        self.options = options
        self.limited = 0
        self.is_changed = False
        self._credited = 0
        self._debited = 0

    @property
    def has_free_get_value(self) -> bool:
        """True if everybody may read the value."""
        return bool(self.options & _FREE_GET_VALUE)

    def settings(self) -> bytes:
        """Return the answer to GetFileSettings."""
        numbers = b"".join([packed(number) for number in (self.lower, self.upper, self.limited)])
        return _head(self) + numbers + bytes((self.options,))

    def change(self, amount: int) -> int:
        """Add `amount` (below 0: subtract), and return a status.

        A debit cannot use a credit that waits for the same commit, and the reverse.
        """
        credited, debited = self._credited + max(0, amount), self._debited + max(0, -amount)
        if self.value + credited > self.upper or self.value - debited < self.lower:
            return BOUNDARY
        self._credited, self._debited, self.is_changed = credited, debited, True
        return OK

    def commit(self) -> None:
        """Make the change valid."""
        self.value += self._credited - self._debited
        if self.is_changed:
            self.limited = self._debited
        self.abort()

    def abort(self) -> None:
        """Drop the change."""
        self._credited = self._debited = 0
        self.is_changed = False


def packed(number: int) -> bytes:
    """Return a signed number of 32 bits, low byte first."""
    return (number & 0xFFFFFFFF).to_bytes(4, "little")


def unpacked(data: bytes) -> int:
    """Return the signed number of four bytes."""
    number = int.from_bytes(data, "little")
    return number - (1 << 32) if number > _HIGHEST else number


def are_limits(lower: int, upper: int, value: int) -> bool:
    """Return True if a value file may have these numbers."""
    return _LOWEST <= lower <= value <= upper <= _HIGHEST


def _head(file: "DataFile | ValueFile") -> bytes:
    return bytes((file.kind, file.mode, file.rights & 0xFF, file.rights >> 8))
