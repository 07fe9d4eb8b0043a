"""Rows of the record as plain dicts, so that the actions hand out values and no open database objects."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from wattpurse_tools.record.models import Meter, MeterReceipt, Token
from wattpurse_tools.record.models import Statement as StatementModel

Row = Mapping[str, Any]

_TOKEN = (
    "id",
    "meter",
    "sequence",
    "kind",
    "words",
    "unit",
    "amount",
    "issued_s",
    "card",
    "sealed",
    "state",
    "operator",
    "redeemed_s",
    "tenant",
    "after",
    "receipt_card",
)
STATEMENT = (
    "meter",
    "time_s",
    "number",
    "unit",
    "contract",
    "balance",
    "bought",
    "charged",
    "taken",
    "total_mwh",
    "alarms",
    "event_link",
    "has_other_issuers",
)
_RECEIPT = (
    "meter",
    "sequence",
    "money",
    "energy",
    "debt",
    "term_s",
    "tenant",
    "card",
    "told_s",
    "settled",
    "doubt",
)


def token_row(one: Token) -> Row:
    """Return the row of a token that is in memory."""
    row = {name: getattr(one, "meter_id" if name == "meter" else name) for name in _TOKEN}
    return {**row, "sealed": bytes(one.sealed)}


def meter_row(meter: Meter) -> Row:
    """Return the row of a meter that is in memory."""
    return {field.attname: getattr(meter, field.attname) for field in Meter._meta.concrete_fields}


def token_rows(tokens: QuerySet[Token]) -> list[Row]:
    """Return the rows of tokens."""
    return [{**row, "sealed": bytes(row["sealed"])} for row in tokens.values(*_TOKEN)]


def receipt_rows(receipts: QuerySet[MeterReceipt]) -> list[Row]:
    """Return the rows of receipts."""
    return list(receipts.values(*_RECEIPT))


def statement_rows(statements: QuerySet[StatementModel]) -> list[Row]:
    """Return the rows of statements, without their whole content."""
    return list(statements.values(*STATEMENT))


def meter_rows(meters: QuerySet[Meter]) -> list[Row]:
    """Return the rows of meters."""
    return list(meters.values())
