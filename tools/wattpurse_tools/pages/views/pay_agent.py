"""The agent's telephone: find a meter, confirm the customer, sell for cash, show the digits, hand the token out.

A sale is one of the agent's own till in the agent's shop, so the vendor's limit of the shop counts. Its token waits for
the network too. The bag is a file for the Bluetooth link of `wattpurse fob`.
"""

import json
import secrets
import time

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wattpurse_tools.fob.bag import carried, document_of
from wattpurse_tools.headend import agent_sales, delivery_state
from wattpurse_tools.office import sales
from wattpurse_tools.pages import qr_codes
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.amount_texts import parse_money
from wattpurse_tools.pages.views.acting import attempt, form_key, whole
from wattpurse_tools.record.models import Sale, Token
from wattpurse_tools.station.currencies import site_currency


@page("sell")
def agent(request: OfficeRequest) -> HttpResponse:
    """Ask for the meter, show its customer, and sell."""
    number = whole(request.POST.get("meter", "")) or 0
    person = sales.person_at(number) if number else None
    content: dict[str, object] = {"meter": number or "", "customer": person, "currency": site_currency().code}
    if number and person is None:
        content["trouble"] = _("There is no meter of this number.")
    if request.method == "POST" and person is not None and request.POST.get("amount"):
        made = attempt(request, _sell, request, number)
        if made is not None:
            return redirect("pay-agent-sold", made.pk)
    content["key"] = request.POST.get("key") or secrets.token_hex(12)
    return render(request, "pages/pay/agent.html", content)


@page("sell")
def sold(request: OfficeRequest, sale: int) -> HttpResponse:
    """Show the digits of a sale, and the state of its token."""
    found = _own(request, sale)
    told = delivery_state.of_sale(found)
    content = {
        "sale": found,
        "told": told,
        "decimals": site_currency().decimals,
        "drawings": [qr_codes.drawing(one.digits) for one in told.tokens if one.digits],
    }
    return render(request, "pages/pay/agent_sold.html", content)


@page("sell")
def bag(request: OfficeRequest, sale: int) -> HttpResponse:
    """Hand the tokens of a sale out, as the bag of a fob."""
    found = _own(request, sale)
    tokens = [
        carried(found.meter_number, one.sequence, bytes(one.sealed), one.words)
        for one in Token.objects.filter(sale=found).order_by("sequence")
    ]
    content = json.dumps(document_of(tokens, []))
    response = HttpResponse(content, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="bag-{found.pk}.json"'  # type: ignore[index]
    return response


def _sell(request: OfficeRequest, meter: int) -> Sale:
    amount = parse_money(request.POST.get("amount", ""), site_currency().decimals)
    key = form_key(request)
    return agent_sales.sell(request.office, request.actor, meter, amount, key, int(time.time()))


def _own(request: OfficeRequest, sale: int) -> Sale:
    """Return a sale of the agent's shop that the agent made, or answer 404."""
    found = Sale.objects.select_related("shop").filter(pk=sale, operator=request.actor.operator).first()
    if found is None:
        raise Http404
    request.actor.require("sell", found.shop.number)
    return found
