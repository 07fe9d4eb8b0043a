"""Tokens for the actions: made by the station, for a sale and a tenancy.

The caller holds the lock of the meter's row in a transaction. The vault uses the numbers first: a crash before the end
of the transaction leaves numbers that nobody uses, and never one that is used twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse_tools.compiled_queries import CompiledRows
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import CardSeen
from wattpurse_tools.record.models import Card, Meter, Sale, Tenancy, Token
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.meter_now import MeterNow, locked_row
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.rows import meter_row, token_row
from wattpurse_tools.station.short_tokens import ShortTokens
from wattpurse_tools.station.station import NO_CARD, Deal, Station
from wattpurse_tools.vault.interface import SALE

_OUTSTANDING = CompiledRows(
    Token, lambda meter: Token.objects.filter(meter=meter, state__in=orders.OUTSTANDING).order_by("sequence"), 1
)


@dataclass(frozen=True)
class Destination:
    """The destination of tokens: the card by its UID or "", the sale or None, the tenancy or None.

    With `has_digits` the record keeps the twenty digits of each token.
    """

    card: str = ""
    sale: Sale | None = None
    tenancy: Tenancy | None = None
    has_digits: bool = False


def locked_meter(number: int) -> Meter:
    """Return a meter and lock its row. Raise ValueError, with the remedy, if nothing may be sold to it."""
    return usable_meter(locked_row(number), number)


def usable_meter(meter: Meter | None, number: int) -> Meter:
    """Return the meter. Raise ValueError if there is none of this number, or if nothing may be sold to it."""
    if meter is None:
        raise Refusal("meter %(number)s is not known; add it with: wattpurse meter add %(number)s", number=number)
    if meter.is_retired:
        raise Refusal("meter %(number)s was taken out of service; sell to the meter that took its place", number=number)
    if meter.is_stopped:
        raise Refusal(
            "nothing is sold to meter %(number)s: %(stop_reason)s; a manager looks into it, and continues"
            " with: wattpurse meter resume %(number)s",
            number=number,
            stop_reason=meter.stop_reason,
        )
    return meter


def outstanding(meter: Meter) -> list[Token]:
    """Return the tokens of a meter that are not known to be redeemed, oldest first."""
    return _OUTSTANDING.rows(meter.number)


def make_tokens(
    office: Office,
    actor: Actor,
    meter: Meter,
    made_of: Sequence[Order],
    to: Destination,
    purpose: str = SALE,
    approval: str | None = None,
    waiting: Sequence[Token] | None = None,
) -> list[Token]:
    """Make a token of each order, all or none, and return them.

    `waiting` are the outstanding tokens of the meter, if the caller has read them under the lock of the meter.
    """
    deal = Deal(
        purpose,
        approval,
        None if to.sale is None else to.sale.pk,
        None if to.tenancy is None else to.tenancy.pk,
        to.has_digits,
    )
    now = _meter_now(meter, outstanding(meter) if waiting is None else waiting)
    return Station(office.keys, actor).make_all(now, bytes.fromhex(to.card), made_of, deal=deal)


def refuse_digits(office: Office, meter: Meter, order: Order, waiting: Sequence[Token]) -> None:
    """Raise ValueError, with the remedy, if the token of an order does not fit into twenty digits.

    `waiting` are the outstanding tokens of the meter.
    """
    now = _meter_now(meter, waiting)
    amount = token.Token(0, order.kind, order.body).fields()[0]
    ShortTokens(office.keys).refuse(now.meter, order.kind, amount, now.newest_order(NO_CARD))


def note_card(office: Office, actor: Actor, seen: CardSeen, meter: Meter, waiting: Sequence[Token]) -> None:
    """Note that a card is of its meter and of the tenant there, once the former tenant of the card is settled.

    `waiting` are the outstanding tokens of the meter.
    """
    station, uid = Station(office.keys, actor), bytes.fromhex(seen.uid)
    row = Card.objects.filter(pk=seen.uid).first()
    if row is not None and row.meter_number == meter.number:
        if row.tenant == tenant_of(meter, waiting):
            return
        if station.receipts.is_open(meter.number, card_number(uid), row.tenant):
            return
    station.add_card(uid, seen.name, meter.number, seen.role, seen.kind)


def _meter_now(meter: Meter, waiting: Sequence[Token]) -> MeterNow:
    return MeterNow(meter_row(meter), [token_row(one) for one in waiting])


def tenant_of(meter: Meter, waiting: Sequence[Token]) -> int:
    """Return the tenant that the next token is for: the one that moves in with the newest token, or is in."""
    moving_in = [row.amount for row in waiting if row.kind == token.TENANT]
    return moving_in[-1] if moving_in else meter.tenant
