"""Sales: a quote, the sale itself, and what is owed to a card.

A sale is in the record with its receipt, its ledger entry and its tokens in one transaction, and after that it is
written to the card. A write that fails leaves the sale in the state SOLD: owed to the card, offered first at the next
read. The caller makes up a `client_key` for each sale, unique in the shop. The same request again is the same sale, and
a different one under the same key is refused.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import IntegrityError, transaction

from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import post
from wattpurse_tools.office import audit, books, shifts, tariff_rides
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.office.receipts import Buyer, Paper, lines_of, locked_shop, write_receipt
from wattpurse_tools.office.sale_plan import Plan, Terms, plan_sale
from wattpurse_tools.office.sale_types import (
    CARD,
    CASH,
    DAYS,
    DEBT,
    DIGITS,
    DISPENSE,
    ENERGY,
    FEE,
    FREE,
    KEY_CARD,
    MONEY,
    NONE,
    PAYMENT_TYPES,
    PERMIT,
    REDEEMED_AFTER_VOID,
    REFUND,
    SALE,
    SOLD,
    VOID,
    VOIDED,
    VOIDING,
    WRITTEN,
    Line,
    Person,
    Quote,
    SaleRequest,
    Sold,
    Tax,
    Wish,
)
from wattpurse_tools.office.tokens import (
    Destination,
    locked_meter,
    make_tokens,
    note_card,
    outstanding,
    refuse_digits,
    usable_meter,
)
from wattpurse_tools.office.wishes import order_of, permit_end_s, refuse_useless, wishes_of
from wattpurse_tools.record.models import Card, Meter, Sale, Shift, Site, Tenancy, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import Order

__all__ = [
    "CARD",
    "CASH",
    "DAYS",
    "DEBT",
    "DIGITS",
    "DISPENSE",
    "ENERGY",
    "FEE",
    "FREE",
    "KEY_CARD",
    "MONEY",
    "NONE",
    "PAYMENT_TYPES",
    "PERMIT",
    "REDEEMED_AFTER_VOID",
    "REFUND",
    "SALE",
    "SOLD",
    "VOID",
    "VOIDED",
    "VOIDING",
    "WRITTEN",
    "Line",
    "Person",
    "Quote",
    "SaleRequest",
    "Sold",
    "Tax",
    "Wish",
    "full_key",
    "owed_to_card",
    "person_at",
    "quote",
    "sell",
    "sold",
    "wishes_of",
    "write_owed",
]

_CUSTOMER = "customer"
_KEY_LENGTH = 60


@dataclass(frozen=True)
class _Prepared:
    """A sale that is worked out and not made: `orders` become tokens, the planned tariff of the meter in front."""

    meter: Meter
    tenancy: Tenancy | None
    currency: str
    plan: Plan
    orders: tuple[Order, ...]
    debt_microunits: int


def quote(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Quote:
    """Return what a sale would be. Nothing is changed. Right: sell, in the shop. Raise ValueError if it is refused."""
    shift = shifts.selling_shift(actor, request.shift)
    _refuse_request(request)
    seen = _look(request, reader)
    meter = usable_meter(Meter.objects.filter(number=request.meter_number).first(), request.meter_number)
    prepared = _prepare(actor, request, shift, meter, int(time.time()))
    _refuse_card(request, seen, prepared)
    if request.carrier == DIGITS:
        refuse_digits(office, meter, prepared.orders[-1])
    shifts.refuse_over_limit(shift.till.shop, prepared.plan.gross_microunits, prepared.currency, request.payment_type)
    return Quote(
        _person(meter, prepared.tenancy),
        prepared.currency,
        prepared.plan.lines,
        tuple(order.words or _credit_words(prepared.plan) for order in prepared.orders),
        tuple(owed_to_card(request.card)) if request.card else (),
        prepared.debt_microunits,
    )


def sell(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Sold:
    """Sell, write the card at the `reader`, and return the sale. Right: sell, in the shop.

    Raise ValueError, with no change, if the sale is refused.
    """
    shift = shifts.shift_of(actor, request.shift)
    _refuse_request(request)
    digest = request_hash(request)
    made = _made_before(full_key(shift, request.client_key), digest)
    if made is None:
        seen = _look(request, reader)
        try:
            with transaction.atomic():
                made = _book(office, actor, request, digest, seen)
        except IntegrityError:  # another process made it in the same moment
            made = _made_before(full_key(shift, request.client_key), digest)
            if made is None:
                raise
    return _to_card(made, reader)


def owed_to_card(card: str) -> list[Sale]:
    """Return the sales that are not on the card of this UID yet, oldest first."""
    rows = Sale.objects.filter(card_uid=card, state=SOLD, carrier=CARD, tokens__state=orders.ISSUED)
    return list(rows.order_by("pk").distinct())


def write_owed(office: Office, actor: Actor, reader: Reader) -> list[Sold]:
    """Write what is owed to the card at the reader. Return the sales that were owed. Right: sell.

    Raise OSError if the card could not be written. The sales are owed to it as before.
    """
    actor.require("sell")
    seen = reader.read()
    if seen.trouble:
        raise ValueError(seen.trouble)
    owed = owed_to_card(seen.uid)
    if owed:
        reader.write()
        _mark_written(seen.uid)
        with transaction.atomic():
            audit.note(actor, "written to card", f"card:{seen.uid}", sales=[sale.pk for sale in owed])
    return [sold(Sale.objects.get(pk=sale.pk)) for sale in owed]


def sold(sale: Sale, office: Office | None = None, actor: Actor | None = None) -> Sold:
    """Return a sale with its lines and tokens, for a reprint. With an office, digits are told again."""
    tokens = tuple(Token.objects.filter(sale=sale).order_by("sequence"))
    digits: tuple[str, ...] = ()
    if sale.carrier == DIGITS and office is not None and actor is not None:
        digits = _digits(office, actor, tokens)
    return Sold(sale, tokens, digits, is_repeat=True, lines=lines_of(sale))


def person_at(meter_number: int) -> Person | None:
    """Return the customer at a meter, to confirm, or None if the meter is not known."""
    meter = Meter.objects.filter(number=meter_number).first()
    return None if meter is None else _person(meter, _tenancy(meter))


def full_key(shift: Shift, client_key: str) -> str:
    """Return a caller's key as it is kept: keys of two shops are never the same."""
    return f"{shift.till.shop.number}:{client_key}"


