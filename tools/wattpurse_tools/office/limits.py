"""Limits: of an operator for a token and a day, kept by the vault, and of the debt of a shop."""

from dataclasses import replace

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Shop
from wattpurse_tools.vault.interface import Limits, Operator


def operator_of(office: Office, number: int) -> Operator:
    """Return an operator as the vault knows it. Raise ValueError if there is none."""
    found = next((one for one in office.keys.operators() if one.number == number), None)
    if found is None:
        raise ValueError(f"operator {number} is not known to the vault")
    return found


def set_operator_limits(
    office: Office, actor: Actor, number: int, limits: Limits, approval: str | None = None
) -> Operator:
    """Change the limits of an operator. Right: manage. With two persons the vault asks for an approval."""
    actor.require("manage")
    changed = replace(operator_of(office, number), limits=limits)
    office.keys.set_operator(actor.ticket, changed, approval=approval)
    with transaction.atomic():
        audit.note(actor, "limits of operator", f"operator:{number}", **vars(limits))
    return changed


def set_vendor_limit(office: Office, actor: Actor, shop: Shop, limit_microunits: int | None) -> Shop:
    """Change the most that a shop may owe the utility. None: no limit. Right: manage."""
    actor.require("manage")
    if limit_microunits is not None and limit_microunits < 0:
        raise ValueError("the limit of a shop is zero or more, or none")
    with transaction.atomic():
        locked = Shop.objects.select_for_update().get(pk=shop.pk)
        former, locked.vendor_limit_microunits = locked.vendor_limit_microunits, limit_microunits
        locked.save(update_fields=["vendor_limit_microunits"])
        audit.note(actor, "vendor limit", f"shop:{locked.number}", former=former, limit=limit_microunits)
    return locked
