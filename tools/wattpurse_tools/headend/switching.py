"""Orders to the switch: the state that an account wants, and the one that was ordered last, in one transaction.

A customer without credit is switched off in the hours of the settings alone, and switched on again at any time.
"""

from wattpurse.core.messages import token
from wattpurse_tools.headend import command_queue, hours, outbox
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.tokens import Destination, locked_meter, make_tokens
from wattpurse_tools.record.models import HeadendPolicy, ManagedAccount
from wattpurse_tools.station.order import Order
from wattpurse_tools.vault import interface as vault

SWITCH_ON = "switch on"
SWITCH_OFF = "switch off"


def is_due(account: ManagedAccount, policy: HeadendPolicy, now_s: int) -> bool:
    """Return True if the switch is to be ordered now."""
    if account.is_wished_on == account.is_ordered_on:
        return False
    return account.is_wished_on or hours.may_switch_off(policy, now_s)


def order(
    office: Office, actor: Actor, account: ManagedAccount, policy: HeadendPolicy, now_s: int, reason: str = "no credit"
) -> bool:
    """Order the switch of a locked account to the state that it wants, if it is due. Return True if it was ordered."""
    if not is_due(account, policy, now_s):
        return False
    wished = account.is_wished_on
    words = "switch to close" if wished else f"switch to open: {reason}"
    meter = locked_meter(account.meter_id)  # type: ignore[attr-defined]
    made = make_tokens(
        office, actor, meter, [Order(token.SWITCH, (int(not wished),), words)], Destination(), vault.ORDERED
    )
    key = f"switch:{meter.number}:{made[-1].sequence}"
    command_queue.queue(made, SWITCH_ON if wished else SWITCH_OFF, key, now_s)
    account.is_ordered_on = wished
    account.save(update_fields=["is_ordered_on"])
    audit.note(actor, SWITCH_ON if wished else SWITCH_OFF, f"meter:{meter.number}", reason="" if wished else reason)
    kind = outbox.RETURN if wished else outbox.SWITCHED_OFF
    outbox.put(account.tenancy.customer, kind, key, {"meter": meter.number}, now_s)
    return True
