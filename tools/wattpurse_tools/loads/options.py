"""The choices of a person about a load file. By default, a file that can be read in two ways is refused."""

from dataclasses import dataclass, field

from wattpurse_tools.loads.zones import TimeZone

SPREAD = "spread"
ZERO = "zero"
GAP_CHOICES = (SPREAD, ZERO)

ENERGY = "energy"
COUNTER = "counter"
VALUE_CHOICES = (ENERGY, COUNTER)

DAY_FIRST = "day-first"
MONTH_FIRST = "month-first"
DATE_CHOICES = (DAY_FIRST, MONTH_FIRST)


@dataclass(frozen=True)
class TableOptions:
    """The shape of a table. time, value: columns, by name or by number from 1; `DATE+TIME` joins two."""

    time: str | None = None
    value: str | None = None
    decimal: str | None = None
    delimiter: str | None = None
    dates: str | None = None


@dataclass(frozen=True)
class ValueOptions:
    """The meaning of the values. unit: one of `units.UNIT_NAMES`. values: ENERGY or COUNTER.

    stamps: block.START or block.END. channel: the register, statistic or entity to read.
    """

    unit: str | None = None
    values: str | None = None
    stamps: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class ReadOptions:
    """The choices for one file. None leaves a choice to the file.

    zone: for times without an offset. day_zone: for the length of the last day of a file of daily values.
    gaps: SPREAD gives missing time the energy of the row behind it; ZERO gives it none; None refuses gaps.
    """

    format: str | None = None
    table: TableOptions = field(default_factory=TableOptions)
    meaning: ValueOptions = field(default_factory=ValueOptions)
    zone: TimeZone | None = None
    day_zone: TimeZone | None = None
    interval_s: int | None = None
    gaps: str | None = None
