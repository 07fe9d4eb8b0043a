"""Shifts: a till opened with a float, X and Z reports, the cash count, the bank deposit and the vendor's credit.

The cash count is entered before the expected sum is shown, and it stands. After it nothing more is sold in the shift.
A shift is locked together with its shop, and its till after that.
"""

import time
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Min, QuerySet, Sum

from wattpurse_tools.compiled_queries import CompiledRows
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import moved, post
from wattpurse_tools.office import audit, books
from wattpurse_tools.office.actor import Actor, NotPermitted
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import CASH
from wattpurse_tools.record.models import BankDeposit, Sale, SaleLine, Shift, Shop, Till
from wattpurse_tools.refusals import Money, Refusal, Words
from wattpurse_tools.station.currencies import site_currency

_AMOUNT_LIMIT = 1 << 50

_LOCKED_SHIFT = CompiledRows(Shift, lambda number: Shift.objects.select_for_update().filter(pk=number), 1)
_LOCKED_SHOP = CompiledRows(Shop, lambda key: Shop.objects.select_for_update().filter(pk=key), 1)
_TILL = CompiledRows(Till, lambda key: Till.objects.filter(pk=key), 1)


@dataclass(frozen=True)
class Total:
    """A row of a report: a name, such as a payment type, the number of sales and reversals, and their sum."""

    name: str
    count: int
    gross_microunits: int


@dataclass(frozen=True)
class Cash:
    """The cash of a shift. `expected_microunits` and `difference_microunits` are None until the cash is counted."""

    float_microunits: int
    counted_microunits: int | None
    expected_microunits: int | None

    @property
    def difference_microunits(self) -> int | None:
        """Counted less expected."""
        if self.counted_microunits is None or self.expected_microunits is None:
            return None
        return self.counted_microunits - self.expected_microunits


@dataclass(frozen=True)
class ShiftReport:
    """An X report, or the Z report of a closed shift. `totals` has rows by heading.

    The headings are "transaction", "operator", "payment", "resource" and "tax". Until the cash is counted, they have
    the numbers of sales and no sums: these would reveal the expected cash.
    """

    shift: Shift
    currency: str
    totals: dict[str, tuple[Total, ...]]
    cash: Cash
    first_receipt: int
    last_receipt: int


@dataclass(frozen=True)
class VendorStanding:
    """The debt of a shop to the utility, with the cash in its drawers, and its limit, or None."""

    owes_microunits: int
    limit_microunits: int | None

    @property
    def left_microunits(self) -> int | None:
        """The cash that the shop may still take, or None without a limit."""
        return None if self.limit_microunits is None else self.limit_microunits - self.owes_microunits


class ShiftIsOpen(Refusal):
    """A till has an open shift, and gets no other one."""


def open_shift(office: Office, actor: Actor, till: Till, float_microunits: int) -> Shift:
    """Open a shift of the person at a till. Raise ValueError if one is open there. Right: sell, in the shop."""
    actor.require("sell", till.shop.number)
    _refuse_amount(float_microunits, Words("the float"))
    if not till.shop.is_active:
        raise Refusal("shop %(shop)s is closed for good; no shift begins there", shop=till.shop.number)
    time_s = int(time.time())
    try:
        with transaction.atomic():
            shift = Shift(till=till, operator=actor.operator, opened_s=time_s, float_microunits=float_microunits)
            shift.save(force_insert=True)
            shop = till.shop
            moves = moved(
                chart.vendor(shop.number), chart.drawer(shop.number, shift.pk), site_currency().code, float_microunits
            )
            if moves:
                event = books.event_at(shop, actor.operator, time_s, f"shift:{shift.pk}", shift.pk, "float")
                post(f"shift:{shift.pk}:open", "open shift", moves, event)
            audit.note(actor, "open shift", f"shift:{shift.pk}", till=till.number, shop=shop.number)
    except IntegrityError:
        raise ShiftIsOpen(
            "a shift is open at till %(till)s; close it with its Z report first", till=till.number
        ) from None
    return shift


def open_or_running_shift(office: Office, actor: Actor, till: Till) -> Shift:
    """Return the open shift of a till. If there is none, open one of the person without a float. Right: sell."""
    running = open_shift_at(till)
    if running is not None:
        return running
    try:
        return open_shift(office, actor, till, 0)
    except ShiftIsOpen:  # another process opened it in the same moment
        running = open_shift_at(till)
        if running is None:
            raise
        return running


def open_shift_at(till: Till) -> Shift | None:
    """Return the open shift of a till, or None."""
    return _shifts().filter(till=till, closed_s=None).first()


