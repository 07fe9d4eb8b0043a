"""The tenant's recharge page: refusals before anybody pays, and the payment of an attempt."""

from wattpurse_tools.headend.recharge import refuse_meter
from wattpurse_tools.record.models import Payment, Tenancy
from wattpurse_tools.refusals import Refusal

_LEAST = 1_000_000
_MOST = 1_000_000_000


def refuse(meter_number: int, gross_microunits: int) -> None:
    """Raise Refusal if a payment for a meter would end in suspense, as far as can be known before it."""
    if not _LEAST <= gross_microunits <= _MOST:
        raise Refusal("recharge from %(least)s to %(most)s", least=_LEAST // 10**6, most=_MOST // 10**6)
    refuse_meter(meter_number)


def payment_of(tenancy: Tenancy, attempt: str) -> Payment | None:
    """Return the payment of an attempt that the worker has sold or suspended, or None while it is not there."""
    found = Payment.objects.filter(
        meter_number=tenancy.meter_number, notice__reference=f"{tenancy.meter_number} {attempt}"
    )
    return found.select_related("sale", "notice").first()
