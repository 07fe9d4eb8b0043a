"""A countdown. Its owner passes the elapsed time in, so that it needs no clock."""


class Countdown:
    """A countdown, which runs from `begin` until its time is over."""

    def __init__(self) -> None:
        self._left_ms = 0

    @property
    def is_running(self) -> bool:
        """True while time is left."""
        return self._left_ms > 0

    @property
    def left_s(self) -> int:
        """Seconds left, rounded up."""
        return -(-self._left_ms // 1000)

    def begin(self, duration_s: int) -> None:
        """Start to count down from `duration_s`; 0 ends the countdown."""
        self._left_ms = duration_s * 1000

    def pass_time(self, elapsed_ms: int) -> None:
        """Subtract `elapsed_ms` from the time left."""
        self._left_ms = max(0, self._left_ms - elapsed_ms)
