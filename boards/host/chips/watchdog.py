"""Watchdog timer as the RP2040 has it: once fed it cannot be stopped, and its longest time is 8,388 ms."""

from boards.host.chips.power import BoardReset

LONGEST_MS = 8_388


class WatchdogModel:
    """Resets the board when it has been fed once and then not again for `timeout_ms`.

    `has_reset_board`: the board started because of that, and for no other reason.
    """

    def __init__(self, clock, timeout_ms: int = LONGEST_MS) -> None:
        self._clock = clock
        self._timeout_us = timeout_ms * 1000
        self.has_reset_board = False
        self._resets_board = False
        self._deadline_us = None
        self._is_planned = False

    def feed(self) -> None:
        """Start the time anew."""
        self._deadline_us = self._clock.now_us + self._timeout_us
        if not self._is_planned:
            self._plan()

    def stop(self) -> None:
        """The board lost its power or was reset: the next program has to start it again."""
        self._deadline_us = None
        self.has_reset_board = self._resets_board
        self._resets_board = False

    def _plan(self) -> None:
        self._is_planned = True
        self._clock.call_at_us(self._deadline_us, self._look)

    def _look(self) -> None:
        """One event stands for many feedings: it looks whether there was one since it was planned."""
        self._is_planned = False
        if self._deadline_us is None:
            return
        if self._clock.now_us < self._deadline_us:
            self._plan()
            return
        self._deadline_us = None
        self._resets_board = True
        raise BoardReset("the watchdog was not fed")
