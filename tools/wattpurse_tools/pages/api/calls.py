"""The functions behind the routes: each calls one action and returns status and answer."""

from django.db.models import Q, QuerySet

from wattpurse.core import carrier
from wattpurse.core.messages import frames, mqtt
from wattpurse_tools.office import sales, shifts, voids
from wattpurse_tools.office.documents import line_document, report_document
from wattpurse_tools.office.sale_types import CASH, DIGITS, Quote, SaleRequest, Sold, Wish
from wattpurse_tools.office.shifts import ShiftReport
from wattpurse_tools.pages.api.call import Call, not_found
from wattpurse_tools.pages.api.times import time_text
from wattpurse_tools.record.models import Customer, Meter, Sale, Shift, Site, Tenancy, Till
from wattpurse_tools.station.shop import open_shop

CUSTOMERS_LIMIT = 50

Answer = tuple[int, dict]

_IDENTITIES = {
    "mqtt": (mqtt.unwrap_statement, carrier.MQTT),
    "bluetooth": (frames.split_number, carrier.BLE),
}


def me(call: Call) -> Answer:
    """Tell the token's own facts."""
    site = Site.objects.get()
    return 200, {
        "office": site.name,
        "currency": site.currency,
        "decimals": site.decimals,
        "shop": call.shop.number,
        "shop_name": call.shop.name,
        "time_zone": call.shop.time_zone,
        "operator": call.actor.operator,
        "rights": sorted(call.actor.rights),
    }


def meter(call: Call) -> Answer:
    """Tell a meter and the customer there."""
    row = _meter(call.names["meter"])
    person = sales.person_at(row.number)
    return 200, {
        "meter": row.number,
        "contract": row.contract,
        "unit": row.unit,
        "currency": row.currency,
        "is_stopped": row.is_stopped,
        "stop_reason": row.stop_reason,
        "is_retired": row.is_retired,
        "alarms": row.alarms,
        "balance": person.balance if person else row.balance,
        "balance_told": _told(call, person.told_s if person else row.told_s),
        "customer": person.number if person else 0,
        "customer_name": person.name if person else "",
        "premises": person.premises if person else "",
    }


def statement(call: Call) -> Answer:
    """Record a sealed statement."""
    row = _meter(call.names["meter"])
    unwrap, link = _IDENTITIES[call.body["link"]]
    number, sealed = unwrap(bytes.fromhex(call.body["content"]))
    shop = open_shop(call.office.keys, call.office.folder.cards, call.actor)
    content = shop.cards.open_statement(row.number, carrier.statement_identity(link, number), sealed)
    if content is None or content["meter_number"] != row.number:
        raise ValueError("the statement is not one of this meter, or was changed on its way; nothing was recorded")
    shop.station.learn(content)
    return 200, {
        "meter": row.number,
        "time": time_text(content["time_s"], call.shop.time_zone),
        "unit": content["unit"],
        "balance": content["balance"],
        "total_mwh": content["total_mwh"],
    }


def customers(call: Call) -> Answer:
    """Find customers."""
    text = call.request.GET.get("text", "")
    rows = Customer.objects.filter(is_active=True)
    if text.isdecimal():
        rows = rows.filter(number=int(text))
    elif text:
        rows = rows.filter(name__icontains=text)
    found = list(rows.order_by("number")[: CUSTOMERS_LIMIT + 1])
    places = _places(Q(customer__in=found))
    return 200, {
        "customers": [_customer(one, places) for one in found[:CUSTOMERS_LIMIT]],
        "has_more": len(found) > CUSTOMERS_LIMIT,
    }


def customer(call: Call) -> Answer:
    """Tell a customer."""
    row = Customer.objects.filter(number=call.names["customer"]).first()
    if row is None:
        raise not_found(f"there is no customer {call.names['customer']}")
    return 200, _customer(row, _places(Q(customer=row)))


def quote(call: Call) -> Answer:
    """Return the quote of a sale."""
    told = sales.quote(call.office, call.actor, _sale_request(call, "quote"))
    return 200, _quote(call, told)


def sell(call: Call) -> Answer:
    """Sell."""
    made = sales.sell(call.office, call.actor, _sale_request(call, f"api:{call.key}"))
    return (200 if made.is_repeat else 201), _sold(call, made)


def sale(call: Call) -> Answer:
    """Tell a sale, with its digits again."""
    return 200, _sold(call, sales.sold(_sale(call), call.office, call.actor))


def void(call: Call) -> Answer:
    """Take a sale back."""
    made = voids.void(call.office, call.actor, _sale(call), call.body["shift"], None, call.body.get("approval"))
    return 201, _sold(call, made)


def open_shift(call: Call) -> Answer:
    """Open a shift."""
    till = Till.objects.select_related("shop").filter(shop=call.shop, number=call.body["till"]).first()
    if till is None:
        raise not_found(f"there is no till {call.body['till']} in shop {call.shop.number}")
    return 201, _shift(call, shifts.open_shift(call.office, call.actor, till, call.body["float_microunits"]))


