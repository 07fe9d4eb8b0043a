"""The patience of a rehearsal: a wait lasts as long as there is progress, however slow the computer is.

Progress is a change of a measure. A wait ends without success only after a time in which the measure stood still.
"""

import time
from collections.abc import Callable


class Patience:
    """The patience for one wait. `measure` returns a value that changes with each bit of progress."""

    def __init__(self, measure: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._measure = measure
        self._clock = clock
        self._last: object = None
        self._changed_at = clock()

    def still_s(self) -> float:
        """Return the seconds without progress so far."""
        found = self._measure()
        if found != self._last:
            self._last = found
            self.begin()
        return self._clock() - self._changed_at

    def begin(self) -> None:
        """Count the seconds from now on."""
        self._changed_at = self._clock()
