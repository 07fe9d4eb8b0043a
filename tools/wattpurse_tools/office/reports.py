"""The manager's reports: revenue, energy, unredeemed credit, debts, tamper and unlike purchases.

Revenue counts by the shop's business day; a reversal counts below zero on its own day. The energy used is that of the
meters' own months. A meter's month counts to the customer who was there last in it.
"""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any

from django.db.models import Case, Count, F, IntegerField, QuerySet, Sum, Value, When

from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import revenue_sums
from wattpurse_tools.office.report_tables import COUNT, CURRENCY, ENERGY, MONEY, PERCENT, Column, ReportTable
from wattpurse_tools.office.sale_types import SALE, VOID
from wattpurse_tools.office.site_days import first_day, month_of, month_start_s, month_text, site_zone
from wattpurse_tools.record.models import Feeder, Meter, MonthlyReading, SaleLine, Statement, Tenancy, Token
from wattpurse_tools.station import order as orders

USUAL_MONTHS = 6
NEEDED_MONTHS = 4
UNLIKE_FACTOR = 3

_DAY_S = 86_400
_MWH_PER_WH = 1000
_PERCENT_MILLIONTHS = 100_000_000
_AGES = (30, 90)
_NO_TYPE = "(none)"


def revenue(first_month: int, last_month: int) -> ReportTable:
    """Return the revenue by month, type of customer and currency."""
    rows: list[tuple[str | int | None, ...]] = []
    for month, sums in revenue_sums.of_months(first_month, last_month).items():
        for one in sums:
            net, tax = one.net_microunits, one.tax_microunits
            amounts = (one.receipts, net, tax, net + tax, one.debt_microunits, one.paid_back_microunits)
            rows.append((month_text(month), one.customer_type or _NO_TYPE, one.currency, *amounts))
    return ReportTable(
        name="revenue",
        title=f"Revenue {_span(first_month, last_month)}",
        columns=(
            Column("month"),
            Column("customer type"),
            Column("currency", CURRENCY),
            Column("receipts", COUNT),
            Column("net", MONEY),
            Column("tax", MONEY),
            Column("gross", MONEY),
            Column("debt collected", MONEY),
            Column("paid back", MONEY),
        ),
        rows=rows,
        notes=(
            "By the business day of the shop. A void counts below zero on its own day. Debt that a sale collects and"
            " credit that is paid back are no revenue, and stand apart.",
        ),
    )


def energy(first_month: int, last_month: int) -> ReportTable:
    """Return the energy sold as kWh and the energy used, by month and type of customer."""
    found: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for month, customer_type, meters, wh in _used(first_month, last_month):
        sums = found[month, customer_type]
        sums[1] += wh * _MWH_PER_WH
        sums[2] += meters
    for day, customer_type, mwh in _sold_energy(first_month, last_month):
        found[month_of(day), customer_type or _NO_TYPE][0] += int(mwh)
    return ReportTable(
        name="energy",
        title=f"Energy {_span(first_month, last_month)}",
        columns=(
            Column("month"),
            Column("customer type"),
            Column("sold as kWh", ENERGY),
            Column("used", ENERGY),
            Column("meters that told it", COUNT),
        ),
        rows=[
            (month_text(month), customer_type, sold_mwh, used_mwh, meters)
            for (month, customer_type), (sold_mwh, used_mwh, meters) in sorted(found.items())
        ],
        notes=(
            "Sold: credit of meters that count in kWh. Credit of money is in the revenue.",
            "Used: the months that the meters' statements tell, without the feeders' own meters. The newest month grows"
            " until it is closed.",
        ),
    )


def used_by_month(first_month: int, last_month: int) -> dict[int, int]:
    """Return the energy used in each month, in mWh. Feeders' own meters do not count."""
    readings = MonthlyReading.objects.filter(month__gte=first_month, month__lte=last_month)
    used = _wh_by_month(readings)
    for month, wh in _wh_by_month(readings.filter(meter__in=_feeder_meters())).items():
        used[month] -= wh
    return {month: wh * _MWH_PER_WH for month, wh in used.items()}


