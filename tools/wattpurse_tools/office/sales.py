"""Sales: the quote, the sale itself, and sales that are owed to a card.

A sale is in the record with its receipt, its ledger entry and its tokens in one transaction, and after that it is
written to the card. A write that fails leaves the sale in the state SOLD: owed to the card, offered first at the next
read. The caller makes up a `client_key` for each sale, unique in the shop. The same request again is the same sale, and
a different one under the same key is refused.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse.cards.desfire_key_card import HIGHEST_VALUE, UNIT
from wattpurse.core.money.key_card import AMOUNT_LIMIT
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.compiled_queries import CompiledRows, CompiledValues
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import post_new
from wattpurse_tools.office import audit, books, learning, shifts, tariff_rides
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import bounds_s, business_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.open_accounts import open_account
from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.office.receipts import Buyer, Paper, lines_of, write_receipt
from wattpurse_tools.office.sale_plan import Plan, Terms, plan_free, plan_sale
from wattpurse_tools.office.sale_types import (
    CARD,
    DIGITS,
    FREE,
    KEY_CARD,
    MONEY,
    NONE,
    PAYMENT_TYPES,
    PERMIT,
    SALE,
    SOLD,
    WRITTEN,
    Person,
    Quote,
    SaleRequest,
    Sold,
    Wish,
    provider_of,
)
from wattpurse_tools.office.tokens import (
    Destination,
    locked_row,
    make_tokens,
    note_card,
    outstanding,
    refuse_digits,
    usable_meter,
)
from wattpurse_tools.office.wishes import order_of, permit_end_s, refuse_useless
from wattpurse_tools.record.models import (
    Card,
    Customer,
    KeyCard,
    KeyCardSale,
    Meter,
    Sale,
    Shift,
    Shop,
    Site,
    Tenancy,
    Token,
)
from wattpurse_tools.refusals import Money, Refusal, Words, all_of, words_of
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault import interface as vault

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FREE_ON_KEY_CARD = "free credit on a key card"

_CUSTOMER = "customer"
_CARRIERS = (CARD, DIGITS, NONE, KEY_CARD)
_ON_CARDS = (CARD, KEY_CARD)
_KEY_LENGTH = 60

_SITE = CompiledRows(Site, lambda: Site.objects.all())
_TENANCY_AT = CompiledRows(Tenancy, lambda meter: Tenancy.objects.filter(meter_number=meter, until_s=None), 1)
_CUSTOMER_OF = CompiledRows(Customer, lambda key: Customer.objects.filter(pk=key), 1)
_SALES_OF_KEY = CompiledValues(lambda key: Sale.objects.filter(client_key=key).values_list("pk"), "key")


@dataclass(frozen=True)
class _How:
    """The way of a sale: the `kind` of its receipt, the `approval` of a free issue, and the reason for it.

    A trial sale tells the customer's debt even if it recovers none.
    """

    kind: str = SALE
    approval: str | None = None
    reason: str = ""
    is_trial: bool = False

    @property
    def is_free(self) -> bool:
        """True if nothing is paid."""
        return self.kind == FREE


@dataclass(frozen=True)
class _Prepared:
    """A sale that is worked out and not made: `orders` become tokens, the planned tariff of the meter in front.

    `waiting` are the outstanding tokens of the meter.
    """

    meter: Meter
    tenancy: Tenancy | None
    currency: str
    plan: Plan
    orders: tuple[Order, ...]
    debt_microunits: int
    waiting: tuple[Token, ...]


def quote(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Quote:
    """Return a trial sale. Nothing is changed. Right: sell, in the shop. Raise ValueError if it is refused."""
    shift = shifts.selling_shift(actor, request.shift)
    _refuse_request(request)
    seen = _look(request, reader)
    if request.carrier == KEY_CARD:
        return _quote_key_card(office, request, shift, seen)
    meter = usable_meter(Meter.objects.filter(number=request.meter_number).first(), request.meter_number)
    prepared = _prepare(office, actor, request, shift, meter, int(time.time()), _How(is_trial=True))
    _refuse_card(request, seen, prepared)
    if request.carrier == DIGITS:
        refuse_digits(office, meter, prepared.orders[-1], prepared.waiting)
    shifts.refuse_over_limit(shift.till.shop, prepared.plan.gross_microunits, request.payment_type)
    return Quote(
        _person(meter, prepared.tenancy),
        prepared.currency,
        prepared.plan.lines,
        tuple(order.words or _credit_words(prepared.plan) for order in prepared.orders),
        tuple(owed_to_card(request.card)) if request.card else (),
        prepared.debt_microunits,
    )


def _quote_key_card(office: Office, request: SaleRequest, shift: Shift, seen: CardSeen | None) -> Quote:
    row = KeyCard.objects.filter(pk=request.card).first()
    _refuse_key_card(office, request, seen, row)
    site = Site.objects.get()
    plan = plan_sale(request.wish, terms_of(site, shift.till.shop, int(time.time())))
    shifts.refuse_over_limit(shift.till.shop, plan.gross_microunits, request.payment_type)
    user = 0 if row is None else row.user
    balance = None if row is None else row.loaded - row.spent
    person = Person(f"user {user}", user, "", 0, KEY_CARD, balance)
    return Quote(person, site.currency, plan.lines, (plan.lines[0].text,), tuple(owed_to_card(request.card)))


def sell(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Sold:
    """Sell, write the card at the `reader`, and return the sale. Right: sell, in the shop.

    Raise ValueError, with no change, if the sale is refused.
    """
    return _sell(office, actor, request, reader, _How())


def free_issue(
    office: Office,
    actor: Actor,
    request: SaleRequest,
    reason: str,
    reader: Reader | None = None,
    approval: str | None = None,
) -> Sold:
    """Give credit for nothing, for a reason, such as the quantity that was lost in a fault. Right: order.

    The vault wants a second person: it raises ApprovalNeeded, which `approvals.propose` takes. It is a receipt of the
    shop over nothing. Retries, carriers and refusals are those of a sale.
    """
    actor.require("order")
    if not reason.strip():
        raise Refusal("write the reason of the free issue")
    return _sell(office, actor, request, reader, _How(FREE, approval, reason.strip()))


def _sell(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None, how: _How) -> Sold:
    actor.require("sell")
    _refuse_request(request)
    digest = request_hash(request, how.kind)
    made, seen = None, None
    if reader is not None and request.carrier in _ON_CARDS:
        made = made_before(full_key(shifts.shift_of(actor, request.shift), request.client_key), digest)
    if made is None:
        seen = _look(request, reader)
        try:
            with transaction.atomic():
                if request.carrier == KEY_CARD:
                    made = _book_key_card(office, actor, request, digest, seen, how)
                else:
                    made = _book(office, actor, request, digest, seen, how)
        except IntegrityError:  # another process made it in the same moment
            shift = shifts.shift_of(actor, request.shift)
            made = made_before(full_key(shift, request.client_key), digest)
            if made is None:
                raise
    return to_card(made, reader)


def owed_to_card(card: str) -> list[Sale]:
    """Return the sales that are not on the card of this UID yet, oldest first."""
    is_owed = Q(carrier=CARD, tokens__state=orders.ISSUED) | Q(carrier=KEY_CARD)
    return list(Sale.objects.filter(is_owed, card_uid=card, state=SOLD).order_by("pk").distinct())


def write_owed(office: Office, actor: Actor, reader: Reader) -> list[Sold]:
    """Write the sales that are owed to the card at the reader. Return the sales that were owed. Right: sell.

    Raise OSError if the card could not be written. The sales are owed to it as before.
    """
    actor.require("sell")
    seen = learning.look(reader)
    if seen.trouble:
        raise Refusal(seen.trouble)
    owed = owed_to_card(seen.uid)
    if owed:
        reader.write()
        mark_written(seen.uid)
        with transaction.atomic():
            audit.note(actor, "written to card", f"card:{seen.uid}", sales=[sale.pk for sale in owed])
    return [sold(Sale.objects.get(pk=sale.pk)) for sale in owed]


def sold(sale: Sale, office: Office | None = None, actor: Actor | None = None) -> Sold:
    """Return a sale with its lines and tokens, for a reprint. With an office, it has the digits too."""
    tokens = tuple(Token.objects.filter(sale=sale).order_by("sequence"))
    digits: tuple[str, ...] = ()
    if sale.carrier == DIGITS and office is not None and actor is not None:
        digits = _digits(office, actor, sale.meter_number, tokens)
    return Sold(sale, tokens, digits, is_repeat=True, lines=lines_of(sale))


def person_at(meter_number: int) -> Person | None:
    """Return the customer at a meter, to confirm, or None if the meter is not known."""
    meter = Meter.objects.filter(number=meter_number).first()
    return None if meter is None else _person(meter, tenancy_at(meter.number))


def full_key(shift: Shift, client_key: str) -> str:
    """Return a caller's key as it is kept: keys of two shops are never the same."""
    return f"{shift.till.shop.number}:{client_key}"


