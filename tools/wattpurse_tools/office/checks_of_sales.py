"""Checks of sales: receipt numbers without gaps, lines that make the receipt, entries in the ledger, shifts."""

from collections.abc import Iterator

from django.db.models import CharField, Count, Exists, F, Max, Min, OuterRef, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat

from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.balances import balances
from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.office.findings import Finding
from wattpurse_tools.office.restoring import ACTION as RESTORE
from wattpurse_tools.office.sale_types import FREE, REFUND, SALE
from wattpurse_tools.record.models import AuditEntry, Sale, SaleLine, Shift, Shop, Till, Token
from wattpurse_tools.station.order import ENERGY, MONEY

_RECEIPTS = "receipts of shops"
_SALES = "sales"
_SHIFTS = "shifts"

_TILL = ("drawer:", "bank:", "provider:", "vendor:", "deposit:")
_TAX = ("tax:",)
_METER = ("meter:",)
_CREDITING = (SALE, FREE)


def receipts_have_no_gap() -> Iterator[Finding]:
    """Find shops whose receipts are not 1, 2, 3 ... up to the newest. A restore tells the numbers that it left out."""
    left_out = _left_out()
    counted = {
        row["shop_id"]: row
        for row in Sale.objects.values("shop_id").annotate(
            number=Count("id"), first=Min("receipt_number"), last=Max("receipt_number")
        )
    }
    for shop in Shop.objects.order_by("number"):
        row = counted.get(shop.pk, {"number": 0, "first": 1, "last": 0})
        gaps = left_out.get(shop.number, [])
        missing = sum(last - first + 1 for first, last in gaps)
        newest = max([row["last"], *(last for _, last in gaps)])
        if newest != shop.last_receipt:
            yield _of_shop(shop, f"its newest receipt is {newest}, and its counter stands at {shop.last_receipt}")
        if row["number"] + missing != newest or row["first"] < 1:
            numbers = Sale.objects.filter(shop=shop).order_by("receipt_number").values_list("receipt_number", flat=True)
            yield _of_shop(shop, f"receipt {_first_missing(numbers.iterator(), gaps)} is missing")


def sales_are_in_the_ledger() -> Iterator[Finding]:
    """Find sales, reversals, refunds and free issues without an entry."""
    document = Concat(Value("sale:"), Cast(OuterRef("pk"), CharField()))
    missing = Sale.objects.filter(~Exists(Entry.objects.filter(document=document)))
    # A receipt of a meter that gave nothing back is settled by a refund that moves nothing.
    for row in _rows(missing.exclude(kind=REFUND, gross_microunits=0, tokens__isnull=True)):
        yield _of_sale(row, f"a {row['kind']} over {row['gross_microunits']:,} has no entry in the ledger")


def lines_make_the_receipt() -> Iterator[Finding]:
    """Find lines whose net and tax do not make the gross, and receipts that are not the sum of their lines."""
    wrong = SaleLine.objects.exclude(gross_microunits=F("net_microunits") + F("tax_microunits"))
    for row in wrong.order_by("id").values("id", "sale_id"):
        yield Finding(_SALES, f"sale {row['sale_id']}", f"net and tax of line {row['id']} do not make its gross")
    sums = Sale.objects.annotate(gross=Sum("lines__gross_microunits"), tax=Sum("lines__tax_microunits"))
    for row in _rows(sums.exclude(gross=F("gross_microunits"), tax=F("tax_microunits"))):
        yield _of_sale(row, "its lines do not make its gross and its tax")


def reversals_fit() -> Iterator[Finding]:
    """Find reversals of another amount than that of their sale, and sales voided without one."""
    other = Sale.objects.filter(reverses__isnull=False).exclude(
        gross_microunits=-F("reverses__gross_microunits"), tax_microunits=-F("reverses__tax_microunits")
    )
    for row in _rows(other):
        yield _of_sale(row, "is not the reversal of the whole sale that it names")
    for row in _rows(Sale.objects.filter(state="voided", reversed_by__isnull=True, reverses__isnull=True)):
        yield _of_sale(row, "is voided, and there is no reversal of it")


def tokens_fit_their_sales() -> Iterator[Finding]:
    """Find sales whose tokens are those of another meter."""
    wrong = Sale.objects.filter(tokens__isnull=False).exclude(tokens__meter_id=F("meter_number")).distinct()
    for row in _rows(wrong):
        yield _of_sale(row, "has tokens of another meter")


