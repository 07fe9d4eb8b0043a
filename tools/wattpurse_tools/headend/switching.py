"""Orders to the switch: the state that an account wants, and the one that was ordered last, in one transaction.

A customer without credit is switched off in the hours of the settings alone, and switched on again at any time.
"""

from wattpurse.core.messages import token
from wattpurse_tools.headend import command_queue, hours, outbox
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.tokens import Destination, locked_row, make_tokens, usable_meter
from wattpurse_tools.record.models import HeadendPolicy, ManagedAccount, Meter, TemporarySupply
from wattpurse_tools.station.order import Order
from wattpurse_tools.vault import interface as vault

SUPPLY_PLANNED, SUPPLY_RUNNING, SUPPLY_ENDED = "planned", "running", "ended"  # states of a temporary supply

SWITCH_ON = "switch on"
SWITCH_OFF = "switch off"


def is_due(account: ManagedAccount, policy: HeadendPolicy, now_s: int) -> bool:
    """Return True if the switch is to be ordered now. The end of a temporary supply waits for no hours."""
    if account.is_wished_on == account.is_ordered_on:
        return False
    return account.is_wished_on or is_out_of_time(account) or hours.may_switch_off(policy, now_s)


def order(office: Office, actor: Actor, account: ManagedAccount, policy: HeadendPolicy, now_s: int) -> bool:
    """Order the switch of a locked account to the state that it wants, if it is due. Return True if it was ordered."""
    if not is_due(account, policy, now_s):
        return False
    if account.is_wished_on:
        _make(office, actor, account, (SWITCH_ON, outbox.RETURN, "switch to close"), now_s)
    else:
        reason = "no temporary supply runs" if is_out_of_time(account) else "no credit"
        order_off(office, actor, account, reason, now_s)
    return True


def order_off(office: Office, actor: Actor, account: ManagedAccount, reason: str, now_s: int) -> None:
    """Order the switch of a locked account to open, at any hour."""
    _make(office, actor, account, (SWITCH_OFF, outbox.SWITCHED_OFF, f"switch to open: {reason}"), now_s)


def meter_to_order(number: int) -> Meter:
    """Return a meter and lock its row. Raise ValueError if it is unknown or out of service.

    A meter to which sales are stopped obeys orders as before: the credit of an account is in the office.
    """
    row = locked_row(number)
    return usable_meter(row, number) if row is None or row.is_retired else row


def _make(office: Office, actor: Actor, account: ManagedAccount, what: tuple[str, str, str], now_s: int) -> None:
    """Make the order, note it, and tell the customer.

    A customer who does not know of the last order is told nothing of its end.
    """
    wish, kind, words = what
    meter = meter_to_order(account.meter_id)  # type: ignore[attr-defined]
    order = Order(token.SWITCH, (int(wish == SWITCH_OFF),), words)
    made = make_tokens(office, actor, meter, [order], Destination(), vault.ORDERED)
    key = f"switch:{meter.number}:{made[-1].sequence}"
    command_queue.queue(made, wish, key, now_s)
    account.is_ordered_on = wish == SWITCH_ON
    account.save(update_fields=["is_ordered_on"])
    audit.note(actor, wish, f"meter:{meter.number}", words=words)
    customer, channels = account.tenancy.customer, set(outbox.SENT_CHANNELS)
    if kind == outbox.RETURN:
        channels -= outbox.withdraw_kind(customer, outbox.SWITCHED_OFF, f"switch:{meter.number}:")
    else:
        outbox.withdraw_kind(customer, outbox.RETURN, f"switch:{meter.number}:")
    outbox.put(customer, kind, key, {"meter": meter.number}, now_s, channels)


def is_out_of_time(account: ManagedAccount) -> bool:
    """Return True if the account has temporary supplies alone, and none of them runs."""
    states = set(TemporarySupply.objects.filter(tenancy_id=account.pk).values_list("state", flat=True))
    return bool(states) and SUPPLY_RUNNING not in states
