"""Watchdog timer of the RP2040: once fed it cannot be stopped, and its longest time is 8,388 ms."""

from boards.host.chips.power import BoardReset

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock


LONGEST_MS = 8_388


class WatchdogModel:
    """Resets the board `timeout_ms` after the last `feed`. Before the first `feed` it does nothing.

    `has_reset_board` is True if the watchdog caused the last start of the board. A test sets `is_unexplained` for a
    chip that does not tell the cause of its start.
    """

    def __init__(self, clock: "EventClock", timeout_ms: int = LONGEST_MS) -> None:
        self._clock = clock
        self._timeout_us = timeout_ms * 1000
        self.has_reset_board = False
        self.is_unexplained = False
        self._resets_board = False
        self._deadline_us: int | None = None
        self._is_planned = False

    def feed(self) -> None:
        """Restart the timeout."""
        self._deadline_us = deadline_us = self._clock.now_us + self._timeout_us
        if not self._is_planned:
            self._plan(deadline_us)

    def stop(self) -> None:
        """Stop with the board, at a power cut or a reset. The next program has to start the watchdog again."""
        self._deadline_us = None
        self.has_reset_board = self._resets_board
        self._resets_board = False

    def _plan(self, deadline_us: int) -> None:
        self._is_planned = True
        self._clock.call_at_us(deadline_us, self._look)

    def _look(self) -> None:
        """Reset the board if the deadline has passed, else plan the next look. One event serves many feedings."""
        self._is_planned = False
        if self._deadline_us is None:
            return
        if self._clock.now_us < self._deadline_us:
            self._plan(self._deadline_us)
            return
        self._deadline_us = None
        self._resets_board = True
        raise BoardReset("the watchdog was not fed")