def list_shifts(call: Call) -> Answer:
    """List the tills with their open shifts."""
    opened = {
        one.till.pk: one for one in Shift.objects.select_related("till").filter(till__shop=call.shop, closed_s=None)
    }
    rows = []
    for till in call.shop.tills.order_by("number"):  # type: ignore[attr-defined]
        shift = opened.get(till.pk)
        rows.append({"till": till.number, "name": till.name, "shift": None if shift is None else _shift(call, shift)})
    return 200, {"tills": rows}


def report(call: Call) -> Answer:
    """Tell the X report of a shift, or its Z report."""
    shift = _own_shift(call)
    if shift.closed_s is not None:
        return 200, _report(call, shifts.z_report(shift))
    return 200, _report(call, shifts.x_report(call.office, call.actor, shift))


def count(call: Call) -> Answer:
    """Enter the counted cash."""
    told = shifts.count_cash(call.office, call.actor, _own_shift(call), call.body["counted_microunits"])
    return 200, _report(call, told)


def close(call: Call) -> Answer:
    """Close a shift."""
    return 200, _report(call, shifts.close_shift(call.office, call.actor, _own_shift(call)))


def _meter(number: int) -> Meter:
    row = Meter.objects.filter(number=number).first()
    if row is None:
        raise not_found(f"there is no meter {number} in the record")
    return row


def _sale(call: Call) -> Sale:
    row = Sale.objects.select_related("shop", "customer").filter(pk=call.names["sale"], shop=call.shop).first()
    if row is None:
        raise not_found(f"there is no sale {call.names['sale']} in shop {call.shop.number}")
    return row


def _own_shift(call: Call) -> Shift:
    row = Shift.objects.select_related("till__shop").filter(pk=call.names["shift"], till__shop=call.shop).first()
    if row is None:
        raise not_found(f"there is no shift {call.names['shift']} in shop {call.shop.number}")
    return row


def _sale_request(call: Call, key: str) -> SaleRequest:
    wish = call.body["wish"]
    return SaleRequest(
        client_key=key,
        shift=call.body["shift"],
        meter_number=call.body["meter"],
        card="",
        carrier=call.body.get("carrier", DIGITS),
        wish=Wish(
            wish["what"],
            wish.get("gross_microunits", 0),
            wish.get("quantity", 0),
            wish.get("daily_mwh", 0),
            wish.get("days", 0),
        ),
        payment_type=call.body.get("payment_type", CASH),
    )


def _places(which: Q) -> "QuerySet[Tenancy]":
    return Tenancy.objects.select_related("premises").filter(which, until_s=None)


def _customer(row: Customer, places: "QuerySet[Tenancy]") -> dict:
    return {
        "customer": row.number,
        "name": row.name,
        "homes": [
            {"premises": one.premises.name, "meter": one.meter_number}
            for one in places
            if one.customer_id == row.pk  # type: ignore[attr-defined]
        ],
    }


def _quote(call: Call, told: Quote) -> dict:
    return {
        "meter": told.person.meter_number,
        "customer": told.person.number,
        "customer_name": told.person.name,
        "premises": told.person.premises,
        "contract": told.person.contract,
        "balance": told.person.balance,
        "balance_told": _told(call, told.person.told_s),
        "currency": told.currency,
        "gross_microunits": told.gross_microunits,
        "tax_microunits": told.tax_microunits,
        "debt_microunits": told.debt_microunits,
        "tokens": list(told.tokens),
        "lines": list(map(line_document, told.lines)),
    }


def _sold(call: Call, made: Sold) -> dict:
    row = made.sale
    return {
        "sale": row.pk,
        "receipt": row.receipt_number,
        "shop": call.shop.number,
        "kind": row.kind,
        "state": row.state,
        "trouble": made.trouble,
        "time": time_text(row.time_s, call.shop.time_zone),
        "business_day": row.business_day.isoformat(),
        "operator": row.operator,
        "meter": row.meter_number,
        "carrier": row.carrier,
        "payment_type": row.payment_type,
        "currency": row.currency,
        "gross_microunits": row.gross_microunits,
        "tax_microunits": row.tax_microunits,
        "digits": list(made.digits),
        "reverses": row.reverses_id,  # type: ignore[attr-defined]
        "lines": list(map(line_document, made.lines)),
    }


def _shift(call: Call, row: Shift) -> dict:
    return {
        "shift": row.pk,
        "till": row.till.number,
        "operator": row.operator,
        "opened": time_text(row.opened_s, call.shop.time_zone),
        "closed": None if row.closed_s is None else time_text(row.closed_s, call.shop.time_zone),
        "float_microunits": row.float_microunits,
        "z_number": row.z_number,
    }


def _report(call: Call, told: ShiftReport) -> dict:
    return _shift(call, told.shift) | report_document(told)


def _told(call: Call, told_s: int | None) -> str | None:
    return time_text(told_s, call.shop.time_zone) if told_s else None
