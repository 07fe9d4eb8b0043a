"""Planned changes of tariff that ride along with the next top-up of a meter.

The person who plans a change has the right to order, and permits its table to the vault. So a cashier's sale can make
the token of that table, and of no other one. A token of a plan that was made before goes to the customer's card too.
"""

from collections.abc import Sequence

from wattpurse.core.messages import token
from wattpurse.core.tariffs.tariff import Tariff as TariffTable
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.tokens import Destination, make_tokens
from wattpurse_tools.record.models import Meter, TariffPlan, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import Order
from wattpurse_tools.vault.interface import ORDERED


def orders_for(office: Office, meter: Meter, actor: Actor, time_s: int) -> tuple[Order, ...]:
    """Return the order of the newest plan of a meter that is due and has no token, if the person may make it."""
    plan = TariffPlan.objects.filter(meter=meter, token=None, from_s__lte=time_s).order_by("-from_s", "-pk").first()
    if plan is None:
        return ()
    table = bytes(plan.tariff.table)
    if "order" not in actor.rights and not office.keys.permits_tariff(table):
        return ()
    return (Order(token.TARIFF, (table,), f"tariff version {TariffTable(table).version}"),)


def for_dispenser(office: Office, actor: Actor, meters: Sequence[Meter], time_s: int) -> list[Token]:
    """Return the tariff tokens of plans for the system card of a dispensing unit. Those that are missing are made.

    They are on no card yet. The unit puts each onto the first card of its meter that it sells to.
    """
    for meter in meters:
        made_of = orders_for(office, meter, actor, time_s)
        if made_of:
            locked = Meter.objects.select_for_update().get(pk=meter.pk)
            made(locked, make_tokens(office, actor, locked, made_of, Destination(), ORDERED))
    plans = TariffPlan.objects.filter(meter__in=meters).exclude(token=None).values("token")
    idle = Token.objects.filter(pk__in=plans, state=orders.ISSUED, card="", kind=token.TARIFF)
    return list(idle.order_by("meter", "sequence"))


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
