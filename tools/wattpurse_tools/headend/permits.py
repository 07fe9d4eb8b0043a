"""Permits: a permit bounds the cost of a silent meter. It is renewed while there is credit and the meter is heard.

The rules: a permit ends `permit_s` after its order, and then in hours in which customers may be switched off. It only
moves forward. It is renewed when `renew_s` of it are left, if the balance with the limit is above zero, and if the
newest charged statement, or the opening, is at most `permit_s` old. A temporary supply ends it at the latest.
"""

from wattpurse.core.messages import token
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.headend import command_queue, hours, switching
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.tokens import Destination, make_tokens
from wattpurse_tools.record.models import HeadendPolicy, ManagedAccount, TemporarySupply
from wattpurse_tools.station.order import Order
from wattpurse_tools.utc_texts import rfc3339
from wattpurse_tools.vault import interface as vault

PERMIT = "permit"


def end_s(policy: HeadendPolicy, now_s: int) -> int:
    """Return the end of a permit that is ordered now."""
    return min(hours.next_off_s(policy, now_s + policy.permit_s), LATEST_S)


def is_due(account: ManagedAccount, policy: HeadendPolicy, credit_microunits: int, now_s: int) -> bool:
    """Return True if the permit of an account is to be renewed now."""
    heard_s = max(account.billed_s, account.opened_s)
    return (
        credit_microunits > 0
        and account.permit_until_s < now_s + policy.renew_s
        and now_s - heard_s <= policy.permit_s
        and _latest_s(account, now_s) > max(account.permit_until_s, now_s)
    )


def renew(
    office: Office, actor: Actor, account: ManagedAccount, policy: HeadendPolicy, credit_microunits: int, now_s: int
) -> bool:
    """Order a permit for a locked account, if one is due. Return True if it was ordered."""
    if not is_due(account, policy, credit_microunits, now_s):
        return False
    until_s = min(end_s(policy, now_s), _latest_s(account, now_s))
    if until_s <= account.permit_until_s:
        return False
    meter = switching.meter_to_order(account.meter_id)  # type: ignore[attr-defined]
    order = Order(token.PERMIT, (until_s,), f"permit until {rfc3339(until_s)}", amount=until_s)
    made = make_tokens(office, actor, meter, [order], Destination(tenancy=account.tenancy), vault.ORDERED)
    command_queue.queue(made, PERMIT, f"permit:{meter.number}:{made[-1].sequence}", now_s)
    account.permit_until_s = until_s
    account.save(update_fields=["permit_until_s"])
    return True


def _latest_s(account: ManagedAccount, now_s: int) -> int:
    """Return the latest end of a permit: that of the temporary supply that runs, or the end of the clock."""
    supplies = list(TemporarySupply.objects.filter(tenancy_id=account.pk))
    running = [one.until_s for one in supplies if one.from_s <= now_s < one.until_s]
    return max(running, default=0) if supplies else LATEST_S
