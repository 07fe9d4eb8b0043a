"""The terms of supply. The landlord sets them by token or at the console. They are part of the ledger's snapshot."""

from wattpurse.core.constant import const
from wattpurse.core.money.named_numbers import NamedNumbers

# A name without `const` would keep the whole table in memory.
NO_LIMIT = const(0)

TAMPER_IGNORED = const(0)
TAMPER_ALARM = const(1)
TAMPER_OPENS = const(2)

_AMOUNT = const(10**15)

# name, default, lowest, highest
TABLE = (
    ("credit_limit_microunits", NO_LIMIT, 0, _AMOUNT),
    ("credit_limit_mwh", NO_LIMIT, 0, _AMOUNT),
    ("low_credit_microunits", 2_000_000, 0, _AMOUNT),
    ("low_credit_mwh", 5_000_000, 0, _AMOUNT),
    ("very_low_credit_microunits", 500_000, 0, _AMOUNT),
    ("very_low_credit_mwh", 1_000_000, 0, _AMOUNT),
    ("low_credit_days", 0, 0, 9999),
    ("very_low_credit_days", 0, 0, 9999),
    ("expiry_warning_days", 3, 0, 366),
    ("emergency_microunits", 0, 0, _AMOUNT),
    ("emergency_mwh", 0, 0, _AMOUNT),
    ("friendly_from_minute", 0, 0, 1440),
    ("friendly_to_minute", 0, 0, 1440),
    ("friendly_weekdays", 0, 0, 127),  # bit 0 Monday
    ("friendly_holidays", 0, 0, 1),
    ("debt_share_percent", 0, 0, 100),
    ("debt_weekly_microunits", 0, 0, _AMOUNT),
    ("debt_floor_microunits", 0, 0, _AMOUNT),
    ("debt_cap_microunits", NO_LIMIT, 0, _AMOUNT),
    ("standing_charge_while_off", 1, 0, 1),
    ("tax_permyriad", 0, 0, 10_000),
    ("account_limit_microunits", NO_LIMIT, 0, _AMOUNT),
    ("daily_limit_mwh", NO_LIMIT, 0, _AMOUNT),
    ("confirm_closing", 0, 0, 1),
    ("restore_delay_s", 0, 0, 86_400),
    ("restore_spread_s", 0, 0, 86_400),
    ("power_limit_w", NO_LIMIT, 0, 10**6),
    ("power_trips", 3, 0, 100),
    ("power_reconnect_s", 60, 1, 86_400),
    ("shortage_priority", 1, 0, 9),
    ("tamper_cover", TAMPER_IGNORED, TAMPER_IGNORED, TAMPER_OPENS),
    ("tamper_magnet", TAMPER_IGNORED, TAMPER_IGNORED, TAMPER_OPENS),
    ("tamper_reverse", TAMPER_IGNORED, TAMPER_IGNORED, TAMPER_OPENS),
    ("tamper_open_load", TAMPER_ALARM, TAMPER_IGNORED, TAMPER_OPENS),
    ("card_step_microunits", 10_000, 1, 10**9),
    ("card_step_mwh", 10_000, 1, 10**9),
    ("card_grace_s", 5, 0, 3600),
    ("quiet_from_minute", 1320, 0, 1440),
    ("quiet_to_minute", 480, 0, 1440),
    ("open_on_power_fail", 0, 0, 1),
    # The most that one token of twenty digits may credit. 0: no such token is taken.
    ("short_token_limit_microunits", 0, 0, _AMOUNT),
    ("short_token_limit_mwh", 0, 0, _AMOUNT),
    ("short_token_limit_days", 0, 0, 9999),
)
_PLACES = {row[0]: place for place, row in enumerate(TABLE)}


class Terms(NamedNumbers):
    """The terms in force. `terms["credit_limit_mwh"]` reads one term; `set` changes one."""

    def __init__(self) -> None:
        super().__init__(TABLE, _PLACES, "term")

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(terms, position behind them)` of the bytes at `position`. Raise ValueError for other bytes."""
        terms = cls()
        return terms, terms.take_packed(data, position)


def names() -> tuple:
    """Return the names of all terms, in the order of their places."""
    return tuple(row[0] for row in TABLE)
