"""The online shop: the shop of payments from outside, with a till for each operator of the head-end.

A shift there has no cash. It ends by itself with the business day: `close_days` and the first recharge of a new day
close it with its Z report, so no shift grows for ever.
"""

from django.db import transaction

from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office import audit, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import HeadendPolicy, Shift, Shop, Till
from wattpurse_tools.refusals import Refusal

_NAME = "Online"
_TRIES = 10


def online_shop(actor: Actor) -> Shop:
    """Return the online shop. It is made at its first use, in the time zone and language of the first shop."""
    found = policy().shop
    if found is not None:
        return found
    with transaction.atomic():
        row = HeadendPolicy.objects.select_for_update().get(pk=policy().pk)
        shop = row.shop
        if shop is None:
            row.shop = shop = _new_shop()
            row.save(update_fields=["shop"])
            audit.note(actor, "make online shop", f"shop:{shop.number}")
    return shop


def running_shift(office: Office, actor: Actor, now_s: int) -> Shift:
    """Return the open shift of the operator's till, locked with its shop. The caller opened the transaction.

    A shift of an earlier business day is closed first. Right: sell, in the online shop.
    """
    till = _till(online_shop(actor), actor)
    shift = _open(office, actor, till)
    if shift.counted_microunits is None and not _is_over(shift, now_s):
        return shift
    _close(office, actor, shift)
    # A shift is opened by the clock. If `now_s` is ahead of it, the new one looks over as well, and is taken.
    return _open(office, actor, till)


def _open(office: Office, actor: Actor, till: Till) -> Shift:
    """Return the till's open shift, locked. Another process may close one in the moment before the lock."""
    for _ in range(_TRIES):
        shift = shifts.open_or_running_shift(office, actor, till)
        shift = shifts.shift_of(actor, shift.pk, is_locked=True)
        if shift.closed_s is None:
            return shift
    raise Refusal("other processes close the shifts of the online shop all the time; try again")


def close_days(office: Office, actor: Actor, now_s: int) -> int:
    """Close the operator's shifts of earlier business days with their Z reports. Return their number. Right: sell."""
    shop = policy().shop
    if shop is None:
        return 0
    closed = 0
    opened = Shift.objects.filter(till__shop=shop, closed_s=None, operator=actor.operator)
    for number in opened.values_list("pk", flat=True):
        with transaction.atomic():
            shift = shifts.shift_of(actor, number, is_locked=True)
            if shift.closed_s is None and _is_over(shift, now_s):
                _close(office, actor, shift)
                closed += 1
    return closed


def _is_over(shift: Shift, now_s: int) -> bool:
    shop = shift.till.shop
    return business_day(shop, shift.opened_s) < business_day(shop, now_s)


def _close(office: Office, actor: Actor, shift: Shift) -> None:
    """Close a locked shift with its Z report. Its drawer is empty: nobody pays in cash here."""
    if shift.counted_microunits is None:
        shifts.count_cash(office, actor, shift, 0)
    shifts.close_shift(office, actor, shift)


def _new_shop() -> Shop:
    first = Shop.objects.order_by("number").first()
    last = Shop.objects.order_by("-number").values_list("number", flat=True).first() or 0
    same = {} if first is None else {"time_zone": first.time_zone, "language": first.language}
    return Shop.objects.create(number=last + 1, name=_NAME, **same)


def _till(shop: Shop, actor: Actor) -> Till:
    """Return the till of an operator. Each operator has one, because a shift belongs to one person."""
    till, _ = Till.objects.select_related("shop").get_or_create(
        shop=shop, number=actor.operator, defaults={"name": f"head-end, operator {actor.operator}"}
    )
    return till
