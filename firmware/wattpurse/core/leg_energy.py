"""The energy that each leg of a meter with clamps took in and gave out since it was made, in the settings.

`leg_imports` and `leg_exports` are numbers of the settings. Each is the Wh of L1, plus the Wh of L2 times 2**31. A
number is a small record, so it can be written often. A power cut takes the energy since the last write from these sums.
The account has its own and loses nothing.
"""

IMPORTS = "leg_imports"
EXPORTS = "leg_exports"
LEGS = 2

_BITS = 31
_MASK = (1 << _BITS) - 1


def joined(one_wh: int, other_wh: int) -> int:
    """Return the number for the settings."""
    return one_wh & _MASK | (other_wh & _MASK) << _BITS


def split(number: int) -> tuple:
    """Return the Wh of L1 and L2."""
    return number & _MASK, number >> _BITS & _MASK
