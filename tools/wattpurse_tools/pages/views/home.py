"""The first page, the page of one's own account, and the answer for a watchdog."""

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from wattpurse_tools.office import audit
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.navigation import links_for
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.settings import LANGUAGES
from wattpurse_tools.vault.interface import Refused, VaultClosed

_SIZE = 256


class LanguageForm(forms.Form):
    """The language of the pages."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)


class PasswordForm(forms.Form):
    """A new password."""

    old = forms.CharField(label=gettext_lazy("Present password"), max_length=_SIZE, widget=forms.PasswordInput)
    new = forms.CharField(label=gettext_lazy("New password"), max_length=_SIZE, widget=forms.PasswordInput)


class PinForm(forms.Form):
    """A new PIN."""

    old_pin = forms.CharField(label=gettext_lazy("Present PIN"), max_length=_SIZE, widget=forms.PasswordInput)
    new_pin = forms.CharField(label=gettext_lazy("New PIN"), max_length=_SIZE, widget=forms.PasswordInput)


@page()
def home(request: OfficeRequest) -> HttpResponse:
    """Send the person to the first page that is permitted, or to the own page."""
    links = links_for(request.actor, "")
    return redirect(links[0].address if links else "me")


@sensitive_post_parameters()
def me(request: HttpRequest) -> HttpResponseBase:
    """Show the account of the person, and change its language, password or PIN."""
    return _me(request)


@page()
def _me(request: OfficeRequest) -> HttpResponse:
    language = LanguageForm(_sent(request, "language"), initial={"language": request.person.language})
    password = PasswordForm(_sent(request, "new"))
    pin = PinForm(_sent(request, "new_pin"))
    changed = (
        (language.is_bound and language.is_valid() and _change_language(request, language))
        or (password.is_bound and password.is_valid() and _change_password(request, password))
        or (pin.is_bound and pin.is_valid() and _change_pin(request, pin))
    )
    if changed:
        return redirect("me")
    forms_by_title = ((_("Language"), language), (_("Password"), password), (_("PIN"), pin))
    return render(request, "pages/me.html", {"forms": forms_by_title})


def health(request: HttpRequest) -> JsonResponse:
    """Tell a watchdog whether pages and vault answer."""
    try:
        office_in_use().keys.fingerprint()
    except VaultClosed:
        return JsonResponse({"pages": True, "vault": False}, status=503)
    return JsonResponse({"pages": True, "vault": True})


def _sent(request: HttpRequest, name: str) -> dict | None:
    return request.POST.dict() if name in request.POST else None


def _change_language(request: OfficeRequest, form: LanguageForm) -> bool:
    request.person.language = form.cleaned_data["language"]
    request.person.save(update_fields=["language"])
    return True


def _change_password(request: OfficeRequest, form: PasswordForm) -> bool:
    if not request.person.check_password(form.cleaned_data["old"]):
        form.add_error("old", _("The present password is wrong."))
        return False
    try:
        validate_password(form.cleaned_data["new"], request.person)
    except forms.ValidationError as error:
        form.add_error("new", error)
        return False
    request.person.set_password(form.cleaned_data["new"])
    with transaction.atomic():
        request.person.save(update_fields=["password"])
        audit.note(request.actor, "new password", request.person.username)
    update_session_auth_hash(request, request.person)
    messages.success(request, _("The password is changed."))
    return True


def _change_pin(request: OfficeRequest, form: PinForm) -> bool:
    try:
        request.office.keys.set_pin(request.actor.ticket, form.cleaned_data["old_pin"], form.cleaned_data["new_pin"])
    except Refused as error:
        form.add_error("new_pin", in_words(error))
        return False
    messages.success(request, _("The PIN is changed."))
    return True