def request_hash(request: "DataclassInstance", kind: str) -> str:
    """Return the hash of a request, by which a retry is known from a different one under the same key."""
    return hashlib.sha256(json.dumps([kind, asdict(request)], sort_keys=True).encode()).hexdigest()


def _book(office: Office, actor: Actor, request: SaleRequest, digest: str, seen: CardSeen | None, how: _How) -> Sold:
    """Make the sale in the open transaction: receipt, tokens, entries. Locks go from meter to shift to shop."""
    row = locked_row(request.meter_number)
    shift = shifts.shift_of(actor, request.shift, is_locked=True)
    made = made_before(full_key(shift, request.client_key), digest)
    if made is not None:
        return made
    shifts.refuse_selling(actor, shift)
    meter = usable_meter(row, request.meter_number)
    time_s = int(time.time())
    prepared = _prepare(office, actor, request, shift, meter, time_s, how)
    _refuse_card(request, seen, prepared)
    if request.carrier == DIGITS:
        refuse_digits(office, meter, prepared.orders[-1], prepared.waiting)
    shop = shift.till.shop
    shifts.refuse_over_limit(shop, prepared.plan.gross_microunits, request.payment_type)
    state = SOLD if request.carrier == CARD else WRITTEN
    paper = Paper(
        full_key(shift, request.client_key),
        how.kind,
        state,
        prepared.currency,
        request.payment_type,
        digest,
    )
    buyer = Buyer(prepared.tenancy, meter.number, request.card, request.carrier)
    sale = write_receipt(shop, shift, actor, time_s, paper, buyer, prepared.plan.lines)
    waiting: Sequence[Token] = prepared.waiting
    if seen is not None:
        note_card(office, actor, seen, meter, waiting)
        if tariff_rides.join(request.card, waiting):
            waiting = outstanding(meter)
    to = Destination(request.card, sale, prepared.tenancy, has_digits=request.carrier == DIGITS)
    purpose = vault.FREE if how.is_free else vault.SALE
    tokens = make_tokens(office, actor, meter, prepared.orders, to, purpose, how.approval, waiting)
    tariff_rides.made(meter, tokens)
    tenancy = 0 if prepared.tenancy is None else prepared.tenancy.pk
    _post(sale, prepared.plan, chart.meter(meter.number), shift, tenancy, how)
    digits = tuple(one.digits for one in tokens) if to.has_digits else ()
    _note(actor, sale, how)
    return Sold(sale, tuple(tokens), digits, lines=prepared.plan.lines)


