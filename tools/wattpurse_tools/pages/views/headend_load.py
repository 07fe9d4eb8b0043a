"""The live chart of the load by feeder. It is counted at most once in 30 seconds, however many people look."""

import time
from datetime import datetime

from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from wattpurse_tools.headend.load import FeederLoad, LoadCurve, load_by_feeder
from wattpurse_tools.office.site_days import site_zone
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.charts import Line, lines
from wattpurse_tools.pages.views.acting import whole
from wattpurse_tools.pages.views.headend_frame import live_address, show

# Hours of a chart, and the minutes of its slots.
SPANS = {3: 5, 12: 15, 24: 30, 72: 60}

_USUAL = 24
_KEPT_S = 30
_LINES = 8
_LABELS = 8
_HOUR_S = 3600
_MINUTE_S = 60


@page("order", "manage")
def load(request: OfficeRequest) -> HttpResponse:
    """Show the load of the last hours."""
    hours = whole(request.GET.get("hours", str(_USUAL)))
    if hours is None or hours not in SPANS:
        raise Http404("hours")
    now_s = int(time.time())
    curve = _curve(now_s, hours)
    content: dict[str, object] = {
        "picture": drawn(curve) if curve.feeders else "",
        "rows": [(name_of(one), _newest(one, curve), one) for one in curve.feeders],
        "slot_minutes": curve.slot_s // _MINUTE_S,
        "now_s": now_s,
        "chosen": hours,
    }
    if request.GET.get("part") == "load":
        return render(request, "pages/headend/_load.html", content)
    return show(request, "load.html", content | {"spans": list(SPANS), "live": live_address(request, "load")})


def drawn(curve: LoadCurve) -> str:
    """Return the picture of a curve: the largest feeders by name, and all others as one line."""
    by_size = sorted(curve.feeders, key=lambda one: -sum(value or 0 for value in one.values_mw))
    shown = by_size if len(by_size) <= _LINES else by_size[: _LINES - 1]
    series = [Line(name_of(one), one.values_mw) for one in shown]
    if len(shown) < len(by_size):
        series.append(Line(_("other feeders"), _sum(by_size[len(shown) :])))
    zone, starts = site_zone(), curve.starts()
    step = -(-len(starts) // _LABELS)
    labels = [
        date_format(datetime.fromtimestamp(start_s, zone), "H:i") if place % step == step // 2 else ""
        for place, start_s in enumerate(starts)
    ]
    return lines(_("Load by feeder"), "kW", labels, series)


def name_of(one: FeederLoad) -> str:
    """Return the name of a feeder, or words for none."""
    return one.name or _("without a feeder")


def _curve(now_s: int, hours: int) -> LoadCurve:
    slot_s = SPANS[hours] * _MINUTE_S
    key = f"headend-load:{hours}:{now_s // _KEPT_S}"
    found = cache.get(key)
    if found is None:
        found = load_by_feeder(now_s, hours * _HOUR_S // slot_s, slot_s)
        cache.set(key, found, 2 * _KEPT_S)
    return found


def _sum(feeders: list[FeederLoad]) -> list[int | None]:
    """Return the sum of loads. A slot in which one of them has a gap is a gap."""
    columns = zip(*(one.values_mw for one in feeders), strict=True)
    return [None if None in column else sum(value or 0 for value in column) for column in columns]


def _newest(one: FeederLoad, curve: LoadCurve) -> tuple[int | None, int, int]:
    """Return the newest load of a feeder with its time and the meters heard, or (None, 0, 0)."""
    known = [place for place, value in enumerate(one.values_mw) if value is not None]
    if not known:
        return None, 0, 0
    return one.values_mw[known[-1]], curve.starts()[known[-1]], one.heard[known[-1]]
