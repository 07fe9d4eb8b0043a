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
from wattpurse_tools.pages import charts
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.tenant_codes import behind_code, unlisted

_BARS = 12
_MICRO_PER_KWH_WH = 1000


@require_http_methods(["GET", "HEAD", "POST"])
def tenant_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code, and lead to its page."""
    code = as_kept(request.POST.get("code", ""))
    if request.method == "POST" and code:
        return redirect("tenant", code)
    return unlisted(render(request, "pages/tenant/code.html"))


@require_safe
def tenant(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page of a code."""

    def show(found: TenantPage) -> HttpResponse:
        content = {
            "found": found,
            "meter": found.meter,
            "chart": _chart(found),
            "pay_url": _pay_url(found, code),
            "wishes_url": reverse("tenant-wishes", args=(code,)) if found.is_open else "",
        }
        response = render(request, "pages/tenant/tenant.html", content)
        response.headers["Referrer-Policy"] = "no-referrer"  # type: ignore[index]  # the address has the code
        return response

    return behind_code(request, lambda: page_of(code, int(time.time())), show)


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