def request_hash(request: object) -> str:
    """Return the hash of a request, by which a retry is known from a different one under the same key."""
    return hashlib.sha256(json.dumps(asdict(request), sort_keys=True).encode()).hexdigest()  # type: ignore[call-overload]


def _book(office: Office, actor: Actor, request: SaleRequest, digest: str, seen: CardSeen | None) -> Sold:
    """Make the sale in the open transaction: receipt, tokens, entries. Locks go from meter to shift to shop."""
    meter = locked_meter(request.meter_number)
    shift = shifts.selling_shift(actor, request.shift, is_locked=True)
    made = _made_before(full_key(shift, request.client_key), digest)
    if made is not None:
        return made
    time_s = int(time.time())
    prepared = _prepare(actor, request, shift, meter, time_s)
    _refuse_card(request, seen, prepared)
    if request.carrier == DIGITS:
        refuse_digits(office, meter, prepared.orders[-1])
    shop = locked_shop(shift.till.shop.pk)
    shifts.refuse_over_limit(shop, prepared.plan.gross_microunits, prepared.currency, request.payment_type)
    state = SOLD if request.carrier == CARD else WRITTEN
    paper = Paper(full_key(shift, request.client_key), SALE, state, prepared.currency, request.payment_type, digest)
    buyer = Buyer(prepared.tenancy, meter.number, request.card, request.carrier)
    sale = write_receipt(shop, shift, actor, time_s, paper, buyer, prepared.plan.lines)
    to = Destination(request.card, sale, prepared.tenancy)
    if seen is not None:
        note_card(office, actor, seen)
        tariff_rides.join(meter, request.card)
    tokens = make_tokens(office, actor, meter, prepared.orders, to)
    tariff_rides.made(meter, tokens)
    account = books.till_account(shop, shift, request.payment_type)
    tenancy = 0 if prepared.tenancy is None else prepared.tenancy.pk
    moves = books.paid(prepared.plan.lines, account, prepared.currency, tenancy)
    moves += books.credited(chart.SALE, chart.meter(meter.number), prepared.plan.unit, prepared.plan.amount)
    post(f"sale:{sale.pk}", SALE, moves, books.event_of(sale))
    digits = _digits(office, actor, tokens) if request.carrier == DIGITS else ()
    audit.note(actor, SALE, f"sale:{sale.pk}", meter=meter.number, gross=sale.gross_microunits, shop=shop.number)
    return Sold(sale, tuple(tokens), digits, lines=prepared.plan.lines)


def _prepare(actor: Actor, request: SaleRequest, shift: Shift, meter: Meter, time_s: int) -> _Prepared:
    refuse_useless(meter, request.wish)
    site = Site.objects.get()
    if meter.currency != site.currency and request.wish.what == MONEY:
        raise ValueError(f"meter {meter.number} counts in {meter.currency}, and this office sells in {site.currency}")
    tenancy = _tenancy(meter)
    debt = 0 if tenancy is None else balances.balance(chart.debt(tenancy.pk), site.currency)
    terms = Terms(
        site.currency,
        site.decimals,
        None if tenancy is None else tenancy.customer.customer_type_id,  # type: ignore[attr-defined]
        time_s,
        business_day(shift.till.shop, time_s),
        debt,
        site.debt_share_ppm,
    )
    plan = plan_sale(request.wish, terms)
    from_s = permit_end_s(meter, time_s) if request.wish.what == PERMIT else time_s
    riding = () if request.carrier == DIGITS else tariff_rides.orders_for(meter, actor, time_s)
    made_of = (*riding, order_of(request.wish, plan.amount, from_s))
    return _Prepared(meter, tenancy, site.currency, plan, made_of, debt)


