"""Detect energy that flows through an open load switch: a welded contact, a broken coil, or a wire around the switch.

Pulses from before the contact opened arrive at most `SETTLING_MS` after the pulse of the coil. Later pulses flowed
through an open switch. One pulse may be a disturbance. Two pulses and 0.5 Wh or more within an hour are a finding. Then
the switch is opened again: three times at intervals of 10 s, after that once an hour. This loosens a sticking contact
without wearing out the coil of a welded one.
"""

SETTLING_MS = 3_000
WINDOW_MS = 3_600_000
FEWEST_PULSES = 2
LEAST_MWH = 500
QUICK_RETRIES = 3
QUICK_PAUSE_MS = 10_000
PAUSE_MS = 3_600_000


class OpenLoad:
    """A watch on an open switch. `retries` counts the attempts to open it again since it was last closed."""

    def __init__(self) -> None:
        self.retries = 0
        self._is_open = False
        self._begin(0)

    def look(self, elapsed_ms: int, pulses: int, pulse_mwh: int, is_open: bool) -> bool:
        """Return True if energy flows and the switch must be opened again.

        `pulses` of `pulse_mwh` each came in the `elapsed_ms` since the last call. `is_open` is True if the switch was
        told to open and no coil has current.
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

    def _begin(self, pause_ms: int) -> None:
        """Start to wait until the pulse of the coil and its effects are over. Until then no pulse counts."""
        self._pause_ms = pause_ms
        self._settling_ms = SETTLING_MS
        self._window_ms = 0
        self._pulses = 0

    def _count(self, elapsed_ms: int, pulses: int) -> None:
        self._window_ms += elapsed_ms
        if self._window_ms > WINDOW_MS:
            self._window_ms = 0
            self._pulses = 0
        self._pulses += pulses
