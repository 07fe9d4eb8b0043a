"""The revenue of months, summed up once. A month is summed up again when its number of sales has changed.

Sales and their lines are never changed, so the same number of sales in a month is the same revenue.
"""

from collections import defaultdict
from dataclasses import astuple, dataclass

from django.db.models import Count, Sum

from wattpurse_tools.office.sale_types import DEBT, REFUND, SALE, VOID
from wattpurse_tools.office.site_days import first_day, month_of
from wattpurse_tools.record.models import RevenueMonth, Sale, SaleLine, Shop


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
    places = shops()
    counts = _counts(first_month, last_month, places)
    known = {one.month: one for one in RevenueMonth.objects.filter(month__gte=first_month, month__lte=last_month)}
    found = {}
    made = []
    for month, count in sorted(counts.items()):
        row = known.get(month)
        if row is None or row.sales != count:
            sums = _summed(month, places)
            made.append(RevenueMonth(month=month, sales=count, rows=[astuple(one) for one in sums]))
        else:
            sums = [RevenueSum(*one) for one in row.rows]
        found[month] = sums
    RevenueMonth.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["month"], update_fields=["sales", "rows"]
    )
    return found


def shops() -> list[int]:
    """Return the rows of all shops: a condition on them lets the record use its index of shop and day."""
    return list(Shop.objects.order_by("id").values_list("id", flat=True))


def _counts(first_month: int, last_month: int, places: list[int]) -> dict[int, int]:
    """Return the number of sales of each month that has some. It reads an index alone."""
    days = Sale.objects.filter(
        shop__in=places, business_day__gte=first_day(first_month), business_day__lt=first_day(last_month + 1)
    )
    counts: dict[int, int] = defaultdict(int)
    for day, count in days.values_list("business_day").annotate(count=Count("*")).order_by():
        counts[month_of(day)] += count
    return counts


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
