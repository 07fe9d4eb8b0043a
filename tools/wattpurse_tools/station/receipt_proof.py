"""The proof of a receipt: it must fit its token, and the sums in the meter's statement that only grow.

A receipt takes its amounts out of the meter, and the sums of all that was taken out grow by the same amounts. So a
receipt equals the growth of these sums since the former statement. If a receipt was overwritten by the next one before
anybody read it, the rest of the growth is the amount of the lost one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.record.models import MeterReceipt, Statement, Token
from wattpurse_tools.station.order import ENERGY, MONEY, TAKING, TIME
from wattpurse_tools.station.rows import Row

AMOUNTS = ("money", "energy", "debt", "term_s")
_STATEMENTS_LOOKED_AT = 20


@dataclass(frozen=True)
class Proof:
    """The `doubts` about a receipt in words. `lost` is (sequence, amounts) of one that was overwritten, or None."""

    doubts: Sequence[str]
    lost: tuple[int, Mapping[str, Any]] | None = None
    lost_doubt: str = ""


def of(statement: Mapping[str, Any], made: Row | None, missing: Sequence[Row]) -> Proof:
    """Judge the receipt in a statement. `made` is the row of its token, or None.

    `missing` are the rows of redeemed tokens whose receipt nobody has read.
    """
    receipt = statement["receipt"]
    doubts = _doubts_of_token(receipt, made)
    totals = statement.get("totals")
    if totals is None:
        return Proof([*doubts, "the statement has no room for the sums that prove the receipt"])
    before = _totals_before(statement)
    grown = _taken(totals)
    base = _receipts_before(statement) if before is None else _taken(before)
    rest = {name: grown[name] - base[name] - receipt[name] for name in AMOUNTS}
    doubts += _doubts_of_balance(receipt, totals, before)
    doubts += _doubts_of_sales(statement, totals)
    if not any(rest.values()):
        return Proof(doubts)
    if len(missing) == 1 and min(rest["debt"], rest["term_s"]) >= 0:
        lost = missing[0]
        amounts = {**rest, "tenant": lost["tenant"], "card": lost["receipt_card"]}
        words = (
            f"its receipt was overwritten by that of token {number_text(receipt['sequence'])}; the amount is the rest"
            " of the meter's sums"
        )
        return Proof(doubts, (lost["sequence"], amounts), words)
    told = ", ".join(f"{name} {amount}" for name, amount in rest.items() if amount)
    return Proof([*doubts, f"the meter's sums do not agree with it; they differ by {told}"])


def _doubts_of_token(receipt: Mapping[str, Any], made: Row | None) -> list[str]:
    if made is None:
        return ["its token is not in this record"]
    if made["kind"] not in TAKING:
        return [f"token {number_text(made['sequence'])} takes no credit out"]
    doubts = []
    if receipt["card"] != made["receipt_card"]:
        doubts.append(f"it names card {receipt['card']:08x}, and its token card {made['receipt_card']:08x}")
    if receipt["tenant"] != made["tenant"]:
        doubts.append(f"it names tenant {receipt['tenant']}, and its token tenant {made['tenant']}")
    return doubts


def _doubts_of_balance(
    receipt: Mapping[str, Any], totals: Mapping[str, Any], before: Mapping[str, Any] | None
) -> list[str]:
    """Compare with the most credit that can have been in the meter.

    It is the credit bought by now, less the amounts charged and taken before. A token of refund takes at most that.
    """
    doubts = []
    for unit in (MONEY, ENERGY):
        former = {"charged": 0, "taken": 0, "waived": 0} if before is None else before[unit]
        most = totals[unit]["bought"] - former["charged"] - former["taken"] + former["waived"]
        if receipt[unit] > max(0, most):
            doubts.append(f"it has {receipt[unit]} of {unit}, and at most {max(0, most)} can have been in the meter")
    return doubts


def _doubts_of_sales(statement: Mapping[str, Any], totals: Mapping[str, Any]) -> list[str]:
    """Compare the credit in the meter with all that was ever sold to it. Other issuers sell unknown amounts."""
    if len(statement["windows"]) > 1:
        return []
    tokens = Token.objects.filter(meter_id=statement["meter_number"])
    sold = dict(tokens.values_list("unit").annotate(Sum("amount")))
    bought = {MONEY: totals[MONEY]["bought"], ENERGY: totals[ENERGY]["bought"], TIME: totals["term_bought_s"]}
    return [
        f"the meter bought {bought[unit]} of {unit}, and this record sold {sold.get(unit, 0)}"
        for unit in bought
        if bought[unit] > sold.get(unit, 0) and statement["receipt"]["term_s" if unit == TIME else unit] > 0
    ]


def _taken(totals: Mapping[str, Any]) -> dict[str, int]:
    """Return all that receipts took out, less the credit below zero that they took over."""
    return {
        "money": totals[MONEY]["taken"] - totals[MONEY]["waived"],
        "energy": totals[ENERGY]["taken"] - totals[ENERGY]["waived"],
        "debt": totals["debt_taken_microunits"],
        "term_s": totals["term_taken_s"],
    }


def _totals_before(statement: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the sums in the newest statement before this one that has any, or None."""
    earlier = Statement.objects.filter(meter_id=statement["meter_number"], time_s__lt=statement["time_s"])
    contents = earlier.order_by("-time_s", "-id").values_list("content", flat=True)[:_STATEMENTS_LOOKED_AT]
    return next((content["totals"] for content in contents if "totals" in content), None)


def _receipts_before(statement: Mapping[str, Any]) -> dict[str, int]:
    """Return the sum of the receipts that are booked, for a record whose statements have no sums yet."""
    sums = MeterReceipt.objects.filter(meter_id=statement["meter_number"]).aggregate(
        **{f"sum_{name}": Sum(name) for name in AMOUNTS}
    )
    return {name: sums[f"sum_{name}"] or 0 for name in AMOUNTS}
