"""The page of the command queue: tokens on their way to meters, with their outcome."""

import time

from django.http import Http404, HttpResponse
from django.shortcuts import render

from wattpurse_tools.headend import command_list
from wattpurse_tools.headend.command_list import CommandFilter
from wattpurse_tools.headend.fleet import UnknownFilter
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, whole
from wattpurse_tools.pages.views.headend_frame import live_address, show

_WORD_LIMIT = 24


@page("order", "manage")
def commands(request: OfficeRequest) -> HttpResponse:
    """Show the queue. Its table asks for itself by htmx, so that outcomes appear as they come."""
    names = {name: request.GET.get(name, "").strip()[:_WORD_LIMIT] for name in ("state", "wish")}
    chosen = CommandFilter(**names, meter=whole(request.GET.get("meter", "").strip()))
    try:
        found = command_list.find_commands(chosen, after(request))
    except UnknownFilter as error:
        raise Http404(str(error)) from None
    content: dict[str, object] = {
        "found": found,
        "chosen": chosen,
        "counts": command_list.counts(),
        "now_s": int(time.time()),
    }
    if request.GET.get("part") == "queue":
        return render(request, "pages/headend/_queue.html", content)
    content |= {
        "states": command_list.STATES,
        "wishes": command_list.wishes(),
        "live": live_address(request, "queue"),
    }
    return show(request, "commands.html", content)
