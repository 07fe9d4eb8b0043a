"""Trust: the payment history of an account proposes a credit limit, a deposit or prepayment. A person decides.

The facts are those of the newest HISTORY_S: whole months since the first payment, payments, days below zero, days below
the limit, the mean payment of a month, and the debt. docs/headend-engine.md has the rules as a table.
"""

from dataclasses import asdict, dataclass, replace

from django.db import transaction

from wattpurse_tools.headend import accounts
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.ledger.posting import Event, moved, post
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import ManagedAccount, Sale, Tenancy, TrustProposal
from wattpurse_tools.refusals import Money, Refusal

PREPAID, DEPOSIT, LIMIT = "prepaid", "deposit", "limit"
WAITING, ACCEPTED, DENIED = "waiting", "accepted", "denied"

DAY_S = 86_400
MONTH_S = 30 * DAY_S
HISTORY_S = 6 * MONTH_S
AGAIN_S = MONTH_S

MONTHS_FOR_LIMIT = 6
PAYMENTS_FOR_LIMIT = 6
LATE_DAYS_FOR_DEPOSIT = 5
LATE_DAYS_FOR_PREPAID = 15


@dataclass(frozen=True)
class Facts:
    """The payment history of a tenancy. A day is late if the balance was below zero beyond the limit at its end."""

    months: int
    payments: int
    late_days: int
    mean_month_microunits: int
    debt_microunits: int
    limit_microunits: int
    deposit_microunits: int


def facts_of(account: ManagedAccount, now_s: int) -> Facts:
    """Return the payment history of an account."""
    facts = _facts_without_late_days(account, now_s)
    return replace(facts, late_days=_late_days(account, now_s - HISTORY_S, now_s))


def _facts_without_late_days(account: ManagedAccount, now_s: int) -> Facts:
    since_s = now_s - HISTORY_S
    rows = Sale.objects.filter(tenancy_id=account.pk, client_key__startswith=accounts.PAID_KEY)
    first_s = rows.order_by("time_s").values_list("time_s", flat=True).first()
    paid = list(rows.filter(time_s__gte=since_s).values_list("gross_microunits", flat=True))
    months = 0 if first_s is None else (now_s - first_s) // MONTH_S
    unit = accounts.currency().code
    return Facts(
        months,
        len(paid),
        0,
        sum(paid) // max(1, min(months, HISTORY_S // MONTH_S)),
        balances.balance(chart.debt(account.pk), unit),
        account.limit_microunits,
        account.deposit_microunits,
    )


def proposal_of(facts: Facts, decimals: int) -> tuple[str, int] | None:
    """Return the proposal that follows from the facts with its amount, or None if nothing is to change."""
    coin = 10 ** (6 - decimals)
    month = facts.mean_month_microunits // coin * coin
    has_trust = facts.limit_microunits > 0
    if has_trust and (facts.late_days > LATE_DAYS_FOR_PREPAID or facts.debt_microunits > 0):
        return PREPAID, 0
    if has_trust and facts.late_days > LATE_DAYS_FOR_DEPOSIT and not facts.deposit_microunits and month:
        return DEPOSIT, month
    is_trusted = (
        facts.months >= MONTHS_FOR_LIMIT
        and facts.payments >= PAYMENTS_FOR_LIMIT
        and facts.late_days == 0
        and facts.debt_microunits == 0
    )
    half = month // 2 // coin * coin
    return (LIMIT, half) if is_trusted and not has_trust and half else None


def propose(now_s: int) -> int:
    """Write the proposals that follow from the histories of all accounts. Return the number of new ones."""
    rows = ManagedAccount.objects.filter(closed_s=None).order_by("pk")
    return sum(propose_for(account, now_s) for account in rows.iterator())


def propose_for(account: ManagedAccount, now_s: int) -> bool:
    """Write the proposal that follows from the history of one account. Return True if it is new.

    A tenancy has one that waits, and after a decision none for AGAIN_S.
    """
    of_tenancy = TrustProposal.objects.filter(tenancy_id=account.pk)
    if of_tenancy.filter(state=WAITING).exists() or of_tenancy.filter(decided_s__gt=now_s - AGAIN_S).exists():
        return False
    facts, decimals = _facts_without_late_days(account, now_s), accounts.currency().decimals
    if not facts.limit_microunits and proposal_of(facts, decimals) is None:
        return False  # late days propose no limit, and to count them reads half a year
    facts = facts_of(account, now_s)
    found = proposal_of(facts, decimals)
    if found is None:
        return False
    what, amount = found
    row = TrustProposal(
        tenancy_id=account.pk, what=what, amount_microunits=amount, facts=asdict(facts), proposed_s=now_s
    )
    TrustProposal.objects.bulk_create([row], ignore_conflicts=True)
    return True


