"""Tokens for the actions: sealed by the vault, and kept in the record with their sale and their tenancy.

The caller holds the lock of the meter's row in a transaction. The vault uses the numbers first: a crash before the end
of the transaction leaves numbers that nobody uses, and never one that is used twice.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import count_of
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Meter, Sale, Tenancy, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import Order
from wattpurse_tools.vault.interface import SALE, TokenOrder


@dataclass(frozen=True)
class Destination:
    """Where tokens go: the card by its UID or "", the sale or None, the tenancy or None."""

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
        raise ValueError(f"nothing is sold to meter {number}: {meter.stop_reason}")
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
    waiting = outstanding(meter)
    tenant, after = tenant_of(meter, waiting), _newest_order(waiting, to.card)
    version = meter.key_version or office.keys.newest_version
    wanted, owners = [], []
    for order in made_of:
        owners.append(tenant if token.is_personal(order.kind) else 0)
        wanted.append(_for_vault(order, owners[-1]))
        tenant = order.amount if order.kind == token.TENANT else tenant
    sealed = office.keys.issue(actor.ticket, meter.number, version, wanted, after, purpose, approval)
    rows = [
        _row(meter, order, one.sequence, one.sealed, one.after, owner, actor, to)
        for order, one, owner in zip(made_of, sealed, owners, strict=True)
    ]
    Token.objects.bulk_create(rows)
    meter.last_count = max(meter.last_count, count_of(rows[-1].sequence))
    meter.save(update_fields=["last_count"])
    return rows


def tenant_of(meter: Meter, waiting: Sequence[Token]) -> int:
    """Return the tenant that the next token is for: the one that moves in with the newest token, or is in."""
    moving_in = [row.amount for row in waiting if row.kind == token.TENANT]
    return moving_in[-1] if moving_in else meter.tenant


def _newest_order(waiting: Sequence[Token], card: str) -> int:
    numbers = [row.sequence for row in waiting if row.card == card and row.kind not in orders.BENEFIT_KINDS]
    return max(numbers, default=0)


def _for_vault(order: Order, tenant: int) -> TokenOrder:
    if order.kind in orders.KEY_KINDS:
        return TokenOrder(order.kind, b"", tenant, order.amount)
    return TokenOrder(order.kind, order.body, tenant)


def _row(
    meter: Meter, order: Order, sequence: int, sealed: bytes, after: int, tenant: int, actor: Actor, to: Destination
) -> Token:
    return Token(
        meter=meter,
        sequence=sequence,
        kind=order.kind,
        words=order.words,
        unit=order.unit,
        amount=order.amount,
        issued_s=int(time.time()),
        card=to.card,
        sealed=sealed,
        state=orders.ISSUED,
        operator=actor.operator,
        tenant=tenant,
        after=after,
        tenancy=to.tenancy,
        sale=to.sale,
    )
