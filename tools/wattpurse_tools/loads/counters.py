"""Readings of counters as the energies between them."""

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from wattpurse_tools.loads.block import Block


def differences(blocks: Iterable[Block], name: str) -> Iterator[Block]:
    """Yield the same rows with the rise since the row before as value. The first value is 0, and stands for no energy.

    Raise ValueError for a reading that is no number.
    """
    previous: Decimal | None = None
    for block in blocks:
        values: list[Decimal] = []
        for line, text in zip(block.lines, block.values, strict=True):
            reading = _reading(text, f"{name} line {line}")
            values.append(Decimal(0) if previous is None else reading - previous)
            previous = reading
        yield block._replace(values=values)


def _reading(text: object, where: str) -> Decimal:
    try:
        reading = Decimal(text)  # pyright: ignore[reportArgumentType]
    except InvalidOperation:
        reading = Decimal("NaN")
    if not reading.is_finite() or reading < 0:
        raise ValueError(
            f'{where}: {str(text)[:40]!r} is no reading; write a number with a decimal point, such as "137.5"'
        )
    return reading