def rates(month: int) -> ReportTable:
    """Return the energy used in a month by rate and type of customer."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    type_of = _TypesOfMeters().in_month(month)
    readings = _of_customers(month, _feeder_meters())
    for meter, total_wh, rate_wh in readings.values_list("meter_id", "total_wh", "rate_wh").iterator():
        kind = type_of.get(meter, _NO_TYPE)
        named = rate_wh if isinstance(rate_wh, dict) else {}
        for name, wh in named.items():
            found[name, kind] += wh
        found["(rate not told)", kind] += total_wh - sum(named.values())
    return ReportTable(
        name="rates",
        title=f"Energy by rate in {month_text(month)}",
        columns=(Column("rate"), Column("customer type"), Column("used", ENERGY)),
        rows=[(rate, kind, wh * _MWH_PER_WH) for (rate, kind), wh in sorted(found.items()) if wh],
        notes=("A card without room for the rates tells the total alone.",),
    )


def unredeemed(now_s: int) -> ReportTable:
    """Return the credit that was sold and that no statement proves redeemed, by unit, currency and age."""
    limits = [now_s - days * _DAY_S for days in _AGES]
    age = Case(
        When(issued_s__gte=limits[0], then=Value(0)),
        When(issued_s__gte=limits[1], then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    outstanding = Token.objects.filter(state__in=orders.OUTSTANDING, unit__in=(orders.MONEY, orders.ENERGY))
    rows = outstanding.annotate(age=age).values_list("unit", "meter__currency", "age")
    names = (f"up to {_AGES[0]} days", f"{_AGES[0]} to {_AGES[1]} days", f"more than {_AGES[1]} days")
    money, kwh = [], []
    for unit, currency, its_age, count, amount in rows.annotate(Count("id"), Sum("amount")).order_by(
        "unit", "meter__currency", "age"
    ):
        if unit == orders.MONEY:
            money.append((names[its_age], currency, count, int(amount), None))
        else:
            kwh.append((names[its_age], "", count, None, int(amount)))
    return ReportTable(
        name="unredeemed",
        title="Unredeemed credit",
        columns=(
            Column("age"),
            Column("currency", CURRENCY),
            Column("tokens", COUNT),
            Column("money", MONEY),
            Column("energy", ENERGY),
        ),
        rows=[*money, *kwh],
        notes=("A token counts until a statement of its meter comes home and shows it as redeemed.",),
    )


def debts() -> ReportTable:
    """Return the debts in the ledger by tenancy, the largest first."""
    owed = {
        (int(code.partition(":")[2]), unit): amount
        for (code, unit), amount in balances.balances("debt").items()
        if amount and code.partition(":")[2].isdecimal()
    }
    tenancies = _in_batches(
        Tenancy.objects.select_related("customer", "premises"), sorted({tenancy for tenancy, _ in owed})
    )
    rows: list[tuple[str | int | None, ...]] = []
    for (tenancy, unit), amount in sorted(owed.items(), key=lambda item: -item[1]):
        one = tenancies.get(tenancy)
        who = ("", "", "", "") if one is None else _whereabouts(one)
        rows.append((*who, unit, amount))
    return ReportTable(
        name="debts",
        title="Debts",
        columns=(
            Column("customer"),
            Column("name"),
            Column("premises"),
            Column("tenancy"),
            Column("currency", CURRENCY),
            Column("owed", MONEY),
        ),
        rows=rows,
        notes=("By the ledger. A meter's own debt counter may be ahead of it until its statement comes home.",),
    )


def tamper(month: int) -> ReportTable:
    """Return the meters whose statements of a month tell of tampering."""
    zone = site_zone()
    told = Statement.objects.filter(
        time_s__gte=month_start_s(month, zone), time_s__lt=month_start_s(month + 1, zone), alarms__contains="tamper"
    )
    kinds: dict[int, set[str]] = defaultdict(set)
    counts: dict[int, int] = defaultdict(int)
    for meter, content in told.values_list("meter_id", "content"):
        counts[meter] += 1
        kinds[meter] |= set(content.get("tamper", ()))
    tenancies = _tenants_of(sorted(counts))
    rows = [
        (str(meter), *_who(tenancies.get(meter)), ", ".join(sorted(kinds[meter])), counts[meter])
        for meter in sorted(counts)
    ]
    return ReportTable(
        name="tamper",
        title=f"Tamper in {month_text(month)}",
        columns=(
            Column("meter"),
            Column("customer"),
            Column("name"),
            Column("premises"),
            Column("what the meter saw"),
            Column("statements", COUNT),
        ),
        rows=rows,
    )


def unlike(month: int) -> ReportTable:
    """Return the meters whose purchases in a month are unlike their usual ones.

    The usual purchase is the median of the six months before. A month is unlike if it is less than a third or more than
    three times of it. Meters that bought in fewer than four of the six months have no usual purchase.
    """
    rows = []
    for meter, unit, sums in _bought_by_month(month):
        now, before = sums[-1], sums[:-1]
        if sum(amount > 0 for amount in before) < NEEDED_MONTHS:
            continue
        usual = int(median(before))
        if usual > 0 and (now * UNLIKE_FACTOR < usual or now > usual * UNLIKE_FACTOR):
            rows.append((meter, unit, usual, now))
    meters = _in_batches(Meter.objects.all(), [meter for meter, *_ in rows])
    tenancies = _tenants_of([meter for meter, *_ in rows])
    return ReportTable(
        name="unlike",
        title=f"Unlike purchases in {month_text(month)}",
        columns=(
            Column("meter"),
            Column("customer"),
            Column("name"),
            Column("premises"),
            Column("currency", CURRENCY),
            Column("usual money", MONEY),
            Column("money", MONEY),
            Column("usual energy", ENERGY),
            Column("energy", ENERGY),
            Column("of usual", PERCENT),
        ),
        rows=[
            (
                str(meter),
                *_who(tenancies.get(meter)),
                *(
                    (meters[meter].currency, usual, now, None, None)
                    if unit == orders.MONEY
                    else ("", None, None, usual, now)
                ),
                now * _PERCENT_MILLIONTHS // usual,
            )
            for meter, unit, usual, now in rows
        ],
        notes=(
            f"Unlike: less than a third, or more than {UNLIKE_FACTOR} times, of the usual purchase. The usual purchase"
            f" is the median of the {USUAL_MONTHS} months before, for meters that bought in at least {NEEDED_MONTHS} of"
            " them. Voided and forfeited tokens do not count. The running month is low until it ends.",
        ),
    )


def _sold_energy(first_month: int, last_month: int) -> Iterator[tuple[Any, ...]]:
    """Yield `(business day, type of customer, mWh)` of the lines of kWh."""
    lines = SaleLine.objects.filter(
        unit=chart.MWH,
        sale__kind__in=(SALE, VOID),
        sale__shop__in=revenue_sums.shops(),
        sale__business_day__gte=first_day(first_month),
        sale__business_day__lt=first_day(last_month + 1),
    )
    rows = lines.values_list("sale__business_day", "sale__customer__customer_type__name")
    yield from rows.annotate(Sum("quantity")).order_by()


def _used(first_month: int, last_month: int) -> Iterator[tuple[int, str, int, int]]:
    """Yield month, type of customer, number of meters, and Wh."""
    types, feeders = _TypesOfMeters(), _feeder_meters()
    for month in range(first_month, last_month + 1):
        type_of = types.in_month(month)
        meters: dict[str, int] = defaultdict(int)
        sums: dict[str, int] = defaultdict(int)
        for meter, wh in _of_customers(month, feeders).values_list("meter_id", "total_wh").iterator():
            kind = type_of.get(meter, _NO_TYPE)
            meters[kind] += 1
            sums[kind] += wh
        for kind, wh in sums.items():
            yield month, kind, meters[kind], wh


def _of_customers(month: int, feeders: list[int]) -> QuerySet[MonthlyReading]:
    """Return the readings of a month without those of the feeders' own meters."""
    return MonthlyReading.objects.filter(month=month).exclude(meter__in=feeders)


