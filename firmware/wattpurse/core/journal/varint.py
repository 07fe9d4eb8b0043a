"""Integers in as few bytes as they need: seven bits a byte, the lowest first; signed ones in zigzag form."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_BITS = 70
_FURTHER_SHIFTS = range(7, _LONGEST_BITS, 7)


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


def unzigzag(value: int) -> int:
    """Return the signed number that an unsigned one stands for."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


def take(data: "bytes | bytearray", position: int) -> tuple:
    """Return `(unsigned number, position behind it)`. Raise ValueError if it runs past the end."""
    values, position = take_all(data, position, 1)
    return values[0], position


def take_all(data: "bytes | bytearray", position: int, count: int) -> tuple:
    """Return `(list of unsigned numbers, position behind them)`. It is faster than as many calls of `take`.

    Raise ValueError if one runs past the end.
    """
    values = []
    try:
        for _ in range(count):
            value = data[position]
            position += 1
            if value > 0x7F:
                value &= 0x7F
                for shift in _FURTHER_SHIFTS:
                    byte = data[position]
                    position += 1
                    if byte < 0x80:
                        value |= byte << shift
                        break
                    value |= (byte & 0x7F) << shift
                else:
                    raise ValueError("a number is too long")
            values.append(value)
    except IndexError:
        raise ValueError("a number runs past the end")
    return values, position


def take_signed(data: "bytes | bytearray", position: int) -> tuple:
    """Return `(signed number, position behind it)`. Raise ValueError if it runs past the end."""
    value, position = take(data, position)
    return unzigzag(value), position
