"""The process that sells for payments: new notices again and again, and the days of the online shop."""

import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from wattpurse_tools.headend import online_shop, payments
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.office.office import Office
from wattpurse_tools.vault.interface import VaultClosed

_DAYS_S = 60


def run(
    office: Office,
    operator: HeadendOperator,
    is_ended: Callable[[], bool],
    tell: Callable[[str], None],
    wait_s: float = 0.5,
) -> int:
    """Work on payments until `is_ended`. Return the number of notices.

    `tell` gets a line for a closed vault and for a lost database.
    """
    done, days_s = 0, 0
    while not is_ended():
        now_s = int(time.time())
        worked = 0
        try:
            actor = operator.actor()
            is_thorough = now_s - days_s >= _DAYS_S
            worked = payments.work(office, actor, now_s, is_thorough)
            if is_thorough:
                online_shop.close_days(office, actor, now_s)
                days_s = now_s
        except (DatabaseError, VaultClosed) as error:
            tell(f"payments wait: {error}")
            close_old_connections()
        done += worked
        if not worked:
            time.sleep(wait_s)
    return done
