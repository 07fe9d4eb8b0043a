"""The fleet on a map: meters at premises with coordinates, grouped into cells by the database.

Coordinates are millionths of a degree (WGS 84). An area does not cross the 180th meridian.
"""

from dataclasses import dataclass
from math import cos, radians

from django.db.models import BigIntegerField, Count, F, Max, Min, Q, QuerySet
from django.db.models.functions import Cast

from wattpurse_tools.headend.fleet import STATES, state_case
from wattpurse_tools.record.models import Installation, Meter, Premises

DEGREE = 1_000_000
COLUMNS = 48
ROWS = 32

_LEAST_SPAN = 2000
_NARROWEST = 1.4  # width over height of a picture
_WIDEST = 3
_LATITUDE = "premises__latitude_microdegrees"
_LONGITUDE = "premises__longitude_microdegrees"


@dataclass(frozen=True)
class Area:
    """A part of the map: its edges in millionths of a degree."""

    west: int
    south: int
    east: int
    north: int

    def wider(self, parts: int = 10) -> "Area":
        """Return the area with a margin of one part of its size, in the proportions of a picture."""
        side = max((self.east - self.west) // parts, _LEAST_SPAN - (self.east - self.west), 1)
        top = max((self.north - self.south) // parts, _LEAST_SPAN - (self.north - self.south), 1)
        wide = round((self.east - self.west + 2 * side) * self.narrowing)
        high = self.north - self.south + 2 * top
        top += max(0, round(wide / _WIDEST) - high) // 2
        side += round(max(0, round(high * _NARROWEST) - wide) / self.narrowing) // 2
        return Area(
            max(self.west - side, -180 * DEGREE),
            max(self.south - top, -90 * DEGREE),
            min(self.east + side, 180 * DEGREE),
            min(self.north + top, 90 * DEGREE),
        )

    @property
    def narrowing(self) -> float:
        """The length of a degree of longitude in the middle of the area, over that of a degree of latitude."""
        return max(cos(radians((self.south + self.north) / 2 / DEGREE)), 0.01)


@dataclass(frozen=True)
class Cell:
    """The meters in a cell of the map: counts by state, the area of their places, and the meter if it is one."""

    column: int
    row: int
    counts: dict[str, int]
    meter: int | None
    area: Area

    @property
    def latitude(self) -> int:
        """The middle of the places."""
        return (self.area.south + self.area.north) // 2

    @property
    def longitude(self) -> int:
        """The middle of the places."""
        return (self.area.west + self.area.east) // 2

    @property
    def is_one_place(self) -> bool:
        """True if all meters are at the same place."""
        return self.area.south == self.area.north and self.area.west == self.area.east

    @property
    def state(self) -> str:
        """The worst state in the cell."""
        return next(state for state in STATES if state in self.counts)

    @property
    def count(self) -> int:
        """The number of meters in the cell."""
        return sum(self.counts.values())


def whole_area() -> Area | None:
    """Return the area of all premises with coordinates, with a margin, or None if there are none."""
    placed = Premises.objects.exclude(latitude_microdegrees=None).exclude(longitude_microdegrees=None)
    edges = placed.aggregate(
        west=Min("longitude_microdegrees"),
        south=Min("latitude_microdegrees"),
        east=Max("longitude_microdegrees"),
        north=Max("latitude_microdegrees"),
    )
    return None if edges["west"] is None else Area(**edges).wider()


def cells(area: Area, now_s: int, silent_s: int, state: str = "") -> list[Cell]:
    """Return the cells with meters in an area. With `state` only meters in this state count."""
    width = max(1, -(-(area.east - area.west) // COLUMNS))
    height = max(1, -(-(area.north - area.south) // ROWS))
    found: dict[tuple[int, int], list[dict]] = {}
    for one in _grouped(_meters_in(area, now_s, silent_s, state), area, width, height):
        found.setdefault((one["column"], one["row"]), []).append(one)
    return [_cell(place, ones) for place, ones in sorted(found.items())]


def without_place() -> int:
    """Return the number of meters in use whose premises have no coordinates, or that are at none."""
    placed = Q(premises__latitude_microdegrees__isnull=False, premises__longitude_microdegrees__isnull=False)
    there = Installation.objects.filter(placed, until_s=None).values("meter_id")
    return Meter.objects.filter(is_retired=False).exclude(number__in=there).count()


def _meters_in(area: Area, now_s: int, silent_s: int, state: str) -> QuerySet[Installation]:
    there = Installation.objects.filter(
        until_s=None,
        meter__is_retired=False,
        premises__latitude_microdegrees__range=(area.south, area.north),
        premises__longitude_microdegrees__range=(area.west, area.east),
    ).annotate(state=state_case(now_s, silent_s, "meter__"))
    return there.filter(state=state) if state else there


def _grouped(there: QuerySet[Installation], area: Area, width: int, height: int) -> list[dict]:
    """Return counts and edges by column, row and state. The database divides whole numbers."""
    placed = there.annotate(
        column=(Cast(F(_LONGITUDE), BigIntegerField()) - area.west) / width,
        row=(Cast(F(_LATITUDE), BigIntegerField()) - area.south) / height,
    )
    grouped = placed.order_by().values("column", "row", "state")
    return list(
        grouped.annotate(
            count=Count("meter"),
            meter_number=Min("meter"),
            south=Min(_LATITUDE),
            north=Max(_LATITUDE),
            west=Min(_LONGITUDE),
            east=Max(_LONGITUDE),
        )
    )


def _cell(place: tuple[int, int], ones: list[dict]) -> Cell:
    south, north = min(one["south"] for one in ones), max(one["north"] for one in ones)
    west, east = min(one["west"] for one in ones), max(one["east"] for one in ones)
    counts = {one["state"]: one["count"] for one in ones}
    return Cell(
        column=place[0],
        row=place[1],
        counts=counts,
        meter=ones[0]["meter_number"] if sum(counts.values()) == 1 else None,
        area=Area(west, south, east, north),
    )
