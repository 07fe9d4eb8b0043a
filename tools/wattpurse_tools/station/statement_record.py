"""The statements that a station has read, and the contradictions between them and the sales.

A meter's registers only grow. The credit that a meter bought equals the credit of its redeemed tokens, and the credit
that it gave back equals the sum of its receipts. Money from key cards has no token. If a statement says otherwise, the
meter's flash was rolled back or rewritten, a receipt was missed, this record was restored from a backup, or another
station sells with the same keys.
"""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from wattpurse.core.money.contract import KeyCard
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record.models import MeterReceipt, Token
from wattpurse_tools.record.models import Statement as StatementModel
from wattpurse_tools.station.order import ENERGY, FORFEITED, MONEY, TIME
from wattpurse_tools.station.rows import STATEMENT, Row, statement_rows
from wattpurse_tools.vault.interface import Keys

if TYPE_CHECKING:
    from django.db.models.query import ValuesQuerySet

# Columns of a statement that only grow, in words.
_GROWING = (
    ("bought", "the credit bought"),
    ("charged", "the amount charged"),
    ("taken", "the credit given back"),
)
SINCE = "since_s"  # the member of `Meter.excused` with the time of the statement


def _made_for(meter_number: int) -> "ValuesQuerySet[Token, Any]":
    """Return the credit of each unit of all tokens that were ever made for a meter."""
    return Token.objects.filter(meter_id=meter_number).order_by().values_list("unit").annotate(Sum("amount"))


def _first_before(meter_number: int, since_s: int, time_s: int) -> "ValuesQuerySet[StatementModel, Any]":
    rows = StatementModel.objects.filter(meter_id=meter_number, time_s__gte=since_s, time_s__lte=time_s)
    return rows.order_by("-time_s", "-id").values_list(*STATEMENT)[:2]


def _first_after(meter_number: int, since_s: int, time_s: int) -> "ValuesQuerySet[StatementModel, Any]":
    rows = StatementModel.objects.filter(meter_id=meter_number, time_s__gte=since_s, time_s__gt=time_s)
    return rows.order_by("time_s", "id").values_list(*STATEMENT)[:1]


# Each statement that tells news asks these.
_made = CompiledValues(_made_for, 1)
_before = CompiledValues(_first_before, 1, 2, 3)
_after = CompiledValues(_first_after, 1, 2, 3)


