"""Rows of a load file on their way to a load curve. They travel in blocks, because one step for each row takes longer.

A value is a decimal number with a point, as text, or a Decimal. It is in the unit of the file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Union

from wattpurse_tools.loads.units import Unit

if TYPE_CHECKING:
    from decimal import Decimal  # few files need it, and it takes its time to import

BLOCK_ROWS = 256

# The times that a row gives: the start of its interval, the end of it, or both.
START = "start"
END = "end"
BOTH = "both"

Value = Union[str, "Decimal"]  # noqa: UP007 one of the two is only a name


class Block(NamedTuple):
    """Consecutive rows of a file: line numbers, times in UTC seconds, and values.

    times: the times of START or END. ends: the ends of the intervals if rows give BOTH, otherwise None.
    """

    lines: Sequence[int]
    times: list[int]
    values: Sequence[Value]
    ends: list[int] | None = None


class Piece(NamedTuple):
    """Intervals of equal length without a gap, with the values of their rows.

    measured_s: the seconds in which the mean power of a row flowed. It is the length of the interval, unless the
    interval was stretched over a gap.
    """

    start_s: int
    interval_s: int
    measured_s: int
    lines: Sequence[int]
    values: Sequence[Value]


@dataclass(frozen=True)
class Rows:
    """A file as its importer understands it.

    stamps: START, END or BOTH. is_counter: True if values are readings of a counter.
    may_be_counter: True if the file does not say whether it holds energies or readings.
    """

    blocks: Iterable[Block]
    unit: Unit
    stamps: str = START
    is_counter: bool = False
    may_be_counter: bool = False
