"""A tenant's recharge: the amount, the link to the provider's page, and the page to come back to.

The code of the tenant's page is the right to pay for its meter and to see its digits. The link is followed
by a click: the policy of the pages lets no form lead to another site. The provider's page takes card or wallet, and
nothing of the card comes here.
"""

import re
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from wattpurse_tools.headend import delivery_state, recharge_page
from wattpurse_tools.headend.providers.checkout import METER, Order, checkout_of
from wattpurse_tools.headend.references import ATTEMPT
from wattpurse_tools.office.page_codes import as_kept
from wattpurse_tools.pages.amount_texts import parse_money
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tenant_codes import behind_code
from wattpurse_tools.record.models import Tenancy
from wattpurse_tools.station.currencies import site_currency

ATTEMPT_FORM = re.compile(rf"{ATTEMPT}[0-9a-f]{{24}}")
_AGAIN_S = 3


@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for the amount, and show the link to the provider's page."""
    return behind_code(request, lambda: _tenancy(code), lambda tenancy: _pay(request, code, tenancy))


@require_safe
def paid(request: HttpRequest, code: str, attempt: str) -> HttpResponse:
    """Show the state of a recharge after the provider's page: digits, and whether the meter has the token."""
    return behind_code(request, lambda: _tenancy(code), lambda tenancy: _paid(request, code, attempt, tenancy))


def _pay(request: HttpRequest, code: str, tenancy: Tenancy) -> HttpResponse:
    content: dict[str, object] = {
        "code": code,
        "meter": tenancy.meter_number,
        "currency": site_currency().code,
        "attempt": attempt_key(request.POST.get("attempt", "")),
        "amount": request.POST.get("amount", "")[:20],
    }
    checkout = checkout_of(office_in_use().folder)
    if checkout is None:
        content["trouble"] = _("This office takes no payments by this page.")
    elif request.method == "POST":
        try:
            content["link"] = checkout.link(_order(request, code, tenancy, str(content["attempt"])))
        except (ValueError, OSError) as error:
            content["trouble"] = in_words(error)
    return render(request, "pages/pay/pay.html", content)


def _paid(request: HttpRequest, code: str, attempt: str, tenancy: Tenancy) -> HttpResponse:
    content: dict[str, object] = {"code": code, "again_s": _AGAIN_S, "decimals": site_currency().decimals}
    payment = recharge_page.payment_of(tenancy, attempt) if ATTEMPT_FORM.fullmatch(attempt) else None
    content["payment"] = payment
    if payment is not None and payment.sale is not None:
        content["told"] = delivery_state.of_sale(payment.sale)
    return render(request, "pages/pay/paid.html", content)


def _order(request: HttpRequest, code: str, tenancy: Tenancy, attempt: str) -> Order:
    currency = site_currency()
    amount = parse_money(request.POST.get("amount", ""), currency.decimals)
    recharge_page.refuse(tenancy.meter_number, amount)
    return Order(
        attempt,
        (METER, tenancy.meter_number),
        amount,
        currency.code,
        _("Credit for meter %(meter)s") % {"meter": tenancy.meter_number},
        (
            request.build_absolute_uri(reverse("tenant-paid", args=(code, attempt))),
            request.build_absolute_uri(reverse("tenant-pay", args=(code,))),
        ),
        get_language() or "auto",
    )


def attempt_key(typed: str) -> str:
    """Return the key of an attempt: that of the form, so that a second click is the same attempt, or a new one."""
    return typed if ATTEMPT_FORM.fullmatch(typed) else ATTEMPT + secrets.token_hex(12)


def _tenancy(code: str) -> Tenancy | None:
    """Return the tenancy of a code, or None. Its pages keep their origin, without which their form is refused.

    The policy of all pages keeps the address, which has the code, from other sites.
    """
    kept = as_kept(code)
    return Tenancy.objects.filter(page_code=kept, until_s=None).first() if kept else None
