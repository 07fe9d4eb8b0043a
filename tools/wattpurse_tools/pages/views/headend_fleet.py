"""The pages of the fleet: counts by state, the list with its filters, and silent meters whose permits end soon."""

import time
from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from wattpurse_tools.headend import fleet as headend_fleet
from wattpurse_tools.headend.fleet import FleetFilter, UnknownFilter
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, searched, whole
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.pages.views.headend_words import state_words
from wattpurse_tools.record.models import Feeder

_ENDING = 50
_TEXT_LIMIT = 64


@page("order", "manage")
def fleet(request: OfficeRequest) -> HttpResponse:
    """Show the fleet. A live part of the page asks for itself by htmx."""
    now_s = int(time.time())
    if request.GET.get("part") == "counts":
        return render(request, "pages/headend/_counts.html", counts(now_s))
    chosen = filter_of(request)
    try:
        found = headend_fleet.find_meters(chosen, now_s, after(request))
    except UnknownFilter as error:
        raise Http404(str(error)) from None
    content: dict[str, object] = counts(now_s) | {
        "found": found,
        "chosen": chosen,
        "states": [(state, state_words(state)) for state in headend_fleet.STATES],
        "alarms": headend_fleet.ALARMS,
        "feeders": Feeder.objects.order_by("name").values_list("name", flat=True),
        "versions": headend_fleet.firmware_versions(),
    }
    return show(request, "fleet.html", content)


def counts(now_s: int) -> dict[str, object]:
    """Return the meters by state and by firmware, and the silent ones whose permits end within a day."""
    by_state = headend_fleet.counts_by_state(now_s)
    ending = list(headend_fleet.silent_before_end(now_s)[: _ENDING + 1])
    return {
        "now_s": now_s,
        "by_state": [(state, by_state[state]) for state in headend_fleet.STATES],
        "by_firmware": list(headend_fleet.counts_by_firmware().items()),
        "ending": ending[:_ENDING],
        "has_more_ending": len(ending) > _ENDING,
    }


def filter_of(request: HttpRequest) -> FleetFilter:
    """Return the filter that the address of a page names."""
    state, feeder, alarm, firmware = (
        request.GET.get(name, "").strip()[:_TEXT_LIMIT] for name in ("state", "feeder", "alarm", "firmware")
    )
    days = whole(request.GET.get("permit_days", ""))
    is_silent = request.GET.get("silent") == "1"
    chosen = FleetFilter(
        searched(request),
        state=state,
        feeder=feeder,
        alarm=alarm,
        firmware=firmware,
        is_silent=is_silent,
    )
    return chosen if days is None else replace(chosen, permit_days=min(days, 3650))
