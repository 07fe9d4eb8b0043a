"""Checks of managed accounts: their balances, their charges without gap or overlap, and their permits."""

from collections.abc import Iterator

from django.db.models import Sum

from wattpurse.core.messages import token
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.balances import balances
from wattpurse_tools.ledger.models import Transfer
from wattpurse_tools.office.findings import Finding
from wattpurse_tools.office.sale_types import MONEY
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    ManagedAccount,
    SaleLine,
    Site,
    TemporarySupply,
)
from wattpurse_tools.station.order import FORFEITED, OUTDATED, OUTSTANDING, VOIDED

_CHECK = "accounts"
_PAID_IN = ("account:", "account-closed:")


def balances_are_proved() -> Iterator[Finding]:
    """Find accounts whose balance is not the sum paid in, less charges and refunds, or not that of the record."""
    site = Site.objects.first()
    if site is None:
        return
    found = balances("account", site.currency)
    known = set()
    for account in ManagedAccount.objects.order_by("pk").iterator():
        code = chart.account(account.pk)
        known.add(code)
        charged = _sum(AccountCharge.objects.filter(account=account).aggregate(sum=Sum("charge_microunits")))
        owed = _sum(
            Transfer.objects.filter(entry__key=f"closed:{account.pk}", taker__code=code).aggregate(sum=Sum("amount"))
        )
        expected = _paid_in(account.pk, site.currency) - charged + owed
        balance = found.get((code, site.currency), 0)
        if balance != expected:
            yield _of(account.pk, f"has a balance of {balance:,}, and payments less charges are {expected:,}")
        if balance != account.balance_microunits:
            words = f"{account.balance_microunits:,} in the record and {balance:,} in the ledger"
            yield _of(account.pk, f"has a balance of {words}")
        if account.closed_s is not None and balance:
            yield _of(account.pk, f"is closed with a balance of {balance:,}")
    for code, _ in sorted(found.keys()):
        if code not in known:
            yield Finding(_CHECK, code, "has credit in the ledger and no account in the record")


def charges_have_no_gap() -> Iterator[Finding]:
    """Find charges that do not begin where the one before ended, or that the ledger has not, or has otherwise."""
    last: dict[int, int] = {}
    booked = dict(
        Transfer.objects.filter(entry__kind="charge").values_list("entry__document").annotate(Sum("amount")).order_by()
    )
    for row in AccountCharge.objects.order_by("account_id", "until_s").iterator():
        number: int = row.account_id  # type: ignore[attr-defined]
        before_s = last.get(number, row.from_s)
        if row.from_s != before_s or row.until_s < row.from_s:
            yield _of(number, f"is charged from {row.from_s} to {row.until_s} after a charge to {before_s}")
        if booked.get(f"charge:{row.pk}", 0) != abs(row.charge_microunits):
            yield _of(number, f"has another charge to {row.until_s} than the ledger")
        last[number] = row.until_s
    for account in ManagedAccount.objects.order_by("pk"):
        if account.books and last.get(account.pk, account.billed_s) != account.billed_s:
            yield _of(account.pk, f"was read until {account.billed_s}, and charged until {last[account.pk]}")


def permits_go_forward() -> Iterator[Finding]:
    """Find permits that end before an earlier one, beyond the account's own note, or beyond a temporary supply.

    A permit that was lost is ordered again, with the same end or a later one.
    A permit that was ordered before the supply was planned, or ended before its time, was bound by the end of then.
    """
    for account in ManagedAccount.objects.order_by("pk").iterator():
        rows = Command.objects.filter(wish="permit", token__tenancy_id=account.pk, token__kind=token.PERMIT)
        rows = rows.exclude(token__state__in=(FORFEITED, VOIDED, OUTDATED))
        rows = rows.exclude(state="refused", token__state__in=OUTSTANDING)
        latest: dict[int, int] = {}
        for meter, until_s in rows.order_by("token__sequence").values_list("meter", "token__amount"):
            if until_s < latest.get(meter, 0):
                yield _of(account.pk, f"has a permit until {until_s} after one until {latest[meter]}")
            latest[meter] = until_s
        meter_number: int = account.meter_id  # type: ignore[attr-defined]
        if latest.get(meter_number, 0) > account.permit_until_s:
            yield _of(account.pk, f"has a permit until {latest[meter_number]}, beyond {account.permit_until_s}")
        supplies = TemporarySupply.objects.filter(tenancy_id=account.pk)
        if supplies and max(latest.values(), default=0) > max(max(one.until_s, one.permit_until_s) for one in supplies):
            yield _of(account.pk, "has a permit beyond its temporary supply")


def _paid_in(tenancy: int, currency: str) -> int:
    """Return the credit on the receipts of an account, less the credit on receipts of its refund."""
    total = 0
    for prefix in _PAID_IN:
        rows = SaleLine.objects.filter(
            sale__tenancy=tenancy, sale__client_key__startswith=prefix, what=MONEY, unit=currency
        )
        total += _sum(rows.aggregate(sum=Sum("quantity")))
    return total


def _sum(found: dict) -> int:
    return int(found["sum"] or 0)


def _of(tenancy: int, words: str) -> Finding:
    return Finding(_CHECK, f"tenancy {tenancy}", f"the account {words}")
