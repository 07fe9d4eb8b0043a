"""The energy that each leg of a meter with clamps took in and gave out: since the start, and since the meter was made.

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


class LegEnergy:
    """The direction of one leg and its energy since the start: import and export are never netted.

    `is_loaded` is False while there is no load, `is_backwards` is True while energy flows out of the house.
    `waiting_mwh` flowed in the direction of now. It joins the sums with `join`, so a caller that adds to it often
    handles small integers alone.
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self.is_loaded = False
        self.is_backwards = False
        self.waiting_mwh = 0
        self._import_mwh = 0
        self._export_mwh = 0

    @property
    def import_mwh(self) -> int:
        """The energy since the start that flowed into the house."""
        return self._import_mwh if self.is_backwards else self._import_mwh + self.waiting_mwh

    @property
    def export_mwh(self) -> int:
        """The energy since the start that flowed out of the house."""
        return self._export_mwh + self.waiting_mwh if self.is_backwards else self._export_mwh

    def join(self) -> None:
        """Let the energy that waits join the sums. Call before the direction changes."""
        self._import_mwh, self._export_mwh = self.import_mwh, self.export_mwh
        self.waiting_mwh = 0


def flows_backwards(legs: list) -> bool:
    """Return True while energy flows out of the house through a leg."""
    for leg in legs:  # noqa: SIM110 a generator would take heap ten times a second
        if leg.is_loaded and leg.is_backwards:
            return True
    return False