def shift_of(actor: Actor, number: int, is_locked: bool = False) -> Shift:
    """Return a shift of the person's shop. Raise ValueError if there is none. Right: sell, in the shop.

    With `is_locked` the rows of the shift and of its shop are locked: the next receipt number is the caller's.
    """
    actor.require("sell")
    shift = _locked_shift(number) if is_locked else _shifts().filter(pk=number).first()
    if shift is None:
        raise Refusal("no shift is open here; open one with the float that is in the drawer")
    actor.require("sell", shift.till.shop.number)
    return shift


def selling_shift(actor: Actor, number: int, is_locked: bool = False) -> Shift:
    """Return a shift in which the person may sell now. Raise ValueError if it is closed, counted or another's."""
    shift = shift_of(actor, number, is_locked)
    refuse_selling(actor, shift)
    return shift


def refuse_selling(actor: Actor, shift: Shift) -> None:
    """Raise ValueError if a shift is closed, counted or another person's."""
    if shift.operator != actor.operator:
        raise NotPermitted(
            "this is the shift of operator %(operator)s; sell in a shift of your own", operator=shift.operator
        )
    if shift.closed_s is not None:
        raise Refusal("this shift is closed; open another one")
    if shift.counted_microunits is not None:
        raise Refusal("the cash of this shift is counted; close it with its Z report, and open another one")


def x_report(office: Office, actor: Actor, shift: Shift) -> ShiftReport:
    """Return the totals of a shift so far. Right: sell, in the shop."""
    return _report(shift_of(actor, shift.pk))


def count_cash(office: Office, actor: Actor, shift: Shift, counted_microunits: int) -> ShiftReport:
    """Enter the counted cash of the drawer, once, and return the report that shows the expected sum. Right: sell."""
    _refuse_amount(counted_microunits, Words("the counted cash"))
    with transaction.atomic():
        found = _own_open_shift(actor, shift)
        if found.counted_microunits is not None:
            raise Refusal("the cash of this shift is counted, and the count stands; close the shift")
        found.counted_microunits = counted_microunits
        found.expected_microunits = balances.balance(
            chart.drawer(found.till.shop.number, found.pk), site_currency().code
        )
        found.save(update_fields=["counted_microunits", "expected_microunits"])
        audit.note(actor, "count cash", f"shift:{found.pk}", counted=counted_microunits)
    return _report(found)


def close_shift(office: Office, actor: Actor, shift: Shift) -> ShiftReport:
    """Close a shift that is counted, with the next Z number of its till. Post the difference. Right: sell.

    A retry returns the same report: a shift is closed once.
    """
    with transaction.atomic():
        found = shift_of(actor, shift.pk, is_locked=True)
        if found.closed_s is not None:
            return _report(found)
        _refuse_others(actor, found)
        if found.counted_microunits is None or found.expected_microunits is None:
            raise Refusal("count the cash in the drawer first; the expected sum is shown after that")
        till = Till.objects.select_for_update().get(pk=found.till.pk)
        till.last_z += 1
        till.save(update_fields=["last_z"])
        closed_s = int(time.time())
        found.z_number, found.closed_s = till.last_z, closed_s
        found.save(update_fields=["z_number", "closed_s"])
        shop, currency = found.till.shop, site_currency().code
        drawer = chart.drawer(shop.number, found.pk)
        short = found.expected_microunits - found.counted_microunits
        moves = moved(drawer, chart.vendor(shop.number), currency, found.counted_microunits)
        moves += moved(drawer, chart.difference(shop.number), currency, short)
        if moves:
            event = books.event_at(shop, actor.operator, closed_s, f"shift:{found.pk}", found.pk, "Z report")
            post(f"shift:{found.pk}:close", "close shift", moves, event)
        audit.note(actor, "close shift", f"shift:{found.pk}", z=till.last_z, difference=-short, shop=shop.number)
    return _report(found)


def z_report(shift: Shift) -> ShiftReport:
    """Return the Z report of a closed shift, for a reprint. It is the same every time."""
    found = _shifts().get(pk=shift.pk)
    if found.closed_s is None:
        raise Refusal("this shift is open; an X report tells its totals so far")
    return _report(found)


def deposit(office: Office, actor: Actor, shop: Shop, amount_microunits: int, reference: str) -> BankDeposit:
    """Book money that the shop took to the bank. The same reference and amount again is the same one. Right: sell."""
    actor.require("sell", shop.number)
    _refuse_amount(amount_microunits, Words("the deposit"), lowest=1)
    if not reference.strip():
        raise Refusal("write the bank's reference of the deposit; by it a deposit is booked once")
    with transaction.atomic():
        locked = Shop.objects.select_for_update().get(pk=shop.pk)
        booked = BankDeposit.objects.filter(shop=locked, reference=reference).first()
        if booked is not None:
            if booked.amount_microunits != amount_microunits:
                raise Refusal("deposit %(reference)s is booked with another amount", reference=reference)
            return booked
        currency, time_s = site_currency().code, int(time.time())
        made = BankDeposit.objects.create(
            shop=locked,
            amount_microunits=amount_microunits,
            currency=currency,
            reference=reference,
            time_s=time_s,
            operator=actor.operator,
        )
        moves = moved(chart.vendor(shop.number), chart.bank(chart.DEPOSIT), currency, amount_microunits)
        post(
            f"deposit:{made.pk}",
            "deposit",
            moves,
            books.event_at(locked, actor.operator, time_s, f"deposit:{made.pk}", words=reference),
        )
        audit.note(actor, "deposit", f"deposit:{made.pk}", amount=amount_microunits, shop=shop.number)
    return made


