"""The map of the fleet: meters by place and state, in cells that lead to a nearer map or to the meter."""

import time
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wattpurse_tools.headend import fleet_map
from wattpurse_tools.headend.fleet import STATES
from wattpurse_tools.headend.fleet_map import DEGREE, Area, Cell
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.map_picture import Symbol, drawn_map
from wattpurse_tools.pages.middleware import CONTENT_POLICY
from wattpurse_tools.pages.views.headend_frame import live_address, show
from wattpurse_tools.pages.views.headend_words import state_words

_EDGES = ("west", "south", "east", "north")


@page("order", "manage")
def fleet_map_page(request: OfficeRequest) -> HttpResponse:
    """Show the map of the whole fleet, or of the area that the address names."""
    now_s, settings = int(time.time()), policy()
    state = request.GET.get("state", "")
    if state and state not in STATES:
        raise Http404(state)
    whole = fleet_map.whole_area()
    area = _area_of(request) or whole
    found = fleet_map.cells(area, now_s, settings.silent_s, state) if area else []
    words = [(one, state_words(one)) for one in STATES]
    symbols = [Symbol(cell, _address_of(cell, state), _words_of(cell)) for cell in found]
    content: dict[str, object] = {
        "picture": drawn_map(_("Map of the fleet"), area, symbols, words, settings.map_tiles) if area else "",
        "symbols": symbols,
        "credit": settings.map_credit if settings.map_tiles else "",
        "now_s": now_s,
        "count": sum(cell.count for cell in found),
        "is_part": area != whole,
        "wider": _query(area.wider(2), state) if area else "",
    }
    if request.GET.get("part") == "map":
        answer = render(request, "pages/headend/_map.html", content)
    else:
        content |= {
            "states": words,
            "chosen": state,
            "missing": fleet_map.without_place(),
            "live": live_address(request, "map"),
        }
        answer = show(request, "map.html", content)
    if settings.map_tiles:
        answer.headers["Content-Security-Policy"] = policy_with(settings.map_tiles)  # type: ignore[index]
    return answer


def policy_with(tiles: str) -> str:
    """Return the content policy of a page that may show pictures of one server more."""
    parts = urlsplit(tiles)
    return CONTENT_POLICY.replace("img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}")


def _area_of(request: HttpRequest) -> Area | None:
    """Return the area that an address names, or None for none or a wrong one."""
    try:
        area = Area(*(int(request.GET[name]) for name in _EDGES))
    except (KeyError, ValueError):
        return None
    is_on_earth = -180 * DEGREE <= area.west < area.east <= 180 * DEGREE
    return area if is_on_earth and -90 * DEGREE <= area.south < area.north <= 90 * DEGREE else None


def _query(area: Area, state: str) -> str:
    edges = {name: getattr(area, name) for name in _EDGES}
    return "?" + urlencode(edges | ({"state": state} if state else {}))


def _address_of(cell: Cell, state: str) -> str:
    """Return the way to the meter of a cell, to the meters at one place, or to a nearer map of the cell."""
    if cell.meter is not None:
        return reverse("meter", args=(cell.meter,))
    if cell.is_one_place:
        return reverse("fleet") + f"?q=@{cell.latitude},{cell.longitude}"
    return reverse("fleet-map") + _query(cell.area.wider(4), state)


def _words_of(cell: Cell) -> str:
    if cell.meter is not None:
        return _("Meter %(number)s: %(state)s") % {"number": cell.meter, "state": state_words(cell.state)}
    counts = ", ".join(f"{cell.counts[state]} {state_words(state)}" for state in STATES if state in cell.counts)
    told = ngettext("%(count)s meter: %(states)s", "%(count)s meters: %(states)s", cell.count)
    return told % {"count": cell.count, "states": counts}
