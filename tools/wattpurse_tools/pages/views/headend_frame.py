"""The frame of the pages of the head-end: the ways between them, and the address by which a live part asks again."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.navigation import Link

PARTS = (
    ("fleet", _("Fleet")),
    ("commands", _("Commands")),
)


def show(request: OfficeRequest, template: str, content: Mapping[str, object]) -> HttpResponse:
    """Return a page of the head-end."""
    return render(request, f"pages/headend/{template}", {**content, "parts": _parts(request.path)})


def live_address(request: OfficeRequest, part: str) -> str:
    """Return the address of a part of the page with the filters of the page."""
    query = request.GET.copy()
    query["part"] = part
    return f"{request.path}?{query.urlencode()}"


def _parts(path: str) -> list[Link]:
    addresses = [(reverse(name), words) for name, words in PARTS]
    here = max((address for address, _words in addresses if path.startswith(address)), key=len, default="")
    return [Link(address, words, address == here) for address, words in addresses]
