"""The pages of messages that were set aside: the list, and one of them, which a manager closes."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wattpurse_tools.headend import watching
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, done
from wattpurse_tools.pages.views.headend_frame import show

_REASON_LIMIT = 240


@page("order", "manage")
def set_aside_list(request: OfficeRequest) -> HttpResponse:
    """Show the messages that wait for a person, or the closed ones."""
    is_closed = request.GET.get("closed") == "1"
    found = watching.find_set_aside(is_closed, after(request))
    return show(request, "set_aside.html", {"found": found, "is_closed": is_closed})


@page("order", "manage")
def set_aside(request: OfficeRequest, key: int) -> HttpResponse:
    """Show a message, and close it."""
    try:
        found = watching.set_aside(key)
    except ValueError as error:
        raise Http404(str(error)) from None
    if request.method == "POST":
        words, reason = _("The message is closed."), request.POST.get("reason", "")[:_REASON_LIMIT]
        if done(request, words, watching.close_set_aside, request.office, request.actor, key, reason):
            return redirect("set-aside-list")
    content = {"one": found, "dump": watching.dump_of(bytes(found.payload))}
    return show(request, "set_aside_one.html", content)
