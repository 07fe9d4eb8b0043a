"""The judge of a rehearsal: the payers' own book against meters, record and ledger.

It reads the meters themselves, which no message can change, and adds up for itself:

    payments = credit at meters and accounts + suspense + payments given back

Each credit is worked out from the payment by the prices of the site alone. Supply is judged by the times of the
contact: a managed meter is lit only while a permit lasts that the office has sealed. A meter whose clock chip was wrong
may count the time of its outages and CLOCK_S to a permit, and no more (docs/contracts.md). One of the fleet may count a
step for each outage too (`fleet.meter.Witness`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.fleet.meter import FleetMeter
from wattpurse_tools.headend import outbox
from wattpurse_tools.headend.command_queue import OPEN_STATES
from wattpurse_tools.headend.payments import PAID_BACK
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import checking
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    ManagedAccount,
    Message,
    Payment,
    Sale,
    SetAside,
    Statement,
    Token,
)
from wattpurse_tools.rehearsal.payers import PROVIDER, Paid
from wattpurse_tools.rehearsal.site import PRICE_MICROUNITS, Place

MWH_PER_KWH = 1_000_000
DAY_S = 86_400
LATE_S = 2  # the contact may open so late after the end of a permit: a board looks ten times a second
CLOCK_S = 600  # all wrong chips of a clock together may cost so much, besides the outages

_CURRENCY = "EUR"


@dataclass
class Verdict:
    """The sums of the judge, and its findings: an empty list is a balance."""

    sums: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def expect(self, name: str, found: object, expected: object) -> None:
        """Note a finding if two values differ."""
        if found != expected:
            self.findings.append(f"{name}: {found}, expected {expected}")


def judge(
    office: Office,
    actor: Actor,
    places: Sequence[Place],
    paid: Sequence[Paid],
    prices: dict[str, int],
    given_back: Sequence[Paid] = (),
    wrong_clocks: Collection[int] = (),
) -> Verdict:
    """Return the verdict. `prices` are those of kWh and days, in micro-units. `given_back` are some of `paid`.

    `wrong_clocks` are the meters whose clock chip was wrong at any time.
    """
    verdict = Verdict()
    by_meter = _by_meter(paid)
    _payments(verdict, paid, given_back)
    credit = sum(_credit(verdict, place, by_meter[place.number], prices) for place in places)
    suspended = -balances.balance(chart.suspense("payment"), _CURRENCY)
    total = sum(one.microunits for one in paid)
    back = sum(one.microunits for one in given_back)
    verdict.expect("payments - credit - suspense - refunds", total - credit - suspended - back, 0)
    verdict.sums |= {
        "paid at the provider": money(total),
        "credit at meters and accounts": money(credit),
        "in suspense": money(suspended),
        "given back": money(back),
    }
    for meter in _managed(places):
        _supply(verdict, meter, meter.number in wrong_clocks)
    ended = sum(ended_with_permit(one.contact.lit, one.witness.permits) for one in _managed(places))
    verdict.sums |= {
        "meters that ended supply with their permit": f"{ended} times",
        "longest time lit without permit": f"{longest_unpermitted_s(places)} s, {LATE_S} s are allowed",
    }
    _messages(verdict)
    _books(verdict, office, actor)
    return verdict


def _by_meter(paid: Sequence[Paid]) -> dict[int, list[Paid]]:
    found: dict[int, list[Paid]] = defaultdict(list)
    for one in paid:
        if one.meter is not None:
            found[one.meter].append(one)
    return found


def _payments(verdict: Verdict, paid: Sequence[Paid], given_back: Sequence[Paid]) -> None:
    """Compare the notices of the record with the payers' book: each payment once, and none that nobody paid."""
    known = {one.notice.number: one for one in Payment.objects.select_related("notice", "sale")}
    verdict.expect("payments in the record", sorted(known), sorted(one.number for one in paid))
    for one in paid:
        found = known.get(one.number)
        if found is None:
            continue
        verdict.expect(f"{one.number}: amount", found.notice.amount_microunits, one.microunits)
        state = "sold" if one.meter is not None else PAID_BACK if one in given_back else "suspense"
        verdict.expect(f"{one.number}: state", (found.state, found.reason if state == "sold" else ""), (state, ""))
    provider = balances.balance(chart.provider(PROVIDER), _CURRENCY)
    kept = sum(one.microunits for one in paid) - sum(one.microunits for one in given_back)
    verdict.expect("money at the provider", provider, kept)