def shifts_have_no_gap() -> Iterator[Finding]:
    """Find tills whose Z reports are not 1, 2, 3 ... up to the newest."""
    counted = {
        row["till_id"]: row
        for row in Shift.objects.filter(z_number__isnull=False)
        .values("till_id")
        .annotate(number=Count("z_number", distinct=True), last=Max("z_number"))
    }
    for till in Till.objects.select_related("shop").order_by("shop__number", "number"):
        row = counted.get(till.pk, {"number": 0, "last": 0})
        if not row["number"] == row["last"] == till.last_z:
            yield Finding(
                _SHIFTS,
                f"till {till.number} of shop {till.shop.number}",
                f"has {row['number']} Z reports, the newest is {row['last']}, and its counter stands at {till.last_z}",
            )
    for shift in Shift.objects.exclude(closed_s=None).filter(z_number=None).values("id"):
        yield Finding(_SHIFTS, f"shift {shift['id']}", "is closed without a Z report")


def drawers_are_empty() -> Iterator[Finding]:
    """Find closed shifts whose drawer has a balance in the ledger: an entry of the shift has other amounts."""
    closed = {f":{number}" for number in Shift.objects.exclude(closed_s=None).values_list("id", flat=True)}
    for (code, unit), amount in sorted(balances("drawer").items()):
        shift = code[code.rindex(":") :]
        if amount and shift in closed:
            yield Finding(_SHIFTS, f"shift {shift[1:]}", f"is closed, and its drawer is not empty: {amount:,} {unit}")


def _left_out() -> dict[int, list[tuple[int, int]]]:
    gaps: dict[int, list[tuple[int, int]]] = {}
    for detail in AuditEntry.objects.filter(action=RESTORE).order_by("id").values_list("detail", flat=True):
        for shop, (first, last) in detail.get("receipts", {}).items():
            gaps.setdefault(int(shop), []).append((first, last))
    return gaps


def _first_missing(numbers: Iterator[int], gaps: list[tuple[int, int]]) -> int:
    expected = 1
    for number in numbers:
        while (gap := next((one for one in gaps if one[0] == expected), None)) is not None:
            expected = gap[1] + 1
        if number != expected:
            break
        expected += 1
    return expected


def _rows(sales: "QuerySet[Sale]") -> Iterator[dict]:
    return (
        sales.order_by("id")
        .values(
            "id",
            "kind",
            "currency",
            "gross_microunits",
            "tax_microunits",
            "receipt_number",
            "meter_number",
            "shop__number",
        )
        .iterator()
    )


def _of_sale(row: dict, words: str) -> Finding:
    return Finding(_SALES, f"receipt {row['receipt_number']} of shop {row['shop__number']}", words)


def _of_shop(shop: Shop, words: str) -> Finding:
    return Finding(_RECEIPTS, f"shop {shop.number}", words)


def entries_make_the_sale(_step: int = 1000) -> Iterator[Finding]:
    """Find sales whose entries move other money, tax or credit than the receipt and its tokens say."""
    newest = Sale.objects.aggregate(last=Max("id"))["last"] or 0
    for first in range(1, newest + 1, _step):
        yield from _entries_of(first, first + _step)


def _entries_of(first: int, after: int) -> Iterator[Finding]:
    sales = list(_rows(Sale.objects.filter(id__gte=first, id__lt=after)))
    documents = [f"sale:{row['id']}" for row in sales]
    moved: dict[str, list[tuple[str, str, str, int]]] = {}
    rows = Transfer.objects.filter(entry__document__in=documents).values_list(
        "entry__document", "giver__code", "taker__code", "giver__unit", "amount"
    )
    for document, giver, taker, unit, amount in rows.iterator():
        moved.setdefault(document, []).append((giver, taker, unit, amount))
    credit = _credit_of_tokens(first, after)
    for row in sales:
        found = moved.get(f"sale:{row['id']}")
        if found is None:
            continue  # another check finds that there is no entry
        money = [one for one in found if one[2] == row["currency"]]
        if _net(money, _TILL) != row["gross_microunits"]:
            yield _of_sale(row, "its entry brings another amount into the till than the receipt says")
        if -_net(money, _TAX) != row["tax_microunits"]:
            yield _of_sale(row, "its entry has another tax than the receipt")
        if row["kind"] in _CREDITING and row["meter_number"]:
            for unit, name in ((row["currency"], MONEY), (chart.MWH, ENERGY)):
                given = _net([one for one in found if one[2] == unit], _METER)
                if given != credit.get((row["id"], name), 0):
                    yield _of_sale(row, f"its entry credits {given:,} of {name}, and its tokens another amount")


def _net(moves: list[tuple[str, str, str, int]], accounts: tuple[str, ...]) -> int:
    """Return the amounts that accounts with these beginnings took, less those that they gave."""
    taken = sum(amount for _, taker, _, amount in moves if taker.startswith(accounts))
    return taken - sum(amount for giver, _, _, amount in moves if giver.startswith(accounts))


def _credit_of_tokens(first: int, after: int) -> dict[tuple[int, str], int]:
    rows = Token.objects.filter(sale_id__gte=first, sale_id__lt=after, unit__in=(MONEY, ENERGY))
    summed = rows.values_list("sale_id", "unit").annotate(sum=Sum("amount")).order_by()
    return {(sale, unit): int(amount) for sale, unit, amount in summed}
