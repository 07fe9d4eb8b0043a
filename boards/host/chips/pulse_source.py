"""A house with a load, the pulse output of its measuring element, and the board's counter of those pulses.

The model is exact: it keeps energy in whole microjoules (watts times microseconds), and the meter constant is a
rational number of impulses per kWh. Nothing is rounded, however often the load changes.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import EventClock


MICROJOULES_PER_KWH = 3_600_000_000_000
MICROJOULES_PER_MWH = 3_600_000


class PulseSource:
    """The measured house. Energy flows while the mains are on and the load switch's contact is closed.

    `impulses` / `kwh` is the meter constant. The counter wraps at `modulus`.
    """

    def __init__(self, clock: "EventClock", impulses: int, kwh: int = 1, modulus: int = 65_536) -> None:
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
        self._listener: Callable[[], object] | None = None

    def listen(self, listener: "Callable[[], object]") -> None:
        """Call `listener()` after each change of the power."""
        self._listener = listener

    def set_load_w(self, load_w: int) -> None:
        """Set the power of the house's load."""
        self._account()
        self.load_w = load_w
        self._tell()

    def set_mains(self, on: bool) -> None:
        """Cut or restore the mains."""
        self._account()
        self.mains_on = on
        self._tell()

    def set_contact(self, closed: bool) -> None:
        """Open or close the load switch's contact."""
        self._account()
        self.contact_closed = closed
        self._tell()

    @property
    def power_w(self) -> int:
        """Power that flows now."""
        return self.load_w if self.mains_on and self.contact_closed else 0

    @property
    def energy_uj(self) -> int:
        """Energy since the simulation began, in microjoules."""
        self._account()
        return self._energy_uj

    @property
    def energy_mwh(self) -> int:
        """Energy since the simulation began, in whole mWh."""
        return self.energy_uj // MICROJOULES_PER_MWH

    @property
    def pulses_total(self) -> int:
        """Pulses since the simulation began."""
        return self.energy_uj * self._impulses // (MICROJOULES_PER_KWH * self._kwh)

    def read_raw(self) -> int:
        """Return the board's free-running counter: pulses since power-up, modulo `modulus`."""
        return (self.pulses_total - self._counted_from) % self.modulus

    def restore_energy_uj(self, energy_uj: int) -> None:
        """Continue from the energy that this measuring element has measured before."""
        self._energy_uj = energy_uj
        self._counted_from = self.pulses_total

    def board_powered(self) -> None:
        """Reset the board's counter to 0, as power-up does."""
        self._counted_from = self.pulses_total

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener()

    def _account(self) -> None:
        now_us = self._clock.now_us
        self._energy_uj += self.power_w * (now_us - self._accounted_us)
        self._accounted_us = now_us