def _book_key_card(
    office: Office, actor: Actor, request: SaleRequest, digest: str, seen: CardSeen | None, how: _How
) -> Sold:
    """Load a key card in the record, in the open transaction. The card is written after that."""
    row = KeyCard.objects.select_for_update().filter(pk=request.card).first()
    shift = shifts.shift_of(actor, request.shift, is_locked=True)
    made = made_before(full_key(shift, request.client_key), digest)
    if made is not None:
        return made
    shifts.refuse_selling(actor, shift)
    _refuse_key_card(office, request, seen, row)
    time_s, site = int(time.time()), Site.objects.get()
    plan = _plan(request.wish, terms_of(site, shift.till.shop, time_s), how)
    shop = shift.till.shop
    shifts.refuse_over_limit(shop, plan.gross_microunits, request.payment_type)
    paper = Paper(full_key(shift, request.client_key), how.kind, SOLD, site.currency, request.payment_type, digest)
    sale = write_receipt(shop, shift, actor, time_s, paper, Buyer(None, 0, request.card, KEY_CARD), plan.lines)
    loaded = Station(office.keys, actor).key_cards.load(
        bytes.fromhex(request.card), plan.amount, time_s, actor.operator
    )
    KeyCardSale.objects.filter(pk=loaded.pk).update(sale=sale)
    if how.is_free:
        document = {"card": request.card, "amount": plan.amount, "key": paper.client_key}
        office.keys.use_approval(actor.ticket, FREE_ON_KEY_CARD, document, how.approval)
    _post(sale, plan, chart.key_card(request.card), shift, 0, how)
    _note(actor, sale, how)
    return Sold(sale, (), lines=plan.lines)


