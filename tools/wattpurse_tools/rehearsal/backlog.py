"""The backlog of an office in a rehearsal: the things that are on their way between meters, broker, record and engine.

Each question goes to the record, and to the meters themselves. Nothing here waits.
"""

import time
from collections.abc import Sequence

from django.db import close_old_connections
from django.db.models import F, Max, Sum

from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.headend import accounts, permits, policy
from wattpurse_tools.headend.command_queue import OPEN_STATES, WAITING
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.record.models import Command, ManagedAccount, Meter, Payment, PaymentNotice, Statement

BEHIND_S = 2 * 3_600


class Backlog:
    """The backlog of the office that the meters of a fleet report to."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def reason(self) -> str:
        """Return the thing that is still on its way, or ""."""
        close_old_connections()
        usable = self._usable()
        busy = sum(not self._fleet[one].is_idle for one in usable)
        if busy:
            return f"{busy} meters have messages for the broker"
        if has_payments():
            return "payments wait for their worker"
        told = dict(Meter.objects.filter(number__in=usable).values_list("number", "told_s"))
        behind = sum((told.get(one) or 0) < self._fleet[one].told_s for one in usable)
        if behind:
            return f"statements of {behind} meters are not in the record"
        waiting = Command.objects.filter(state__in=OPEN_STATES, meter_id__in=usable).count()
        if waiting:
            return f"{waiting} orders have no outcome"
        waiting = _accounts_to_work_on(usable)
        return f"{waiting} accounts wait for the engine" if waiting else ""

    def measure(self) -> tuple[object, ...]:
        """Return a value that changes as long as something comes through."""
        return (
            self.reason(),
            *_newest(),
            sorted(Command.objects.order_by().values_list("state").annotate(Max("answered_s"), Sum("tries"))),
        )

    def waits_for_the_clock(self) -> bool:
        """Return True if an order is to be sent later, and none that could go now is open."""
        orders = Command.objects.filter(state__in=OPEN_STATES, meter_id__in=self._usable())
        now_s = int(time.time())
        later = orders.filter(state=WAITING, next_s__gt=now_s)
        return later.exists() and not orders.exclude(state=WAITING, next_s__gt=now_s).exists()

    def is_far_behind(self) -> bool:
        """Return True if record or engine are hours behind the meters that the broker has."""
        close_old_connections()
        reached = [one for one in self._usable() if self._fleet[one].is_connected]
        early_s = int(time.time()) - BEHIND_S
        if Meter.objects.filter(number__in=reached, told_s__lt=early_s).exists():
            return True
        rows = ManagedAccount.objects.filter(meter_id__in=reached, closed_s=None)
        return rows.filter(billed_s__lt=F("meter__told_s") - BEHIND_S).exists()

    def _usable(self) -> list[int]:
        return [one.meter.number for one in self._fleet.links.values() if one.is_usable]


def has_payments() -> bool:
    """Return True if a payment is new."""
    return PaymentNotice.objects.filter(payment=None).exists() or Payment.objects.filter(state="new").exists()


def far_measure() -> tuple[object, ...]:
    """Return a value that changes as long as record or engine come nearer to the meters."""
    told = Meter.objects.aggregate(told=Sum("told_s"))["told"]
    return told, ManagedAccount.objects.aggregate(billed=Sum("billed_s"))["billed"]


def _newest() -> tuple[object, ...]:
    return tuple(kind.objects.aggregate(newest=Max("pk"))["newest"] for kind in (Statement, Entry))


def _accounts_to_work_on(meters: Sequence[int]) -> int:
    """Return the number of accounts with a statement, a switch or a permit that the engine has to see to."""
    settings, now_s = policy.policy(), int(time.time())
    rows = ManagedAccount.objects.filter(meter_id__in=meters, closed_s=None).select_related("meter")
    return sum(
        one.meter.told_s > one.billed_s
        or one.is_wished_on != one.is_ordered_on
        or permits.is_due(one, settings, accounts.credit_of(one), now_s)
        for one in rows
    )
