"""The cashier's pages of a sale: the amount, the price to confirm, and the sale itself.

The form of the price carries a key that is made with it, so a double click, a second tab or a retry sells once.
"""

import secrets
from dataclasses import dataclass, replace

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from wattpurse_tools.office import sales
from wattpurse_tools.office.reader import Reader
from wattpurse_tools.office.sale_types import (
    CARD,
    DAYS,
    DIGITS,
    DISPENSE,
    ENERGY,
    KEY_CARD,
    MONEY,
    NONE,
    PAYMENT_TYPES,
    PERMIT,
    Line,
    Quote,
    SaleRequest,
    Wish,
)
from wattpurse_tools.office.wishes import wishes_of
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.amount_texts import money_text, parse_micro, parse_money, parse_whole
from wattpurse_tools.pages.customer_facts import Facts, facts_of
from wattpurse_tools.pages.desk_readers import reader_at
from wattpurse_tools.pages.receipts.document import line_words, payment_text, thing_text
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tills import Place, in_shift
from wattpurse_tools.pages.views.till import SALE

NEW = "till_new"

_GROSS = "gross"
_QUANTITY = "quantity"
_UID_DIGITS = 20
_METER_DIGITS = 10
_FIELDS = ("what", "by", "amount", "payment", "carrier", "daily", "days")


@dataclass(frozen=True)
class Order:
    """The fields of the form as they were typed."""

    what: str
    by: str = _GROSS
    amount: str = ""
    payment: str = PAYMENT_TYPES[0]
    carrier: str = CARD
    daily: str = ""
    days: str = ""


@in_shift
def amount(request: OfficeRequest, place: Place) -> HttpResponse:
    """Ask for the amount, change the kind of the order, or show the price."""
    state = request.session.get(SALE)
    if state is None:
        return redirect("till-card")
    facts = facts_of(state["meter"], place)
    wishes = wishes_at(facts)
    if not wishes:
        return _show_amount(request, Order(MONEY), facts, (), [_("Nothing can be sold to this meter.")])
    if request.method != "POST":
        return _show_amount(request, _begun(state, wishes, request.GET), facts, wishes)
    order = _order(request.POST, wishes, state)
    if "change" in request.POST:
        return _show_amount(request, _changed(order, request.POST["change"], wishes), facts, wishes)
    request.session[SALE] = {**state, "order": {name: getattr(order, name) for name in _FIELDS}}
    try:
        wanted = _request(secrets.token_hex(16), place, state, order)
        reader = _reader(request, place, order)
        found = sales.quote(request.office, request.actor, wanted, reader)
    except (ValueError, OSError) as error:
        return _show_amount(request, order, facts, wishes, [in_words(error)])
    return _show_quote(request, place, found, order, wanted.client_key)


@in_shift
@require_POST
def sell(request: OfficeRequest, place: Place) -> HttpResponse:
    """Sell the confirmed order, once for each key, and show the receipt. The form has all of the sale."""
    state = _state_of_form(request.POST)
    if state is None:
        return redirect("till-card")
    facts = facts_of(state["meter"], place)
    wishes = wishes_at(facts)
    order = _order(request.POST, wishes, state)
    try:
        wanted = _request(request.POST.get("client_key", ""), place, state, order)
        done = sales.sell(request.office, request.actor, wanted, _reader_if_any(request, place, order))
    except (ValueError, OSError) as error:
        return _show_amount(request, order, facts, wishes, [in_words(error)])
    if not done.is_repeat:
        request.session[NEW] = done.sale.pk
    request.session.pop(SALE, None)
    return redirect("till-receipt", done.sale.pk)


def wishes_at(facts: Facts) -> tuple[str, ...]:
    """Return the things that a meter can be sold. A key card holds money."""
    return wishes_of(facts.contract, facts.unit) if facts.meter_number else (MONEY,)


def _state_of_form(fields: QueryDict) -> dict | None:
    """Return the card and the meter that a form of the price names, or None if it names none."""
    meter, card = fields.get("meter", ""), fields.get("card", "")[:_UID_DIGITS]
    if not meter.isdecimal() or len(meter) > _METER_DIGITS:
        return None
    carrier = (CARD if int(meter) else KEY_CARD) if card else DIGITS
    return {"meter": int(meter), "card": card, "card_name": card, "carrier": carrier}


def _begun(state: dict, wishes: tuple[str, ...], query: QueryDict) -> Order:
    """Return an order to begin with, or the one that was typed before. Without a card the address names the carrier."""
    by = _GROSS if wishes[0] in (MONEY, ENERGY) else _QUANTITY
    order = Order(**state["order"]) if "order" in state else Order(wishes[0], by=by, carrier=state["carrier"])
    asked = query.get("carrier", "")
    return replace(order, carrier=asked) if not state["card"] and asked in (DIGITS, NONE) else order


