"""The load by feeder, from the registers in the statements of the meters: integers, with gaps shown as gaps.

Two statements of a meter that follow one another within `GAP_S` give the energy between them. It is spread evenly over
that time, so the parts add up to the difference of the registers. The power of a meter in a slot is its energy there
over the time of the slot that its statements cover. The load of a feeder is the sum over the meters at its premises. A
slot in which fewer than nine tenths of these meters are heard is a gap (None). Meters without two statements in the
whole time do not count, and `FeederLoad.meters` tells how many do. Times are those of the meters' clocks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from wattpurse_tools.record.models import Installation, Statement

GAP_S = 6 * 3600
HOUR_S = 3600

_HEARD_TENTHS = 9
_CHUNK = 5000


@dataclass(frozen=True)
class FeederLoad:
    """The load of a feeder by slot in mW, or None for a gap, with the meters heard in each slot, and in any slot."""

    name: str
    values_mw: list[int | None]
    heard: list[int]
    meters: int


@dataclass(frozen=True)
class LoadCurve:
    """The loads of all feeders from `from_s` on, in slots of `slot_s`. A feeder's name is "" for meters without one."""

    from_s: int
    slot_s: int
    feeders: list[FeederLoad]

    def starts(self) -> list[int]:
        """Return the begin of each slot."""
        count = len(self.feeders[0].values_mw) if self.feeders else 0
        return [self.from_s + place * self.slot_s for place in range(count)]


def load_by_feeder(now_s: int, slots: int, slot_s: int) -> LoadCurve:
    """Return the load in the last slots before a time. The last slot is the one that has begun."""
    from_s = (now_s // slot_s + 1 - slots) * slot_s
    until_s = from_s + slots * slot_s
    feeder_of = dict(Installation.objects.filter(until_s=None).values_list("meter_id", "premises__feeder__name"))
    rows = (
        Statement.objects.filter(time_s__gt=from_s - GAP_S, time_s__lte=until_s)
        .order_by("meter_id", "time_s", "total_mwh")
        .values_list("meter_id", "time_s", "total_mwh")
        .iterator(chunk_size=_CHUNK)
    )
    power: dict[str, list[int]] = defaultdict(lambda: [0] * slots)
    heard: dict[str, list[int]] = defaultdict(lambda: [0] * slots)
    meters: dict[str, int] = defaultdict(int)
    for meter, its in groupby(rows, key=lambda row: row[0]):
        if meter not in feeder_of:
            continue
        name = feeder_of[meter] or ""
        spread = power_of_meter(((time_s, mwh) for _meter, time_s, mwh in its), from_s, slots, slot_s)
        meters[name] += bool(spread)
        for place, value_mw in spread.items():
            power[name][place] += value_mw
            heard[name][place] += 1
    found = [
        FeederLoad(name, _with_gaps(power[name], heard[name], count), heard[name], count)
        for name, count in sorted(meters.items())
        if count
    ]
    return LoadCurve(from_s, slot_s, found)


def power_of_meter(registers: Iterable[tuple[int, int]], from_s: int, slots: int, slot_s: int) -> dict[int, int]:
    """Return the power of a meter in mW by the number of the slot, from its times and registers in order."""
    energy: dict[int, int] = defaultdict(int)
    covered_s: dict[int, int] = defaultdict(int)
    for (begin_s, begin_mwh), (end_s, end_mwh) in pairwise(registers):
        if not 0 < end_s - begin_s <= GAP_S or end_mwh < begin_mwh:
            continue
        for place, part_mwh, part_s in _parts(begin_s, end_s, end_mwh - begin_mwh, from_s, slot_s):
            if 0 <= place < slots:
                energy[place] += part_mwh
                covered_s[place] += part_s
    return {place: energy[place] * HOUR_S // covered_s[place] for place in sorted(covered_s)}


def _parts(begin_s: int, end_s: int, mwh: int, from_s: int, slot_s: int) -> Iterator[tuple[int, int, int]]:
    """Yield slot, energy and seconds of the parts of a time. The energies add up to the whole."""
    part_begin_s = begin_s
    while part_begin_s < end_s:
        place = (part_begin_s - from_s) // slot_s
        part_end_s = min(end_s, from_s + (place + 1) * slot_s)
        before = mwh * (part_begin_s - begin_s) // (end_s - begin_s)
        after = mwh * (part_end_s - begin_s) // (end_s - begin_s)
        yield place, after - before, part_end_s - part_begin_s
        part_begin_s = part_end_s


def _with_gaps(power: list[int], heard: list[int], meters: int) -> list[int | None]:
    return [
        value if count and count * 10 >= meters * _HEARD_TENTHS else None
        for value, count in zip(power, heard, strict=True)
    ]
