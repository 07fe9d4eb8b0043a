"""The load by feeder as the head-end counted it before the database did: statement by statement, in Python.

It is the oracle of `wattpurse_tools.headend.load`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from wattpurse_tools.headend.load import GAP_S, HOUR_S, MOST_MWH
from wattpurse_tools.record.models import Installation, Statement


def loads_of(now_s, slots, slot_s, heard_tenths):
    """Return name, values in mW with None for gaps, meters heard by slot, and meters, for each feeder."""
    from_s = (now_s // slot_s + 1 - slots) * slot_s
    feeder_of = dict(Installation.objects.filter(until_s=None).values_list("meter_id", "premises__feeder__name"))
    told = Statement.objects.filter(time_s__gt=from_s - GAP_S, time_s__lte=from_s + slots * slot_s)
    rows = told.order_by("meter_id", "time_s", "total_mwh").values_list("meter_id", "time_s", "total_mwh")
    power = defaultdict(lambda: [0] * slots)
    heard = defaultdict(lambda: [0] * slots)
    meters = defaultdict(int)
    for meter, its in groupby(rows, key=lambda row: row[0]):
        if meter not in feeder_of:
            continue
        name = feeder_of[meter] or ""
        spread = power_of_meter(((time_s, mwh) for _meter, time_s, mwh in its), from_s, slots, slot_s)
        meters[name] += bool(spread)
        for place, value_mw in spread.items():
            power[name][place] += value_mw
            heard[name][place] += 1
    found = []
    for name, count in sorted(meters.items()):
        pairs = zip(power[name], heard[name], strict=True)
        values = [mw if seen and seen * 10 >= count * heard_tenths else None for mw, seen in pairs]
        if count:
            found.append((name, values, heard[name], count))
    return found


def power_of_meter(registers: Iterable[tuple[int, int]], from_s: int, slots: int, slot_s: int) -> dict[int, int]:
    """Return the power of a meter in mW by the number of the slot, from its times and registers in order."""
    energy: dict[int, int] = defaultdict(int)
    covered_s: dict[int, int] = defaultdict(int)
    for (begin_s, begin_mwh), (end_s, end_mwh) in pairwise(registers):
        if not 0 < end_s - begin_s <= GAP_S or not 0 <= end_mwh - begin_mwh <= MOST_MWH:
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
