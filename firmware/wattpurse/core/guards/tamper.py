"""Tamper: what is done to a meter to have energy for nothing, as bits. A kind once seen is latched until it is cleared.

For each kind a term of supply says what comes of it: nothing, an alarm, or an alarm and supply off. The terms decide
what a latched kind does now; they may be made stricter or milder while it is latched.
"""

from wattpurse.core.money.terms import TAMPER_IGNORED, TAMPER_OPENS

COVER = 1
MAGNET = 2
REVERSE = 4
OPEN_LOAD = 8

# kind, term with its policy, words
_TABLE = (
    (COVER, "tamper_cover", "cover opened"),
    (MAGNET, "tamper_magnet", "magnet"),
    (REVERSE, "tamper_reverse", "energy flowed backwards"),
    (OPEN_LOAD, "tamper_open_load", "energy flowed through the open switch"),
)


def kinds_of(kinds: int) -> list:
    """Each of `kinds` by itself."""
    return [kind for kind, _, _ in _TABLE if kinds & kind]


def to_latch(seen: int, latched: int, terms) -> int:
    """The kinds among those `seen` now that are to be latched: not `latched` yet, and not ignored by the terms."""
    kinds = 0
    for kind, term, _ in _TABLE:
        if seen & kind and not latched & kind and terms[term] != TAMPER_IGNORED:
            kinds |= kind
    return kinds


def opens_supply(latched: int, terms) -> bool:
    """True if one of the latched kinds is to keep supply off."""
    return latched != 0 and any(latched & kind and terms[term] == TAMPER_OPENS for kind, term, _ in _TABLE)


def raises_alarm(latched: int, terms) -> bool:
    """True if one of the latched kinds is to be shown."""
    return to_latch(latched, 0, terms) != 0


def texts(kinds: int) -> list:
    """Each kind in words."""
    return [words for kind, _, words in _TABLE if kinds & kind]