def decide(office: Office, actor: Actor, proposal: TrustProposal, is_accepted: bool, now_s: int) -> TrustProposal:
    """Accept or deny a proposal. Right: manage. An accepted one takes effect in the account at once.

    A limit sets the limit. A deposit lowers the limit to the deposit that is held, up to the amount. Prepayment sets
    the limit to zero. A deposit that is held is paid back when the account is closed.
    """
    actor.require("manage")
    with transaction.atomic():
        account = accounts.locked(proposal.tenancy_id)  # type: ignore[attr-defined]
        found = TrustProposal.objects.select_for_update().get(pk=proposal.pk)
        if found.state != WAITING:
            raise Refusal("the proposal was decided already")
        if account is None:
            raise Refusal("the account is closed")
        found.state = ACCEPTED if is_accepted else DENIED
        found.decided_by, found.decided_s = actor.operator, now_s
        found.save(update_fields=["state", "decided_by", "decided_s"])
        if is_accepted:
            _apply(account, found)
        audit.note(
            actor,
            "trust",
            f"tenancy:{account.pk}",
            what=found.what,
            amount=found.amount_microunits,
            accepted=is_accepted,
            facts=found.facts,
        )
    return found


def pay_deposit(
    office: Office, actor: Actor, tenancy: Tenancy, amount_microunits: int, payment_type: str, key: str, now_s: int
) -> int:
    """Take a deposit and return the sum that is held. Right: sell. The same key is booked once.

    The limit of an account that was asked for a deposit follows it, up to the deposit that was asked for.
    """
    actor.require("sell")
    accounts.refuse_payment_type(payment_type)
    _refuse_deposit(amount_microunits)
    with transaction.atomic():
        account = accounts.locked(tenancy.pk)
        if account is None:
            raise Refusal("tenancy %(tenancy)s has no open account", tenancy=tenancy.pk)
        unit = accounts.currency().code
        is_new = not Entry.objects.filter(key=f"deposit:{key}").exists()
        moves = moved(chart.deposit(tenancy.pk), chart.bank(payment_type), unit, amount_microunits)
        event = Event(now_s, utc_day(now_s), f"tenancy:{tenancy.pk}", actor.operator)
        post(f"deposit:{key}", "deposit", moves, event)
        held = accounts.held_deposit(tenancy.pk)
        if account.deposit_microunits:
            account.limit_microunits = min(held, account.deposit_microunits)
            account.save(update_fields=["limit_microunits"])
            accounts.settle_wish(account, accounts.credit_of(account))
        if is_new:
            audit.note(actor, "deposit", f"tenancy:{tenancy.pk}", amount=amount_microunits)
    return held


def _refuse_deposit(amount_microunits: int) -> None:
    """Raise Refusal for a deposit that is none, or that has parts of a coin."""
    currency = accounts.currency()
    if not 0 < amount_microunits <= accounts.LARGEST or amount_microunits % 10 ** (6 - currency.decimals):
        most = Money(accounts.LARGEST, currency)
        raise Refusal("a deposit is in whole coins, above zero and at most %(most)s", most=most)


def _apply(account: ManagedAccount, proposal: TrustProposal) -> None:
    amount = proposal.amount_microunits
    if proposal.what == DEPOSIT:
        account.deposit_microunits = amount
        account.limit_microunits = min(accounts.held_deposit(account.pk), amount)
    else:
        account.limit_microunits = amount if proposal.what == LIMIT else 0
        account.deposit_microunits = 0
    account.save(update_fields=["limit_microunits", "deposit_microunits"])
    accounts.settle_wish(account, accounts.credit_of(account))


def _late_days(account: ManagedAccount, since_s: int, now_s: int) -> int:
    """Return the days since a time at whose end the balance was below zero beyond the limit of now.

    The balance at that time is the one of now without the changes since.
    """
    code, unit, late = chart.account(account.pk), accounts.currency().code, 0
    changes: list[tuple[int, int]] = []
    for side, sign in (("taker", 1), ("giver", -1)):
        rows = Transfer.objects.filter(**{f"{side}__code": code, f"{side}__unit": unit}, entry__time_s__gte=since_s)
        changes += [(time_s, sign * amount) for time_s, amount in rows.values_list("entry__time_s", "amount")]
    changes.sort()
    total = account.balance_microunits - sum(amount for _, amount in changes)
    place, end_s = 0, max(since_s, account.opened_s) // DAY_S * DAY_S + DAY_S
    while end_s <= now_s:
        while place < len(changes) and changes[place][0] < end_s:
            total += changes[place][1]
            place += 1
        late += total + account.limit_microunits < 0
        end_s += DAY_S
    return late
