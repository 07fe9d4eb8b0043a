"""A tenant's own wishes for messages, by the code of the tenant's page. The page has no name and no address."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from wattpurse_tools.headend import message_wishes
from wattpurse_tools.headend.outbox import HOOK
from wattpurse_tools.pages.access import address_of
from wattpurse_tools.pages.message_words import quiet_words
from wattpurse_tools.pages.tenant_codes import behind_code
from wattpurse_tools.pages.views.acting import done
from wattpurse_tools.pages.wishes_form import WishesForm
from wattpurse_tools.record.models import Customer


@require_http_methods(["GET", "HEAD", "POST"])
def tenant_wishes(request: HttpRequest, code: str) -> HttpResponse:
    """Show the wishes of the tenant of a code, and change them."""
    return behind_code(
        request, lambda: message_wishes.customer_at(code), lambda customer: _wishes(request, code, customer)
    )


def _wishes(request: HttpRequest, code: str, customer: Customer) -> HttpResponse:
    shown = [one for one in message_wishes.reachable(customer) if one != HOOK]
    known = message_wishes.wishes_of(customer)
    form = WishesForm(request.POST if request.method == "POST" else None, known, shown)
    if form.is_bound and form.is_valid():
        words = _("The change is saved.")
        if done(request, words, message_wishes.change_own, customer, form.wishes(), address_of(request)):
            return redirect("tenant-wishes", code)
    content = {"form": form, "code": code, "is_reachable": bool(shown), "quiet": quiet_words()}
    return render(request, "pages/tenant/wishes.html", content)
