"""The engine: one round over all that is due. It has no state, and any number of processes may run it at once.

Each account is two transactions: its charge and its wish, and then its order to the switch and its permit. Each of them
is there as a whole, or not at all. A process that finds an account locked leaves it to the other one. The managers get
a message about an account that cannot be worked on, and the round goes on with the next. A statement that cannot be
charged stops no order: permits are renewed for `permit_s` after the newest charge, and no longer.

A round works on LIMIT accounts at most. Each kind of work has its SHARES of them, so that no backlog delays another
kind: orders to close a switch; other orders, and news of accounts that are nearly without credit; all other news. The
room that one kind leaves is used by the next. Within a kind, the accounts go first that no round has looked at for
the longest time. So an account waits for the accounts of its own kind that wait longer, and for no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from wattpurse_tools.headend import (
    accounts,
    charging,
    hours,
    noted_orders,
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
LIMIT = 200
SHARES = (50, 75, 75)  # to close a switch, other orders and low credit, other news

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
    noted_orders.run()
    for number in chosen(settings, now_s):
        _step(office, actor, number, settings, now_s, outcome)
    outcome.shortages = shortages.run(office, actor, now_s)
    rounds.ended(rounds.ENGINE, now_s)
    return outcome


def chosen(settings: HeadendPolicy, now_s: int) -> list[int]:
    """Choose the accounts of a round, by their primary keys, and note that it looks at them.

    A process leaves those that another one has chosen in the same moment.
    """
    found = _within_shares([_oldest(rows, now_s) for rows in _kinds(settings, now_s)])
    if not found:
        return []
    skips_locked = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        rows = ManagedAccount.objects.select_for_update(skip_locked=skips_locked, of=("self",)).filter(pk__in=found)
        free = set(rows.values_list("pk", flat=True))
        ManagedAccount.objects.filter(pk__in=free).exclude(looked_s=now_s).update(looked_s=now_s)
    return [number for number in found if number in free]


def due(settings: HeadendPolicy, now_s: int) -> list[int]:
    """Return all accounts that may have something due, by their primary keys."""
    return sorted({pk for rows in _kinds(settings, now_s) for pk in rows.values_list("pk", flat=True)})


def _within_shares(kinds: Sequence[list[int]]) -> list[int]:
    """Return the accounts of a round from those of each kind: its share, and then the room that others leave."""
    found: dict[int, None] = {}
    for numbers, share in zip(kinds, SHARES, strict=True):
        found |= dict.fromkeys([number for number in numbers if number not in found][:share])
    for numbers in kinds:
        found |= dict.fromkeys([number for number in numbers if number not in found][: LIMIT - len(found)])
    return list(found)


def _oldest(rows: "QuerySet[ManagedAccount]", now_s: int) -> list[int]:
    """Return the accounts that no round has looked at for the longest time. A time ahead is of a clock put back."""
    looked = Case(When(looked_s__gt=now_s, then=Value(0)), default=F("looked_s"), output_field=BigIntegerField())
    return list(rows.order_by(looked, "pk").values_list("pk", flat=True)[:LIMIT])


def _kinds(settings: HeadendPolicy, now_s: int) -> "list[QuerySet[ManagedAccount]]":
    """Return the accounts that may have something due, by the kinds of SHARES.

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
    is_new = Q(meter__told_s__gt=F("billed_s"))
    is_low = Q(balance_microunits__lt=settings.warn_microunits - F("limit_microunits"))
    to_close = Q(is_wished_on=True, is_ordered_on=False)
    orders = (
        ~Q(tenancy__meter_number=F("meter"))
        | (Q(permit_until_s__lt=now_s + settings.renew_s, is_wished_on=True) & is_heard)
        | is_off_due
        | (is_new & is_low)
    )
    rows = ManagedAccount.objects.filter(closed_s=None)
    return [rows.filter(to_close), rows.filter(orders), rows.filter(is_new)]


def _step(
    office: Office, actor: Actor, number: int, settings: HeadendPolicy, now_s: int, outcome: EngineOutcome
) -> None:
    """Work on one account: charge it, then order. A charge stays if its meter takes no orders now.

    The managers learn of a statement that cannot be charged after that.
    """
    warned = False
    try:
        with transaction.atomic():
            account = _locked(number)
            if account is None:
                return
            before_s = account.billed_s
            refusal = charging.charge(account, now_s)
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
            if refusal is None:
                _forget_trouble(account)
        outcome.switched += ordered
        outcome.permits += renewed
        if refusal is not None:
            raise refusal
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
    return ordered, renewed


def _forget_trouble(account: ManagedAccount) -> None:
    if account.trouble:
        account.trouble = ""
        account.save(update_fields=["trouble"])


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
