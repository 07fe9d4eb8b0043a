"""Tamper: attempts to take energy without paying, one bit for each kind.

A detected kind stays latched until it is cleared. A term of supply sets the policy for each kind: ignore it, raise an
alarm, or raise an alarm and end supply. The terms in force apply to latched kinds too; they may change while a kind is
latched.
"""

from wattpurse.core.constant import const
from wattpurse.core.money.terms import TAMPER_IGNORED, TAMPER_OPENS

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.terms import Terms

COVER = const(1)
MAGNET = const(2)
REVERSE = const(4)
OPEN_LOAD = const(8)

# kind, term with its policy, words
_TABLE = (
    (COVER, "tamper_cover", "cover opened"),
    (MAGNET, "tamper_magnet", "magnet"),
    (REVERSE, "tamper_reverse", "energy flowed backwards"),
    (OPEN_LOAD, "tamper_open_load", "energy flowed through the open switch"),
)


def kinds_of(kinds: int) -> list:
    """Return the bits set in `kinds` as a list."""
    return [kind for kind, _, _ in _TABLE if kinds & kind]


def to_latch(seen: int, latched: int, terms: "Terms") -> int:
    """Return the kinds in `seen` that must be latched now: those not `latched` yet and not ignored by the terms."""
    kinds = 0
    for kind, term, _ in _TABLE:
        if seen & kind and not latched & kind and terms[term] != TAMPER_IGNORED:
            kinds |= kind
    return kinds


def opens_supply(latched: int, terms: "Terms") -> bool:
    """Return True if a latched kind must keep supply off."""
    return latched != 0 and any(latched & kind and terms[term] == TAMPER_OPENS for kind, term, _ in _TABLE)


def raises_alarm(latched: int, terms: "Terms") -> bool:
    """Return True if a latched kind must be shown."""
    return to_latch(latched, 0, terms) != 0


def texts(kinds: int) -> list:
    """Return the words of each kind."""
    return [words for kind, _, words in _TABLE if kinds & kind]
