"""The cashier's first pages: which till, the opening of a shift, the card, and the customer to confirm.

The session keeps the card and the meter of the present sale. `sales.quote` and `sales.sell` check both again.
"""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wattpurse_tools.office import sales, shifts
from wattpurse_tools.office.sale_types import CARD, DIGITS, KEY_CARD
from wattpurse_tools.office.shifts import VendorStanding
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.amount_texts import money_text, parse_money, parse_whole
from wattpurse_tools.pages.customer_facts import facts_of
from wattpurse_tools.pages.desk_readers import read_card, reader_at
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tills import TILL, Place, at_till, in_shift, is_own, place_of, tills_for, to_till

SALE = "till_sale"

_CUSTOMER_CARD = "customer"
_KEY_CARD = "key card"


@page("sell")
@require_GET
def till(request: OfficeRequest) -> HttpResponse:
    """Show the till's present page: choice of a till, opening, card, count, or somebody else's shift."""
    place = place_of(request)
    if place is None:
        tills = tills_for(request)
        if len(tills) != 1:
            return redirect("till-choose")
        request.session[TILL] = tills[0].pk
        place = place_of(request)
    if place is None:
        return redirect("till-choose")
    if place.shift is None:
        return _show_open(request, place)
    if not is_own(request, place):
        words = _("Operator %(number)s has an open shift at this till. It has to be closed first.")
        return _show_choice(request, words % {"number": place.shift.operator}, status=409)
    return redirect("till-count" if place.shift.counted_microunits is not None else "till-card")


@page("sell")
def choose(request: OfficeRequest) -> HttpResponse:
    """Show the tills of the person's shops, or choose one."""
    if request.method != "POST":
        return _show_choice(request)
    chosen = [one for one in tills_for(request) if str(one.pk) == request.POST.get("till")]
    if not chosen:
        return _show_choice(request, _("There is no such till in this shop."), status=404)
    request.session[TILL] = chosen[0].pk
    request.session.pop(SALE, None)
    return to_till(request)


@at_till
@require_POST
def open_page(request: OfficeRequest, place: Place) -> HttpResponse:
    """Open a shift with the money that is in the drawer."""
    typed = request.POST.get("amount", "")
    try:
        shifts.open_shift(request.office, request.actor, place.till, parse_money(typed, place.decimals))
    except ValueError as error:
        return _show_open(request, place, typed, in_words(error))
    return to_till(request)


@in_shift
def card(request: OfficeRequest, place: Place) -> HttpResponse:
    """Wait for a card, or take the card on the reader or the number of a meter as the next customer's."""
    request.session.pop(SALE, None)
    if request.method != "POST":
        return _show_card(request, place)
    typed = request.POST.get("meter", "").strip()
    try:
        state = _state_of_meter(parse_whole(typed), place) if typed else _state_of_card(request, place)
    except (ValueError, OSError) as error:
        return _show_card(request, place, typed, in_words(error))
    request.session[SALE] = state
    return redirect("till-customer")


@at_till
@require_GET
def look(request: OfficeRequest, place: Place) -> HttpResponse:
    """Show the card on the reader, by its agent's last report. The card's page asks for this each second."""
    return render(request, "pages/till/_look.html", {"desk": place.desk})


@in_shift
@require_GET
def customer(request: OfficeRequest, place: Place) -> HttpResponse:
    """Show the customer to confirm, and the sales that are owed to the card."""
    state = request.session.get(SALE)
    if state is None:
        return redirect("till-card")
    owed_sales = sales.owed_to_card(state["card"]) if state["card"] else []
    for sale in owed_sales:
        sale.text = money_text(sale.gross_microunits, sale.currency, place.decimals)  # type: ignore[attr-defined]
    values = {
        "customer": facts_of(state["meter"], place),
        "card_name": state["card_name"],
        "trouble": state["trouble"],
        "owed": owed_sales,
    }
    return render(request, "pages/till/customer.html", values)


@in_shift
@require_POST
def owed(request: OfficeRequest, place: Place) -> HttpResponse:
    """Write earlier sales to the card on the reader."""
    state = request.session.get(SALE)
    if state is None:
        return redirect("till-card")
    try:
        reader = reader_at(request, place)
        done = sales.write_owed(request.office, request.actor, reader)
        request.session[SALE] = _state_of_card(request, place)
    except (ValueError, OSError) as error:
        return _show_card(request, place, "", in_words(error))
    troubles = [in_words(one.trouble) for one in done if one.trouble]
    if troubles:
        return _show_card(request, place, "", troubles[0])
    return redirect("till-customer")


def _state_of_meter(number: int, place: Place) -> dict:
    """Return the state of a sale without a card."""
    if facts_of(number, place).person is None:
        raise ValueError(_("This office has no meter %(number)s.") % {"number": number})
    return {"meter": number, "card": "", "card_name": "", "carrier": DIGITS, "trouble": ""}


def _state_of_card(request: OfficeRequest, place: Place) -> dict:
    """Read the card on the reader and return the state of a sale to it."""
    seen = read_card(request, place)
    if seen.role not in (_CUSTOMER_CARD, _KEY_CARD):
        raise ValueError(_("Card %(name)s is no customer's card (%(role)s).") % {"name": seen.name, "role": seen.role})
    carrier = KEY_CARD if seen.role == _KEY_CARD else CARD
    return {
        "meter": seen.meter_number,
        "card": seen.uid,
        "card_name": seen.name,
        "carrier": carrier,
        "trouble": in_words(seen.trouble),
    }


def _show_choice(request: OfficeRequest, error: str = "", status: int = 200) -> HttpResponse:
    values = {"tills": tills_for(request), "errors": [error] if error else []}
    return render(request, "pages/till/tills.html", values, status=status)


def _show_open(request: OfficeRequest, place: Place, typed: str = "", error: str = "") -> HttpResponse:
    values = {"till": place.till, "currency": place.currency, "amount": typed, "errors": [error] if error else []}
    return render(request, "pages/till/open.html", values, status=422 if error else 200)


def _show_card(request: OfficeRequest, place: Place, typed: str = "", error: str = "") -> HttpResponse:
    standing = shifts.vendor_standing(place.till.shop)
    values = {
        "desk": place.desk,
        "meter": typed,
        "is_limit_near": _is_limit_near(standing),
        "errors": [error] if error else [],
    }
    return render(request, "pages/till/card.html", values, status=422 if error else 200)


def _is_limit_near(standing: VendorStanding) -> bool:
    """Return True if the shop may sell for cash for less than a tenth of its limit.

    The page shows no sum: it would tell the expected cash before the count.
    """
    left, limit = standing.left_microunits, standing.limit_microunits
    return left is not None and limit is not None and left < limit // 10