def _post(sale: Sale, plan: Plan, credit_of: str, shift: Shift, tenancy: int, how: _How) -> None:
    """Book the money and the credit of a sale."""
    account = books.till_account(sale.shop, shift, sale.payment_type)
    moves = books.paid(plan.lines, account, sale.currency, tenancy)
    moves += books.credited(chart.FREE if how.is_free else chart.SALE, credit_of, plan.unit, plan.amount)
    post_new(f"sale:{sale.pk}", how.kind, moves, books.event_of(sale, how.reason))


def _note(actor: Actor, sale: Sale, how: _How) -> None:
    detail = {"reason": how.reason} if how.is_free else {}
    audit.note(
        actor,
        how.kind,
        f"sale:{sale.pk}",
        meter=sale.meter_number,
        card=sale.card_uid,
        gross=sale.gross_microunits,
        shop=sale.shop.number,
        **detail,
    )


def _prepare(
    office: Office, actor: Actor, request: SaleRequest, shift: Shift, meter: Meter, time_s: int, how: _How
) -> _Prepared:
    refuse_useless(meter, request.wish)
    (site,) = _SITE.rows()
    if meter.currency != site.currency and request.wish.what == MONEY:
        raise Refusal(
            "meter %(meter)s counts in %(currency)s, and this office sells in %(office_currency)s",
            meter=meter.number,
            currency=meter.currency,
            office_currency=site.currency,
        )
    tenancy = _TENANCY_AT.first(meter.number)
    if tenancy is not None:
        (tenancy.customer,) = _CUSTOMER_OF.rows(tenancy.customer_id)  # type: ignore[attr-defined]
    terms = terms_of(site, shift.till.shop, time_s, tenancy, how.is_trial)
    plan = _plan(request.wish, terms, how)
    day_end_s = bounds_s(shift.till.shop, business_day(shift.till.shop, time_s))[1]
    from_s = permit_end_s(meter, day_end_s) if request.wish.what == PERMIT else time_s
    riding = () if request.carrier == DIGITS else tariff_rides.orders_for(office, meter, actor, time_s)
    made_of = (*riding, order_of(request.wish, plan.amount, from_s))
    return _Prepared(meter, tenancy, site.currency, plan, made_of, terms.debt_microunits, tuple(outstanding(meter)))


