"""The chip's watchdog, which starts with the first feeding: until the meter runs, nothing resets the board."""

from machine import WDT

TIMEOUT_MS = 8_000


class Watchdog:
    """Resets the board eight seconds after the last `feed`. It starts with the first `feed` and cannot be stopped.

    `has_reset_board` is True if the watchdog caused the last start of the board. `is_unexplained` is True if the chip
    does not tell the cause of that start: nobody asked for it, and it may have been a panic.
    """

    def __init__(self, has_reset_board: bool, is_unexplained: bool = False) -> None:
        self.has_reset_board = has_reset_board
        self.is_unexplained = is_unexplained
        self._timer = None

    def feed(self) -> None:
        """Restart the eight seconds."""
        if self._timer is None:
            self._timer = WDT(timeout=TIMEOUT_MS)
        self._timer.feed()
