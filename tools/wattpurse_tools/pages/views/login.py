"""Log in: name, password and PIN, then a one-time code for managers. Log out, which ends the ticket of the vault too.

Two secrets, because two things know them. The password opens the pages. Its hash is in the database, so a thief who
writes the database can replace it. The PIN signs on at the vault, and only the vault can check it. So a password alone,
even a planted one, sells and orders nothing. A name may be the operator's number, and a password
digits alone: a till has only a numeric block.
"""

import time
from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as otp_login
from django_otp import match_token

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.pages import login_limits, one_time_codes
from wattpurse_tools.pages.access import TICKET, address_of
from wattpurse_tools.pages.login_limits import TooManyTries
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.record.models import User
from wattpurse_tools.vault.interface import Refused, Session, SignOnNeeded

PENDING = "pending"
PENDING_S = 5 * 60

_NAME_SIZE = 150
_SECRET_SIZE = 256


class LoginForm(forms.Form):
    """Name or number, password and PIN."""

    name = forms.CharField(
        label=gettext_lazy("Name or number"),
        max_length=_NAME_SIZE,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=_SECRET_SIZE,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    pin = forms.CharField(
        label=gettext_lazy("PIN"),
        max_length=_SECRET_SIZE,
        widget=forms.PasswordInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class CodeForm(forms.Form):
    """A one-time code."""

    code = forms.CharField(
        label=gettext_lazy("One-time code"),
        max_length=16,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )


@sensitive_post_parameters("password", "pin")
@require_http_methods(["GET", "HEAD", "POST"])
def login_page(request: HttpRequest) -> HttpResponse:
    """Show the login, or log a person in."""
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        words = form.cleaned_data
        try:
            person, session = _who(request, words["name"], words["password"], words["pin"])
        except TooManyTries as refusal:
            form.add_error(None, _("Too many wrong tries. Try again in %d seconds.") % refusal.wait_s)
            return render(request, "pages/login.html", {"form": form}, status=429)
        except Refused as refusal:
            form.add_error(None, in_words(refusal))
        else:
            return _enter(request, person, session)
    return render(request, "pages/login.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def one_time_code(request: HttpRequest) -> HttpResponse:
    """Ask a manager for a one-time code, from the app or from the list on paper."""
    found = _pending(request)
    if found is None:
        return redirect("login")
    person, ticket = found
    if not one_time_codes.has_device(person):
        return redirect("one-time-device")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _count_code(request, person)
        except TooManyTries as refusal:
            form.add_error(None, _("Too many wrong tries. Try again in %d seconds.") % refusal.wait_s)
            return render(request, "pages/one_time_code.html", {"form": form}, status=429)
        device = match_token(person, form.cleaned_data["code"].replace(" ", ""))
        if device is not None:
            return _finish(request, person, ticket, device)
        form.add_error("code", _("This code is wrong, or was used before. Wait for the next one."))
    return render(request, "pages/one_time_code.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def new_device(request: HttpRequest) -> HttpResponse:
    """Show the key of a new app for one-time codes to a manager who has none, and take its first code."""
    found = _pending(request)
    if found is None or one_time_codes.has_device(found[0]):
        return redirect("login")
    person, ticket = found
    device = one_time_codes.unconfirmed_device(person)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if one_time_codes.confirm(device, form.cleaned_data["code"].replace(" ", "")):
            codes = one_time_codes.new_paper_codes(person)
            way = _finish(request, person, ticket, device)
            return render(request, "pages/paper_codes.html", {"codes": codes, "way": way.headers["Location"]})
        form.add_error("code", _("This code is wrong. Check the time of the telephone."))
    drawing, key = one_time_codes.drawing_of(device), one_time_codes.key_of(device)
    return render(request, "pages/new_device.html", {"form": form, "drawing": drawing, "key": key})


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session of the pages and the ticket of the vault."""
    ticket = request.session.get(TICKET, "")
    if ticket:
        office_in_use().keys.sign_off(ticket)
        person = cast(User, request.user)
        _note(request, person, ticket, "log out")
    logout(request)
    messages.info(request, _("You are signed off."))
    return redirect("login")


def _who(request: HttpRequest, name: str, password: str, pin: str) -> tuple[User, Session]:
    """Return the person and the session at the vault. Raise Refused, in the same words for every wrong part."""
    by_number = User.objects.filter(operator=int(name)).first() if name.isdecimal() and len(name) < 10 else None
    username = name if by_number is None else by_number.username
    user_key, address_key = f"user:{username.casefold()}", f"address:{address_of(request)}"
    login_limits.count_try({user_key: login_limits.USER, address_key: login_limits.ADDRESS})
    person = authenticate(request, username=username, password=password)
    refusal = Refused(_("Name, password or PIN is wrong."))
    if not isinstance(person, User) or person.operator is None:
        raise refusal
    try:
        session = office_in_use().keys.sign_on(person.operator, pin)
    except Refused:
        _note(request, person, "", "wrong PIN at login")
        raise refusal from None
    if person.role != User.MANAGER:
        login_limits.forget_tries(user_key, address_key)
    return person, session


def _enter(request: HttpRequest, person: User, session: Session) -> HttpResponse:
    """Let a person in, or keep a manager waiting for the one-time code."""
    if person.role != User.MANAGER:
        return _finish(request, person, session.ticket, None)
    _drop_pending(request)
    _end_former(request, session.ticket)
    logout(request)
    request.session[PENDING] = {"person": person.pk, "ticket": session.ticket, "until_s": int(time.time()) + PENDING_S}
    request.session.cycle_key()
    return redirect(_with_next(request, "login/code"))


def _finish(request: HttpRequest, person: User, ticket: str, device: object) -> HttpResponse:
    """Begin the session of a person who has given everything."""
    request.session.pop(PENDING, None)
    _end_former(request, ticket)
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    if device is not None:
        otp_login(request, device)
        login_limits.forget_tries(f"user:{person.username.casefold()}", f"address:{address_of(request)}")
    request.session[TICKET] = ticket
    _note(request, person, ticket, "log in")
    way = request.GET.get("next", "")
    is_own = url_has_allowed_host_and_scheme(way, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return redirect(way if is_own else "/")


def _pending(request: HttpRequest) -> tuple[User, str] | None:
    """Return the person who has given name, password and PIN a short time ago, and the ticket; or None."""
    pending = request.session.get(PENDING)
    if pending is None:
        return None
    try:
        office_in_use().keys.session(pending["ticket"])
    except SignOnNeeded:
        pending["until_s"] = 0
    person = User.objects.filter(pk=pending["person"], is_active=True).first()
    if person is None or time.time() >= pending["until_s"]:
        _drop_pending(request)
        messages.info(request, _("You were signed off. Sign on again to go on."))
        return None
    return person, pending["ticket"]


def _end_former(request: HttpRequest, ticket: str) -> None:
    """End the ticket of the person who was logged in here before."""
    former = request.session.get(TICKET, "")
    if former and former != ticket:
        office_in_use().keys.sign_off(former)


def _drop_pending(request: HttpRequest) -> None:
    pending = request.session.pop(PENDING, None)
    if pending is not None:
        office_in_use().keys.sign_off(pending["ticket"])


def _count_code(request: HttpRequest, person: User) -> None:
    login_limits.count_try(
        {
            f"code:{person.username.casefold()}": login_limits.USER,
            f"address:{address_of(request)}": login_limits.ADDRESS,
        }
    )


def _with_next(request: HttpRequest, address: str) -> str:
    query = request.GET.urlencode()
    return f"/{address}" + (f"?{query}" if query else "")


def _note(request: HttpRequest, person: User, ticket: str, action: str) -> None:
    actor = Actor(person.operator or 0, ticket, frozenset(), None, address_of(request))
    with transaction.atomic():
        audit.note(actor, action, person.username)
