"""The page of the audit trail: person, time, address and action of each entry, and the check of the chain."""

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from wattpurse_tools.office import audit as audit_trail
from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.office.site_days import day_start_s, parse_day, site_zone
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.known_words import actions_like
from wattpurse_tools.pages.views.acting import after, attempt, whole
from wattpurse_tools.record.models import AuditEntry

_DAY_S = 86_400
_TEXT_LIMIT = 80
_FILTERS = ("operator", "action", "subject", "day")


@page("manage")
def audit(request: OfficeRequest) -> HttpResponse:
    """Show the newest entries that fit the filter. With `check`, read the whole chain."""
    chosen = {
        name: request.GET.get(name, "").strip()[:_TEXT_LIMIT] for name in ("operator", "action", "subject", "day")
    }
    entries = AuditEntry.objects.all()
    if whole(chosen["operator"]) is not None:
        entries = entries.filter(operator=whole(chosen["operator"]))
    if chosen["action"]:
        is_meant = Q(action__startswith=chosen["action"]) | Q(action__in=actions_like(chosen["action"]))
        entries = entries.filter(is_meant)
    if chosen["subject"]:
        entries = entries.filter(subject__startswith=chosen["subject"])
    day = attempt(request, parse_day, chosen["day"]) if chosen["day"] else None
    if day is not None:
        begin_s = day_start_s(day, site_zone())
        entries = entries.filter(time_s__gte=begin_s, time_s__lt=begin_s + _DAY_S)
    content: dict[str, object] = {"found": slice_of(entries, "id", after(request), falling=True), "chosen": chosen}
    if "check" in request.GET:
        content |= {"is_checked": True, "broken": audit_trail.first_broken()}
    return render(request, "pages/manager/audit.html", content)
