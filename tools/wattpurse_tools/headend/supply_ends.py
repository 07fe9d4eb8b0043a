"""Messages before a supply ends by time: the paid days of a term, the days of a dispenser, and a temporary supply.

The paid end of a term is the one that the newest statement tells, and behind it the days that were sold and that no
statement has shown as redeemed. A dispenser's own statement alone tells its end. It is not known while a token with
further days is on its way. The permit of an account is no such end: the engine renews it while there is credit.

An end that moves by less than half a day stays the same end: it moves with the clock of the meter.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import BigIntegerField, Case, F, Max, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.headend import outbox, switching
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import Customer, Message, Meter, Statement, TemporarySupply, Tenancy, Token
from wattpurse_tools.station.order import OUTSTANDING

DAY_S = 86_400
SAME_END_S = DAY_S // 2

_AT_ONCE = 500
_KEY = "expiry"
# The number of a statement that tells the end, by the contract.
_UNTIL = {contracts.Term.name: "term_until_s", contracts.Dispenser.name: "dispenser_until_s"}


@dataclass(frozen=True)
class SupplyEnd:
    """The end of the supply of a customer at a meter, as the record knows it now."""

    meter_number: int
    customer: Customer
    until_s: int


def tell(now_s: int) -> int:
    """Write the messages about supply that ends within the days of the policy, once for each end. Return their number.

    It needs one question for the terms and one for the temporary supplies if nothing ends.
    """
    rules = policy()
    latest_s = now_s + rules.expiry_days * DAY_S
    if latest_s <= now_s:
        return 0
    count = 0
    for some in _in_parts(_ending_meters(now_s, latest_s) + _supplied_meters(latest_s)):
        due = [one for one in _ends(some) if now_s < one.until_s <= latest_s]
        due = [one for one in due if outbox.wanted_addresses(one.customer, outbox.EXPIRY, rules)]
        for one in _not_told(due):
            values = {"meter": one.meter_number, "until_s": one.until_s}
            outbox.put(one.customer, outbox.EXPIRY, _key(one.meter_number, one.until_s), values, now_s)
            count += 1
    return count


def withdraw_moved(now_s: int) -> int:
    """Withdraw the messages that wait and whose end is over, or is no longer the one that the record knows.

    Return the number of ends. It needs one question if no message waits.
    """
    waiting = Message.objects.filter(kind=outbox.EXPIRY, state=outbox.WAITING)
    told = {(*_end_in(key), customer) for key, customer in waiting.values_list("key", "customer_id")}
    parts = _in_parts([meter for meter, _, _ in told])
    ends = {one.meter_number: one for some in parts for one in _ends(some)}
    count = 0
    for meter, until_s, customer in told:
        known = ends.get(meter)
        is_right = known is not None and known.customer.pk == customer and _is_same(known.until_s, until_s)
        if not is_right or until_s <= now_s:
            outbox.withdraw(_key(meter, until_s))
            count += 1
    return count


def _ending_meters(now_s: int, latest_s: int) -> list[int]:
    """Return the meters of terms and dispensers whose end may lie between two times.

    The record has whole days left for a meter, so the end may be a day later. Days that were sold begin at the end
    before them, or at their sale if that is later.
    """
    living = Tenancy.objects.filter(meter_number=OuterRef("pk"), until_s=None)
    told_s = F("told_s") + Cast("days_left", BigIntegerField()) * DAY_S
    days = Token.objects.filter(
        meter=OuterRef("pk"), kind=token.DAYS, state__in=OUTSTANDING, issued_s__gte=OuterRef("from_s")
    )
    meters = (
        Meter.objects.filter(contract__in=_UNTIL, is_retired=False)
        .annotate(from_s=Subquery(living.values("from_s")[:1]))
        .filter(from_s__isnull=False)
        .annotate(
            end_s=Case(
                When(told_s__gte=F("from_s"), days_left__isnull=False, then=told_s),
                default=Value(0),
                output_field=BigIntegerField(),
            ),
            sold_s=_of_meter(days, Sum("amount")),
            sold_until_s=_of_meter(days, Max(F("issued_s") + F("amount"))),
        )
    )
    found = meters.annotate(
        earliest_s=Greatest(F("end_s") + F("sold_s"), F("sold_until_s"), output_field=BigIntegerField()),
        newest_s=Greatest(F("end_s") + DAY_S, F("sold_until_s"), output_field=BigIntegerField()) + F("sold_s"),
    ).filter(end_s__lte=latest_s, earliest_s__lte=latest_s, newest_s__gt=now_s)
    return list(found.order_by("pk").values_list("pk", flat=True))


def _of_meter(tokens: "QuerySet[Token]", sum_of: Sum | Max) -> Coalesce:
    """Return the expression of a sum over the tokens of a meter, or 0 without any."""
    rows = tokens.order_by().values("meter").annotate(sum_of=sum_of).values("sum_of")
    return Coalesce(Subquery(rows, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField())


def _supplied_meters(latest_s: int) -> list[int]:
    """Return the meters whose temporary supply runs and ends until a time."""
    supplies = _running().filter(until_s__lte=latest_s)
    return list(supplies.order_by("pk").values_list("tenancy__meter_number", flat=True))


def _running() -> "QuerySet[TemporarySupply]":
    return TemporarySupply.objects.filter(state=switching.SUPPLY_RUNNING, tenancy__until_s=None)


def _in_parts(numbers: list[int]) -> Iterator[list[int]]:
    """Return numbers of meters in parts that a question may name, each number once."""
    known = sorted(set(numbers))
    return (known[place : place + _AT_ONCE] for place in range(0, len(known), _AT_ONCE))


def _ends(numbers: list[int]) -> list[SupplyEnd]:
    """Return the ends of supply at some meters. A meter whose end is not known has none."""
    tenancies = Tenancy.objects.filter(meter_number__in=numbers, until_s=None).select_related("customer")
    there = {one.meter_number: one for one in tenancies}
    supplies = _running().filter(tenancy__in=there.values()).values_list("tenancy__meter_number", "until_s")
    ends = {**_paid_ends(there), **dict(supplies)}
    return [SupplyEnd(number, there[number].customer, until_s) for number, until_s in ends.items()]


def _paid_ends(there: dict[int, Tenancy]) -> dict[int, int]:
    """Return the ends that are paid, by the meter."""
    sold: defaultdict[int, list[Token]] = defaultdict(list)
    tokens = Token.objects.filter(meter__in=there, kind__in=(token.DAYS, token.DISPENSE), state__in=OUTSTANDING)
    for one in tokens.order_by("sequence").only("meter", "kind", "amount", "issued_s"):
        if one.issued_s >= there[one.meter_id].from_s:  # type: ignore[attr-defined]
            sold[one.meter_id].append(one)  # type: ignore[attr-defined]
    newest = Statement.objects.filter(meter=OuterRef("pk"), time_s=OuterRef("told_s")).order_by("-pk")
    meters = Meter.objects.filter(number__in=there, contract__in=_UNTIL, is_retired=False)
    rows = meters.annotate(content=Subquery(newest.values("content")[:1]))
    found = {}
    for number, contract, told_s, content in rows.values_list("number", "contract", "told_s", "content"):
        is_told = told_s >= there[number].from_s
        end_s = (content or {}).get("standing", {}).get(_UNTIL[contract], 0) if is_told else 0
        until_s = _term_end_s(end_s, sold[number]) if contract == contracts.Term.name else end_s
        is_known = contract == contracts.Term.name or all(one.kind != token.DISPENSE for one in sold[number])
        if until_s and is_known:
            found[number] = until_s
    return found


def _term_end_s(end_s: int, sold: list[Token]) -> int:
    """Return the end of a term with the days that were sold behind it."""
    for one in sold:
        if one.kind == token.DAYS:
            end_s = max(end_s, one.issued_s) + one.amount
    return end_s


def _not_told(ends: Collection[SupplyEnd]) -> list[SupplyEnd]:
    """Return the ends without a message."""
    told: defaultdict[int, list[int]] = defaultdict(list)
    rows = Message.objects.filter(kind=outbox.EXPIRY, customer__in=[one.customer for one in ends])
    for key in rows.values_list("key", flat=True):
        meter, until_s = _end_in(key)
        told[meter].append(until_s)
    return [one for one in ends if not any(_is_same(known, one.until_s) for known in told[one.meter_number])]


def _is_same(first_s: int, second_s: int) -> bool:
    return abs(first_s - second_s) < SAME_END_S


def _key(meter_number: int, until_s: int) -> str:
    return f"{_KEY}:{meter_number}:{until_s}"


def _end_in(key: str) -> tuple[int, int]:
    """Return the meter and the end in the key of a message on a channel."""
    _, meter, until_s, _ = key.split(":")
    return int(meter), int(until_s)
