"""The use of each month at a meter, from its statements.

A statement has the months that fit on its card. A later statement completes a month that was not closed, and never
makes one smaller. A closed month keeps its rates if a later statement has room for the total alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record import bulk
from wattpurse_tools.record.models import Tariff

_TABLES = CompiledValues(lambda version: Tariff.objects.filter(version=version).values_list("table")[:2], 1)

# The columns of a month, and their types on PostgreSQL.
_COLUMNS = {
    "meter_id": "bigint",
    "month": "integer",
    "total_wh": "bigint",
    "rate_wh": "jsonb",
    "charge_microunits": "bigint",
    "is_closed": "boolean",
}
# `before` is the month in the record, and `excluded` the same month as a statement tells it.
_COMPLETED = """ON CONFLICT (meter_id, month) DO UPDATE SET
    total_wh = excluded.total_wh,
    is_closed = excluded.is_closed,
    rate_wh = CASE WHEN excluded.total_wh = before.total_wh AND excluded.rate_wh = '{}'
        THEN before.rate_wh ELSE excluded.rate_wh END,
    charge_microunits = CASE WHEN excluded.total_wh = before.total_wh
        THEN coalesce(excluded.charge_microunits, before.charge_microunits) ELSE excluded.charge_microunits END
WHERE (excluded.is_closed OR NOT before.is_closed) AND (
    excluded.total_wh > before.total_wh
    OR excluded.total_wh = before.total_wh AND (
        excluded.is_closed <> before.is_closed
        OR excluded.rate_wh NOT IN ('{}', before.rate_wh)
        OR excluded.charge_microunits <> coalesce(before.charge_microunits, excluded.charge_microunits - 1)))"""


class Month(NamedTuple):
    """The use of a month, as a statement tells it."""

    total_wh: int
    rate_wh: Mapping[str, int]
    charge_microunits: int | None
    is_closed: bool


def note_months(meter_number: int, content: Mapping[str, Any]) -> int:
    """Record the months in the content of an authentic statement. Return the number of months that are new or grew.

    The caller opens the transaction.
    """
    months = content.get("months", ())
    if not months:
        return 0
    names = rate_names(content, max(len(month.get("rate_wh", ())) for month in months))
    return write_months(
        [(meter_number, month["index"], told(month, names, age > 0)) for age, month in enumerate(months)]
    )


def write_months(months: Sequence[tuple[int, int, Month]]) -> int:
    """Record months, each once, with the number of its meter and its index. Return how many are new or grew."""
    rows = [(number, index, *month._replace(rate_wh=dict(month.rate_wh))) for number, index, month in months]
    return bulk.insert("monthly_readings", _COLUMNS, rows, _COMPLETED)


def told(month: Mapping[str, Any], names: list[str], is_closed: bool) -> Month:
    """Return a month as a statement tells it."""
    rates = dict(zip(names, month.get("rate_wh", ()), strict=False))
    return Month(month["total_wh"], rates, month.get("charge_microunits"), is_closed)


def rate_names(content: Mapping[str, Any], count: int) -> list[str]:
    """Return the names of the registers: those in the statement, those of its tariff's version, or numbers."""
    names = content.get("rate_names", [])
    if count and not names and "tariff_version" in content:
        tables = _TABLES.rows(content["tariff_version"])
        if len(tables) == 1:
            names = list(MeterTariff(bytes(tables[0][0])).rate_names)
    return names if len(names) >= count else [f"rate {number + 1}" for number in range(count)]
