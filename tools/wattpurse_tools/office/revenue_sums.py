"""The revenue of months, summed up once. A month is summed up again when its number of sales has changed.

Sales and their lines are never changed, so the same number of sales in a month is the same revenue. A sale is of the
day on which it is made: a month that was summed up some days after its end has no further sales, and nobody counts
them.
"""

import time
from dataclasses import astuple, dataclass
from datetime import UTC

from django.db.models import Count, Sum

from wattpurse_tools.office.sale_types import DEBT, REFUND, SALE, VOID
from wattpurse_tools.office.site_days import first_day, month_start_s
from wattpurse_tools.record.models import RevenueMonth, Sale, SaleLine, Shop

_GRACE_S = 3 * 86_400


@dataclass
class RevenueSum:
    """The revenue of a month from customers of one type, in one currency. `receipts` counts sales, less voids."""

    customer_type: str
    currency: str
    receipts: int = 0
    net_microunits: int = 0
    tax_microunits: int = 0
    debt_microunits: int = 0
    paid_back_microunits: int = 0


def of_months(first_month: int, last_month: int) -> dict[int, list[RevenueSum]]:
    """Return the sums of each month that has sales, by type of customer and currency."""
    places, present_s = shops(), int(time.time())
    known = {one.month: one for one in RevenueMonth.objects.filter(month__gte=first_month, month__lte=last_month)}
    counts = {month: row.sales for month, row in known.items() if row.is_final}
    for month in range(first_month, last_month + 1):
        if month not in counts:
            counts[month] = _count(month, places)
    found, made = {}, []
    for month in sorted(month for month, count in counts.items() if count):
        row = known.get(month)
        if row is not None and row.sales == counts[month] and (row.is_final or not _is_over(month, present_s)):
            found[month] = [RevenueSum(*one) for one in row.rows]
            continue
        found[month] = sums = _summed(month, places)
        rows = [astuple(one) for one in sums]
        made.append(RevenueMonth(month=month, sales=counts[month], rows=rows, is_final=_is_over(month, present_s)))
    RevenueMonth.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["month"], update_fields=["sales", "rows", "is_final"]
    )
    return found


def shops() -> list[int]:
    """Return the rows of all shops: a condition on them lets the record use its index of shop and day."""
    return list(Shop.objects.order_by("id").values_list("id", flat=True))


def _is_over(month: int, present_s: int) -> bool:
    """Return True some days after the end of a month, when it is over in every time zone."""
    return month_start_s(month + 1, UTC) + _GRACE_S < present_s


def _count(month: int, places: list[int]) -> int:
    """Return the number of sales of a month. It reads an index alone."""
    days = {"business_day__gte": first_day(month), "business_day__lt": first_day(month + 1)}
    return Sale.objects.filter(shop__in=places, **days).count()


def _summed(month: int, places: list[int]) -> list[RevenueSum]:
    """Return the sums of a month from its sales and their lines."""
    days = {"business_day__gte": first_day(month), "business_day__lt": first_day(month + 1), "shop__in": places}
    found: dict[tuple[str, str], RevenueSum] = {}
    sales = Sale.objects.filter(kind__in=(SALE, VOID, REFUND), **days)
    rows = sales.values_list("customer__customer_type__name", "currency", "kind")
    for name, currency, kind, count, gross, tax in rows.annotate(
        count=Count("*"), gross=Sum("gross_microunits"), tax=Sum("tax_microunits")
    ).order_by():
        one = found.setdefault((name or "", currency), RevenueSum(name or "", currency))
        if kind == REFUND:
            one.paid_back_microunits += abs(int(gross))
            continue
        one.receipts += count if kind == SALE else -count
        one.net_microunits += int(gross) - int(tax)
        one.tax_microunits += int(tax)
    debts = SaleLine.objects.filter(what=DEBT, sale__in=sales.filter(kind__in=(SALE, VOID)))
    by_type = debts.values_list("sale__customer__customer_type__name", "sale__currency")
    for name, currency, gross in by_type.annotate(Sum("gross_microunits")).order_by():
        one = found[name or "", currency]
        one.debt_microunits += int(gross)
        one.net_microunits -= int(gross)
    return [found[key] for key in sorted(found)]
