"""The map of the fleet as SVG: an equirectangular picture of the premises, with a scale bar and a legend.

Each state has a colour and a shape of its own. Each symbol is a link with its words, so the map is read without colours
and used by keyboard. It asks nobody for anything, unless the settings name a server of map pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import asinh, atan, degrees, floor, log2, pi, radians, sinh, tan

from wattpurse_tools.headend.fleet_map import DEGREE, Area, Cell

WIDTH = 760

_LEAST_HEIGHT = 240
_MOST_HEIGHT = 560
_FOOT = 62
_METRES_IN_DEGREE = 111_195  # of a sphere of 6,371 km
_BAR = 150
_TILES = 20
_DEEPEST = 19
_LEGEND_STEP = 190

# Shapes in a square from -1 to 1.
_SHAPES = {
    "stopped": "M-1 -.6L-.6 -1L0 -.4L.6 -1L1 -.6L.4 0L1 .6L.6 1L0 .4L-.6 1L-1 .6L-.4 0Z",
    "alarm": "M0 -1L1 .8L-1 .8Z",
    "silent": "M0 -1L1 0L0 1L-1 0Z",
    "offline": "M-1 -.8L1 -.8L0 1Z",
    "off": "M-.85 -.85H.85V.85H-.85Z",
    "good": "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z",
    "not connected": "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z M-.55 0A.55 .55 0 1 0 .55 0A.55 .55 0 1 0 -.55 0Z",
}


@dataclass(frozen=True)
class Symbol:
    """A cell with the address of its link, and its words."""

    cell: Cell
    address: str
    words: str


class _Projection:
    """The places of coordinates in a picture: the same length for a metre to the east and to the north."""

    def __init__(self, area: Area) -> None:
        wide = (area.east - area.west) * area.narrowing
        high = area.north - area.south
        self.height = round(min(max(WIDTH * high / wide, _LEAST_HEIGHT), _MOST_HEIGHT))
        self.scale = min(WIDTH / wide, self.height / high)
        self._narrowing = area.narrowing
        self._left = (WIDTH - wide * self.scale) / 2
        self._top = (self.height - high * self.scale) / 2
        self._area = area

    def x(self, longitude: float) -> float:
        """Return the place of a longitude from the left."""
        return round(self._left + (longitude - self._area.west) * self._narrowing * self.scale, 1)

    def y(self, latitude: float) -> float:
        """Return the place of a latitude from the top."""
        return round(self._top + (self._area.north - latitude) * self.scale, 1)


def drawn_map(
    title: str, area: Area, symbols: Sequence[Symbol], states: Sequence[tuple[str, str]], tiles: str = ""
) -> str:
    """Return the map. `states` are those of the legend with their words. `tiles` is an address with {z}, {x}, {y}."""
    place = _Projection(area)
    parts = [
        f'<svg class="chart map" viewBox="0 0 {WIDTH} {place.height + _FOOT}" role="group"'
        f' aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">',
        f'<rect class="sea" width="{WIDTH}" height="{place.height}"/>',
        *_tiles(tiles, area, place),
        *(_symbol(one, place) for one in symbols),
        *_bar(place),
        *_legend(states, place.height),
        "</svg>",
    ]
    return "".join(parts)


def _symbol(one: Symbol, place: _Projection) -> str:
    cell = one.cell
    x, y = place.x(cell.longitude), place.y(cell.latitude)
    size = round(5 + min(log2(cell.count), 12), 1)
    number = f'<text class="count" x="{x}" y="{y + size + 10}" text-anchor="middle">{cell.count}</text>'
    words = escape(one.words)
    return (
        f'<a href="{escape(one.address)}" id="cell-{cell.column}-{cell.row}" aria-label="{words}">'
        f'<path class="{_look(cell.state)}" transform="translate({x} {y}) scale({size})" d="{_SHAPES[cell.state]}">'
        f"<title>{words}</title></path>{number if cell.count > 1 else ''}</a>"
    )


def _look(state: str) -> str:
    return "on-map on-map-" + state.replace(" ", "-")


def _bar(place: _Projection) -> list[str]:
    """Return the scale bar: 1, 2 or 5 times a power of ten metres, at most 150 wide."""
    metres_wide = DEGREE * place.scale / _METRES_IN_DEGREE
    metres = next(
        step * 10**power for power in range(6, -1, -1) for step in (5, 2, 1) if step * 10**power * metres_wide <= _BAR
    )
    width = round(metres * metres_wide, 1)
    told = f"{metres // 1000} km" if metres >= 1000 else f"{metres} m"
    y = place.height - 10
    return [
        f'<path class="bar-of-scale" d="M10 {y - 6}V{y}H{10 + width}V{y - 6}"/>',
        f'<text class="axis" x="{14 + width}" y="{y}">{told}</text>',
    ]


def _legend(states: Sequence[tuple[str, str]], height: int) -> list[str]:
    parts = []
    for number, (state, words) in enumerate(states):
        x, y = 14 + number % 4 * _LEGEND_STEP, height + 20 + number // 4 * 24
        parts.append(f'<path class="{_look(state)}" transform="translate({x} {y}) scale(7)" d="{_SHAPES[state]}"/>')
        parts.append(f'<text class="axis" x="{x + 14}" y="{y + 4}">{escape(words)}</text>')
    return parts


def _tiles(address: str, area: Area, place: _Projection) -> list[str]:
    """Return the pictures below the map, each stretched onto its own edges: its server projects by Mercator."""
    if not address:
        return []
    zoom = next((zoom for zoom in range(_DEEPEST, 0, -1) if _count(area, zoom) <= _TILES), 0)
    columns, rows = _range(area.west, area.east, zoom, _column), _range(area.north, area.south, zoom, _row)
    parts = []
    for column in columns:
        for row in rows:
            left, right = (place.x(_longitude(one, zoom)) for one in (column, column + 1))
            top, bottom = (place.y(_latitude(one, zoom)) for one in (row, row + 1))
            filled = address.replace("{z}", str(zoom)).replace("{x}", str(column)).replace("{y}", str(row))
            parts.append(
                f'<image href="{escape(filled)}" x="{left}" y="{top}" width="{right - left:.1f}"'
                f' height="{bottom - top:.1f}" preserveAspectRatio="none"/>'
            )
    return parts


def _count(area: Area, zoom: int) -> int:
    columns, rows = _range(area.west, area.east, zoom, _column), _range(area.north, area.south, zoom, _row)
    return len(columns) * len(rows)


def _range(first: int, last: int, zoom: int, of: Callable[[float, int], float]) -> range:
    most = (1 << zoom) - 1
    return range(min(max(floor(of(first, zoom)), 0), most), min(max(floor(of(last, zoom)), 0), most) + 1)


def _column(longitude: float, zoom: int) -> float:
    return (longitude / DEGREE + 180) / 360 * (1 << zoom)


def _row(latitude: float, zoom: int) -> float:
    angle = radians(min(max(latitude / DEGREE, -85), 85))
    return (1 - asinh(tan(angle)) / pi) / 2 * (1 << zoom)


def _longitude(column: int, zoom: int) -> float:
    return (column / (1 << zoom) * 360 - 180) * DEGREE


def _latitude(row: int, zoom: int) -> float:
    return degrees(atan(sinh(pi * (1 - 2 * row / (1 << zoom))))) * DEGREE