def vendor_standing(shop: Shop) -> VendorStanding:
    """Return the debt of a shop, and its limit."""
    opened = Shift.objects.filter(till__shop=shop, closed_s=None).values_list("pk", flat=True)
    accounts = [chart.vendor(shop.number), *(chart.drawer(shop.number, shift) for shift in opened)]
    return VendorStanding(balances.sum_of(accounts, site_currency().code), shop.vendor_limit_microunits)


def refuse_over_limit(shop: Shop, gross_microunits: int, payment_type: str) -> None:
    """Raise ValueError if a sale for cash would make the shop owe more than its limit."""
    if payment_type != CASH or shop.vendor_limit_microunits is None:
        return
    left = vendor_standing(shop).left_microunits
    if left is not None and gross_microunits > left:
        raise Refusal(
            "shop %(shop)s may take %(left)s more in cash until it brings money to the bank; book the deposit first",
            shop=shop.number,
            left=Money(max(0, left), site_currency()),
        )


def _report(shift: Shift) -> ShiftReport:
    sales = Sale.objects.filter(shift=shift)
    is_told = shift.counted_microunits is not None
    totals = {
        "transaction": _totals(sales, "kind", is_told),
        "operator": _totals(sales, "operator", is_told),
        "payment": _totals(sales, "payment_type", is_told),
        "resource": _line_totals(shift, "what", "gross_microunits", is_told),
        "tax": _line_totals(shift, "tax_name", "tax_microunits", is_told),
    }
    numbers = sales.aggregate(first=Min("receipt_number"), last=Max("receipt_number"))
    cash = Cash(shift.float_microunits, shift.counted_microunits, shift.expected_microunits)
    return ShiftReport(shift, site_currency().code, totals, cash, numbers["first"] or 0, numbers["last"] or 0)


def _totals(sales: "QuerySet[Sale]", name: str, is_told: bool) -> tuple[Total, ...]:
    rows = sales.values_list(name).annotate(count=Count("pk"), sum=Sum("gross_microunits")).order_by(name)
    return tuple(Total(str(value), count, int(gross) if is_told else 0) for value, count, gross in rows)


def _line_totals(shift: Shift, name: str, summed: str, is_told: bool) -> tuple[Total, ...]:
    lines = SaleLine.objects.filter(sale__shift=shift).exclude(**{name: ""})
    rows = lines.values_list(name).annotate(count=Count("pk"), sum=Sum(summed)).order_by(name)
    return tuple(Total(str(value), count, int(total) if is_told else 0) for value, count, total in rows)


def _own_open_shift(actor: Actor, shift: Shift) -> Shift:
    found = shift_of(actor, shift.pk, is_locked=True)
    _refuse_others(actor, found)
    if found.closed_s is not None:
        raise Refusal("this shift is closed")
    return found


def _refuse_others(actor: Actor, shift: Shift) -> None:
    """Raise NotPermitted for another person's shift, unless a manager closes it."""
    if shift.operator != actor.operator and "manage" not in actor.rights:
        raise NotPermitted(
            "this is the shift of operator %(operator)s; that operator or a manager closes it", operator=shift.operator
        )


def _refuse_amount(microunits: int, what: Words, lowest: int = 0) -> None:
    if not lowest <= microunits <= _AMOUNT_LIMIT:
        bound = Words("above zero") if lowest else Words("zero or more")
        raise Refusal(
            "%(what)s is %(bound)s, and at most %(limit)s", what=what, bound=bound, limit=_AMOUNT_LIMIT // 10**6
        )


def _locked_shift(number: int) -> Shift | None:
    """Return a shift with its till and shop, or None, and lock the rows of shift and shop."""
    shift = _LOCKED_SHIFT.first(number)
    if shift is not None:
        (shift.till,) = _TILL.rows(shift.till_id)  # type: ignore[attr-defined]
        (shift.till.shop,) = _LOCKED_SHOP.rows(shift.till.shop_id)  # type: ignore[attr-defined]
    return shift


def _shifts() -> "QuerySet[Shift]":
    return Shift.objects.select_related("till__shop")
