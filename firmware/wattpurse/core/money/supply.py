"""The decision about the load switch: may supply be on now, and if not, for which reason.

Reasons are small integers in events and statements; `text` and `display_code` show them to people. The order of the
checks in `decide` is the order of precedence: dangers to money or people first, then credit, then delays and the
button.
"""

from wattpurse.core.money.friendly import ends_s, is_friendly
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, NO_EMERGENCY

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattpurse.core.money.account import Account
    from wattpurse.core.money.circumstances import Circumstances

ON = 0
NOT_COMMISSIONED = 1
LEDGER_UNREADABLE = 2
FAULT = 3
TAMPER = 4
NO_CREDIT = 5
EXPIRED = 6
DAILY_LIMIT = 7
NO_CARD = 8
CARD_UNREADABLE = 9
ORDERED_OFF = 10
SHORTAGE = 11
POWER_LIMIT = 12
RESTORING = 13
UNCONFIRMED = 14
RESTING = 15
MAINS_FAILED = 16

# The position in case of a fault: a fault must not give energy away, and must be noticed.
SAFE_IS_CLOSED = False

# words, display code: empty if the display shows credit instead
_TABLE = (
    ("on", ""),
    ("not commissioned", "E 10"),
    ("ledger cannot be read", "E 11"),
    ("fault", "E 12"),
    ("tamper", "E 13"),
    ("no credit", ""),
    ("expired", "E 14"),
    ("daily maximum reached", "E 15"),
    ("no card", "E 16"),
    ("card cannot be used", "E 17"),
    ("ordered off", "E 18"),
    ("shortage", "E 19"),
    ("too much power drawn", "E 30"),
    ("waiting after mains returned", "E 31"),
    ("press the button", "PrESS"),
    ("waiting before the switch closes again", "E 32"),
    ("mains failed", "E 33"),
)
# From the end of the grace period on, no card pays.
_CARD_REASONS = (NO_CARD, CARD_UNREADABLE)
# Reasons for want of credit: friendly hours delay these.
_CREDIT_REASONS = (NO_CREDIT, EXPIRED)


def decide(account: "Account | None", fault: int, circumstances: "Circumstances") -> int:
    """Return ON, or the reason to open the load switch.

    `account` is None if there is no readable ledger; then `fault` is the reason (NOT_COMMISSIONED, LEDGER_UNREADABLE or
    FAULT). `fault` is ON if there is none. `circumstances` are a `money.circumstances.Circumstances`.
    """
    if fault != ON:
        return fault
    if account is None:
        return FAULT
    if circumstances.tamper_opens:
        return TAMPER
    if account.standing["ordered_open"]:
        return ORDERED_OFF
    if circumstances.mains_failed:
        return MAINS_FAILED
    if circumstances.testing:
        return ON
    credit_reason = reason_of_credit(account, circumstances)
    if credit_reason != ON:
        return credit_reason
    level = account.standing.shortage_level_at(circumstances.now_s)
    if level and _rank(account, circumstances) < level:
        return SHORTAGE
    if circumstances.over_power or account.standing["tripped"]:
        return POWER_LIMIT
    if circumstances.restoring:
        return RESTORING
    if account.standing["unconfirmed"]:
        return UNCONFIRMED
    return RESTING if circumstances.resting else ON


def reason_of_credit(account: "Account", circumstances: "Circumstances") -> int:
    """Return ON, or the contract's reason to end supply.

    Friendly hours delay the end of supply for a customer who was not cut off before.
    """
    reason = account.contract.supply_reason(account, circumstances)
    if reason in _CREDIT_REASONS and _is_delayed(account, circumstances.now_s):
        return ON
    return reason


def latches(account: "Account", circumstances: "Circumstances") -> "Sequence[tuple[str, int]]":
    """Return `(name, value)` of each standing number that the state of credit changes.

    Journal them one after the other, in this order: then a power cut between them loses nothing.
    """
    reason = account.contract.supply_reason(account, circumstances)
    standing = account.standing
    if reason in _CREDIT_REASONS:
        return () if standing["cut_off"] else _latches_without_credit(account, circumstances.now_s)
    if reason in _CARD_REASONS and standing["card_in"]:
        return (("card_in", 0),)
    if reason != ON or not (standing["cut_off"] or standing["friendly_until_s"]):
        return ()
    return _latches_with_credit(account)


def is_closed(reason: int) -> bool:
    """Return True if the load switch must be closed for this reason."""
    return reason == ON


def all_reasons() -> tuple:
    """Return `(words, display code)` of every reason, in the order of the numbers."""
    return _TABLE


def text(reason: int) -> str:
    """Return the reason in words."""
    return _TABLE[reason][0] if 0 <= reason < len(_TABLE) else f"reason {reason}"


def display_code(reason: int) -> str:
    """Return the code on the meter's display; empty if the display shows credit instead."""
    return _TABLE[reason][1]


def _is_delayed(account: "Account", now_s: int) -> bool:
    """Return True in the friendly hours in which credit ran out, and False in later ones, even after a power cut."""
    standing = account.standing
    is_over = 0 < standing["friendly_until_s"] <= now_s
    return account.contract.can_owe and not standing["cut_off"] and not is_over and is_friendly(account, now_s)


def _latches_without_credit(account: "Account", now_s: int) -> tuple:
    if not _is_delayed(account, now_s):
        if account.standing["friendly_until_s"] <= now_s:
            return (("cut_off", 1),)
        return ("friendly_until_s", now_s), ("cut_off", 1)  # the terms changed: nothing is owed for the time from now
    if account.standing["friendly_until_s"]:
        return ()
    return ("friendly_since_s", now_s), ("friendly_until_s", ends_s(account, now_s))


def _latches_with_credit(account: "Account") -> list:
    """Return the changes when there is credit again.

    A customer who accepted emergency credit has pressed the button already.
    """
    standing = account.standing
    changes = []
    if standing["friendly_until_s"]:
        changes.append(("friendly_until_s", 0))
    has_pressed = account.contract.emergency(account) == EMERGENCY_ACCEPTED
    if standing["cut_off"] and account.terms["confirm_closing"] and not (standing["unconfirmed"] or has_pressed):
        changes.append(("unconfirmed", 1))
    if standing["cut_off"]:
        changes.append(("cut_off", 0))
    return changes


def _rank(account: "Account", circumstances: "Circumstances") -> int:
    """Return the rank in a shortage: 0 on emergency credit or in friendly hours, else the priority in the terms."""
    contract = account.contract
    has_paid = contract.supply_reason(account, circumstances) == ON and contract.emergency(account) == NO_EMERGENCY
    return account.terms["shortage_priority"] if has_paid else 0