def terms_of(site: Site, shop: Shop, time_s: int, tenancy: Tenancy | None = None, is_trial: bool = False) -> Terms:
    """Return the terms of a sale. A sale that recovers no debt needs none in them, and a trial sale tells it."""
    tells_debt = is_trial or site.debt_share_ppm > 0
    return Terms(
        site.currency,
        site.decimals,
        None if tenancy is None else tenancy.customer.customer_type_id,  # type: ignore[attr-defined]
        time_s,
        business_day(shop, time_s),
        balances.balance(chart.debt(tenancy.pk), site.currency) if tenancy is not None and tells_debt else 0,
        site.debt_share_ppm,
    )


def _plan(wish: Wish, terms: Terms, how: _How) -> Plan:
    return plan_free(wish, terms.currency) if how.is_free else plan_sale(wish, terms)


def _refuse_request(request: SaleRequest) -> None:
    if not 1 <= len(request.client_key) <= _KEY_LENGTH or not request.client_key.isprintable():
        raise Refusal("a sale needs a key of the caller, of 1 to %(limit)s letters", limit=_KEY_LENGTH)
    if request.carrier not in _CARRIERS:
        raise Refusal(
            "%(carrier)s: a sale is carried by one of %(possible)s",
            carrier=request.carrier,
            possible=", ".join(_CARRIERS),
        )
    if (request.carrier in _ON_CARDS) != bool(request.card):
        raise Refusal("a sale on a card names the card's UID, and no other sale does")
    if request.carrier == KEY_CARD and (request.wish.what != MONEY or request.meter_number):
        raise Refusal("a key card takes money, and belongs to no meter")
    if request.payment_type not in PAYMENT_TYPES and not provider_of(request.payment_type):
        raise Refusal(
            "%(payment_type)s: pay by one of %(possible)s",
            payment_type=request.payment_type,
            possible=", ".join(PAYMENT_TYPES),
        )


def _look(request: SaleRequest, reader: Reader | None) -> CardSeen | None:
    """Read the card for the sale. The record has the facts of its statement after that."""
    if request.carrier not in _ON_CARDS or reader is None:
        return None
    return learning.look(reader)


def _refuse_card(request: SaleRequest, seen: CardSeen | None, prepared: _Prepared) -> None:
    """Raise ValueError if the tokens cannot go on the card that is named."""
    if request.carrier != CARD:
        return
    if seen is None:
        raise Refusal("a sale on a card needs the card at the reader")
    if seen.uid != request.card:
        raise Refusal("another card is on the reader now; put the customer's card there and begin anew")
    if seen.trouble:
        raise Refusal(seen.trouble)
    if seen.role != _CUSTOMER:
        raise Refusal(
            "this is a card of the role %(role)s; sell on the customer's card",
            role=Words(seen.role or "blank"),
        )
    if seen.meter_number != request.meter_number:
        raise Refusal(
            "the card is for meter %(meter)s, not for meter %(other_meter)s",
            meter=seen.meter_number,
            other_meter=request.meter_number,
        )
    row = Card.objects.filter(pk=seen.uid).first()
    if row is not None and row.state != "active":
        raise Refusal("the card is %(state)s in the record; give the customer another one", state=Words(row.state))
    waiting = [one for one in prepared.waiting if one.card == seen.uid]
    size = sum(len(one.sealed) for one in waiting)
    size += sum(order.sealed_size for order in prepared.orders)
    if size > seen.content.room:
        advice = Words("tap it at its meter first, or sell by twenty digits")
        if not seen.content.tells_back:
            advice = Words(
                "this kind has no room for a statement that would clear it: use a new card, or sell by twenty digits"
            )
        raise Refusal(
            "the card has no room beside %(tokens)s; %(advice)s",
            tokens=_numbers(waiting),
            advice=advice,
        )


