"""Consumption of energy in intervals of equal length. `wattpurse_tools.loads` reads it from files."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LoadCurve:
    """Consumption without a gap: the energies, in mWh, of intervals of `interval_s` seconds from `start_s` (UTC) on."""

    start_s: int
    interval_s: int
    energies_mwh: Sequence[int]

    @property
    def end_s(self) -> int:
        """The second at which the last interval ends."""
        return self.start_s + self.interval_s * len(self.energies_mwh)