def _refuse_request(request: SaleRequest) -> None:
    if not 1 <= len(request.client_key) <= _KEY_LENGTH or not request.client_key.isprintable():
        raise ValueError(f"a sale needs a key of the caller, of 1 to {_KEY_LENGTH} letters")
    if request.carrier not in (CARD, DIGITS, NONE):
        raise ValueError(f"{request.carrier}: a sale is carried by one of {', '.join((CARD, DIGITS, NONE))}")
    if (request.carrier == CARD) != bool(request.card):
        raise ValueError("a sale on a card names the card's UID, and no other sale does")
    if request.payment_type not in PAYMENT_TYPES:
        raise ValueError(f"{request.payment_type}: pay by one of {', '.join(PAYMENT_TYPES)}")


def _look(request: SaleRequest, reader: Reader | None) -> CardSeen | None:
    """Read the card for the sale. What the card proves is in the record after that."""
    if request.carrier != CARD or reader is None:
        return None
    return reader.read()


def _refuse_card(request: SaleRequest, seen: CardSeen | None, prepared: _Prepared) -> None:
    """Raise ValueError if the tokens cannot go on the card that is named."""
    if request.carrier != CARD:
        return
    if seen is None:
        raise ValueError("a sale on a card needs the card at the reader")
    if seen.uid != request.card:
        raise ValueError("another card is on the reader now; put the customer's card there and begin anew")
    if seen.trouble:
        raise ValueError(seen.trouble)
    if seen.role != _CUSTOMER:
        raise ValueError(f"this is a card of the role {seen.role or 'blank'}; sell on the customer's card")
    if seen.meter_number != request.meter_number:
        raise ValueError(f"the card is for meter {seen.meter_number}, not for meter {request.meter_number}")
    row = Card.objects.filter(pk=seen.uid).first()
    if row is not None and row.state != "active":
        raise ValueError(f"the card is {row.state} in the record; give the customer another one")
    waiting = [one for one in outstanding(prepared.meter) if one.card == seen.uid]
    size = sum(len(one.sealed) for one in waiting)
    size += sum(order.sealed_size for order in prepared.orders)
    if size > seen.content.room:
        raise ValueError(
            "the card has no room beside what it carries; tap it at its meter first, or sell by twenty digits"
        )


def _made_before(key: str, digest: str) -> Sold | None:
    """Return the sale of a caller's key, or None. Raise ValueError if it was made for another request."""
    sale = Sale.objects.select_related("shop").filter(client_key=key).first()
    if sale is None:
        return None
    if sale.request_hash != digest:
        raise ValueError(
            f"receipt {sale.receipt_number} was sold under this key with another content; begin a new sale"
        )
    return sold(sale)


def _to_card(made: Sold, reader: Reader | None) -> Sold:
    """Write a sale to its card, if it is owed to it. A failure is told in `trouble`, and the sale stays sold."""
    sale = made.sale
    if sale.state != SOLD:
        return made
    trouble = "sold, and not on the card yet: put the card on the reader"
    if reader is not None:
        try:
            reader.write()
            _mark_written(sale.card_uid)
            sale.state, trouble = WRITTEN, ""
        except (OSError, ValueError) as error:
            trouble = f"sold, and not on the card: {error}; it is offered first at the next read of the card"
    return Sold(sale, made.tokens, made.digits, trouble, made.is_repeat, made.lines)


def _mark_written(card: str) -> None:
    Sale.objects.filter(card_uid=card, carrier=CARD, state=SOLD).update(state=WRITTEN)


def _digits(office: Office, actor: Actor, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(
        office.keys.digits(actor.ticket, one.meter_id, bytes(one.sealed))  # type: ignore[attr-defined]
        for one in tokens
    )


def _tenancy(meter: Meter) -> Tenancy | None:
    rows = Tenancy.objects.select_related("customer", "premises")
    return rows.filter(meter_number=meter.number, until_s=None).first()


def _person(meter: Meter, tenancy: Tenancy | None) -> Person:
    name, number, premises = "", 0, ""
    if tenancy is not None:
        name, number, premises = tenancy.customer.name, tenancy.customer.number, tenancy.premises.name
    return Person(name, number, premises, meter.number, meter.contract or meter.unit or "", meter.balance, meter.told_s)


def _credit_words(plan: Plan) -> str:
    return plan.lines[0].text
