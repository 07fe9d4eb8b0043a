"""A tenant's own page by the code on the receipt: no login, no name on it, and a limit on wrong codes by address."""

import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from wattpurse_tools.headend.providers.checkout import checkout_of
from wattpurse_tools.office.page_codes import as_kept
from wattpurse_tools.office.site_days import month_text
from wattpurse_tools.office.tenant_page import TenantPage, page_of
from wattpurse_tools.pages import charts, login_limits
from wattpurse_tools.pages.access import address_of
from wattpurse_tools.pages.login_limits import TENANT, TooManyTries
from wattpurse_tools.pages.office_in_use import office_in_use

_BARS = 12
_MICRO_PER_KWH_WH = 1000


@require_http_methods(["GET", "HEAD", "POST"])
def tenant_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code, and lead to its page."""
    code = as_kept(request.POST.get("code", ""))
    if request.method == "POST" and code:
        return redirect("tenant", code)
    return _answer(render(request, "pages/tenant/code.html"))


@require_safe
def tenant(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page of a code. Wrong codes are answered alike, and later ones of the same address too early are not."""
    key = f"tenant:{address_of(request)}"
    try:
        login_limits.count_try({key: TENANT})
    except TooManyTries as refusal:
        content = {"wait_s": refusal.wait_s}
        return _answer(render(request, "pages/tenant/code.html", content, status=429))
    found = page_of(code, int(time.time()))
    if found is None:
        return _answer(render(request, "pages/tenant/code.html", {"is_wrong": True}, status=404))
    login_limits.forget_tries("", key)
    content = {"found": found, "meter": found.meter, "chart": _chart(found), "pay_url": _pay_url(found, code)}
    response = _answer(render(request, "pages/tenant/tenant.html", content))
    response.headers["Referrer-Policy"] = "no-referrer"  # type: ignore[index]  # the address has the code
    return response


def _pay_url(found: TenantPage, code: str) -> str:
    """Return the address of the recharge page, or "" if no provider takes payments or the tenancy has ended."""
    if not found.is_open or checkout_of(office_in_use().folder) is None:
        return ""
    return reverse("tenant-pay", args=(code,))


def _chart(found: TenantPage) -> str:
    months = list(reversed(found.months[:_BARS]))
    if not months:
        return ""
    values = [one.total_wh * _MICRO_PER_KWH_WH for one in months]
    labels = [month_text(one.month) for one in months]
    return charts.bars(_("Use by month, in kWh"), "kWh", labels, [charts.Series(_("use"), values)])


def _answer(response: HttpResponse) -> HttpResponse:
    """Return the answer with a header that keeps it out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"  # type: ignore[index]
    return response
