"""Permits and orders to the switch that were voided, forfeited or refused: their meters, until somebody has looked.

An account at the head-end notes what it has ordered. The engine looks at these meters, and sets such notes back.
"""

from wattpurse.core.messages import token
from wattpurse_tools.record.models import LostOrder

KINDS = (token.PERMIT, token.SWITCH)


def note(meter_number: int, kind: int) -> None:
    """Note that a token of a kind may be lost at a meter. The caller holds the lock of the meter's row."""
    if kind in KINDS:
        LostOrder.objects.bulk_create([LostOrder(meter_id=meter_number)], ignore_conflicts=True)
