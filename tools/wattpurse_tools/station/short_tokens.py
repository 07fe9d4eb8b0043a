"""Tokens of twenty digits: another form of tokens in the record, and the limits up to which the station sells them.

The digits follow from the token itself (`core.messages.short_token`), so they are the same each time. A limit is one of
the meter's terms. The office learns it with the TERM token that sets it. `wattpurse meter digits-limit` notes it at a
vending point, and at the office after a change at the meter's console.
"""

from wattpurse.core.currency import currency_of
from wattpurse.core.messages import short_token, token
from wattpurse.core.money import terms
from wattpurse.core.money.token_windows import number_text
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.core.text import kwh_text
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record.models import ShortLimit
from wattpurse_tools.refusals import Money, Refusal, Words
from wattpurse_tools.station.amounts import KWH_DECIMALS
from wattpurse_tools.station.order import FORFEITED, Order
from wattpurse_tools.station.rows import Row
from wattpurse_tools.vault.interface import Keys

LIMITS = tuple(name for _, _, _, name, _ in short_token.KINDS)

_LIMITS_OF_METER = CompiledValues(
    lambda meter: ShortLimit.objects.filter(meter_id=meter).values_list("name", "value"), 1
)


class ShortTokens:
    """The limits in the record, and the digits of its tokens."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def limits(self, meter_number: int) -> dict[str, int]:
        """Return the limits of a meter by the names of its terms: micro-units, mWh and days. 0: none may be sold."""
        return dict.fromkeys(LIMITS, 0) | dict(_LIMITS_OF_METER.rows(meter_number))

    def set_limits(self, meter_number: int, limits: dict[str, int]) -> None:
        """Note the limits that the meter has."""
        ShortLimit.objects.bulk_create(
            [ShortLimit(meter_id=meter_number, name=name, value=value) for name, value in limits.items()],
            update_conflicts=True,
            unique_fields=["meter", "name"],
            update_fields=["value"],
        )

    def learn(self, meter_number: int, order: Order) -> None:
        """Note the limit that a TERM order sets, if it sets one. The caller opens the transaction."""
        if order.kind == token.TERM:
            place, value = token.Token(0, order.kind, order.body).fields()
            if terms.names()[place] in LIMITS:
                self.set_limits(meter_number, {terms.names()[place]: value})

    def refuse(self, meter: Row, kind: int, amount: int, after: int) -> None:
        """Raise ValueError unless twenty digits may carry this amount for a meter (row), behind the order `after`."""
        name, unit = short_token.limit_of(kind)
        below, above = short_token.nearest(kind, amount)
        if amount not in (below, above):
            near = [_text(meter, kind, one) for one in (below, above) if one is not None]
            nearest = Words("the nearest is %(amount)s", amount=near[0])
            if near[1:]:
                nearest = Words("the nearest amounts are %(below)s and %(above)s", below=near[0], above=near[1])
            raise Refusal(
                "%(amount)s does not fit into twenty digits: %(nearest)s",
                amount=_text(meter, kind, amount),
                nearest=nearest,
            )
        limit = self.limits(meter["number"])[name]
        if amount > limit * unit:
            at_most = Words("no such credit")
            if limit:
                at_most = Words("at most %(amount)s", amount=_text(meter, kind, limit * unit))
            raise Refusal(
                "meter %(meter)s takes %(at_most)s in twenty digits (its term %(name)s); raise it with:"
                " wattpurse token %(meter)s term %(name)s, or tell this station what it is with: wattpurse meter"
                " digits-limit %(meter)s",
                meter=meter["number"],
                at_most=at_most,
                name=name,
            )
        if after:
            raise Refusal(
                "order %(number)s of meter %(meter)s must be redeemed first, and twenty digits have"
                " no room to say so; read a statement of the meter, or use --hex",
                number=number_text(after),
                meter=meter["number"],
            )

    def digits(self, ticket: str, meter: Row, row: Row) -> str:
        """Return the twenty digits of a token in the record (row). Raise ValueError if they may not be given out."""
        if row["state"] == FORFEITED:
            raise Refusal(
                "token %(number)s of meter %(meter)s is forfeited",
                number=number_text(row["sequence"]),
                meter=meter["number"],
            )
        short_token.limit_of(row["kind"])
        self.refuse(meter, row["kind"], row["amount"], row["after"])
        return self._keys.digits(ticket, meter["number"], row["sealed"])


def _text(meter: Row, kind: int, amount: int) -> str:
    """Return an amount of a kind with its unit."""
    if kind == token.CREDIT_MONEY:
        return Money(amount, currency_of(dict(meter)))
    if kind == token.CREDIT_ENERGY:
        return f"{kwh_text(amount, KWH_DECIMALS)} kWh"
    return Words("%(days)s days", days=amount // DAY_S)
