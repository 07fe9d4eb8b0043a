"""The page of messages to customers: their state, and those of which nobody knows whether they went out."""

from django.http import Http404, HttpResponse

from wattpurse_tools.headend import watching
from wattpurse_tools.headend.fleet import UnknownFilter
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after
from wattpurse_tools.pages.views.headend_frame import show

_WORD_LIMIT = 24


@page("order", "manage")
def messages(request: OfficeRequest) -> HttpResponse:
    """Show the messages by state and kind."""
    state, kind = (request.GET.get(name, "").strip()[:_WORD_LIMIT] for name in ("state", "kind"))
    try:
        found = watching.find_messages(state, kind, after(request))
    except UnknownFilter as error:
        raise Http404(str(error)) from None
    content = {
        "found": found,
        "state": state,
        "kind": kind,
        "states": watching.MESSAGE_STATES,
        "kinds": watching.message_kinds(),
        "counts": watching.message_counts(),
    }
    return show(request, "messages.html", content)
