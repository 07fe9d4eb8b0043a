"""The load by feeder, from the registers in the statements of the meters: integers, with gaps shown as gaps.

Two statements of a meter that follow one another within `GAP_S` give the energy between them. It is spread evenly over
that time, so the parts add up to the difference of the registers. The power of a meter in a slot is its energy there
over the time of the slot that its statements cover. The load of a feeder is the sum over the meters at its premises. A
slot in which fewer than nine tenths of these meters are heard is a gap (None). Meters without two statements in the
whole time do not count, and `FeederLoad.meters` tells how many do. Times are those of the meters' clocks. A register
that falls, or that rises by more than `MOST_MWH` between two statements, is wrong and counts for nothing.

The database does all of it in one query, on SQLite and on PostgreSQL. It answers with a row for each slot of a feeder,
however many meters there are. Each intermediate value fits 64 bits.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

GAP_S = 6 * 3600
HOUR_S = 3600
MOST_MWH = 10**12  # 1 GWh in at most six hours; no meter for prepayment measures so much

_HEARD_TENTHS = 9
_ALL = -1  # the place of the rows with the number of a feeder's meters

# `numbers` counts the slots that two statements at most GAP_S apart may touch. `told` has each statement with the one
# before, `parts` the time of two statements in each slot. An energy E over L seconds is kept as E = each * L + rest, so
# that E * x / L, which is rounded down, is each * x + rest * x / L, and no product overflows. All values are zero or
# more, so the division of whole numbers rounds down on both databases.
_QUERY = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < %(most_slots)s),
places AS (
    SELECT i.meter_id, COALESCE(f.name, '') AS feeder
    FROM installations i JOIN premises p ON p.id = i.premises_id LEFT JOIN feeders f ON f.id = p.feeder_id
    WHERE i.id IN (SELECT MAX(id) FROM installations WHERE until_s IS NULL GROUP BY meter_id)
),
told AS (
    SELECT meter_id, time_s AS end_s, total_mwh AS end_mwh,
        LAG(time_s) OVER earlier AS begin_s, LAG(total_mwh) OVER earlier AS begin_mwh
    FROM statements WHERE time_s > %(from_s)s - %(gap_s)s AND time_s <= %(until_s)s
    WINDOW earlier AS (PARTITION BY meter_id ORDER BY time_s, total_mwh)
),
pairs AS (
    SELECT meter_id, begin_s, end_s, end_s - begin_s AS length_s,
        (end_mwh - begin_mwh) / (end_s - begin_s) AS each_mwh, (end_mwh - begin_mwh) %% (end_s - begin_s) AS rest_mwh,
        CASE WHEN begin_s < %(from_s)s THEN 0 ELSE (begin_s - %(from_s)s) / %(slot_s)s END AS first_place,
        (end_s - 1 - %(from_s)s) / %(slot_s)s AS last_place
    FROM told
    WHERE end_s > begin_s AND end_s - begin_s <= %(gap_s)s AND end_s > %(from_s)s
        AND end_mwh >= begin_mwh AND end_mwh - begin_mwh <= %(most_mwh)s
),
slotted AS (
    SELECT pairs.*, first_place + n AS place, %(from_s)s + (first_place + n) * %(slot_s)s AS slot_begin_s
    FROM pairs JOIN numbers ON first_place + n <= last_place
),
parts AS (
    SELECT meter_id, place, begin_s, length_s, each_mwh, rest_mwh,
        CASE WHEN begin_s > slot_begin_s THEN begin_s ELSE slot_begin_s END AS part_begin_s,
        CASE WHEN end_s < slot_begin_s + %(slot_s)s THEN end_s ELSE slot_begin_s + %(slot_s)s END AS part_end_s
    FROM slotted
),
sums AS (
    SELECT meter_id, place, CAST(SUM(part_end_s - part_begin_s) AS BIGINT) AS covered_s,
        CAST(SUM(each_mwh * (part_end_s - part_begin_s) + rest_mwh * (part_end_s - begin_s) / length_s
            - rest_mwh * (part_begin_s - begin_s) / length_s) AS BIGINT) AS energy_mwh
    FROM parts GROUP BY meter_id, place
),
powers AS (
    SELECT feeder, sums.meter_id, place,
        energy_mwh / covered_s * %(hour_s)s + energy_mwh %% covered_s * %(hour_s)s / covered_s AS power_mw
    FROM sums JOIN places ON places.meter_id = sums.meter_id
)
SELECT feeder, place, SUM(power_mw), COUNT(*) FROM powers GROUP BY feeder, place
UNION ALL SELECT feeder, %(all)s, 0, COUNT(DISTINCT meter_id) FROM powers GROUP BY feeder
"""


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
    power: dict[str, list[int]] = defaultdict(lambda: [0] * slots)
    heard: dict[str, list[int]] = defaultdict(lambda: [0] * slots)
    meters: dict[str, int] = {}
    for name, place, power_mw, count in _rows(from_s, slots, slot_s):
        if place == _ALL:
            meters[name] = count
        else:
            power[name][place], heard[name][place] = int(power_mw), count
    found = [
        FeederLoad(name, _with_gaps(power[name], heard[name], count), heard[name], count)
        for name, count in sorted(meters.items())
    ]
    return LoadCurve(from_s, slot_s, found)


def _rows(from_s: int, slots: int, slot_s: int) -> list[tuple[str, int, int, int]]:
    """Return feeder, place, power in mW and number of meters of each slot in which a feeder has a meter."""
    values = {
        "from_s": from_s,
        "until_s": from_s + slots * slot_s,
        "slot_s": slot_s,
        "gap_s": GAP_S,
        "hour_s": HOUR_S,
        "most_mwh": MOST_MWH,
        "most_slots": min(slots, GAP_S // slot_s + 1),
        "all": _ALL,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        return cursor.fetchall()


def _with_gaps(power: list[int], heard: list[int], meters: int) -> list[int | None]:
    return [
        value if count and count * 10 >= meters * _HEARD_TENTHS else None
        for value, count in zip(power, heard, strict=True)
    ]
