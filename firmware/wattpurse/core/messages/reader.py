"""A reader of the bytes and varints (see `journal.varint`) in a sealed message."""

from wattpurse.core.journal.varint import take, take_all, unzigzag
from wattpurse.core.seals.sealing import SealBroken


class Reader:
    """A reader of the numbers in a sealed message. It raises SealBroken if a number runs past the end."""

    def __init__(self, data: "bytes | bytearray", position: int) -> None:
        self._data = data
        self._position = position

    @property
    def is_at_end(self) -> bool:
        """True if nothing is left."""
        return self._position >= len(self._data)

    def skip(self, count: int) -> bytes:
        """Skip `count` unsigned numbers, and return their bytes."""
        start = position = self._position
        try:
            while count:
                if self._data[position] < 0x80:
                    count -= 1
                position += 1
        except IndexError:
            raise SealBroken("a number runs past the end")
        self._position = position
        return bytes(self._data[start:position])

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
        """Take an unsigned number. One of a single byte, as most are, is read without a further call."""
        position = self._position
        if position < len(self._data) and self._data[position] < 0x80:
            self._position = position + 1
            return self._data[position]
        try:
            value, self._position = take(self._data, position)
        except ValueError as error:
            raise SealBroken(str(error))
        return value

    def numbers(self, count: int) -> list:
        """Take `count` unsigned numbers, in less time than by as many calls of `number`."""
        try:
            found, self._position = take_all(self._data, self._position, count)
        except ValueError as error:
            raise SealBroken(str(error))
        return found

    def signed(self) -> int:
        """Take a signed number."""
        return unzigzag(self.number())
