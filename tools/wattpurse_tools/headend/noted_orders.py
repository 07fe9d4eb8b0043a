"""The notes of accounts on what they have ordered, compared with the tokens of their meters after one was lost.

An account notes the end of its newest permit, and the state of the switch that it ordered last. A token that the meter
voided, that was forfeited, or that the meter refused never takes effect. Then the note goes back to the newest token
that was redeemed or is on its way, and the round orders again what is due.

Anybody at the broker can write that a meter refused a token. So one token at most is taken for refused until a
statement tells what became of it: forged answers make no more than one token for each statement.
"""

from django.db import connection, transaction
from django.db.models import Max

from wattpurse.core.messages import token
from wattpurse_tools.headend import accounts, command_queue, switching
from wattpurse_tools.record.models import Command, LostOrder, ManagedAccount, Statement, Token
from wattpurse_tools.station.meter_now import locked_row
from wattpurse_tools.station.order import OUTSTANDING, REDEEMED

LIMIT = 100

_SWITCH_WISHES = (switching.SWITCH_ON, switching.SWITCH_OFF)


def run() -> int:
    """Look at the meters with lost orders, LIMIT at most. Return the number of accounts whose notes have changed."""
    numbers = list(LostOrder.objects.order_by("pk").values_list("pk", flat=True)[:LIMIT])
    return sum(_look(number) for number in numbers)


def _look(meter_number: int) -> bool:
    """Compare the account of a meter with the tokens. Leave it to a later round if another process works on it."""
    with transaction.atomic():
        key = ManagedAccount.objects.filter(meter_id=meter_number, closed_s=None).values_list("pk", flat=True).first()
        account = None
        if key is not None:
            account = accounts.locked(key, skips_locked=connection.features.has_select_for_update_skip_locked)
            if account is None or account.meter_id != meter_number:  # type: ignore[attr-defined]
                return False
        locked_row(meter_number)  # whoever notes a lost order holds this lock too
        LostOrder.objects.filter(pk=meter_number).delete()
        return account is not None and _compare(account, meter_number)


def _compare(account: ManagedAccount, meter_number: int) -> bool:
    """Set the notes of a locked account to what its meter has or is to get. Return True if they change."""
    notes = permit_end_s(meter_number), is_ordered_on(meter_number)
    if notes == (account.permit_until_s, account.is_ordered_on):
        return False
    account.permit_until_s, account.is_ordered_on = notes
    account.save(update_fields=["permit_until_s", "is_ordered_on"])
    return True


def permit_end_s(meter_number: int) -> int:
    """Return the end of the newest permit that a meter has or is to get, or 0. A permit in a meter never goes back."""
    redeemed = Token.objects.filter(meter_id=meter_number, kind=token.PERMIT, state=REDEEMED)
    newest = Statement.objects.filter(meter_id=meter_number).order_by("-time_s", "-id")
    content = newest.values_list("content", flat=True).first() or {}
    ends_s = [amount for _, amount, _ in _on_their_way(meter_number, token.PERMIT)]
    ends_s.append(redeemed.aggregate(end_s=Max("amount"))["end_s"] or 0)
    ends_s.append(content.get("standing", {}).get("permit_until_s", 0))
    return max(ends_s)


def is_ordered_on(meter_number: int) -> bool:
    """Return True if the newest order of an account that a meter has or is to get lets the switch close.

    A meter without such an order is closed.
    """
    obeyed = Command.objects.filter(meter_id=meter_number, wish__in=_SWITCH_WISHES, token__state=REDEEMED)
    orders = list(obeyed.order_by("-token__sequence").values_list("token__sequence", "wish")[:1])
    orders += [
        (number, wish) for number, _, wish in _on_their_way(meter_number, token.SWITCH) if wish in _SWITCH_WISHES
    ]
    return not orders or max(orders)[1] == switching.SWITCH_ON


def _on_their_way(meter_number: int, kind: int) -> list[tuple[int, int, str | None]]:
    """Return number, amount and wish of the tokens that a meter is to get, without the oldest that it refused."""
    rows = Token.objects.filter(meter_id=meter_number, kind=kind, state__in=OUTSTANDING).order_by("sequence")
    found = list(rows.values_list("sequence", "amount", "command__wish", "command__state"))
    refused = [number for number, *_, state in found if state == command_queue.REFUSED][:1]
    return [(number, amount, wish) for number, amount, wish, _ in found if number not in refused]
