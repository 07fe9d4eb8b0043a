"""The code of a tenant as the right to a page: a limit on wrong codes by address, and no place in search engines."""

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from wattpurse_tools.pages import login_limits
from wattpurse_tools.pages.access import address_of
from wattpurse_tools.pages.login_limits import TENANT, TooManyTries

_Found = TypeVar("_Found")
_PAGE = "pages/tenant/code.html"


def behind_code(
    request: HttpRequest, find: Callable[[], _Found | None], show: Callable[[_Found], HttpResponse]
) -> HttpResponse:
    """Return the page that `show` makes of the content that `find` returns, or the page that asks for the code.

    Wrong codes are answered alike. Later ones of the same address are not looked up for a time.
    """
    key = f"tenant:{address_of(request)}"
    try:
        login_limits.count_try({key: TENANT})
    except TooManyTries as refusal:
        return unlisted(render(request, _PAGE, {"wait_s": refusal.wait_s}, status=429))
    found = find()
    if found is None:
        return unlisted(render(request, _PAGE, {"is_wrong": True}, status=404))
    login_limits.forget_tries("", key)
    return unlisted(show(found))


def unlisted(response: HttpResponse) -> HttpResponse:
    """Return the answer with a header that keeps it out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"  # type: ignore[index]
    return response