def _feeder_meters() -> list[int]:
    return list(Feeder.objects.filter(meter__isnull=False).values_list("meter_id", flat=True))


def _wh_by_month(readings: QuerySet[MonthlyReading]) -> dict[int, int]:
    rows = readings.values_list("month").annotate(Sum("total_wh")).order_by("month")
    return {month: int(wh) for month, wh in rows}


class _TypesOfMeters:
    """The type of the customer at each meter. The record is asked once: one question for each meter takes too long."""

    def __init__(self) -> None:
        self._zone = site_zone()
        rows = Tenancy.objects.order_by("from_s", "id")
        names = ("meter_number", "from_s", "until_s", "customer__customer_type__name")
        self._tenancies = list(rows.values_list(*names))

    def in_month(self, month: int) -> dict[int, str]:
        """Return the types by meter: those of the customers who were there last in the month."""
        begin_s, end_s = month_start_s(month, self._zone), month_start_s(month + 1, self._zone)
        return {
            meter: name or _NO_TYPE
            for meter, from_s, until_s, name in self._tenancies
            if from_s < end_s and (until_s is None or until_s > begin_s)
        }


def _bought_by_month(month: int) -> Iterator[tuple[int, str, list[int]]]:
    """Yield meter, unit and the credit bought in each of the months up to `month`, the oldest first."""
    zone = site_zone()
    starts = [month_start_s(one, zone) for one in range(month - USUAL_MONTHS, month + 2)]
    counted = Token.objects.filter(
        issued_s__gte=starts[0], issued_s__lt=starts[-1], kind__in=orders.CREDIT_KINDS, amount__gt=0
    ).exclude(state__in=(orders.VOIDED, orders.FORFEITED))
    sums = {
        f"month_{place}": Sum(Case(When(issued_s__gte=begin, issued_s__lt=end, then=F("amount")), default=Value(0)))
        for place, (begin, end) in enumerate(zip(starts, starts[1:], strict=False))
    }
    for meter, unit, *amounts in counted.values_list("meter_id", "unit").annotate(**sums).order_by("meter_id", "unit"):
        yield meter, unit, [int(amount) for amount in amounts]


def _tenants_of(meters: list[int]) -> dict[int, Tenancy]:
    """Return the open tenancy of each meter."""
    found = {}
    for begin in range(0, len(meters), 500):
        rows = Tenancy.objects.filter(meter_number__in=meters[begin : begin + 500], until_s=None)
        found |= {one.meter_number: one for one in rows.select_related("customer", "premises")}
    return found


def _in_batches(rows: QuerySet[Any], keys: list[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for begin in range(0, len(keys), 500):
        found |= rows.in_bulk(keys[begin : begin + 500])
    return found


def _who(tenancy: Tenancy | None) -> tuple[str, str, str]:
    if tenancy is None:
        return "", "", ""
    return str(tenancy.customer.number), tenancy.customer.name, tenancy.premises.name


def _whereabouts(tenancy: Tenancy) -> tuple[str, str, str, str]:
    return *_who(tenancy), "ended" if tenancy.until_s else "open"


def _span(first_month: int, last_month: int) -> str:
    if first_month == last_month:
        return f"in {month_text(first_month)}"
    return f"from {month_text(first_month)} to {month_text(last_month)}"
