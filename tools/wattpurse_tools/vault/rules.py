"""The rules of tokens: the right that each needs, whether two persons are needed, and the amounts that limits count.

The vault cannot know whether a sale was paid. It counts the credit of all purposes: the limits of an operator bound
the sum of a day. A day is a day of UTC.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import OFFICE
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.refusals import Words
from wattpurse_tools.vault.interface import (
    FREE,
    KEYS,
    ORDER,
    PURPOSES,
    SELL,
    LimitReached,
    Limits,
    Refused,
    TokenOrder,
)

DAY_S = 86_400
ORDERS_LIMIT = 64

KEY_KINDS = tuple(code for code, *_, benefit in token.KINDS if benefit == token.KEY)
RECEIPT_KINDS = tuple(code for code, *_, benefit in token.KINDS if benefit == token.RECEIPT)
CREDIT_KINDS = tuple(
    code
    for code, *_, benefit in token.KINDS
    if benefit in (token.MONEY, token.ENERGY, token.ENERGY_AND_TIME, token.TIME)
)

_SUM_LIMIT = 1 << 62
_KINDS = tuple(code for code, *_ in token.KINDS)
_UNITS = {"microunits": "micro-units", "mwh": "mWh", "days": "days"}


@dataclass(frozen=True)
class Amounts:
    """The credit of a token or of a day: money in micro-units, energy in mWh, and days, begun ones as whole ones."""

    microunits: int = 0
    mwh: int = 0
    days: int = 0

    def plus(self, other: "Amounts") -> "Amounts":
        """Return the sum."""
        return Amounts(*(left + right for left, right in zip(astuple(self), astuple(other), strict=True)))

    def highest(self, other: "Amounts") -> "Amounts":
        """Return the higher of each amount."""
        return Amounts(*map(max, astuple(self), astuple(other)))

    @property
    def is_positive(self) -> bool:
        """True if no amount is below zero."""
        return min(astuple(self)) >= 0


def refuse_orders(orders: Sequence[TokenOrder], issuer: int, purpose: str) -> None:
    """Raise Refused unless all orders can be sealed by this issuer."""
    if purpose not in PURPOSES:
        raise Refused(f"{purpose}: the purpose of a token is one of: {', '.join(PURPOSES)}")
    if not 1 <= len(orders) <= ORDERS_LIMIT:
        raise Refused(f"one call makes 1 to {ORDERS_LIMIT} tokens")
    for order in orders:
        _refuse_order(order, issuer)


def _refuse_order(order: TokenOrder, issuer: int) -> None:
    if order.kind not in _KINDS:
        raise Refused(f"there is no kind of token {order.kind}")
    name = token.name(order.kind)
    if issuer != OFFICE and token.is_for_office(order.kind):
        raise Refused(f"a {name} token is made by the office alone, not by a vending point")
    if not 0 <= order.tenant <= token.TENANT_LIMIT:
        raise Refused(f"a tenant's number is 0 to {token.TENANT_LIMIT}")
    if order.kind in KEY_KINDS:
        if order.body or order.version is None:
            raise Refused(f"a {name} token names the version of the key, and the vault puts the key in")
        return
    if order.version is not None:
        raise Refused(f"a {name} token has no key version")
    if order.kind == token.TARIFF:
        if not 0 < len(order.body) <= token.BODY_LIMIT:
            raise Refused(f"the table of a tariff token has 1 to {token.BODY_LIMIT} bytes")
        return
    values = fields_of(order)
    if order.kind in CREDIT_KINDS and min(values) < 0:
        raise Refused(f"a {name} token credits no amount below zero")


def fields_of(order: TokenOrder) -> tuple:
    """Return the numbers in the body of an order. Raise Refused if it does not fit the kind."""
    try:
        return token.Token(0, order.kind, order.body).fields()
    except (ValueError, SealBroken):
        raise Refused(f"the body of a {token.name(order.kind)} token does not fit its kind") from None


def rights_of(order: TokenOrder) -> tuple[str, ...]:
    """Return the rights of which an operator needs one to make this token."""
    if order.kind in CREDIT_KINDS:
        return (SELL,)
    if order.kind in KEY_KINDS or order.kind == token.REVOKE:
        return (KEYS,)
    if order.kind == token.PERMIT or (order.kind == token.DEBT and fields_of(order)[0] >= 0):
        return (SELL, ORDER)
    return (ORDER,)


def reason_for_two(orders: Sequence[TokenOrder], purpose: str) -> str:
    """Return the reason why these tokens need a second person, or an empty text."""
    if purpose == FREE:
        return "credit without payment"
    for order in orders:
        if order.kind in RECEIPT_KINDS:
            return f"a {token.name(order.kind)} token takes credit out of a meter, which is paid back"
        if order.kind in KEY_KINDS or order.kind == token.REVOKE:
            return f"a {token.name(order.kind)} token changes the keys that a meter accepts"
        if order.kind == token.DEBT and fields_of(order)[0] < 0:
            return "debt is taken off"
    return ""


def amounts_of(order: TokenOrder) -> Amounts:
    """Return the credit of a token, and debt that it takes off."""
    if order.kind in KEY_KINDS or order.kind == token.TARIFF:
        return Amounts()
    values = fields_of(order)
    if order.kind == token.CREDIT_MONEY:
        return Amounts(microunits=values[0])
    if order.kind == token.CREDIT_ENERGY:
        return Amounts(mwh=values[0])
    if order.kind == token.DAYS:
        return Amounts(days=_days_of(values[0]))
    if order.kind == token.DISPENSE:
        return Amounts(mwh=values[0], days=_days_of(values[2]))
    if order.kind == token.DEBT:
        return Amounts(microunits=max(0, -values[0]))
    return Amounts()


def sum_of(tokens: Sequence[Amounts]) -> Amounts:
    """Return the sum of some amounts."""
    total = Amounts()
    for one in tokens:
        total = total.plus(one)
    return total


def refuse_amounts(limits: Limits, tokens: Sequence[Amounts], day: Amounts) -> Amounts:
    """Return the sum of the day with these tokens. Raise LimitReached if one of them or the sum exceeds a limit."""
    for one in tokens:
        for name, unit in _USED_UNITS:
            limit, amount = getattr(limits, f"token_{name}"), getattr(one, name)
            if limit is not None and amount > limit:
                words = Words(
                    "the token has %(amount)s %(unit)s, and your limit for one token is %(limit)s; ask an operator"
                    " with a higher limit",
                    amount=amount,
                    unit=unit,
                    limit=limit,
                )
                raise LimitReached(words)
        day = day.plus(one)
    if max(astuple(day)) > _SUM_LIMIT:
        raise LimitReached(Words("the sum of the day would be higher than the vault counts"))
    for name, unit in _USED_UNITS:
        limit, amount = getattr(limits, f"day_{name}"), getattr(day, name)
        if limit is not None and amount > limit and any(getattr(one, name) for one in tokens):
            words = Words(
                "you would have made %(amount)s %(unit)s today, and your limit for a day (UTC) is %(limit)s; go on"
                " tomorrow, or ask an operator with a higher limit",
                amount=amount,
                unit=unit,
                limit=limit,
            )
            raise LimitReached(words)
    return day


def order_document(order: TokenOrder) -> dict:
    """Return an order as a document."""
    return {"kind": order.kind, "body": order.body.hex(), "tenant": order.tenant, "version": order.version}


def words_of(order: TokenOrder) -> str:
    """Return an order in words for a second person."""
    name = token.name(order.kind)
    if order.kind in KEY_KINDS:
        return f"{name} of version {order.version}"
    if order.kind == token.TARIFF:
        return f"tariff of {len(order.body)} bytes, SHA-256 {hashlib.sha256(order.body).hexdigest()}"
    row = next(row for row in token.KINDS if row[0] == order.kind)
    told = ", ".join(f"{field} {value}" for field, value in zip(row[3], fields_of(order), strict=True))
    own = f", tenant {order.tenant}" if order.tenant else ""
    return (f"{name} ({told})" if told else name) + own


def _days_of(duration_s: int) -> int:
    return -(-duration_s // DAY_S)


_USED_UNITS = tuple((one.name, _UNITS[one.name]) for one in fields(Amounts))
