"""Integers in as few bytes as they need: seven bits a byte, the lowest first; signed ones in zigzag form."""

from wattpurse.core.seals.sealing import SealBroken

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_BITS = 70


def put(out: bytearray, value: int) -> None:
    """Append an unsigned number."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def put_all(out: bytearray, values: "Iterable[int]") -> None:
    """Append several unsigned numbers."""
    append = out.append
    for value in values:
        while value > 0x7F:
            append(value & 0x7F | 0x80)
            value >>= 7
        append(value)


def put_signed(out: bytearray, value: int) -> None:
    """Append a signed number."""
    put(out, zigzag(value))


def zigzag(value: int) -> int:
    """Return the unsigned number that stands for a signed one."""
    return -2 * value - 1 if value < 0 else 2 * value


class Reader:
    """A reader of the numbers in a sealed message. It raises SealBroken if a number runs past the end."""

    def __init__(self, data: "bytes | bytearray", position: int) -> None:
        self._data = data
        self._position = position

    @property
    def is_at_end(self) -> bool:
        """True if nothing is left."""
        return self._position >= len(self._data)

    def byte(self) -> int:
        """Take one byte."""
        return self.bytes(1)[0]

    def bytes(self, count: int) -> bytes:
        """Take `count` bytes."""
        start = self._position
        if start + count > len(self._data):
            raise SealBroken("statement ends early")
        self._position += count
        return bytes(self._data[start : self._position])

    def number(self) -> int:
        """Take an unsigned number."""
        value = shift = 0
        while shift < _LONGEST_BITS:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise SealBroken("number too long")

    def signed(self) -> int:
        """Take a signed number."""
        value = self.number()
        return -(value >> 1) - 1 if value & 1 else value >> 1
