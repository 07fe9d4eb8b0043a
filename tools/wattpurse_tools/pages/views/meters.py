"""The pages of meters: the list with filters, and one meter with its whole history."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from wattpurse_tools.headend import watching
from wattpurse_tools.office import meters as office_meters
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, searched


@page("order")
def meters(request: OfficeRequest) -> HttpResponse:
    """Show the list of meters."""
    text, chosen = searched(request), request.GET.get("show", office_meters.ALL)
    if chosen not in office_meters.FILTERS:
        raise Http404(chosen)
    content = {
        "found": office_meters.find_meters(text, chosen, after(request)),
        "text": text,
        "chosen": chosen,
        "filters": filter_names(),
    }
    return render(request, "pages/office/meters.html", content)


@page("order")
def meter(request: OfficeRequest, number: int) -> HttpResponse:
    """Show a meter with its whole history."""
    try:
        history = office_meters.history(number)
    except ValueError as error:
        raise Http404(str(error)) from None
    content = {
        "history": history,
        "meter": history.row.meter,
        "tenancies": watching.with_accounts(history.places.tenancies),
    }
    return render(request, "pages/office/meter.html", content)


def filter_names() -> list[tuple[str, str]]:
    """Return the filters of the list with their names."""
    names = {
        office_meters.ALL: _("In use"),
        office_meters.ALARMS: _("With an alarm"),
        office_meters.STOPPED: _("Stopped"),
        office_meters.SILENT: _("Silent for %(days)s days") % {"days": office_meters.SILENT_DAYS},
        office_meters.LOW: _("Credit for %(days)s days or less") % {"days": office_meters.LOW_DAYS},
        office_meters.VACANT: _("Without a tenant"),
        office_meters.RETIRED: _("Retired"),
    }
    return [(name, names[name]) for name in office_meters.FILTERS]
