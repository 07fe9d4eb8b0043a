"""Planned changes of tariff that ride along with the next top-up of a meter.

The token of a plan is made by a person with the right to order: when the plan is made, or at the sale if the person who
sells has that right. A cashier's sale takes a token that is made already to the customer's card.
"""

from collections.abc import Sequence

from wattpurse.core.messages import token
from wattpurse.core.tariffs.tariff import Tariff as TariffTable
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.models import Meter, TariffPlan, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import Order


def orders_for(meter: Meter, actor: Actor, time_s: int) -> tuple[Order, ...]:
    """Return the order of the newest plan of a meter that is due and has no token, if the person may order."""
    if "order" not in actor.rights:
        return ()
    plan = TariffPlan.objects.filter(meter=meter, token=None, from_s__lte=time_s).order_by("-from_s", "-pk").first()
    if plan is None:
        return ()
    table = bytes(plan.tariff.table)
    return (Order(token.TARIFF, (table,), f"tariff version {TariffTable(table).version}"),)


def join(card: str, waiting: Sequence[Token]) -> int:
    """Assign the tariff tokens of plans, among the outstanding ones of a meter, to a card. Return how many.

    Later tokens of the card name them as the order before.
    """
    idle = [row.pk for row in waiting if row.kind == token.TARIFF and not row.card and row.state == orders.ISSUED]
    if not idle:
        return 0
    plans = TariffPlan.objects.filter(token__in=idle).values("token")
    return Token.objects.filter(pk__in=plans).update(card=card)


def made(meter: Meter, tokens: Sequence[Token]) -> None:
    """Note the tariff token of a sale as that of the plans it carries out."""
    for one in tokens:
        if one.kind == token.TARIFF:
            TariffPlan.objects.filter(meter=meter, token=None, from_s__lte=one.issued_s).update(token=one)