def _credit(verdict: Verdict, place: Place, paid: Sequence[Paid], prices: dict[str, int]) -> int:
    """Return the micro-units of payments whose credit is at a meter or on its account. Note the differences."""
    number, account, contract = place.number, place.meter.account, place.contract
    total = sum(one.microunits for one in paid)
    if contract == contracts.Managed.name:
        return _account_credit(verdict, place, total)
    if contract in (contracts.PrepaidMoney.name, contracts.SettledAccount.name):
        found, expected = account.money.bought, total
    elif contract in (contracts.PrepaidEnergy.name, contracts.Dispenser.name):
        found, expected = account.energy.bought, sum(one.microunits * MWH_PER_KWH // prices["kwh"] for one in paid)
    elif contract == contracts.Term.name:
        found, expected = (
            account.standing["term_bought_s"],
            sum(one.microunits // prices["day"] for one in paid) * DAY_S,
        )
    else:
        found, expected = 0, 0
    verdict.expect(f"meter {number} ({contract}): credit bought", found, expected)
    told = Token.objects.filter(meter_id=number, sale__isnull=False).exclude(state="redeemed").count()
    verdict.expect(f"meter {number}: sold tokens that are not redeemed", told, 0)
    return total if found == expected else 0


def _account_credit(verdict: Verdict, place: Place, total: int) -> int:
    """Judge a managed account: payments less the energy charged, at the price of the tariff, are its balance.

    It is charged from the statement on that its books began with.
    """
    number = place.number
    account = ManagedAccount.objects.get(tenancy=place.tenancy)
    used_mwh = sum(account.billed_registers_mwh.values())
    newest = Statement.objects.filter(meter_id=number).order_by("-time_s").first()
    if newest is not None:
        verdict.expect(f"meter {number}: energy charged", used_mwh, newest.total_mwh)
        verdict.expect(f"meter {number}: time of the last charge", account.billed_s, newest.time_s)
    charge = (used_mwh - _begun_mwh(account, used_mwh)) * PRICE_MICROUNITS // MWH_PER_KWH
    balance = balances.balance(chart.account(account.pk), _CURRENCY)
    verdict.expect(f"meter {number}: balance of the account", balance, total - charge)
    verdict.expect(f"meter {number}: energy in the ledger", balances.balance(chart.consumed(number), _CURRENCY), charge)
    return total if balance == total - charge else 0


def _begun_mwh(account: ManagedAccount, used_mwh: int) -> int:
    """Return the energy of the statement that the books of an account began with."""
    first = AccountCharge.objects.filter(account=account).order_by("until_s").first()
    if first is None:
        return used_mwh
    begun = Statement.objects.filter(meter_id=account.meter_id, time_s=first.from_s)  # type: ignore[attr-defined]
    return begun.order_by("total_mwh")[0].total_mwh


def _supply(verdict: Verdict, meter: FleetMeter, was_clock_wrong: bool) -> None:
    """Judge the contact of a managed meter by the permits that the office sealed, and by the meter's own."""
    sealed = set(Token.objects.filter(meter_id=meter.number, kind=token.PERMIT).values_list("amount", flat=True))
    permits = meter.witness.permits

    def late_s(end_s: int) -> int:
        return LATE_S + CLOCK_S + meter.witness.lost_s(end_s) if was_clock_wrong else LATE_S

    for _, until_s in permits:
        if until_s and until_s not in sealed:
            verdict.findings.append(f"meter {meter.number}: a permit until {until_s} that the office has not sealed")
    verdict.findings += [
        f"meter {meter.number}: lit until {until_s}, {until_s - end_s} s longer than its permit"
        for until_s, end_s in unpermitted(meter.contact.lit, permits, meter.crystal.true_s, late_s)
    ]


def unpermitted(
    lit: Sequence[tuple[int, int | None]],
    permits: Sequence[tuple[int, int]],
    now_s: int,
    late_s: Callable[[int], int] = lambda _end_s: LATE_S,
) -> list[tuple[int, int]]:
    """Return `(lit until, end of the permit)` of each time in which supply outlasted the permit in force.

    `late_s` returns the seconds that it may be late at a time. `lit` are times of supply.
    A permit `(from, until)` is in force from its time to that of the next one.
    """
    return [one for one in _outlasting(lit, permits, now_s) if one[0] > one[1] + late_s(one[0])]


def _outlasting(
    lit: Sequence[tuple[int, int | None]], permits: Sequence[tuple[int, int]], now_s: int
) -> list[tuple[int, int]]:
    """Return `(lit until, end of the permit)` of each time in which supply outlasted the permit at all."""
    found = []
    ends_s = [from_s for from_s, _ in permits[1:]] + [now_s]
    for (since_s, until_s), next_s in zip(permits, ends_s, strict=True):
        for from_s, to_s in lit:
            begin_s, end_s = max(from_s, since_s), min(now_s if to_s is None else to_s, next_s)
            if begin_s < end_s and end_s > until_s:
                found.append((end_s, until_s))
    return found


def ended_with_permit(lit: Sequence[tuple[int, int | None]], permits: Sequence[tuple[int, int]]) -> int:
    """Return how often supply ended at the end of a permit: the meter has ended it by itself."""
    ends_s = {until_s + late for _, until_s in permits for late in range(LATE_S + 1)}
    return sum(to_s in ends_s for _, to_s in lit)


def _managed(places: Sequence[Place]) -> list[FleetMeter]:
    return [one.meter for one in places if one.contract == contracts.Managed.name]


def longest_unpermitted_s(places: Sequence[Place]) -> int:
    """Return the longest time in which a managed meter was lit after the end of its permit."""
    return max(
        (
            end_s - until_s
            for meter in _managed(places)
            for end_s, until_s in _outlasting(meter.contact.lit, meter.witness.permits, meter.crystal.true_s)
        ),
        default=0,
    )


def _messages(verdict: Verdict) -> None:
    """Count the messages to customers by channel and state."""
    for channel in (outbox.SMS, outbox.MAIL):
        rows = Message.objects.filter(channel=channel).exclude(customer=None)
        states = Counter(rows.values_list("state", flat=True))
        verdict.sums[f"messages by {channel}"] = ", ".join(f"{name} {count}" for name, count in sorted(states.items()))


def _books(verdict: Verdict, office: Office, actor: Actor) -> None:
    checked = checking.check(office, actor)
    verdict.findings += [f"office check: {one}" for one in checked.findings]
    verdict.expect("sums of all accounts by unit", {n for n in balances.sums_by_unit().values() if n}, set())
    verdict.expect("orders that have no outcome", Command.objects.filter(state__in=OPEN_STATES).count(), 0)
    verdict.sums |= {
        "receipts": str(Sale.objects.count()),
        "statements": str(Statement.objects.count()),
        "orders": ", ".join(
            f"{n} {c}" for n, c in sorted(Counter(Command.objects.values_list("state", flat=True)).items())
        ),
        "messages of meters set aside": str(SetAside.objects.count()),
    }


def money(microunits: int) -> str:
    """Return an amount in the words of the books."""
    return f"{microunits / 1_000_000:,.2f} {_CURRENCY}"
