"""Tokens for the actions: made by the station, for a sale and a tenancy.

The caller holds the lock of the meter's row in a transaction. The vault uses the numbers first: a crash before the end
of the transaction leaves numbers that nobody uses, and never one that is used twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import CardSeen
from wattpurse_tools.record.models import Card, Meter, Sale, Tenancy, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.station import Deal, Station
from wattpurse_tools.vault.interface import SALE


@dataclass(frozen=True)
class Destination:
    """The destination of tokens: the card by its UID or "", the sale or None, the tenancy or None."""

    card: str = ""
    sale: Sale | None = None
    tenancy: Tenancy | None = None


def locked_meter(number: int) -> Meter:
    """Return a meter and lock its row. Raise ValueError, with the remedy, if nothing may be sold to it."""
    meter = Meter.objects.select_for_update().filter(number=number).first()
    return usable_meter(meter, number)


def usable_meter(meter: Meter | None, number: int) -> Meter:
    """Return the meter. Raise ValueError if there is none of this number, or if nothing may be sold to it."""
    if meter is None:
        raise ValueError(f"meter {number} is not known; add it with: wattpurse meter add {number}")
    if meter.is_retired:
        raise ValueError(f"meter {number} was taken out of service; sell to the meter that took its place")
    if meter.is_stopped:
        raise ValueError(
            f"nothing is sold to meter {number}: {meter.stop_reason}; a manager looks into it, and continues with:"
            f" wattpurse meter resume {number}"
        )
    return meter


def outstanding(meter: Meter) -> list[Token]:
    """Return the tokens of a meter that are not known to be redeemed, oldest first."""
    return list(Token.objects.filter(meter=meter, state__in=orders.OUTSTANDING).order_by("sequence"))


def make_tokens(
    office: Office,
    actor: Actor,
    meter: Meter,
    made_of: Sequence[Order],
    to: Destination,
    purpose: str = SALE,
    approval: str | None = None,
) -> list[Token]:
    """Make a token of each order, all or none, and return them."""
    deal = Deal(
        purpose,
        approval,
        None if to.sale is None else to.sale.pk,
        None if to.tenancy is None else to.tenancy.pk,
    )
    rows = Station(office.keys, actor).issue_all(meter.number, bytes.fromhex(to.card), made_of, deal=deal)
    return list(Token.objects.filter(pk__in=[row["id"] for row in rows]).order_by("sequence"))


def refuse_digits(office: Office, meter: Meter, order: Order) -> None:
    """Raise ValueError, with the remedy, if the token of an order does not fit into twenty digits."""
    station = Station(office.keys)
    amount = token.Token(0, order.kind, order.body).fields()[0]
    after = station.newest_order(meter.number, b"")
    station.short_tokens.refuse(station.known_meter(meter.number), order.kind, amount, after)


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


def tenant_of(meter: Meter, waiting: Sequence[Token]) -> int:
    """Return the tenant that the next token is for: the one that moves in with the newest token, or is in."""
    moving_in = [row.amount for row in waiting if row.kind == token.TENANT]
    return moving_in[-1] if moving_in else meter.tenant
