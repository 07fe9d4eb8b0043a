"""The customer at a meter, to be confirmed before a sale: name, premises, and the credit as it was last told."""

from dataclasses import dataclass

from wattpurse_tools.pages.amount_texts import amount_text, time_text
from wattpurse_tools.pages.tills import Place
from wattpurse_tools.record.models import Installation, Meter, Tenancy


@dataclass(frozen=True)
class Facts:
    """A meter and who lives there. `is_unknown` is true for a meter that the record does not have."""

    meter_number: int
    contract: str = ""
    number: int | None = None
    name: str = ""
    premises: str = ""
    balance_text: str = ""
    told_text: str = ""
    is_unknown: bool = False


def facts_of(meter_number: int, place: Place | None) -> Facts:
    """Return the facts of a meter, with times in the time zone of a place."""
    meter = Meter.objects.filter(pk=meter_number).first()
    if meter is None:
        return Facts(meter_number, is_unknown=True)
    tenancy = Tenancy.objects.select_related("customer", "premises").filter(
        meter_number=meter_number, until_s__isnull=True
    )
    lives = tenancy.first()
    installed = None
    if lives is None:
        installed = Installation.objects.select_related("premises").filter(meter=meter, until_s__isnull=True).first()
    premises = lives.premises if lives else installed.premises if installed else None
    zone = place.till.shop.time_zone if place else "UTC"
    return Facts(
        meter_number,
        contract=meter.contract,
        number=lives.customer.number if lives else None,
        name=lives.customer.name if lives else "",
        premises=premises.name if premises else "",
        balance_text=""
        if meter.balance is None
        else amount_text(meter.balance, meter.unit or "money", meter.currency, meter.decimals),
        told_text=time_text(meter.told_s, zone) if meter.told_s else "",
    )
