"""Shortages: planned for a feeder or for all of them, run by the engine, lifted early, or ended by the meters.

A meter is switched off by a shortage token with the level and its end: it comes back by itself at the end, even if the
network is gone. Only as many meters as the share asks for are chosen, the lowest priority first. Within a priority,
those who have not paid go first, then those whose last turn is longest ago. A meter whose priority is not below the
level stays on, so the priority 9 always does. The ends, and the orders to come back after an early end, are spread over
minutes. A meter that another shortage has switched off meanwhile is not ordered to come back: it obeys the order of the
highest number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import CharField, Count, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Concat

from wattpurse.core.messages import token
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.headend import command_queue, outbox, switching
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.tokens import Destination, make_tokens
from wattpurse_tools.record.models import (
    Command,
    Customer,
    Feeder,
    Installation,
    ManagedAccount,
    Meter,
    MeterLink,
    Shortage,
    ShortageMeter,
    Tenancy,
)
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station.order import Order
from wattpurse_tools.utc_texts import rfc3339
from wattpurse_tools.vault import interface as vault
from wattpurse_tools.vault.interface import SignOnNeeded

STATES = PLANNED, RUNNING, LIFTED, ENDED = "planned", "running", "lifted", "ended"
SHORTAGE, BACK = "shortage", "shortage over"
ESSENTIAL = 9
SPREAD_S = 600
LIMIT = 100  # meters of a round

_WHOLE_PPM = 1_000_000
_REASON_LIMIT = 240


@dataclass(frozen=True)
class Plan:
    """A shortage as it is planned: `feeder` None means all. `share_ppm` is the share of its meters to switch off."""

    feeder: Feeder | None
    level: int
    from_s: int
    until_s: int
    reason: str
    share_ppm: int = _WHOLE_PPM
    spares_paid: bool = True


def plan(office: Office, actor: Actor, asked: Plan, now_s: int) -> Shortage:
    """Plan a shortage. Right: order. Two shortages of one feeder do not overlap."""
    actor.require("order")
    if not 1 <= asked.level <= ESSENTIAL or not 1 <= asked.share_ppm <= _WHOLE_PPM:
        raise Refusal("a shortage has a level from 1 to 9, and a share above zero up to the whole")
    if not now_s < asked.until_s <= LATEST_S - SPREAD_S or asked.from_s >= asked.until_s:
        raise Refusal("a shortage ends after its begin, and ahead of now")
    if not asked.reason.strip():
        raise Refusal("write the reason of the shortage; its customers read it")
    with transaction.atomic():
        others = Shortage.objects.select_for_update().filter(state__in=(PLANNED, RUNNING))
        others = others.filter(from_s__lt=asked.until_s, until_s__gt=asked.from_s)
        if asked.feeder is not None:
            others = others.filter(Q(feeder=asked.feeder) | Q(feeder=None))
        if others.exists():
            raise Refusal("another shortage of this feeder is in that time; lift it, or choose another time")
        made = Shortage.objects.create(
            feeder=asked.feeder,
            level=asked.level,
            from_s=asked.from_s,
            until_s=asked.until_s,
            share_ppm=asked.share_ppm,
            spares_paid=asked.spares_paid,
            reason=asked.reason.strip()[:_REASON_LIMIT],
            planned_by=actor.operator,
        )
        audit.note(actor, "plan shortage", f"shortage:{made.pk}", level=asked.level, reason=made.reason)
    return made


def lift(office: Office, actor: Actor, shortage: Shortage, now_s: int) -> Shortage:
    """End a shortage early, or never begin it. Right: order. The engine orders its meters on again."""
    actor.require("order")
    with transaction.atomic():
        found = Shortage.objects.select_for_update().get(pk=shortage.pk)
        if found.state in (PLANNED, RUNNING):
            found.state, found.lifted_by = LIFTED, actor.operator
            found.save(update_fields=["state", "lifted_by"])
            audit.note(actor, "lift shortage", f"shortage:{found.pk}")
    return found


def ordered_off(shown: Sequence[Shortage]) -> dict[int, tuple[int, int]]:
    """Return by shortage how many meters are ordered off now, and how many of these have confirmed it."""
    number, meter = Cast("shortage_id", CharField()), Cast("meter_id", CharField())
    key = Concat(Value("shortage:"), number, Value(":"), meter, Value(":off:0"))  # that of the command, see `_key`
    state = Subquery(Command.objects.filter(key=OuterRef("order")).values("state")[:1])
    rows = ShortageMeter.objects.filter(shortage__in=shown, is_off=True).annotate(order=key, command=state)
    counts = rows.values("shortage").annotate(
        ordered=Count("command"), done=Count("pk", filter=Q(command=command_queue.DONE))
    )
    return {one: (ordered, done) for one, ordered, done in counts.values_list("shortage", "ordered", "done")}


def run(office: Office, actor: Actor, now_s: int) -> int:
    """Begin and end the shortages whose time has come, and order their meters. Return the number of these meters.

    A round works on at most LIMIT meters, and the next one goes on.
    """
    for number in _numbers(Q(state=PLANNED, from_s__lte=now_s)):
        _begin(number, now_s)
    for number in _numbers(Q(state=RUNNING, until_s__lte=now_s)):
        _end(number)
    ordered = 0
    for shortage in Shortage.objects.filter(state=RUNNING).order_by("pk"):
        ordered += _order_all(office, actor, shortage, now_s, True, LIMIT - ordered)
    for shortage in Shortage.objects.filter(state=LIFTED, meters__is_off=True).distinct().order_by("pk"):
        ordered += _order_all(office, actor, shortage, now_s, False, LIMIT - ordered)
    return ordered


def chosen(shortage: Shortage) -> list[int]:
    """Return the numbers of the meters that a shortage switches off, the first to go first."""
    meters = _meters_of(shortage.feeder)
    accounts = {
        one.meter_id: one  # type: ignore[attr-defined]
        for one in ManagedAccount.objects.filter(meter__in=meters, closed_s=None)
    }
    turns = dict(
        ShortageMeter.objects.filter(meter__in=meters).values_list("meter").annotate(last=Max("shortage")).order_by()
    )

    def rank(number: int) -> tuple[int, bool, int, int]:
        account, meter = accounts.get(number), meters[number]
        if account is None:
            has_paid = (meter.balance or 0) > 0 or (meter.days_left or 0) > 0
        else:
            has_paid = account.balance_microunits > 0
        priority = 0 if account is None else account.priority
        return priority, has_paid and shortage.spares_paid, turns.get(number, 0), number

    below = sorted(map(rank, meters))
    possible = [one[-1] for one in below if one[0] < shortage.level]
    return possible[: -(-len(meters) * shortage.share_ppm // _WHOLE_PPM)]


def _numbers(condition: Q) -> list[int]:
    return list(Shortage.objects.filter(condition).order_by("pk").values_list("pk", flat=True))


def _begin(number: int, now_s: int) -> None:
    """Choose the meters of a shortage, once. One whose time has passed is over."""
    with transaction.atomic():
        shortage = Shortage.objects.select_for_update().filter(pk=number, state=PLANNED).first()
        if shortage is None:
            return
        shortage.state = RUNNING if now_s < shortage.until_s else ENDED
        shortage.save(update_fields=["state"])
        if shortage.state == RUNNING:
            rows = [ShortageMeter(shortage=shortage, meter_id=meter) for meter in chosen(shortage)]
            ShortageMeter.objects.bulk_create(rows)


def _end(number: int) -> None:
    """Note that the meters of a shortage are on again: the end in their tokens has come. Its messages that wait go."""
    with transaction.atomic():
        shortage = Shortage.objects.select_for_update().filter(pk=number, state=RUNNING).first()
        if shortage is not None:
            shortage.state = ENDED
            shortage.save(update_fields=["state"])
            ShortageMeter.objects.filter(shortage=shortage).update(is_off=False)
            outbox.withdraw_all(outbox.SHORTAGE, f"shortage:{number}:")


def _order_all(office: Office, actor: Actor, shortage: Shortage, now_s: int, is_off: bool, limit: int) -> int:
    """Order meters of a shortage that are not ordered yet, each in a transaction, up to a limit. Return their number.

    One that needs no order to come back counts too.
    """
    rows = ShortageMeter.objects.filter(shortage=shortage).order_by("pk")
    meters = list(rows.values_list("pk", "meter", "is_off"))
    chosen_meters = ShortageMeter.objects.filter(shortage=shortage).values("meter")
    made = Command.objects.filter(wish=SHORTAGE if is_off else BACK, meter__in=chosen_meters)
    queued = set(made.filter(key__startswith=f"shortage:{shortage.pk}:").values_list("meter", flat=True))
    ordered = 0
    for place, (number, meter, is_noted_off) in enumerate(meters):
        if ordered >= limit:
            break
        if meter in queued or not is_noted_off:
            continue
        delay_s = place * SPREAD_S // len(meters)
        try:
            with transaction.atomic():
                ordered += _order(office, actor, number, (shortage, is_off), now_s, delay_s)
        except SignOnNeeded:
            raise
        except ValueError:  # a meter that takes no orders now: the next round tries again
            continue
    return ordered


def _order(office: Office, actor: Actor, number: int, what: tuple[Shortage, bool], now_s: int, delay_s: int) -> bool:
    """Order one meter, and tell its customer. Return False if another process did, or if it is to wait."""
    shortage, is_off = what
    meter = switching.meter_to_order(ShortageMeter.objects.get(pk=number).meter_id)  # type: ignore[attr-defined]
    row = ShortageMeter.objects.select_for_update().get(pk=number)
    state = Shortage.objects.values_list("state", flat=True).get(pk=shortage.pk)
    key = _key(shortage.pk, meter.number, is_off)
    if _made(key) is not None or not row.is_off or state != (RUNNING if is_off else LIFTED):
        return False
    if not is_off:
        own, others = _off_orders(row)
        if own is None or any(other > own for other in others):
            _note_on(row)  # it was never ordered off, or another shortage holds it now
            return True
        if others:
            return False  # another shortage has its order next: a return now would light the meter in between
    tenancy = Tenancy.objects.select_related("customer").filter(meter_number=meter.number, until_s=None).first()
    until_s = shortage.until_s + delay_s
    order = Order(token.SHORTAGE, (0, 0), "no shortage")
    if is_off:
        words = f"shortage level {shortage.level} until {rfc3339(until_s)}: {shortage.reason}"
        order = Order(token.SHORTAGE, (shortage.level, until_s), words[:_REASON_LIMIT])
    made = make_tokens(office, actor, meter, [order], Destination(), vault.ORDERED)
    queued = command_queue.queue(made, SHORTAGE if is_off else BACK, key, now_s)
    if not is_off:
        Command.objects.filter(pk__in=[one.pk for one in queued]).update(next_s=now_s + delay_s)
        _note_on(row)
    if tenancy is not None:
        values: dict[str, object] = {"meter": meter.number}
        customer, channels = tenancy.customer, set(outbox.SENT_CHANNELS)
        if is_off:
            values |= {"until_s": until_s, "reason": shortage.reason}
        else:
            channels -= _never_told(customer, meter.number, now_s)
        outbox.put(customer, outbox.SHORTAGE if is_off else outbox.RETURN, key, values, now_s, channels)
    return True


def _never_told(customer: Customer, meter_number: int, now_s: int) -> set[str]:
    """Withdraw the messages about the shortages of a meter that wait. Return the channels on which none was sent."""
    held = ShortageMeter.objects.filter(meter=meter_number, shortage__until_s__gt=now_s)
    withdrawn: set[str] = set()
    told: set[str] = set()
    for shortage in held.values_list("shortage", flat=True):
        key = _key(shortage, meter_number, True)
        withdrawn |= outbox.withdraw_kind(customer, outbox.SHORTAGE, f"{key}:")
        told |= outbox.withdraw(key)
    return withdrawn - told


def _off_orders(row: ShortageMeter) -> tuple[int | None, list[int]]:
    """Return the order off of a lifted shortage, or None, and those of the other shortages that hold its meter.

    These run, or are lifted and have yet to order the meter on. An order is the number of its token, and 0 if it is
    still to be made. The caller holds the lock of the meter.
    """
    shortage: int = row.shortage_id  # type: ignore[attr-defined]
    meter: int = row.meter_id  # type: ignore[attr-defined]
    others = ShortageMeter.objects.filter(meter=meter, is_off=True, shortage__state__in=(RUNNING, LIFTED))
    others = others.exclude(pk=row.pk)
    orders = [_made(_key(other, meter, True)) or 0 for other in others.values_list("shortage", flat=True)]
    return _made(_key(shortage, meter, True)), orders


def _note_on(row: ShortageMeter) -> None:
    row.is_off = False
    row.save(update_fields=["is_off"])


def _made(key: str) -> int | None:
    """Return the number of the token of an order, or None if it was not made. A meter obeys the highest number."""
    return Command.objects.filter(key=f"{key}:0").values_list("token__sequence", flat=True).first()


def _key(shortage: int, meter: int, is_off: bool) -> str:
    return f"shortage:{shortage}:{meter}:{'off' if is_off else 'on'}"


def _meters_of(feeder: Feeder | None) -> dict[int, Meter]:
    """Return the meters at a feeder, or all, that an order can reach: at a broker, or with an account."""
    numbers: set[int] = set(MeterLink.objects.values_list("meter", flat=True))
    numbers |= set(ManagedAccount.objects.filter(closed_s=None).values_list("meter", flat=True))
    if feeder is not None:
        numbers &= _at(feeder)
    return {one.number: one for one in _in_parts(numbers)}


def _at(feeder: Feeder) -> set[int]:
    found = set(Installation.objects.filter(premises__feeder=feeder, until_s=None).values_list("meter", flat=True))
    return found | set(
        Tenancy.objects.filter(premises__feeder=feeder, until_s=None).values_list("meter_number", flat=True)
    )


def _in_parts(numbers: Iterable[int]) -> Iterable[Meter]:
    listed = sorted(numbers)
    for first in range(0, len(listed), 500):
        yield from Meter.objects.filter(number__in=listed[first : first + 500], is_retired=False)
