"""The outcome of a token or a tap: a small number, with its words and its code on the display.

A test compares the table with the table of codes in the documents.
"""

ACCEPTED = 0
NO_NEWS = 1
USED = 2
NOT_THIS_METER = 3
UNREADABLE = 4
OVER_LIMIT = 5
NOT_SUPPORTED = 6
OUTDATED = 7
STATEMENT_NOT_WRITTEN = 8
SERVICE = 9
PASS_EXPIRED = 10
LEDGER_FAILED = 11
OUT_OF_ORDER = 12
OTHER_TENANT = 13
NOT_ENTITLED = 14
MISTYPED = 15
TOO_SOON = 16
OVER_SHORT_LIMIT = 17

# words, display code ("" if the display shows credit instead)
_TABLE = (
    ("accepted", ""),
    ("nothing new on the card", ""),
    ("already used", "E 21"),
    ("not for this meter", "E 22"),
    ("cannot be read", "E 23"),
    ("over the credit limit", "E 24"),
    ("kind not known to this meter", "E 25"),
    ("older than what is in force", "E 26"),
    ("the card left before its statement was written; its credit is in the meter", "E 27"),
    ("service card", "SErv"),
    ("service card has expired", "E 28"),
    ("not accepted: the meter cannot write its ledger", "E 29"),
    ("another order must be redeemed before it", "E 41"),
    ("for another tenant", "E 42"),
    ("its issuer is not admitted here, or may not give this order", "E 43"),
    ("mistyped: compare each digit", "E 44"),
    ("too soon after wrong digits", "E 45"),
    ("more than twenty digits may credit here", "E 46"),
)


def text(outcome: int) -> str:
    """Return the outcome in words."""
    return _TABLE[outcome][0] if 0 <= outcome < len(_TABLE) else f"outcome {outcome}"


def display_code(outcome: int) -> str:
    """Return the code that the display shows for the outcome."""
    return _TABLE[outcome][1]


def all_outcomes() -> tuple:
    """Return `(words, display code)` of every outcome, in the order of the numbers."""
    return _TABLE
