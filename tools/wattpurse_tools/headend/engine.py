"""The engine: one round over all that is due. It has no state, and any number of processes may run it at once.

Each account is one transaction: its charge, its wish, its order to the switch and its permit are there together, or not
at all. A process that finds an account locked leaves it to the other one. The managers get a
message about an account that cannot be worked on, and the round goes on with the next.
"""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from wattpurse_tools.headend import (
    accounts,
    hours,
    permits,
    rounds,
    shortages,
    switching,
    temporary_supply,
    trust,
    warnings,
)
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.manager_messages import tell_managers
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import HeadendPolicy, ManagedAccount, TemporarySupply
from wattpurse_tools.vault.interface import SignOnNeeded

DAY_S = 86_400

_TROUBLE_LIMIT = 240


@dataclass
class EngineOutcome:
    """The work of one round, in numbers."""

    charged: int = 0
    permits: int = 0
    switched: int = 0
    warned: int = 0
    shortages: int = 0
    supplies: int = 0
    troubles: int = 0


def run_round(office: Office, actor: Actor, now_s: int) -> EngineOutcome:
    """Do all that is due. Rights: sell and order. Raise VaultClosed or SignOnNeeded if the vault does not work."""
    outcome, settings = EngineOutcome(), policy()
    outcome.supplies = temporary_supply.run(now_s)
    for number in due(settings, now_s):
        _step(office, actor, number, settings, now_s, outcome)
    outcome.shortages = shortages.run(office, actor, now_s)
    rounds.ended(rounds.ENGINE, now_s)
    return outcome


def due(settings: HeadendPolicy, now_s: int) -> list[int]:
    """Return the accounts that may have something due, by their primary keys.

    An account without credit that waits for the hours for switching off has nothing due. A round in which all wait
    therefore asks as few questions as one without accounts.
    """
    supplies = TemporarySupply.objects.filter(tenancy=OuterRef("pk"))
    has_end = Exists(supplies) & ~Exists(supplies.filter(state=switching.SUPPLY_RUNNING))
    is_off_due = Q(is_wished_on=False, is_ordered_on=True)
    if not hours.may_switch_off(settings, now_s):
        is_off_due &= Q(has_end)
    heard_s = now_s - settings.permit_s
    is_heard = Q(billed_s__gte=heard_s) | Q(opened_s__gte=heard_s)
    is_due = (
        Q(meter__told_s__gt=F("billed_s"))
        | ~Q(tenancy__meter_number=F("meter"))
        | (Q(permit_until_s__lt=now_s + settings.renew_s, is_wished_on=True) & is_heard)
        | Q(is_wished_on=True, is_ordered_on=False)
        | is_off_due
    )
    rows = ManagedAccount.objects.filter(is_due, closed_s=None)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _step(
    office: Office, actor: Actor, number: int, settings: HeadendPolicy, now_s: int, outcome: EngineOutcome
) -> None:
    """Work on one account: charge it, then order. A charge stays if its meter takes no orders now."""
    warned = False
    try:
        with transaction.atomic():
            account = _locked(number)
            if account is None:
                return
            before_s = account.billed_s
            accounts.charge(account, now_s)
            credit = accounts.credit_of(account)
            accounts.settle_wish(account, credit)
            if account.billed_s > before_s:
                warned = warnings.warn(account, settings, credit, now_s)
            if account.billed_s // DAY_S > before_s // DAY_S:
                trust.propose_for(account, now_s)
        outcome.warned += warned
        outcome.charged += account.billed_s > before_s
        with transaction.atomic():
            account = _locked(number)
            if account is None:
                return
            ordered, renewed = _order(office, actor, account, settings, now_s)
        outcome.switched += ordered
        outcome.permits += renewed
    except SignOnNeeded:
        raise
    except ValueError as error:
        outcome.troubles += 1
        _tell(number, str(error), now_s)


def _order(
    office: Office, actor: Actor, account: ManagedAccount, settings: HeadendPolicy, now_s: int
) -> tuple[bool, bool]:
    """Order switch and permit of a locked account, as far as they are due."""
    credit = accounts.credit_of(account)
    accounts.settle_wish(account, credit)
    ordered = switching.order(office, actor, account, settings, now_s)
    renewed = permits.renew(office, actor, account, settings, credit, now_s)
    if account.trouble:
        account.trouble = ""
        account.save(update_fields=["trouble"])
    return ordered, renewed


def _locked(number: int) -> ManagedAccount | None:
    return accounts.locked(number, skips_locked=connection.features.has_select_for_update_skip_locked)


def _tell(number: int, reason: str, now_s: int) -> None:
    """Note the trouble with an account, and tell the managers once."""
    reason = reason[:_TROUBLE_LIMIT]
    with transaction.atomic():
        changed = ManagedAccount.objects.filter(pk=number).exclude(trouble=reason).update(trouble=reason)
        if changed:
            words = f"The account of tenancy {number} cannot be worked on: {reason}"
            tell_managers(f"account trouble:{number}:{now_s}", words, now_s)
