"""The content of a tenant's own page: the balance, the use by month, and the tokens that were bought.

The balance is that of the meter as last told, or that of the account that the office keeps for a managed meter, as it
is now. The page has no name, no address and no card. It ends with the tenancy: the balance of the next tenant is not on
it. The month of moving in belongs to two tenants if it began before, and is left out.
"""

from dataclasses import dataclass, field

from django.db.models import Q

from wattpurse_tools.office.open_accounts import open_account
from wattpurse_tools.office.page_codes import as_kept
from wattpurse_tools.office.site_days import day_of, month_of, month_start_s, site_zone
from wattpurse_tools.record.models import Meter, MonthlyReading, Tenancy, Token
from wattpurse_tools.station import order as orders

_MONTHS = 24
_TOKENS = 50
_DAY_S = 86_400


@dataclass(frozen=True)
class TenantPage:
    """The content of the page. `balance` is None if the meter has not told it to this tenant.

    `told_s` is None for the balance of an account as it is now, in micro-units, which no meter has told.
    """

    meter: Meter
    balance: int | None
    told_s: int | None
    days_left: int | None
    is_open: bool
    months: list[MonthlyReading] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)

    @property
    def has_account(self) -> bool:
        """True if the balance is that of an account."""
        return self.told_s is None


def page_of(typed: str, now_s: int) -> TenantPage | None:
    """Return the page of a code, or None if it opens none."""
    code = as_kept(typed)
    tenancy = Tenancy.objects.select_related("account").filter(page_code=code).first() if code else None
    if tenancy is None:
        return None
    meter = Meter.objects.get(number=tenancy.meter_number)
    is_open = tenancy.until_s is None
    account = open_account(tenancy) if is_open else None
    is_told = is_open and account is None and meter.balance is not None and meter.told_s >= tenancy.from_s
    balance, told_s, days_left = (meter.balance, meter.told_s, None) if is_told else (None, 0, None)
    if account is not None:
        balance, told_s = account.balance_microunits, None
    if is_told and meter.days_left is not None:
        days_left = max(0, meter.days_left - (now_s - meter.told_s) // _DAY_S)
    bought = Token.objects.filter(Q(tenancy=tenancy) | Q(sale__tenancy=tenancy), kind__in=orders.BENEFIT_KINDS)
    return TenantPage(
        meter=meter,
        balance=balance,
        told_s=told_s,
        days_left=days_left,
        is_open=is_open,
        months=_months(tenancy),
        tokens=list(bought.order_by("-issued_s", "-id").distinct()[:_TOKENS]),
    )


def _months(tenancy: Tenancy) -> list[MonthlyReading]:
    """Return the whole months of the tenancy, and the running one, the newest first."""
    zone = site_zone()
    first = month_of(day_of(tenancy.from_s, zone))
    if month_start_s(first, zone) < tenancy.from_s:
        first += 1
    months = MonthlyReading.objects.filter(meter_id=tenancy.meter_number, month__gte=first)
    if tenancy.until_s is not None:
        months = months.filter(month__lt=month_of(day_of(tenancy.until_s, zone)))
    return list(months.order_by("-month")[:_MONTHS])
