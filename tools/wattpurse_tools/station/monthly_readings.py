"""The use of each month at a meter, from its statements.

A statement has the months that fit on its card. A later statement completes a month that was not closed, and never
makes one smaller. A closed month keeps its rates if a later statement has room for the total alone.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.record.models import MonthlyReading, Tariff


class Month(NamedTuple):
    """The use of a month, as the record has it."""

    total_wh: int
    rate_wh: Mapping[str, int]
    charge_microunits: int | None
    is_closed: bool


def note_months(meter_number: int, content: Mapping[str, Any]) -> int:
    """Record the months in the content of an authentic statement. Return the number of months that are new or grew.

    The caller opens the transaction. The months cost two questions to the record, however many they are.
    """
    months = content.get("months", ())
    if not months:
        return 0
    known = {
        one.month: one
        for one in MonthlyReading.objects.filter(meter_id=meter_number, month__in=[month["index"] for month in months])
    }
    names = rate_names(content, max(len(month.get("rate_wh", ())) for month in months))
    changed = []
    for age, month in enumerate(months):
        row = known.get(month["index"])
        before = None if row is None else Month(row.total_wh, row.rate_wh, row.charge_microunits, row.is_closed)
        made = completed(before, told(month, names, age > 0))
        if made is not None:
            changed.append(MonthlyReading(meter_id=meter_number, month=month["index"], **made._asdict()))
    MonthlyReading.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["meter", "month"], update_fields=list(Month._fields)
    )
    return len(changed)


def told(month: Mapping[str, Any], names: list[str], is_closed: bool) -> Month:
    """Return a month as a statement tells it."""
    rates = dict(zip(names, month.get("rate_wh", ()), strict=False))
    return Month(month["total_wh"], rates, month.get("charge_microunits"), is_closed)


def completed(before: Month | None, new: Month) -> Month | None:
    """Return the month as the record will have it, or None if the statement adds nothing."""
    if before is None:
        return new
    if new.total_wh < before.total_wh or (before.is_closed and not new.is_closed):
        return None
    if new.total_wh == before.total_wh:
        charge = before.charge_microunits if new.charge_microunits is None else new.charge_microunits
        new = new._replace(rate_wh=new.rate_wh or before.rate_wh, charge_microunits=charge)
    return None if new == before else new


def rate_names(content: Mapping[str, Any], count: int) -> list[str]:
    """Return the names of the registers: those in the statement, those of its tariff's version, or numbers."""
    names = content.get("rate_names", [])
    if count and not names and "tariff_version" in content:
        tables = Tariff.objects.filter(version=content["tariff_version"]).values_list("table", flat=True)[:2]
        if len(tables) == 1:
            names = list(MeterTariff(bytes(tables[0])).rate_names)
    return names if len(names) >= count else [f"rate {number + 1}" for number in range(count)]
