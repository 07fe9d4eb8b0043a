"""A stretch of time that runs out: told how much of it is over, it needs no clock of its own."""


class Countdown:
    """`is_running` from `begin` until all of its time is over."""

    def __init__(self) -> None:
        self._left_ms = 0

    @property
    def is_running(self) -> bool:
        """True while time is left."""
        return self._left_ms > 0

    @property
    def left_s(self) -> int:
        """Seconds that are left, rounded up."""
        return -(-self._left_ms // 1000)

    def begin(self, duration_s: int) -> None:
        """Run for `duration_s` from now on; 0 ends it."""
        self._left_ms = duration_s * 1000

    def pass_time(self, elapsed_ms: int) -> None:
        """`elapsed_ms` are over."""
        self._left_ms = max(0, self._left_ms - elapsed_ms)
