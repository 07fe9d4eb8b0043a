"""Repeat a closing pulse that may not have moved the contact.

No board has a contact that tells the position of the switch, so energy is the only sign. Energy behind the pulse proves
that the contact closed. Its absence proves nothing: nobody may be at home. A further pulse on a closed contact moves
nothing and wears nothing. Therefore the switch is closed again three times at intervals of 10 s, as long as no energy
flows, and there is no alarm. After that a person who waits in the dark gets one more pulse with a press of the button.
"""

QUICK_RETRIES = 3
PAUSE_MS = 10_000


class ClosedLoad:
    """A watch on a closed switch. `retries` counts the further pulses; `is_proven` is True once energy has flowed."""

    def __init__(self) -> None:
        self.retries = 0
        self.is_proven = False
        self._is_closed = False
        self._pause_ms = 0
        self._left = 0

    def look(self, elapsed_ms: int, pulses: int, is_closed: bool) -> bool:
        """Return True if the switch must be closed again.

        `pulses` came in the `elapsed_ms` since the last call. `is_closed` is True if the last order to the switch was
        to close.
        """
        if is_closed != self._is_closed:
            self._is_closed = is_closed
            self.retries = 0
            self.is_proven = False
            self._left = QUICK_RETRIES
            self._pause_ms = PAUSE_MS
            return False  # pulses up to now may have come before the order
        if not is_closed or self.is_proven:
            return False
        if pulses:
            self.is_proven = True
            return False
        self._pause_ms = max(0, self._pause_ms - elapsed_ms)
        if self._pause_ms or not self._left:
            return False
        self._left -= 1
        self.retries += 1
        self._pause_ms = PAUSE_MS
        return True

    def ask(self) -> None:
        """Allow one more pulse, for a person who pressed the button. Pulses stay PAUSE_MS apart."""
        self._left = max(1, self._left)
