"""Refunds: the receipts of meters are paid out, or moved to another meter, once and within the proven amounts.

A receipt is the credit that a meter gave back, as its statement says. Only the card that it names may settle it. One in
doubt is settled when two persons have looked into it. The vault marks each receipt as settled, in words with the
caller's key: after a crash a retry of the same refund is known by them, and no other one is paid.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import Move, moved, post
from wattpurse_tools.office import approvals, audit, books, learning, prices, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.prices import Charge
from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.office.receipts import Buyer, Paper, lines_of, write_receipt
from wattpurse_tools.office.sale_types import (
    CARD,
    CASH,
    DAYS,
    DEBT,
    ENERGY,
    MONEY,
    NO_TAX,
    NONE,
    REFUND,
    SOLD,
    WRITTEN,
    Line,
    Sold,
    Tax,
)
from wattpurse_tools.office.sales import full_key, made_before, request_hash, tenancy_at, to_card
from wattpurse_tools.office.tokens import Destination, locked_meter, make_tokens, note_card, outstanding, usable_meter
from wattpurse_tools.office.wishes import DAY_S, energy_text
from wattpurse_tools.record.models import Meter, MeterReceipt, Sale, Shift, Site, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import usefulness
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import Station
from wattpurse_tools.station.token_record import contracts_to_come
from wattpurse_tools.vault import interface as vault
from wattpurse_tools.vault.actions import SETTLE

MOVED = "moved"
_UNITS = {MONEY: contracts.MONEY, ENERGY: contracts.ENERGY}
_MILLION = 1_000_000


@dataclass(frozen=True)
class RefundRequest:
    """A refund of the receipts `sequences` of a meter, in an open shift, with the card at the reader.

    `to_meter` is the meter that the credit moves to, or 0 to pay it out. `approvals` are requests that were approved.
    """

    client_key: str
    shift: int
    meter_number: int
    sequences: tuple[int, ...]
    to_meter: int = 0
    approvals: tuple[str, ...] = ()

    def without_approvals(self) -> "RefundRequest":
        """Return the request as it was before anybody approved it: it is the same request."""
        return RefundRequest(self.client_key, self.shift, self.meter_number, self.sequences, self.to_meter)


@dataclass(frozen=True)
class Owed:
    """The sum of receipts: money less debt in micro-units, energy and time of a term."""

    money: int
    energy_mwh: int
    debt: int
    term_s: int


def take_out(
    office: Office,
    actor: Actor,
    unit: str,
    amount: int,
    reader: Reader,
    approval: str | None = None,
) -> Token:
    """Put a token on the customer's card that takes credit out of its meter: `amount` of a unit, or 0 for all.

    The meter tells the receipt when the card was tapped there, and `refund` settles it with the same card. Right:
    order. The vault wants a second person: it raises ApprovalNeeded.
    """
    actor.require("order")
    if unit not in _UNITS or amount < 0:
        raise ValueError(f"take out {' or '.join(_UNITS)}, an amount of zero or more; zero takes all")
    seen = learning.look(reader)
    if seen.trouble:
        raise ValueError(seen.trouble)
    card = card_number(bytes.fromhex(seen.uid))
    said = f"take back all {unit}" if amount == 0 else f"take back {amount} of {unit}"
    order = Order(token.REFUND, (_UNITS[unit], amount, card), said, card=card)
    with transaction.atomic():
        meter = locked_meter(seen.meter_number)
        to = Destination(seen.uid, tenancy=tenancy_at(meter.number))
        (made,) = make_tokens(office, actor, meter, [order], to, vault.REFUND, approval)
        audit.note(actor, "take out", f"meter:{meter.number}", unit=unit, amount=amount, token=made.sequence)
    reader.write()
    return made


def owed_receipts(seen: CardSeen, office: Office, with_doubts: bool = False) -> list[MeterReceipt]:
    """Return the receipts that a card may settle, oldest first. Raise ValueError if all receipts are for others."""
    station, uid = Station(office.keys), bytes.fromhex(seen.uid)
    row = station.card(uid)
    tenant = 0 if row is None else row["tenant"]
    rows = station.receipts.owed(seen.meter_number, card_number(uid), tenant, with_doubts)
    numbers = [one["sequence"] for one in rows]
    found = MeterReceipt.objects.filter(meter_id=seen.meter_number, sequence__in=numbers)
    return list(found.select_related("meter").order_by("sequence"))


def marked(office: Office, shift: Shift, meter_number: int, to_meter: int, client_key: str) -> tuple[int, ...]:
    """Return the receipts that the vault marked for a refund with this very key: it may have stopped after that."""
    request = RefundRequest(client_key, shift.pk, meter_number, (), to_meter)
    words = _words(full_key(shift, client_key), request)
    return tuple(number for number, told in office.keys.settled(meter_number).items() if told == words)


def refund(office: Office, actor: Actor, request: RefundRequest, reader: Reader) -> Sold:
    """Pay receipts out of the drawer, or move their credit to another meter. Return the receipt of the refund.

    Right: sell, in the shop. The vault wants a second person unless two approved the token that took the credit out:
    it raises ApprovalNeeded. kWh and days are paid at the price of now. A debt that came out of the meter is taken off.
    """
    shift = shifts.shift_of(actor, request.shift)
    digest = request_hash(request.without_approvals(), REFUND)
    made = made_before(full_key(shift, request.client_key), digest)
    if made is not None:
        return to_card(made, reader)
    seen = learning.look(reader)
    if seen.meter_number != request.meter_number:
        raise ValueError(f"the card is for meter {seen.meter_number}, not for meter {request.meter_number}")
    with transaction.atomic():
        made = _book(office, actor, request, digest, seen)
    return to_card(made, reader)


def owed_sum(receipts: Sequence[MeterReceipt]) -> Owed:
    """Return the sum of receipts. A balance below zero adds to the debt."""
    money, debt = sum(one.money for one in receipts), sum(one.debt for one in receipts)
    return Owed(
        max(0, money),
        sum(one.energy for one in receipts),
        debt + max(0, -money),
        sum(one.term_s for one in receipts),
    )


def _book(office: Office, actor: Actor, request: RefundRequest, digest: str, seen: CardSeen) -> Sold:
    numbers = {request.meter_number, request.to_meter}
    locked = {
        one.number: one for one in Meter.objects.select_for_update().filter(number__in=numbers).order_by("number")
    }
    shift = shifts.selling_shift(actor, request.shift, is_locked=True)
    key = full_key(shift, request.client_key)
    made = made_before(key, digest)
    if made is not None:
        return made
    meter = locked[request.meter_number]
    receipts = _chosen(office, request, seen, key)
    owed = owed_sum(receipts)
    if request.to_meter:
        _refuse_move(request, owed, usable_meter(locked.get(request.to_meter), request.to_meter), seen)
    lines = _moved_lines(owed, meter.currency) if request.to_meter else _lines(owed, meter, shift)
    if not request.to_meter and sum(line.gross_microunits for line in lines) > 0:
        raise ValueError("the debt that came out of the meter is more than the credit: move it to the next meter")
    for receipt in receipts:
        _settle(office, actor, request, receipt, key)
        learning.book_receipt(receipt)
    shop = shift.till.shop
    state = SOLD if request.to_meter else WRITTEN
    paper = Paper(key, MOVED if request.to_meter else REFUND, state, meter.currency, CASH, digest)
    buyer = Buyer(
        tenancy_at(meter.number),
        request.to_meter or meter.number,
        seen.uid if request.to_meter else "",
        CARD if request.to_meter else NONE,
    )
    sale = write_receipt(shop, shift, actor, int(time.time()), paper, buyer, lines)
    if request.to_meter:
        tokens = _move(office, actor, request, (owed, receipts), sale, seen)
    else:
        tokens = ()
        _pay(sale, shift, owed, meter)
    MeterReceipt.objects.filter(pk__in=[one.pk for one in receipts]).update(settled=_words(key, request))
    audit.note(
        actor,
        paper.kind,
        f"sale:{sale.pk}",
        meter=meter.number,
        to=request.to_meter,
        receipts=[one.sequence for one in receipts],
        gross=sale.gross_microunits,
        shop=shop.number,
    )
    return Sold(sale, tuple(tokens), lines=lines)


def _chosen(office: Office, request: RefundRequest, seen: CardSeen, key: str) -> list[MeterReceipt]:
    """Return the receipts of the request. Raise ValueError unless the card may settle all of them.

    A receipt that the vault marked for this very request, before a crash, counts as not settled.
    """
    ours = [
        number
        for number, words in office.keys.settled(request.meter_number).items()
        if words == _words(key, request) and number in request.sequences
    ]
    MeterReceipt.objects.filter(meter_id=request.meter_number, sequence__in=ours).update(settled="")
    possible = {one.sequence: one for one in owed_receipts(seen, office, with_doubts=True)}
    missing = [number for number in request.sequences if number not in possible]
    if missing or not request.sequences or len(set(request.sequences)) != len(request.sequences):
        numbers = ", ".join(number_text(number) for number in missing) or "none"
        raise ValueError(f"receipt {numbers} of meter {request.meter_number} is not owed to this card, or is settled")
    return [possible[number] for number in request.sequences]


def _settle(office: Office, actor: Actor, request: RefundRequest, receipt: MeterReceipt, key: str) -> None:
    """Mark a receipt in the vault. Raise ApprovalNeeded where two persons have to look at it first."""
    words = _words(key, request)
    told = office.keys.settled(request.meter_number).get(receipt.sequence)
    if told == words:
        return
    if told is not None:
        raise ValueError(f"the receipt of token {number_text(receipt.sequence)} was settled before: {told}")
    parts = {"meter": request.meter_number, "sequence": receipt.sequence}
    approval = approvals.for_document(office, actor, request.approvals, SETTLE, **parts)
    office.keys.settle(actor.ticket, request.meter_number, receipt.sequence, words, approval, receipt.doubt)


def _lines(owed: Owed, meter: Meter, shift: Shift) -> tuple[Line, ...]:
    """Return the lines of a refund that is paid out, all below zero but the debt and owed kWh.

    An amount is rounded in favour of the office.
    """
    time_s, site = int(time.time()), Site.objects.get()
    if meter.currency != site.currency:
        raise ValueError(f"meter {meter.number} counts in {meter.currency}, and this office pays in {site.currency}")
    tenancy = tenancy_at(meter.number)
    wanted = (prices.MONEY, prices.KWH, prices.DAY)
    day = business_day(shift.till.shop, time_s)
    found = prices.charges_for(
        wanted, None if tenancy is None else tenancy.customer.customer_type, site.currency, time_s, day
    )
    lines = []
    for what, text, amount, unit, charge, per in (
        (MONEY, "credit given back", owed.money, site.currency, found.get(prices.MONEY, Charge(_MILLION)), _MILLION),
        (
            ENERGY,
            f"{energy_text(abs(owed.energy_mwh))} {'given back' if owed.energy_mwh > 0 else 'owed'}",
            owed.energy_mwh,
            chart.MWH,
            found.get(prices.KWH),
            _MILLION,
        ),
        (DAYS, "days given back", owed.term_s, chart.SECONDS, found.get(prices.DAY), DAY_S),
    ):
        if amount == 0:
            continue
        if charge is None:
            raise ValueError("there is no price to pay it at; a manager can set it, or move the credit to a meter")
        worth = amount * charge.gross_microunits // per
        gross = -prices.round_down(worth, site.decimals) if worth > 0 else prices.round_up(-worth, site.decimals)
        net = gross - prices.tax_in(gross, charge.tax_ppm, site.decimals)
        lines.append(Line(what, text, -amount, unit, net, gross, Tax(charge.tax_name, charge.tax_ppm)))
    debt = prices.round_up(owed.debt, site.decimals)
    if debt:
        lines.append(Line(DEBT, "debt that was in the meter", owed.debt, site.currency, debt, debt, NO_TAX))
    return tuple(lines)


def _moved_lines(owed: Owed, currency: str) -> tuple[Line, ...]:
    """Return the lines of credit that moves: quantities, and no money."""
    wanted = (
        (DEBT, "debt moved", owed.debt, currency),
        (MONEY, "credit moved", owed.money, currency),
        (ENERGY, f"{energy_text(owed.energy_mwh)} moved", owed.energy_mwh, chart.MWH),
        (DAYS, f"{orders.duration_text(owed.term_s)} moved", owed.term_s, chart.SECONDS),
    )
    return tuple(Line(what, text, amount, unit, 0, 0) for what, text, amount, unit in wanted if amount)


def _pay(sale: Sale, shift: Shift, owed: Owed, meter: Meter) -> None:
    """Book the payment: out of the drawer. The debt to the meter's customer is settled."""
    drawer = chart.drawer(sale.shop.number, shift.pk)
    moves: list[Move] = []
    for line in lines_of(sale):
        income = chart.claim("meter") if line.what == DEBT else chart.REFUND
        moves += moved(income, drawer, sale.currency, line.net_microunits)
        moves += moved(chart.tax(line.tax.name), drawer, sale.currency, line.tax_microunits)
    account = chart.owed(meter.number)
    for unit, amount in _amounts(owed, sale.currency):
        moves += moved(account, chart.issued(chart.PAID_BACK), unit, amount)
    if moves:
        post(f"sale:{sale.pk}", REFUND, moves, books.event_of(sale))


