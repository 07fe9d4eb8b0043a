"""Blocks of rows as pieces without a gap: the length of each interval, gaps and repeated rows.

Rows that give START or END have the length of their intervals from the times around them. A new length counts as new
if the next rows have it too; a single longer step is a gap, and a single shorter one an overlap. A day may have 23 or
25 hours.

A gap or a repeated row would make a bill that looks right and is wrong. It is a ValueError that names the first one
and sums up all of them, unless the options say how to fill gaps.
"""

from collections.abc import Iterator

from wattpurse_tools.loads.block import BOTH, END, Block, Piece, Rows, Value
from wattpurse_tools.loads.options import SPREAD, ReadOptions
from wattpurse_tools.loads.zones import TimeZone, day_end_s

DAY_S = 86_400
_DAY_LENGTHS_S = (82_800, 84_600, DAY_S, 88_200, 90_000)
_LOOKAHEAD = 2


class GapReport:
    """The gaps and repeated rows of one file, and their refusal."""

    def __init__(self, name: str, gaps: str | None) -> None:
        self.gaps = gaps
        self.name = name
        self._first: tuple[int, str] | None = None
        self._gap_count = 0
        self._missing_s = 0
        self._repeat_count = 0

    def note_gap(self, line: int, missing_s: int, interval_s: int) -> None:
        """Note that time before the row of that line is missing."""
        self._gap_count += 1
        self._missing_s += missing_s
        self._note(line, f"{duration(missing_s)} before it are missing, intervals are {duration(interval_s)}")

    def note_repeat(self, line: int) -> None:
        """Note that the row of that line repeats the one before it."""
        self._repeat_count += 1
        self._note(line, "has the same time and value as the line before")

    def _note(self, line: int, words: str) -> None:
        """Keep the first line. Repeated rows are found a few lines ahead of gaps."""
        if self._first is None or line < self._first[0]:
            self._first = line, words

    def finish(self) -> None:
        """Raise ValueError if there were gaps or repeated rows, and the options do not say how to fill gaps."""
        if self._first is None or self.gaps is not None:
            return
        line, words = self._first
        parts = []
        if self._gap_count:
            parts.append(f"{_counted(self._gap_count, 'gap')} of {duration(self._missing_s)} together")
        if self._repeat_count:
            parts.append(_counted(self._repeat_count, "repeated row"))
        raise ValueError(
            f"{self.name} line {line}: {words}; in the whole file {' and '.join(parts)}. "
            "Correct the file, or say how to fill gaps: --gaps spread (with the energy of the row behind) or --gaps "
            "zero. Both leave repeated rows out"
        )


def join(rows: Rows, options: ReadOptions, name: str) -> Iterator[Piece]:
    """Yield the pieces of the rows, each from the end of the one before it. Raise ValueError for rows that do not fit.

    name: the name of the file, with which every error begins.
    """
    report = GapReport(name, options.gaps)
    joiner = _Spans(report) if rows.stamps == BOTH else _Steps(report, rows, options)
    for block in rows.blocks:
        if block.lines:
            yield from joiner.take(block)
    yield from joiner.finish()
    report.finish()


