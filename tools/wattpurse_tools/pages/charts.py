"""Charts drawn on the server as SVG: bars by month, and lines over time, without script or style inside.

Colours are classes of `charts.css`, so the pictures follow the dark mode and the content policy. A table with the same
numbers stands below each chart; the picture has a title for screen readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

_WIDTH = 760
_HEIGHT = 260
_LEFT = 84
_RIGHT = 12
_TOP = 12
_BOTTOM = 58
_LINES = 4
_COLOURS = 8
_MILLION = 1_000_000
_LEGEND_STEP = 150


@dataclass(frozen=True)
class Series:
    """A name and a value for each label, in millionths of the unit."""

    name: str
    values: Sequence[int]


def bars(title: str, unit: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Return stacked bars, one for each label. A value below zero hangs below the line of zero."""
    highest = max([sum(max(0, one.values[place]) for one in series) for place in range(len(labels))], default=0)
    lowest = min([sum(min(0, one.values[place]) for one in series) for place in range(len(labels))], default=0)
    scale = _Scale(lowest, highest)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
        *_grid(scale, unit),
        *_columns(scale, labels, series),
        *_legend(series),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True)
class Line:
    """A name and a value for each label, in millionths of the unit. None is a gap."""

    name: str
    values: Sequence[int | None]


def lines(title: str, unit: str, labels: Sequence[str], series: Sequence[Line]) -> str:
    """Return lines over the labels. A line ends before a gap, and begins again after it. An empty label is not written.

    Lines differ by colour and by dashes.
    """
    values = [value for one in series for value in one.values if value is not None]
    scale = _Scale(min([0, *values]), max([0, *values]))
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
        *_grid(scale, unit),
        *_times(labels),
        *(part for number, one in enumerate(series) for part in _runs(scale, number, one)),
        *_legend([Series(one.name, ()) for one in series]),
        "</svg>",
    ]
    return "".join(parts)


def _times(labels: Sequence[str]) -> list[str]:
    y = _HEIGHT - _BOTTOM + 18
    return [
        f'<text class="axis" x="{_middle(place, len(labels))}" y="{y}" text-anchor="middle">{escape(label)}</text>'
        for place, label in enumerate(labels)
        if label
    ]


def _runs(scale: "_Scale", number: int, one: Line) -> list[str]:
    """Return a line for each run of values between gaps. A value alone is a dot."""
    parts = []
    look = f"colour{number % _COLOURS}"
    name = escape(one.name)
    for is_gap, run in groupby(enumerate(one.values), key=lambda row: row[1] is None):
        if is_gap:
            continue
        places = [(_middle(place, len(one.values)), scale.y(value or 0)) for place, value in run]
        if len(places) == 1:
            x, y = places[0]
            parts.append(f'<circle class="bar {look}" cx="{x}" cy="{y}" r="2.5"><title>{name}</title></circle>')
        else:
            told = " ".join(f"{x},{y}" for x, y in places)
            parts.append(f'<polyline class="line {look}" points="{told}"><title>{name}</title></polyline>')
    return parts


def _middle(place: int, count: int) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (place + 0.5) / max(1, count), 1)


class _Scale:
    """The heights of values. Lines stand at round numbers."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.step = _round_step(max(highest - lowest, 1))
        self.low = lowest // self.step * self.step
        self.high = max(-(-highest // self.step) * self.step, self.low + self.step)

    def y(self, value: int) -> float:
        """Return the place of a value from the top."""
        inner = _HEIGHT - _TOP - _BOTTOM
        return round(_TOP + inner * (self.high - value) / (self.high - self.low), 1)

    def lines(self) -> list[int]:
        """Return the values with a line."""
        return list(range(self.low, self.high + 1, self.step))


def _round_step(span: int) -> int:
    """Return 1, 2 or 5 times a power of ten, so that a span has about four lines."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * _LINES >= span:
                return step * factor
        step *= 10


def _grid(scale: _Scale, unit: str) -> list[str]:
    parts = []
    for value in scale.lines():
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="axis" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{_number(value)}</text>')
    parts.append(
        f'<text class="axis" x="{_LEFT - 6}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="end">{escape(unit)}</text>'
    )
    return parts


def _columns(scale: _Scale, labels: Sequence[str], series: Sequence[Series]) -> list[str]:
    parts = []
    room = (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    for place, label in enumerate(labels):
        x = round(_LEFT + room * place + room * 0.15, 1)
        width = round(room * 0.7, 1)
        above = below = 0
        for number, one in enumerate(series):
            value = one.values[place]
            if value == 0:
                continue
            start = above if value > 0 else below
            top, bottom = sorted((scale.y(start + value), scale.y(start)))
            words = escape(f"{label}, {one.name}: {_number(value)}")
            parts.append(
                f'<rect class="bar colour{number % _COLOURS}" x="{x}" y="{top}" width="{width}"'
                f' height="{round(bottom - top, 1)}"><title>{words}</title></rect>'
            )
            if value > 0:
                above += value
            else:
                below += value
        middle = round(x + width / 2, 1)
        y = _HEIGHT - _BOTTOM + 18
        parts.append(f'<text class="axis" x="{middle}" y="{y}" text-anchor="middle">{escape(label)}</text>')
    return parts


def _legend(series: Sequence[Series]) -> list[str]:
    parts = []
    for number, one in enumerate(series[:_COLOURS]):
        x = _LEFT + number % 4 * _LEGEND_STEP
        y = _HEIGHT - 26 + number // 4 * 16
        parts.append(f'<rect class="bar colour{number}" x="{x}" y="{y - 9}" width="10" height="10"/>')
        parts.append(f'<text class="axis" x="{x + 15}" y="{y}">{escape(one.name[:20])}</text>')
    return parts


def _number(value: int) -> str:
    """Return millionths as a short number."""
    whole, part = divmod(abs(value), _MILLION)
    digits = f"{part:06}".rstrip("0")[:2]
    return ("-" if value < 0 else "") + f"{whole:,}" + (f".{digits}" if digits and whole < 100 else "")
