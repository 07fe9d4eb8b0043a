"""Temporary supply, such as that of a construction site or a market stall: from date to date, by the engine alone.

It is prepaid by the account of its tenancy. Before its begin and after its end the account wants no supply, even
with credit. Its permits end with it, so that supply ends in time even without a network. Its end was agreed: the hours
for switching off do not delay it.
"""

from django.db import transaction
from django.db.models import Max, Q

from wattpurse.core.messages import token
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.headend import accounts, permits, switching
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Command, TemporarySupply, Tenancy
from wattpurse_tools.refusals import Refusal

STATES = PLANNED, RUNNING, ENDED = switching.SUPPLY_PLANNED, switching.SUPPLY_RUNNING, switching.SUPPLY_ENDED

LIMIT = 100

_REASON_LIMIT = 240


def plan(
    office: Office, actor: Actor, tenancy: Tenancy, from_s: int, until_s: int, reason: str, now_s: int
) -> TemporarySupply:
    """Plan a supply for a tenancy at a managed meter. Its account is opened if it has none. Right: order."""
    actor.require("order")
    if not now_s < until_s <= LATEST_S or from_s >= until_s:
        raise Refusal("a temporary supply ends after its begin, and ahead of now")
    if not reason.strip():
        raise Refusal("write the reason of the temporary supply, such as the building site")
    with transaction.atomic():
        accounts.locked(tenancy.pk)  # no permit is ordered meanwhile; the engine locks the account first too
        account = accounts.open_account(office, actor, tenancy, now_s)
        former = set(TemporarySupply.objects.filter(tenancy=tenancy).values_list("state", flat=True))
        if former - {ENDED}:
            raise Refusal("the tenancy has a temporary supply already; change or end that one")
        made = TemporarySupply.objects.create(
            tenancy=tenancy,
            meter_id=account.meter_id,  # type: ignore[attr-defined]
            from_s=from_s,
            until_s=until_s,
            permit_until_s=0 if former else _permit_end_s(tenancy.pk),
            reason=reason.strip()[:_REASON_LIMIT],
            planned_by=actor.operator,
        )
        audit.note(actor, "plan supply", f"tenancy:{tenancy.pk}", from_s=from_s, until_s=until_s, reason=made.reason)
    return made


def end(office: Office, actor: Actor, supply: TemporarySupply, now_s: int) -> TemporarySupply:
    """End a supply before its time: now, or never begun. Right: order."""
    actor.require("order")
    with transaction.atomic():
        tenancy: int = supply.tenancy_id  # type: ignore[attr-defined]
        accounts.locked(tenancy)  # no permit is ordered meanwhile
        found = TemporarySupply.objects.select_for_update().get(pk=supply.pk)
        if found.state != ENDED and found.until_s > now_s:
            bound_s = max(found.until_s, found.permit_until_s)
            found.until_s, found.permit_until_s = now_s, min(bound_s, _permit_end_s(tenancy))
            found.save(update_fields=["until_s", "permit_until_s"])
            audit.note(actor, "end supply", f"tenancy:{tenancy}")
    return found


def run(now_s: int) -> int:
    """Begin and end the supplies whose time has come, at most LIMIT of them. Return their number.

    The engine orders their switches next.
    """
    is_due = Q(state=PLANNED, from_s__lte=now_s) | Q(state__in=(PLANNED, RUNNING), until_s__lte=now_s)
    count = 0
    due = TemporarySupply.objects.filter(is_due).order_by("pk").values_list("pk", flat=True)[:LIMIT]
    for number in list(due):
        with transaction.atomic():
            tenancy = TemporarySupply.objects.values_list("tenancy_id", flat=True).get(pk=number)
            account = accounts.locked(tenancy)
            supply = TemporarySupply.objects.select_for_update().filter(is_due, pk=number).first()
            if supply is None:
                continue
            supply.state = ENDED if supply.until_s <= now_s else RUNNING
            supply.save(update_fields=["state"])
            if account is not None:
                accounts.settle_wish(account, accounts.credit_of(account))
            count += 1
    return count


def _permit_end_s(tenancy: int) -> int:
    """Return the latest end of the permits that were ordered for a tenancy, at any of its meters, or 0."""
    ordered = Command.objects.filter(wish=permits.PERMIT, token__tenancy_id=tenancy, token__kind=token.PERMIT)
    return ordered.aggregate(end_s=Max("token__amount"))["end_s"] or 0
