"""The values of every page: the person, the language with its direction, and the links to other pages."""

from django.http import HttpRequest
from django.utils import translation

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.pages.navigation import links_for


def of_page(request: HttpRequest) -> dict[str, object]:
    """Return the values that the base template shows."""
    actor = getattr(request, "actor", None)
    person = getattr(request, "person", None)
    return {
        "page_language": translation.get_language() or "en",
        "page_direction": "rtl" if translation.get_language_bidi() else "ltr",
        "person": person,
        "actor": actor,
        "links": links_for(actor, request.path) if isinstance(actor, Actor) else [],
    }