def _order(fields: QueryDict, wishes: tuple[str, ...], state: dict) -> Order:
    """Return the order of a form. The card and its carrier come from the state, not from the form."""
    what = fields.get("what", "")
    payment = fields.get("payment", "")
    carrier = fields.get("carrier", "") if not state["card"] else state["carrier"]
    return Order(
        what if what in wishes else wishes[0],
        by=_QUANTITY if fields.get("by") == _QUANTITY else _GROSS,
        amount=fields.get("amount", "")[:20],
        payment=payment if payment in PAYMENT_TYPES else PAYMENT_TYPES[0],
        carrier=carrier if state["card"] or carrier in (DIGITS, NONE) else DIGITS,
        daily=fields.get("daily", "")[:20],
        days=fields.get("days", "")[:20],
    )


def _changed(order: Order, change: str, wishes: tuple[str, ...]) -> Order:
    """Return an order after a key that changes it."""
    if change == "what":
        return replace(order, what=_after(order.what, wishes), amount="")
    if change == "payment":
        return replace(order, payment=_after(order.payment, PAYMENT_TYPES))
    return replace(order, by=_GROSS if order.by == _QUANTITY else _QUANTITY, amount="")


def _after(value: str, values: tuple[str, ...]) -> str:
    return values[(values.index(value) + 1) % len(values)]


def _request(client_key: str, place: Place, state: dict, order: Order) -> SaleRequest:
    """Return the request of an order. Raise ValueError for an amount that is none."""
    return SaleRequest(
        client_key,
        place.open_shift.pk,
        state["meter"],
        state["card"],
        order.carrier,
        _wish(order, place),
        order.payment,
    )


def _wish(order: Order, place: Place) -> Wish:
    if order.what == DISPENSE:
        days = parse_whole(order.days)
        return Wish(DISPENSE, quantity=parse_micro(order.amount), daily_mwh=parse_micro(order.daily), days=days)
    if order.what in (DAYS, PERMIT) and order.by == _QUANTITY:
        return Wish(order.what, quantity=parse_whole(order.amount))
    if order.what == ENERGY and order.by == _QUANTITY:
        return Wish(ENERGY, quantity=parse_micro(order.amount))
    gross = parse_money(order.amount, place.decimals)
    if not gross:
        raise ValueError(_("Type a number above zero."))
    return Wish(order.what, gross_microunits=gross)


def _reader(request: OfficeRequest, place: Place, order: Order) -> Reader | None:
    return reader_at(request, place) if order.carrier in (CARD, KEY_CARD) else None


def _reader_if_any(request: OfficeRequest, place: Place, order: Order) -> Reader | None:
    """Return the reader, or None if it is away. A retry needs no reader."""
    try:
        return _reader(request, place, order)
    except OSError:
        return None


def _show_amount(
    request: OfficeRequest,
    order: Order,
    facts: Facts,
    wishes: tuple[str, ...],
    errors: list[str] | None = None,
) -> HttpResponse:
    values = {
        "title": thing_text(order.what),
        "label": _label(order),
        "order": order,
        "customer": facts,
        "card_name": request.session.get(SALE, {}).get("card_name", ""),
        "payment_words": payment_text(order.payment),
        "carrier_words": _("twenty digits") if order.carrier == DIGITS else _("network or data card"),
        "by_words": _by_words(order) if order.what in (ENERGY, DAYS, PERMIT) else "",
        "has_others": len(wishes) > 1,
        "errors": errors or [],
    }
    return render(request, "pages/till/amount.html", values, status=422 if errors else 200)


def _show_quote(request: OfficeRequest, place: Place, found: Quote, order: Order, client_key: str) -> HttpResponse:
    def money(microunits: int) -> str:
        return money_text(microunits, found.currency, place.decimals)

    def shown(line: Line) -> dict[str, str]:
        words = line_words(line, found.currency)
        return {"text": words, "tax": money(line.tax_microunits), "gross": money(line.gross_microunits)}

    values = {
        "quote": found,
        "state": request.session[SALE],
        "lines": [shown(line) for line in found.lines],
        "total": money(found.gross_microunits),
        "debt": money(found.debt_microunits) if found.debt_microunits else "",
        "payment_words": payment_text(order.payment),
        "client_key": client_key,
        "order_fields": [(name, getattr(order, name)) for name in _FIELDS],
    }
    return render(request, "pages/till/quote.html", values)


def _label(order: Order) -> str:
    if order.what == DISPENSE:
        return _("kWh in all")
    if order.by == _GROSS:
        return _("The customer pays")
    return "kWh" if order.what == ENERGY else _("Number of days")


def _by_words(order: Order) -> str:
    if order.by == _GROSS:
        return pgettext("key", "By kWh") if order.what == ENERGY else pgettext("key", "By days")
    return pgettext("key", "By money")