def duration(seconds: int) -> str:
    """Return a duration in words, such as `7 h 15 minutes`."""
    if seconds % 60:
        return f"{seconds} seconds"
    hours, minutes = divmod(seconds // 60, 60)
    if hours < 2:
        return f"{seconds // 60} minutes"
    return f"{hours} h {minutes} minutes" if minutes else f"{hours} h"


class _Spans:
    """Rows that give both start and end."""

    def __init__(self, report: GapReport) -> None:
        self._report = report
        self._end_s: int | None = None
        self._last: tuple[int, Value] | None = None

    def take(self, block: Block) -> Iterator[Piece]:
        """Yield the pieces of a block."""
        starts, ends = block.times, block.ends or []
        interval_s = ends[0] - starts[0]
        is_regular = starts == _even(starts[0], interval_s, len(starts)) and ends[-1] == starts[-1] + interval_s
        if is_regular and starts[1:] == ends[:-1] and self._end_s in (None, starts[0]) and interval_s > 0:
            yield Piece(starts[0], interval_s, interval_s, block.lines, block.values)
            self._end_s, self._last = ends[-1], (starts[-1], block.values[-1])
            return
        for line, start_s, end_s, value in zip(block.lines, starts, ends, block.values, strict=True):
            yield from self._take_row(line, start_s, end_s, value)

    def finish(self) -> Iterator[Piece]:
        """Yield nothing: each row is complete."""
        return iter(())

    def _take_row(self, line: int, start_s: int, end_s: int, value: Value) -> Iterator[Piece]:
        where = f"{self._report.name} line {line}"
        if end_s <= start_s:
            raise ValueError(f"{where}: ends before it starts; check the offsets around a daylight change")
        if self._last == (start_s, value):
            self._report.note_repeat(line)
            return
        begin_s = start_s
        if self._end_s is not None:
            _check_order(start_s - self._end_s, self._last is not None and start_s == self._last[0], where)
            if start_s > self._end_s:
                self._report.note_gap(line, start_s - self._end_s, end_s - start_s)
                if self._report.gaps == SPREAD:
                    begin_s = self._end_s
                else:
                    yield _empty(self._end_s, start_s, line)
        yield Piece(begin_s, end_s - begin_s, end_s - start_s, [line], [value])
        self._end_s, self._last = end_s, (start_s, value)


class _Steps:
    """Rows that give one time. Value i belongs to the step from edge i to edge i + 1.

    The edge that no row gives, behind the last START or before the first END, is one interval away.
    """

    def __init__(self, report: GapReport, rows: Rows, options: ReadOptions) -> None:
        self._report = report
        self._gives_ends = rows.stamps == END
        self._is_counter = rows.is_counter
        self._day_zone = options.zone or options.day_zone
        self._fixed_s = options.interval_s
        self._interval_s = options.interval_s
        self._edges: list[int] = []
        self._lines: list[int] = []
        self._values: list[Value] = []
        self._early_s: int | None = None
        self._has_first_edge = False

    def take(self, block: Block) -> Iterator[Piece]:
        """Yield the pieces that a block completes. A few rows stay until the next ones show how long they last."""
        self._edges += block.times
        self._lines += block.lines
        self._values += block.values
        yield from self._advance(_LOOKAHEAD)

    def finish(self) -> Iterator[Piece]:
        """Yield the rest."""
        if not self._edges:
            return
        yield from self._advance(0)

    def _advance(self, kept: int) -> Iterator[Piece]:
        if kept and len(self._edges) <= kept + 2:
            return
        if not self._is_even():
            self._drop_repeats()
        self._find_first_interval()
        if self._gives_ends and not self._has_first_edge:
            self._set_first_edge()
        yield from self._pieces(len(self._edges) - 1 - kept)
        if not kept and not self._gives_ends:
            self._edges.append(self._end_of(self._edges[-1]))
            yield from self._pieces(1)

    def _is_even(self) -> bool:
        edges = self._edges
        step_s = self._interval_s or (edges[1] - edges[0] if len(edges) > 1 else 0)
        return step_s > 0 and edges == _even(edges[0], step_s, len(edges))

    def _pieces(self, count: int) -> Iterator[Piece]:
        """Yield the pieces of the first `count` steps, and drop these."""
        edges, interval_s = self._edges, self._interval_s or 0
        if self._early_s is None and edges == _even(edges[0], interval_s, len(edges)):
            if count > 0:
                yield Piece(edges[0], interval_s, interval_s, self._lines[:count], self._values[:count])
        else:
            for place in range(count):
                yield from self._step(place)
        if count > 0:
            del self._edges[:count], self._lines[:count], self._values[:count]

    def _step(self, place: int) -> Iterator[Piece]:
        """Yield the piece of one step, and of a gap in it."""
        start_s, end_s = self._edges[place], self._edges[place + 1]
        step_s = end_s - start_s
        behind = place if self._gives_ends else min(place + 1, len(self._lines) - 1)
        if not _is_alike(step_s, self._interval_s or 0):
            if self._is_new_length(place):
                self._interval_s = step_s
            else:
                _check_step(step_s, self._interval_s or 0, f"{self._report.name} line {self._lines[behind]}")
                yield from self._gap(place, behind)
                return
        yield self._piece(start_s, end_s, step_s, place)

    def _gap(self, place: int, behind: int) -> Iterator[Piece]:
        """Yield the pieces of a step that is longer than an interval."""
        start_s, end_s = self._edges[place], self._edges[place + 1]
        interval_s = self._interval_s or 0
        self._report.note_gap(self._lines[behind], end_s - start_s - interval_s, interval_s)
        spreads = self._report.gaps == SPREAD
        if self._gives_ends:
            if not spreads:
                yield _empty(start_s, end_s - interval_s, self._lines[place])
                start_s = end_s - interval_s
            yield self._piece(start_s, end_s, interval_s, place)
            return
        yield self._piece(start_s, start_s + interval_s, interval_s, place)
        if spreads:
            self._early_s = start_s + interval_s
        else:
            yield _empty(start_s + interval_s, end_s, self._lines[behind])

    def _piece(self, start_s: int, end_s: int, measured_s: int, place: int) -> Piece:
        begin_s = start_s if self._early_s is None else self._early_s
        self._early_s = None
        return Piece(begin_s, end_s - begin_s, measured_s, [self._lines[place]], [self._values[place]])

    def _is_new_length(self, place: int) -> bool:
        """Return True if the next steps are as long as this one."""
        edges = self._edges[place : place + 2 + _LOOKAHEAD]
        steps = [later - earlier for earlier, later in zip(edges, edges[1:], strict=False)]
        return self._fixed_s is None and len(steps) > 1 and all(step == steps[0] for step in steps)

    def _drop_repeats(self) -> None:
        """Leave out rows that repeat the one before, and raise ValueError for rows in disorder."""
        values_shift = len(self._edges) - len(self._values)  # 1 if an edge before the first value was added
        edges, lines, values = self._edges[:1], self._lines[: 1 - values_shift], self._values[: 1 - values_shift]
        for place in range(1, len(self._edges)):
            time_s, row = self._edges[place], place - values_shift
            line, value = self._lines[row], self._values[row]
            is_repeat = time_s == edges[-1]
            if is_repeat and value == (0 if self._is_counter else values[-1]):
                self._report.note_repeat(line)
                continue
            _check_order(time_s - edges[-1], is_repeat, f"{self._report.name} line {line}")
            edges.append(time_s)
            lines.append(line)
            values.append(value)
        self._edges, self._lines, self._values = edges, lines, values

    def _find_first_interval(self) -> None:
        if self._interval_s is not None:
            return
        edges = self._edges[:4]
        steps = [later - earlier for earlier, later in zip(edges, edges[1:], strict=False)]
        if not steps:
            raise ValueError(
                f"{self._report.name}: a single line does not tell how long its interval is; add --interval MINUTES"
            )
        begins_late = len(steps) > 2 and steps[1] == steps[2] and steps[0] > steps[1]
        self._interval_s = steps[1] if begins_late else steps[0]
        if _is_alike(DAY_S, self._interval_s):
            self._interval_s = DAY_S

    def _set_first_edge(self) -> None:
        """Put the edge before the first end. Readings of a counter begin with it: their first value is no energy."""
        self._has_first_edge = True
        if self._is_counter:
            del self._lines[0], self._values[0]
            return
        end_s = self._edges[0]
        start_s = end_s - (self._interval_s or 0)
        zone = self._zone_of_days(end_s)
        self._edges.insert(0, start_s if zone is None else start_s + zone.offset_s(end_s) - zone.offset_s(start_s))

    def _end_of(self, start_s: int) -> int:
        """Return the end of the last interval."""
        zone = self._zone_of_days(start_s)
        return start_s + (self._interval_s or 0) if zone is None else day_end_s(zone, start_s)

    def _zone_of_days(self, edge_s: int) -> TimeZone | None:
        """Return the zone whose local days the intervals are, or None if they are none."""
        zone = self._day_zone
        is_midnight = zone is not None and (edge_s + zone.offset_s(edge_s)) % DAY_S == 0
        return zone if self._interval_s == DAY_S and is_midnight else None


def _even(start_s: int, interval_s: int, count: int) -> list[int]:
    return list(range(start_s, start_s + count * interval_s, interval_s)) if interval_s > 0 else []


def _is_alike(step_s: int, interval_s: int) -> bool:
    """Return True for equal lengths, and for two lengths of a day."""
    return step_s == interval_s or (step_s in _DAY_LENGTHS_S and interval_s in _DAY_LENGTHS_S)


def _empty(start_s: int, end_s: int, line: int) -> Piece:
    return Piece(start_s, end_s - start_s, end_s - start_s, [line], ["0"])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _check_order(step_s: int, is_repeat: bool, where: str) -> None:
    if is_repeat:
        raise ValueError(
            f"{where}: has the same time as the line before, with another value; leave one out, or give the hour that "
            "a daylight change repeats its own offset"
        )
    if step_s < 0:
        raise ValueError(
            f"{where}: is earlier than the line before; sort the lines by time, and check the offsets around a "
            "daylight change"
        )


def _check_step(step_s: int, interval_s: int, where: str) -> None:
    if step_s < interval_s:
        raise ValueError(
            f"{where}: overlaps the line before by {duration(interval_s - step_s)}, intervals are "
            f"{duration(interval_s)}; leave out the lines that count energy twice, or set --interval MINUTES"
        )
