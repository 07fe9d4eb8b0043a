"""The page of payments from outside by their state. Those in suspense are decided on the page of payments."""

from django.db.models import Count
from django.http import Http404, HttpResponse
from django.urls import NoReverseMatch, reverse

from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import Payment, Site

STATES = ("new", "sold", "wallet", "suspense", "refunding", "refunded", "booked", "refused")


@page("order", "manage")
def payments(request: OfficeRequest) -> HttpResponse:
    """Show the payments, the newest first."""
    state = request.GET.get("state", "")
    if state and state not in STATES:
        raise Http404(state)
    rows = Payment.objects.select_related("notice")
    counts = dict(Payment.objects.order_by().values_list("state").annotate(Count("pk")))
    content = {
        "found": slice_of(rows.filter(state=state) if state else rows, "notice_id", after(request), falling=True),
        "counts": [(one, counts.get(one, 0)) for one in STATES],
        "state": state,
        "decimals": Site.objects.values_list("decimals", flat=True).get(),
        "suspense": _suspense_address() if "manage" in request.actor.rights else "",
    }
    return show(request, "payments.html", content)


def _suspense_address() -> str:
    try:
        return reverse("pay-suspense")
    except NoReverseMatch:
        return ""
