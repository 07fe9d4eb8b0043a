"""The till of the command line: a sale that is typed is a sale of a shop like any other.

Each operator has a till of the command line in a shop. Its shift opens by itself with the first sale, without a float,
and ends when the operator counts the cash and closes it.
"""

from django.db import transaction

from wattpurse.core.money import contract as contracts
from wattpurse_tools.office import shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import CardSeen
from wattpurse_tools.office.sale_types import ENERGY, MONEY, Wish
from wattpurse_tools.office.tokens import usable_meter
from wattpurse_tools.office.wishes import wishes_of
from wattpurse_tools.record.models import Meter, Shift, Shop, Till
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station.token_record import contracts_to_come

FIRST_TILL = 1000  # tills with a lower number stand in the shop


def shift_at_counter(office: Office, actor: Actor, shop_number: int | None = None) -> Shift:
    """Return the operator's open shift at the command line of a shop. Open it if there is none. Right: sell.

    Without a number the shop is the operator's own, or the first one.
    """
    till = till_at_counter(actor, shop_number)
    return shifts.open_or_running_shift(office, actor, till)


def till_at_counter(actor: Actor, shop_number: int | None = None) -> Till:
    """Return the operator's till of the command line in a shop. Raise ValueError if there is no such shop."""
    actor.require("sell")
    shop = _shop(actor, shop_number)
    actor.require("sell", shop.number)
    with transaction.atomic():
        till, _ = Till.objects.select_related("shop").get_or_create(
            shop=shop,
            number=FIRST_TILL + actor.operator,
            defaults={"name": f"command line of operator {actor.operator}"},
        )
    return till


def meter_of_card(seen: CardSeen, meter_number: int | None = None) -> int:
    """Return the meter that a customer's card buys for. Raise ValueError if it is not `meter_number`."""
    if meter_number not in (None, seen.meter_number):
        raise Refusal(
            "card %(card)s is for meter %(meter)s, not for meter %(other_meter)s",
            card=seen.name,
            meter=seen.meter_number,
            other_meter=meter_number,
        )
    return seen.meter_number


def wish_for_payment(meter_number: int, gross_microunits: int) -> Wish:
    """Return the wish for an amount of money: the first thing that the contract of the meter permits.

    A contract that is on its way to the meter decides already.
    """
    meter = usable_meter(Meter.objects.filter(number=meter_number).first(), meter_number)
    contract = [meter.contract, *contracts_to_come(meter_number)][-1]
    possible = wishes_of(contract, meter.unit)
    what = possible[0] if possible and contract != contracts.Dispenser.name else MONEY
    return Wish(what, gross_microunits=gross_microunits)


def wish_for_energy(quantity_mwh: int) -> Wish:
    """Return the wish for an amount of energy."""
    return Wish(ENERGY, quantity=quantity_mwh)


def _shop(actor: Actor, number: int | None) -> Shop:
    wanted = number if number is not None else actor.shop
    rows = Shop.objects.order_by("number")
    shop = (rows.filter(is_active=True) if wanted is None else rows.filter(number=wanted)).first()
    if shop is None:
        if wanted is None:
            raise Refusal("the office has no shop that sells; a manager adds one on the pages")
        raise Refusal("there is no shop %(shop)s", shop=wanted)
    return shop
