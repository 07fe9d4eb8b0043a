"""The rest of the load switch between openings: nobody may wear out the relay by a key card or a top-up in each minute.

Opening never waits. The first QUICK_OPENINGS openings are followed by a closing at once. Each later one doubles the
wait before the switch closes again, from FIRST_WAIT_S to LONGEST_WAIT_S. One opening is forgotten in FORGOTTEN_AFTER_S.
So nobody closes the switch more than 62 times in the first day and 48 times in each later one: 17,500 times a year.

The count is one number: the time at which the last opening is forgotten. It outlasts power cuts.
"""

QUICK_OPENINGS = 6
FORGOTTEN_AFTER_S = 1_800
FIRST_WAIT_S = 10
LONGEST_WAIT_S = 1_800

_MOST_OPENINGS = 16


def openings(forgotten_s: int, now_s: int) -> int:
    """Return the number of openings that are not forgotten at `now_s`."""
    return min(_MOST_OPENINGS, -(-max(0, forgotten_s - now_s) // FORGOTTEN_AFTER_S))


def forgotten_after_opening_s(forgotten_s: int, now_s: int) -> int:
    """Return the time at which all openings are forgotten, with one more at `now_s`.

    A clock that went back does not add to the openings.
    """
    left_s = min(max(0, forgotten_s - now_s), (_MOST_OPENINGS - 1) * FORGOTTEN_AFTER_S)
    return now_s + left_s + FORGOTTEN_AFTER_S


def wait_s(count: int) -> int:
    """Return the wait from the newest of `count` openings to the next closing."""
    if count <= QUICK_OPENINGS:
        return 0
    return min(LONGEST_WAIT_S, FIRST_WAIT_S << (count - QUICK_OPENINGS - 1))


def left_s(until_s: int, now_s: int) -> int:
    """Return the seconds left of a wait until `until_s`. A clock that went back by more than a wait ends it."""
    return until_s - now_s if 0 < until_s - now_s <= LONGEST_WAIT_S else 0
