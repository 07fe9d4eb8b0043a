"""Checks of tokens, receipts of meters and statements: against the vault, and against each other.

A meter has bought at least all credit whose tokens are proved redeemed, and at most all credit ever made for it. It has
given back exactly the credit in its receipts. If other issuers sell to it, the record does not know the most.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from django.db.models import Count, Max, Min

from wattpurse.core.money.token_windows import COUNT_LIMIT, count_of, number_of, number_text
from wattpurse_tools.office.findings import Finding
from wattpurse_tools.office.sale_types import DISPENSER_SALES
from wattpurse_tools.record.models import Meter, MeterReceipt, Statement, Token
from wattpurse_tools.station.order import ENERGY, MONEY, OUTSTANDING, REDEEMED
from wattpurse_tools.station.statement_record import SINCE, most_by_cards
from wattpurse_tools.vault.interface import Keys

_NUMBERS = "token numbers"
_RECEIPTS = "receipts of meters"
_METERS = "meters"

_AT_ONCE = 500  # meters
_TOLD = ("time_s", "unit", "contract", "bought", "charged", "taken", "total_mwh", "has_other_issuers")
_GROWING = (("bought", "the credit bought"), ("charged", "the amount charged"), ("taken", "the credit given back"))


def numbers_are_used_once() -> Iterator[Finding]:
    """Find token numbers of a meter that stand twice in the record."""
    twice = Token.objects.values("meter_id", "sequence").annotate(times=Count("id")).filter(times__gt=1)
    for row in twice.order_by("meter_id", "sequence"):
        yield Finding(
            _NUMBERS, f"meter {row['meter_id']}", f"token {number_text(row['sequence'])} is {row['times']} tokens"
        )


def numbers_are_those_of_the_vault(keys: Keys) -> Iterator[Finding]:
    """Find tokens that the vault has not made: its counters end before them, or they are another issuer's.

    The tokens of a dispensing unit came with its sales.
    """
    lowest, highest = number_of(keys.issuer, 1), number_of(keys.issuer, COUNT_LIMIT)
    units = Token.objects.filter(sale__client_key__startswith=DISPENSER_SALES).values("pk")
    own = Token.objects.exclude(pk__in=units).values("meter_id")
    rows = own.annotate(first=Min("sequence"), last=Max("sequence")).order_by("meter_id")
    for row in rows:
        meter_number, last = row["meter_id"], row["last"]
        if not lowest <= row["first"] <= last <= highest:
            yield Finding(_NUMBERS, f"meter {meter_number}", "has tokens of another issuer than the vault's")
            continue
        used = keys.last_count(meter_number)
        if count_of(last) > used:
            yield Finding(
                _NUMBERS,
                f"meter {meter_number}",
                f"the record has token {count_of(last)}, and the vault's counters end at {used}: the vault is an older"
                f" copy, or a row was planted; name the number to the vault with: wattpurse vault count {meter_number}",
            )


def states_are_proved() -> Iterator[Finding]:
    """Find tokens whose state does not fit: redeemed at no time, or outstanding though a statement shows its end."""
    rows = (
        (Token.objects.filter(state=REDEEMED, redeemed_s=None), "is redeemed, and no statement proves it"),
        (Token.objects.filter(state__in=OUTSTANDING).exclude(redeemed_s=None), "is outstanding, though it was used"),
    )
    for found, words in rows:
        for row in found.order_by("meter_id", "sequence").values("meter_id", "sequence").iterator():
            yield Finding(_METERS, f"meter {row['meter_id']}", f"token {number_text(row['sequence'])} {words}")


def receipts_are_settled_once(keys: Keys) -> Iterator[Finding]:
    """Find receipts that are settled in the record and not in the vault, or the other way."""
    rows = MeterReceipt.objects.order_by("meter_id", "sequence").values("meter_id", "sequence", "settled")
    for meter_number, group in groupby(rows.iterator(), key=itemgetter("meter_id")):
        marked = keys.settled(meter_number)
        for row in group:
            number = number_text(row["sequence"])
            if row["settled"] and row["sequence"] not in marked:
                words = f"receipt {number} is settled in the record ({row['settled']}), and the vault has no mark of it"
            elif row["sequence"] in marked and not row["settled"]:
                words = f"receipt {number} is open in the record, and the vault has settled it"
            else:
                continue
            yield Finding(_RECEIPTS, f"meter {meter_number}", words)


def statements_agree() -> Iterator[Finding]:
    """Find meters whose statements contradict each other, the tokens or the receipts."""
    excused = dict(Meter.objects.order_by("number").values_list("number", "excused"))
    numbers = list(excused)
    for place in range(0, len(numbers), _AT_ONCE):
        span = numbers[place], numbers[place : place + _AT_ONCE][-1]
        statements = _by_meter(
            Statement.objects.filter(meter__number__range=span)
            .order_by("meter_id", "time_s", "id")
            .values("meter_id", *_TOLD)
        )
        tokens = _by_meter(
            Token.objects.filter(meter__number__range=span, unit__in=(MONEY, ENERGY))
            .order_by("meter_id")
            .values("meter_id", "unit", "amount", "redeemed_s")
        )
        receipts = _by_meter(
            MeterReceipt.objects.filter(meter__number__range=span)
            .order_by("meter_id")
            .values("meter_id", "money", "energy", "told_s")
        )
        for number, rows in statements.items():
            for words in _of_meter(rows, tokens.get(number, []), receipts.get(number, []), excused[number]):
                yield Finding(_METERS, f"meter {number}", words)


def _by_meter(rows: Iterable[dict]) -> dict[int, list[dict]]:
    return {number: list(group) for number, group in groupby(rows, key=itemgetter("meter_id"))}


def _of_meter(
    statements: Sequence[dict], tokens: Sequence[dict], receipts: Sequence[dict], excused: Mapping[str, int]
) -> Iterator[str]:
    """Yield the contradictions of a meter, but for those that a manager has looked into."""
    statements = [one for one in statements if one["time_s"] >= excused.get(SINCE, 0)]
    for earlier, later in zip(statements, statements[1:], strict=False):
        yield from _between(earlier, later)
    by_cards = most_by_cards((one["contract"], one["bought"]) for one in statements)
    for unit in (MONEY, ENERGY):
        full = [one for one in statements if one["unit"] == unit and None not in (one["bought"], one["taken"])]
        for newest in full[-1:]:
            before = full[0] if SINCE in excused else None
            surplus = excused.get(unit, 0) + (by_cards if unit == MONEY else 0)
            yield from _of_sales(newest, unit, tokens, surplus)
            yield from _of_receipts(newest, unit, receipts, before)


def _between(earlier: dict, later: dict) -> Iterator[str]:
    if later["total_mwh"] < earlier["total_mwh"]:
        yield f"total energy went back from {earlier['total_mwh']:,} to {later['total_mwh']:,} mWh"
    for name, words in _GROWING:
        both_tell = None not in (earlier[name], later[name]) and earlier["unit"] == later["unit"]
        if both_tell and later[name] < earlier[name]:
            yield f"{words} went back from {earlier[name]:,} to {later[name]:,}"


def _of_sales(statement: dict, unit: str, tokens: Sequence[dict], surplus: int) -> Iterator[str]:
    amounts = [(one["amount"], one["redeemed_s"]) for one in tokens if one["unit"] == unit]
    most = sum(amount for amount, _ in amounts)
    least = sum(amount for amount, used_s in amounts if used_s is not None and used_s <= statement["time_s"])
    bought = statement["bought"]
    if bought > most + surplus and not statement["has_other_issuers"]:
        yield f"has bought {bought:,}, more than the {most:,} of {unit} in all its tokens"
    if bought < least:
        yield f"has bought {bought:,}, less than the {least:,} of {unit} that it has redeemed"


def _of_receipts(statement: dict, unit: str, receipts: Sequence[dict], before: dict | None) -> Iterator[str]:
    """Compare the credit given back with the receipts, from `before` on if a manager has looked into the meter then."""
    since_s, base = (-1, 0) if before is None else (before["time_s"], before["taken"])
    told = sum(max(0, one[unit]) for one in receipts if since_s < one["told_s"] <= statement["time_s"])
    taken = statement["taken"] - base
    if taken < told or taken > told and not statement["has_other_issuers"]:
        yield f"has given back {taken:,}, and its receipts say {told:,} of {unit}"
