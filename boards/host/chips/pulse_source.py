"""A house that draws power, the pulse output of its measuring element, and the board's counter of those pulses.

Exact: energy is kept in whole microjoules (watts times microseconds), so pulses are what the rational number of
impulses per kWh makes of it, with nothing rounded, however often the load changes.
"""

MICROJOULES_PER_KWH = 3_600_000_000_000
MICROJOULES_PER_MWH = 3_600_000


class PulseSource:
    """The measured house. Energy flows while the mains are on and the load switch's contact is closed.

    `impulses` / `kwh` is the meter constant; the counter wraps at `modulus`.
    """

    def __init__(self, clock, impulses: int, kwh: int = 1, modulus: int = 65_536) -> None:
        self.load_w = 0
        self.mains_on = True
        self.contact_closed = True
        self.modulus = modulus
        self._clock = clock
        self._impulses = impulses
        self._kwh = kwh
        self._energy_uj = 0
        self._accounted_us = clock.now_us
        self._counted_from = 0

    def set_load_w(self, load_w: int) -> None:
        """Change the power the house would draw."""
        self._account()
        self.load_w = load_w

    def set_mains(self, on: bool) -> None:
        """Cut or restore the mains."""
        self._account()
        self.mains_on = on

    def set_contact(self, closed: bool) -> None:
        """The load switch's contact moved."""
        self._account()
        self.contact_closed = closed

    @property
    def power_w(self) -> int:
        """What flows now."""
        return self.load_w if self.mains_on and self.contact_closed else 0

    @property
    def energy_uj(self) -> int:
        """Energy that has flowed since the simulation began, in microjoules."""
        self._account()
        return self._energy_uj

    @property
    def energy_mwh(self) -> int:
        """The same in whole mWh."""
        return self.energy_uj // MICROJOULES_PER_MWH

    @property
    def pulses_total(self) -> int:
        """Pulses given since the simulation began."""
        return self.energy_uj * self._impulses // (MICROJOULES_PER_KWH * self._kwh)

    def read_raw(self) -> int:
        """The board's free-running counter: pulses since the board was powered, modulo `modulus`."""
        return (self.pulses_total - self._counted_from) % self.modulus

    def restore_energy_uj(self, energy_uj: int) -> None:
        """The measuring element is one that has measured before: go on from there."""
        self._energy_uj = energy_uj
        self._counted_from = self.pulses_total

    def board_powered(self) -> None:
        """The board comes up: its counter begins at 0 again."""
        self._counted_from = self.pulses_total

    def _account(self) -> None:
        now_us = self._clock.now_us
        self._energy_uj += self.power_w * (now_us - self._accounted_us)
        self._accounted_us = now_us