def _numbers(tokens: Sequence[Token]) -> str:
    """Return the tokens of a card in words."""
    numbers = [Words("token %(number)s", number=number_text(one.sequence)) for one in tokens]
    return all_of(numbers) if numbers else Words("its own head")


def _refuse_key_card(office: Office, request: SaleRequest, seen: CardSeen | None, row: KeyCard | None) -> None:
    if seen is None or seen.uid != request.card or seen.role != KEY_CARD:
        raise Refusal("put the customer's key card on the reader, and begin anew")
    if seen.trouble:
        raise Refusal(seen.trouble)
    if row is None:
        raise Refusal("this key card is not in the record; make a new one")
    amount = request.wish.gross_microunits or request.wish.quantity
    if row.loaded + amount > AMOUNT_LIMIT:
        raise Refusal("the key card cannot hold that much")
    if seen.kind == DESFIRE:
        if row.loaded - row.spent + amount > HIGHEST_VALUE * UNIT:
            raise Refusal("the key card cannot hold that much")
        return
    limit = office.keys.memory_card_microunits
    if limit is not None and row.loaded - row.spent + amount > limit:
        raise Refusal(
            "a key card on a memory card holds at most %(most)s here; use a DESFire card",
            most=Money(limit, site_currency()),
        )


def made_before(key: str, digest: str) -> Sold | None:
    """Return the sale of a caller's key, or None. Raise ValueError if it was made for another request."""
    if not _SALES_OF_KEY.rows(key):
        return None
    sale = Sale.objects.select_related("shop").get(client_key=key)
    if sale.request_hash != digest:
        raise Refusal(
            "receipt %(receipt)s was sold under this key with another content; begin a new sale",
            receipt=sale.receipt_number,
        )
    return sold(sale)


def to_card(made: Sold, reader: Reader | None) -> Sold:
    """Write a sale to its card, if it is owed to it. After a failure it stays sold, and `trouble` has the reason."""
    sale = made.sale
    if sale.state != SOLD:
        return made
    trouble = Words("sold, and not on the card yet: put the card on the reader")
    if reader is not None:
        try:
            reader.write()
            mark_written(sale.card_uid)
            sale.state, trouble = WRITTEN, Words("")
        except (OSError, ValueError) as error:
            trouble = Words(
                "sold, and not on the card: %(reason)s; it is offered first at the next read of the card",
                reason=words_of(error),
            )
    return Sold(sale, made.tokens, made.digits, trouble, made.is_repeat, made.lines)


def mark_written(card: str) -> None:
    """Note that the sales which were owed to a card are on it."""
    Sale.objects.filter(card_uid=card, carrier__in=_ON_CARDS, state=SOLD).update(state=WRITTEN)


def _digits(office: Office, actor: Actor, meter_number: int, tokens: Sequence[Token]) -> tuple[str, ...]:
    return tuple(office.keys.digits(actor.ticket, meter_number, bytes(one.sealed)) for one in tokens)


def tenancy_at(meter_number: int) -> Tenancy | None:
    """Return the tenancy at a meter now, or None."""
    return _tenancies_at(meter_number).select_related("customer__customer_type", "premises", "account").first()


def _tenancies_at(meter_number: int) -> "QuerySet[Tenancy]":
    return Tenancy.objects.filter(meter_number=meter_number, until_s=None)


def _person(meter: Meter, tenancy: Tenancy | None) -> Person:
    name, number, premises = "", 0, ""
    if tenancy is not None:
        name, number, premises = tenancy.customer.name, tenancy.customer.number, tenancy.premises.name
    person = Person(name, number, premises, meter.number, meter.contract or meter.unit or "")
    account = open_account(tenancy)
    if account is not None:
        return replace(person, balance=account.balance_microunits, told_s=None)
    return replace(person, balance=meter.balance, told_s=meter.told_s)


def _credit_words(plan: Plan) -> str:
    return plan.lines[0].text
