"""Refusals as pages: no right, no vault, a form that is too old, no such page, a fault."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from wattpurse_tools.pages.refusal_words import in_words


def not_permitted(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for a person without the right."""
    return _refusal(request, 403, _("You may not do this"), in_words(exception or ""))


def form_is_stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form without the secret of its session. `reason` is Django's."""
    words = _("This form is too old, or came from another page. Go back, load the page again and send it again.")
    return _refusal(request, 403, _("The form was not taken"), words)


def vault_closed(request: HttpRequest, error: Exception | None = None) -> HttpResponse:
    """Return the page while no vault runs."""
    return _refusal(request, 503, _("The vault does not answer"), in_words(error or ""))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for an address that there is not."""
    return _refusal(request, 404, _("There is no such page"), "")


def fault(request: HttpRequest) -> HttpResponse:
    """Return the page after a fault of the program."""
    words = _("The program failed. What was told as sold is sold; look at the last receipts before you try again.")
    return _refusal(request, 500, _("Something went wrong"), words)


def _refusal(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    return render(request, "pages/refusal.html", {"title": title, "words": words}, status=status)
