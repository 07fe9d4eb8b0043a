"""Energy that flows though the load switch is open: a welded contact, a broken coil, or a wire around the switch.

The counter has what flowed before the contact parted at most `SETTLING_MS` after the pulse of the coil is over. What is
counted later flowed through an open switch. One pulse may be a disturbance; two of them, and half a Wh at least, within
an hour are not. Then the switch is opened again: three times 10 s apart, after that once an hour, so that a contact
that only sticks is torn loose, and one that is welded does not cost the coil its life.
"""

SETTLING_MS = 3_000
WINDOW_MS = 3_600_000
FEWEST_PULSES = 2
LEAST_MWH = 500
QUICK_RETRIES = 3
QUICK_PAUSE_MS = 10_000
PAUSE_MS = 3_600_000


class OpenLoad:
    """Watches an open switch. `retries` counts how often it was to be opened again since it was last closed."""

    def __init__(self) -> None:
        self.retries = 0
        self._is_open = False
        self._begin(0)

    def look(self, elapsed_ms: int, pulses: int, pulse_mwh: int, is_open: bool) -> bool:
        """True where energy flows and the switch is to be opened again.

        `pulses` of `pulse_mwh` each came in the `elapsed_ms` since the last look; `is_open` where the switch is told to
        be open and no coil is under current.
        """
        if is_open != self._is_open:
            self._is_open = is_open
            self.retries = 0
            self._begin(0)
        if not is_open:
            return False
        self._pause_ms -= elapsed_ms
        if self._settling_ms > 0:
            self._settling_ms -= elapsed_ms
            return False
        self._count(elapsed_ms, pulses)
        if self._pause_ms > 0 or self._pulses < FEWEST_PULSES or self._pulses * pulse_mwh < LEAST_MWH:
            return False
        self.retries += 1
        self._begin(QUICK_PAUSE_MS if self.retries < QUICK_RETRIES else PAUSE_MS)
        return True

    def _begin(self, pause_ms) -> None:
        """The coil is pulsed: nothing counts until that is over."""
        self._pause_ms = pause_ms
        self._settling_ms = SETTLING_MS
        self._window_ms = 0
        self._pulses = 0

    def _count(self, elapsed_ms, pulses) -> None:
        self._window_ms += elapsed_ms
        if self._window_ms > WINDOW_MS:
            self._window_ms = 0
            self._pulses = 0
        self._pulses += pulses
