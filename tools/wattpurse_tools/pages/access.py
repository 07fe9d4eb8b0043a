"""The check in front of a page: `@page(...)` signs the person on, or answers a refusal.

    @page("sell")
    def till(request: OfficeRequest) -> HttpResponse:
        sales.sell(request.office, request.actor, ...)

The person's rights are those that the vault says at this moment: a ticket that has ended leads to the login. The page
itself still hands `request.actor` to each action, which checks the right and the shop.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.record.models import User
from wattpurse_tools.vault.interface import SignOnNeeded

TICKET = "ticket"

_Given = ParamSpec("_Given")


class OfficeRequest(HttpRequest):
    """A request of a person who has signed on, as a page gets it."""

    office: Office
    actor: Actor
    person: User


def page(
    *rights: str,
) -> Callable[
    [Callable[Concatenate[OfficeRequest, _Given], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, _Given], HttpResponseBase],
]:
    """Return the decorator of a page for persons with one of some rights, or for all who have signed on."""

    def decorate(
        view: Callable[Concatenate[OfficeRequest, _Given], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, _Given], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *words: _Given.args, **names: _Given.kwargs) -> HttpResponseBase:
            refusal = sign_on(request)
            if refusal is not None:
                return refusal
            known = cast(OfficeRequest, request)
            if rights and not known.actor.rights.intersection(rights):
                known.actor.require(rights[0])
            return view(known, *words, **names)

        return guarded

    return decorate


def sign_on(request: HttpRequest) -> HttpResponse | None:
    """Give a request its office and its actor, or return the way to the login."""
    person = request.user
    if not isinstance(person, User) or not person.is_active:
        return _to("login", request)
    if person.role == User.MANAGER and not is_verified(request):
        return _to("one-time-code", request)
    office = office_in_use()
    ticket = request.session.get(TICKET, "")
    try:
        session = office.keys.session(ticket)
    except SignOnNeeded:
        logout(request)
        messages.info(request, _("You were signed off. Sign on again to go on."))
        return _to("login", request)
    known = cast(OfficeRequest, request)
    known.office = office
    known.person = person
    known.actor = Actor.of(session, None if person.shop is None else person.shop.number, address_of(request))
    return None


def is_verified(request: HttpRequest) -> bool:
    """Return True if the person has given a one-time code in this session."""
    return bool(getattr(request.user, "is_verified", bool)())


def address_of(request: HttpRequest) -> str:
    """Return the address that a request comes from. Behind a proxy the server has put the client's here."""
    return request.META.get("REMOTE_ADDR", "")[:64]


def _to(name: str, request: HttpRequest) -> HttpResponse:
    """Return the way to a page of the login, and from there back."""
    where = reverse(name)
    if request.method == "GET":
        where += "?" + urlencode({"next": request.get_full_path()})
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(where)
    return redirect(where)
