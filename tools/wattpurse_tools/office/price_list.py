"""The prices of a kWh, of a day, of a permit and of a sale, each from a moment on. A price is never changed."""

import time

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.prices import PRICED
from wattpurse_tools.record.models import CustomerType, Price, TaxRate
from wattpurse_tools.station.currencies import site_currency

_LIMIT_MICROUNITS = 1 << 50


def set_price(
    office: Office,
    actor: Actor,
    what: str,
    gross_microunits: int,
    customer_type: str = "",
    tax: str = "",
) -> Price:
    """Add a price that holds from now on, for a type of customer or for all. Right: manage.

    `gross_microunits` contains the `tax`, which is named.
    """
    actor.require("manage")
    if what not in PRICED:
        raise ValueError(f"{what}: set the price of one of {', '.join(PRICED)}")
    if not 0 <= gross_microunits <= _LIMIT_MICROUNITS:
        raise ValueError(f"a price is zero or more, and at most {_LIMIT_MICROUNITS // 10**6}")
    with transaction.atomic():
        made = Price.objects.create(
            what=what,
            customer_type=_customer_type(customer_type),
            currency=site_currency().code,
            gross_microunits=gross_microunits,
            tax=_tax(tax),
            from_s=int(time.time()),
        )
        audit.note(
            actor, "set price", f"price:{made.pk}", what=what, gross=gross_microunits, type=customer_type, tax=tax
        )
    return made


def price_list() -> list[Price]:
    """Return all prices, the newest of each kind first."""
    return list(
        Price.objects.select_related("customer_type", "tax").order_by("what", "customer_type", "-from_s", "-pk")
    )


def _customer_type(name: str) -> CustomerType | None:
    if not name:
        return None
    found = CustomerType.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(CustomerType.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise ValueError(f"there is no type of customer {name}; there are: {known}")
    return found


def _tax(name: str) -> TaxRate | None:
    if not name:
        return None
    found = TaxRate.objects.filter(name=name).order_by("-from_day", "-pk").first()
    if found is None:
        known = ", ".join(TaxRate.objects.order_by("name").values_list("name", flat=True).distinct()) or "none yet"
        raise ValueError(f"there is no tax {name}; there are: {known}")
    return found
