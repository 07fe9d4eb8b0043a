"""Steps around every page: the headers of security, the language, and refusals of actions as pages in words."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages.views.refusals import not_permitted, vault_closed
from wattpurse_tools.record.models import User
from wattpurse_tools.vault.interface import VaultClosed

Answer = Callable[[HttpRequest], HttpResponseBase]

# No script, style, picture or request of anybody else, and nothing inside the page's own text.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"


def security_headers(answer: Answer) -> Answer:
    """Return the step that adds the headers which Django has no setting for."""

    def step(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return step


def language(answer: Answer) -> Answer:
    """Return the step that chooses the language: the person's, or the shop's, or the one that the browser asks for."""

    def step(request: HttpRequest) -> HttpResponseBase:
        person = request.user
        chosen = _language_of(person) if isinstance(person, User) else ""
        if not translation.check_for_language(chosen):
            chosen = translation.get_language_from_request(request)
        with translation.override(chosen):
            response = answer(request)
        response.headers.setdefault("Content-Language", chosen)
        return response

    return step


def _language_of(person: User) -> str:
    return person.language or ("" if person.shop is None else person.shop.language)


class Refusals:
    """The step that turns the refusal of an action into a page."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer to a request."""
        return self._answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Return the page of a refusal, or None for a fault."""
        if isinstance(error, NotPermitted):
            return not_permitted(request, error)
        if isinstance(error, VaultClosed):
            return vault_closed(request, error)
        return None