def _move(
    office: Office,
    actor: Actor,
    request: RefundRequest,
    settled: tuple[Owed, Sequence[MeterReceipt]],
    sale: Sale,
    seen: CardSeen,
) -> Sequence:
    """Make the tokens for the other meter, and book the credit from the one to the other."""
    owed, _ = settled
    meter = locked_meter(request.to_meter)
    moved_card = CardSeen(seen.uid, seen.name, seen.kind, seen.role, meter.number, seen.content)
    note_card(office, actor, moved_card, meter, outstanding(meter))
    to = Destination(seen.uid, sale, tenancy_at(meter.number))
    tokens = make_tokens(office, actor, meter, _orders(owed), to, vault.TRANSFER)
    moves: list[Move] = []
    for unit, amount in _amounts(owed, sale.currency):
        moves += moved(chart.owed(request.meter_number), chart.meter(meter.number), unit, amount)
    post(f"sale:{sale.pk}", MOVED, moves, books.event_of(sale))
    return tokens


def _refuse_move(request: RefundRequest, owed: Owed, meter: Meter, seen: CardSeen) -> None:
    """Raise ValueError, before a receipt is marked as settled, if its credit cannot move to a meter with this card."""
    if meter.number == request.meter_number:
        raise ValueError("name another meter to move the credit to")
    currency = Meter.objects.values_list("currency", flat=True).get(number=request.meter_number)
    if meter.currency != currency and (owed.money or owed.debt):
        raise ValueError(f"meter {meter.number} counts in {meter.currency}; pay the credit out instead")
    if owed.energy_mwh < 0:
        raise ValueError(
            f"{energy_text(-owed.energy_mwh)} are owed, and no token brings owed energy to another meter; pay the"
            " credit out less what is owed, with: wattpurse card settle CARD --paid"
        )
    made_of = _orders(owed)
    if not made_of:
        raise ValueError("the receipts add up to nothing; pay them out")
    row: Row = {"number": meter.number, "contract": meter.contract}
    for order in made_of:
        usefulness.refuse_kind(row, order.kind, contracts_to_come(meter.number))
    if Token.objects.filter(card=seen.uid, state__in=orders.OUTSTANDING).exists():
        raise ValueError(
            f"the card carries tokens for meter {request.meter_number} that are not known to be redeemed; tap it there"
            " first"
        )
    if sum(order.sealed_size for order in made_of) > seen.content.room:
        raise ValueError(f"the card has no room for {len(made_of)} tokens; use a larger kind")


def _orders(owed: Owed) -> list[Order]:
    """Return the orders that give the credit to another meter. The debt comes first, so that it is not left behind."""
    made_of = []
    if owed.debt:
        made_of.append(Order(token.DEBT, (owed.debt,), "debt taken over"))
    if owed.money:
        made_of.append(orders.credit(orders.MONEY, owed.money))
    if owed.energy_mwh:
        made_of.append(orders.credit(orders.ENERGY, owed.energy_mwh))
    if owed.term_s:
        made_of.append(orders.term(owed.term_s))
    return made_of


def _amounts(owed: Owed, currency: str) -> Sequence[tuple[str, int]]:
    return (currency, owed.money - owed.debt), (chart.MWH, owed.energy_mwh), (chart.SECONDS, owed.term_s)


def _words(key: str, request: RefundRequest) -> str:
    """Return the words that the vault and the receipt are marked with."""
    if request.to_meter:
        return f"to meter {request.to_meter}, key {key}"
    return f"paid out, key {key}"
