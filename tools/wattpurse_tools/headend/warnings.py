"""Warnings of low credit: by a threshold of money, and by the days that the credit lasts. One for each payment.

The days follow from the charges of the newest week. The first warning after a payment is written with the charge that
caused it, in the same transaction. The next payment withdraws it if it still waits, and lets a next warning be written.
"""

from django.db.models import Min, Sum

from wattpurse_tools.headend import accounts, outbox
from wattpurse_tools.record.models import AccountCharge, HeadendPolicy, ManagedAccount, Sale

DAY_S = 86_400
WEEK_S = 7 * DAY_S


def days_left(account: ManagedAccount, credit_microunits: int) -> int | None:
    """Return the whole days that the credit lasts at the use of the newest week, or None if it is not known."""
    since_s = account.billed_s - WEEK_S
    rows = AccountCharge.objects.filter(account=account, from_s__gte=since_s, until_s__gte=since_s)  # by the index
    told = rows.aggregate(sum=Sum("charge_microunits"), first_s=Min("from_s"))
    if not told["sum"] or account.billed_s - told["first_s"] < DAY_S:
        return None
    return max(0, credit_microunits) * (account.billed_s - told["first_s"]) // (int(told["sum"]) * DAY_S)


def warn(account: ManagedAccount, policy: HeadendPolicy, credit_microunits: int, now_s: int) -> bool:
    """Write a warning for a locked account if its credit is low. Return True if it is low.

    The same warning is written once, however often the round comes by.
    """
    left = days_left(account, credit_microunits)
    is_low = credit_microunits < policy.warn_microunits or (left is not None and left < policy.warn_days)
    if not is_low:
        return False
    values: dict[str, object] = {
        "meter": account.meter_id,  # type: ignore[attr-defined]
        "balance_microunits": credit_microunits - account.limit_microunits,
    }
    if left is not None:
        values["days"] = left
    key = f"{accounts.warning_key(account)}{_payment(account)}"
    outbox.put(account.tenancy.customer, outbox.LOW_CREDIT, key, values, now_s)
    return True


def _payment(account: ManagedAccount) -> int:
    """Return the newest payment into the account, by its row, or 0."""
    rows = Sale.objects.filter(tenancy_id=account.pk, client_key__startswith=accounts.PAID_KEY)
    return rows.order_by("-pk").values_list("pk", flat=True).first() or 0
