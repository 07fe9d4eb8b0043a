"""The books of a shop's day, and their comparison with the meters' statements: bought, returned, charged, balance."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max, QuerySet, Sum

from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.shifts import Total
from wattpurse_tools.record.models import Meter, Sale, SaleLine, Shift, Shop, Statement, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.currencies import site_currency

_UNIT_OF_TOKENS = {orders.ENERGY: chart.MWH, orders.TIME: chart.SECONDS}


@dataclass(frozen=True)
class ShopDay:
    """A business day of a shop: `totals` as in a shift's report, the deposits, and the shifts that closed on it."""

    shop: Shop
    day: date
    currency: str
    totals: dict[str, tuple[Total, ...]]
    deposits_microunits: int
    differences_microunits: int
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Reconciled:
    """A unit over some meters, by the books, and by the newest statement of each meter.

    `bought` is credit that was issued and not voided. `returned` is credit that meters gave back. `balance` is the rest
    of both, less the credit that meters `charged`, by their statements. `outstanding` is credit on tokens that no
    statement shows as redeemed. `told_bought` is the credit that reached the meters, by their statements. It is bought
    less outstanding, unless other issuers sell too.
    """

    unit: str
    bought: int
    returned: int
    outstanding: int
    told_bought: int
    told_taken: int
    charged: int

    @property
    def balance(self) -> int:
        """The credit that the meters have, or are to get."""
        return self.bought - self.returned - self.charged

    @property
    def difference(self) -> int:
        """The credit that the meters had beyond the books: zero if both agree."""
        return self.told_bought + self.outstanding - self.bought


def day_report(office: Office, actor: Actor, shop: Shop, day: date) -> ShopDay:
    """Return the report of a business day. Right: manage, in the shop."""
    actor.require("manage", shop.number)
    sales = Sale.objects.filter(shop=shop, business_day=day)
    lines = SaleLine.objects.filter(sale__shop=shop, sale__business_day=day)
    totals = {
        "transaction": _totals(sales, "kind"),
        "operator": _totals(sales, "operator"),
        "payment": _totals(sales, "payment_type"),
        "resource": _line_totals(lines, "what", "gross_microunits"),
        "tax": _line_totals(lines.exclude(tax_name=""), "tax_name", "tax_microunits"),
    }
    moved = balances.balances_of_day(day, shop.number)
    currency = site_currency().code
    closed = Shift.objects.filter(till__shop=shop, sales__business_day=day).distinct().order_by("pk")
    return ShopDay(
        shop,
        day,
        currency,
        totals,
        moved.get((chart.bank(chart.DEPOSIT), currency), 0),
        moved.get((chart.difference(shop.number), currency), 0),
        tuple(closed),
    )


def reconcile(office: Office, actor: Actor, meters: "QuerySet[Meter] | None" = None) -> dict[str, Reconciled]:
    """Return the comparison by unit, of some meters or of all. Right: manage."""
    actor.require("manage")
    chosen = Meter.objects.all() if meters is None else meters
    numbers = set(chosen.values_list("number", flat=True))
    booked, returned = _booked(numbers)
    told = _told(numbers)
    waiting = _outstanding(numbers)
    units = sorted({*booked, *told, *waiting})
    none = (0, 0, 0)
    return {
        unit: Reconciled(
            unit,
            booked.get(unit, 0) + returned.get(unit, 0),
            returned.get(unit, 0),
            waiting.get(unit, 0),
            *told.get(unit, none),
        )
        for unit in units
    }


def _booked(numbers: set[int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return by unit the credit of meters in the books now, and the credit that meters gave back in all."""
    now: dict[str, int] = {}
    for (code, unit), amount in balances.balances("meter").items():
        if int(code.partition(":")[2]) in numbers:
            now[unit] = now.get(unit, 0) + amount
    back: dict[str, int] = {}
    for (code, unit), amount in balances.given("meter", "receipt").items():
        if int(code.partition(":")[2]) in numbers:
            back[unit] = back.get(unit, 0) + amount
    return now, back


def _told(numbers: set[int]) -> dict[str, tuple[int, int, int]]:
    """Return by unit the sums of the newest statements: bought, taken out, charged."""
    newest = Statement.objects.values("meter").annotate(last=Max("id")).values("last")
    found: dict[str, tuple[int, int, int]] = {}
    rows = Statement.objects.filter(id__in=newest).select_related("meter")
    for row in rows.iterator():
        if row.meter.number not in numbers:
            continue
        totals = row.content.get("totals", {})
        for unit, name in ((row.meter.currency, orders.MONEY), (chart.MWH, orders.ENERGY)):
            if name in totals:
                told = totals[name]
                taken = told["taken"] - told["waived"]
                found[unit] = _added(found.get(unit), (told["bought"], taken, told["charged"]))
        if "term_bought_s" in totals:
            told = (totals["term_bought_s"], totals["term_taken_s"], 0)
            found[chart.SECONDS] = _added(found.get(chart.SECONDS), told)
    return found


def _added(former: tuple[int, int, int] | None, more: tuple[int, int, int]) -> tuple[int, int, int]:
    one = former or (0, 0, 0)
    return one[0] + more[0], one[1] + more[1], one[2] + more[2]


def _outstanding(numbers: set[int]) -> dict[str, int]:
    rows = Token.objects.filter(state__in=orders.OUTSTANDING).exclude(unit="")
    found: dict[str, int] = {}
    summed = rows.values_list("meter", "meter__currency", "unit").annotate(sum=Sum("amount"))
    for number, currency, unit, amount in summed.iterator():
        if number in numbers:
            its = _UNIT_OF_TOKENS.get(unit, str(currency))
            found[its] = found.get(its, 0) + int(amount)
    return found


def _totals(sales: "QuerySet[Sale]", name: str) -> tuple[Total, ...]:
    rows = sales.values_list(name).annotate(count=Count("pk"), sum=Sum("gross_microunits")).order_by(name)
    return tuple(Total(str(value), count, int(gross)) for value, count, gross in rows)


def _line_totals(lines: "QuerySet[SaleLine]", name: str, summed: str) -> tuple[Total, ...]:
    rows = lines.values_list(name).annotate(count=Count("pk"), sum=Sum(summed)).order_by(name)
    return tuple(Total(str(value), count, int(total)) for value, count, total in rows)
