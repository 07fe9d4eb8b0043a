"""The one decision about the load switch: may supply be on now, and if not, why not.

Reasons are small integers that go into events and statements; `text` and `display_code` say them to people. The order
of the checks in `decide` is the order of precedence: what endangers money or people comes before credit.
"""

ON = 0
NOT_COMMISSIONED = 1
LEDGER_UNREADABLE = 2
FAULT = 3
TAMPER = 4
NO_CREDIT = 5

# The position whenever the meter cannot know better: a fault must not give energy away, and must be noticed.
SAFE_IS_CLOSED = False

_TEXTS = ("on", "not commissioned", "ledger cannot be read", "fault", "tamper", "no credit")
_DISPLAY_CODES = ("", "E 10", "E 11", "E 12", "E 13", "")


def decide(account, fault: int, tampered: bool) -> int:
    """ON, or the reason why the load switch must be open.

    `account` is None where there is no readable ledger; then `fault` says why (NOT_COMMISSIONED, LEDGER_UNREADABLE or
    FAULT). `fault` is ON when there is none.
    """
    if fault != ON:
        return fault
    if account is None:
        return FAULT
    if tampered:
        return TAMPER
    return account.contract.supply_reason(account)


def is_closed(reason: int) -> bool:
    """True if the load switch is to be closed for this reason."""
    return reason == ON


def text(reason: int) -> str:
    """The reason in words."""
    return _TEXTS[reason] if 0 <= reason < len(_TEXTS) else f"reason {reason}"


def display_code(reason: int) -> str:
    """What the meter's display shows of it; empty where credit itself is shown instead."""
    return _DISPLAY_CODES[reason]
