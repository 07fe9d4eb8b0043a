"""The chip's watchdog, which starts with the first feeding: until the meter runs, nothing resets the board."""

from machine import WDT

TIMEOUT_MS = 8_000


class Watchdog:
    """Resets the board when it has been fed once and then not again for eight seconds. It cannot be stopped.

    `has_reset_board`: the board started because of that, and for no other reason.
    """

    def __init__(self, has_reset_board: bool) -> None:
        self.has_reset_board = has_reset_board
        self._timer = None

    def feed(self) -> None:
        """Start the time anew."""
        if self._timer is None:
            self._timer = WDT(timeout=TIMEOUT_MS)
        self._timer.feed()