class Statements:
    """The statements in the record."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def keep(self, statement: dict) -> None:
        """Store an authentic statement, once. The caller opens the transaction."""
        own = self._keys.issuer
        StatementModel.objects.bulk_create(
            [
                StatementModel(
                    meter_id=statement["meter_number"],
                    time_s=statement["time_s"],
                    number=statement.get("number", 0),
                    unit=statement["unit"],
                    contract=statement["contract"],
                    balance=statement["balance"],
                    bought=statement.get("bought"),
                    charged=statement.get("charged"),
                    taken=statement.get("taken"),
                    total_mwh=statement["total_mwh"],
                    alarms=", ".join(statement["alarms"]),
                    event_link=statement.get("event_link"),
                    has_other_issuers=any(issuer != own and top for issuer, (top, _) in statement["windows"].items()),
                    content=statement,
                    read_s=int(time.time()),
                )
            ],
            ignore_conflicts=True,
        )

    def of_meter(self, meter_number: int) -> list[Row]:
        """Return all statements of a meter, oldest first."""
        return statement_rows(StatementModel.objects.filter(meter_id=meter_number).order_by("time_s", "id"))

    def newest(self, meter_number: int) -> Mapping[str, Any] | None:
        """Return the whole content of the newest statement of a meter, or None."""
        contents = StatementModel.objects.filter(meter_id=meter_number).order_by("-time_s", "-id")
        return contents.values_list("content", flat=True).first()

    def event_links(self, meter_number: int) -> list[tuple[int, str]]:
        """Return `(time of the statement, link)` of all statements that carry a link of the event log, oldest first."""
        return [
            (one["time_s"], one["event_link"]) for one in self.of_meter(meter_number) if one["event_link"] is not None
        ]

    def findings(self, meter_number: int) -> list[str]:
        """Return the contradictions in sentences, oldest first."""
        found = []
        statements = self.of_meter(meter_number)
        for earlier, later in zip(statements, statements[1:], strict=False):
            found += self._findings_between(earlier, later)
        full = [one for one in statements if None not in (one["bought"], one["taken"])]
        for unit in (MONEY, ENERGY):
            newest = [one for one in full if one["unit"] == unit][-1:]
            found += [finding for one in newest for finding in self._findings_of_sales(one)]
        return found

    def disagreements(self, statement: dict, excused: Mapping[str, int]) -> list[str]:
        """Return the reasons why a statement and this record cannot both be right, so that sales have to stop.

        `excused` has the credit of each unit that a manager has looked into, and the time until which he did.
        """
        found = []
        meter_number, time_s = statement["meter_number"], statement["time_s"]
        made = dict(_made.rows(meter_number))
        near = self._neighbours(meter_number, time_s, excused.get(SINCE, 0))
        for earlier, later in zip(near, near[1:], strict=False):
            found += self._findings_between(earlier, later)
        for unit, bought in bought_in(statement).items():
            surplus = bought - made.get(unit, 0)
            unsold = surplus - excused.get(unit, 0)
            if unsold > 0 and len(statement["windows"]) == 1 and not self._is_by_cards(statement, unit, unsold):
                found.append(f"the meter bought {surplus} of {unit} more than this record has sold")
        return found

    def sold(self, meter_number: int, unit: str) -> int:
        """Return the credit of a unit that was sold to a meter. Forfeited tokens do not count."""
        tokens = Token.objects.filter(meter_id=meter_number, unit=unit).exclude(state=FORFEITED)
        return tokens.aggregate(sum=Sum("amount"))["sum"] or 0

    def made(self, meter_number: int, unit: str) -> int:
        """Return the credit of a unit of all tokens that were ever made for a meter."""
        return dict(_made.rows(meter_number)).get(unit, 0)

    def _neighbours(self, meter_number: int, time_s: int, since_s: int) -> list[Row]:
        """Return the statement of a time with the one before and the one after it, not older than `since_s`."""
        rows = _before.rows(meter_number, since_s, time_s)[::-1] + _after.rows(meter_number, since_s, time_s)
        return [dict(zip(STATEMENT, row, strict=True)) for row in rows]

    def _findings_between(self, earlier: Row, later: Row) -> list[str]:
        found = []
        if later["total_mwh"] < earlier["total_mwh"]:
            found.append(f"total energy went back from {earlier['total_mwh']} to {later['total_mwh']} mWh")
        for name, words in _GROWING:
            both_tell = None not in (earlier[name], later[name]) and earlier["unit"] == later["unit"]
            if both_tell and later[name] < earlier[name]:
                found.append(f"{words} went back from {earlier[name]} to {later[name]}")
        return found

    def _findings_of_sales(self, statement: Row) -> list[str]:
        """Compare the bought credit with the tokens, and the credit given back with the receipts.

        The meter has bought at least all tokens that are proved redeemed, and at most all that were ever made. If other
        issuers sell to the meter, this record does not know the most.
        """
        meter, unit, time_s = statement["meter"], statement["unit"], statement["time_s"]
        most = self.made(meter, unit) + bought_by_cards(meter, unit)
        redeemed = Token.objects.filter(meter_id=meter, unit=unit, redeemed_s__lte=time_s)
        least = redeemed.aggregate(sum=Sum("amount"))["sum"] or 0
        bought, taken = statement["bought"], statement["taken"]
        told = self._given_back(meter, unit, time_s)
        found = []
        if bought > most and not statement["has_other_issuers"]:
            found.append(f"bought is {bought}, more than the {most} of {unit} that this record has sold")
        if bought < least:
            found.append(f"bought is {bought}, less than the {least} of {unit} that was redeemed")
        if taken < told:
            found.append(f"the meter gave back {taken}, less than the {told} of {unit} in its receipts")
        if taken > told and not statement["has_other_issuers"]:
            found.append(f"the meter gave back {taken}, more than the {told} of {unit} in the receipts that were read")
        return found

    @staticmethod
    def _is_by_cards(statement: dict, unit: str, unsold: int) -> bool:
        """Return True if key cards can have brought the credit that was not sold by tokens."""
        if unit == MONEY and statement["contract"] == KeyCard.code:
            return True
        return unsold <= bought_by_cards(statement["meter_number"], unit)

    def _given_back(self, meter_number: int, unit: str, time_s: int) -> int:
        """Return the credit of a unit in all receipts up to a time. Credit below zero is no credit given back."""
        receipts = MeterReceipt.objects.filter(meter_id=meter_number, told_s__lte=time_s, **{f"{unit}__gt": 0})
        return receipts.aggregate(sum=Sum(unit))["sum"] or 0


def bought_by_cards(meter_number: int, unit: str) -> int:
    """Return the most credit of a unit that a meter can have bought from key cards, as its statements tell.

    Under the contract key-card each charge is bought from the card in the slot, and no token is made for it.
    """
    rows = StatementModel.objects.filter(meter_id=meter_number)
    if unit != MONEY or not rows.filter(contract=KeyCard.code).exists():
        return 0
    return most_by_cards(rows.order_by("time_s", "id").values_list("contract", "bought"))


def most_by_cards(statements: Iterable[tuple[int, int | None]]) -> int:
    """Return the most money from key cards in the `(contract, bought)` of a meter's statements, oldest first.

    The first statement under another contract counts too: a card paid until the contract changed.
    """
    most, was_by_card = 0, False
    for contract, bought in statements:
        if contract == KeyCard.code or was_by_card:
            most = max(most, bought or 0)
        was_by_card = contract == KeyCard.code
    return most


def bought_in(statement: Mapping[str, Any]) -> dict[str, int]:
    """Return the credit of each unit that a statement says was bought, as far as it has room to say it."""
    totals = statement.get("totals")
    if totals is None:
        return {} if statement.get("bought") is None else {statement["unit"]: statement["bought"]}
    return {MONEY: totals[MONEY]["bought"], ENERGY: totals[ENERGY]["bought"], TIME: totals["term_bought_s"]}
