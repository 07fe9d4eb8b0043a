"""Real time, against which the virtual time of a session is set."""

import time

FRAME_MS = 100

_LAMP_MS = 300


def real_ms() -> int:
    """Milliseconds of real time, for `ms_between`."""
    return time.ticks_ms() if hasattr(time, "ticks_ms") else int(time.monotonic() * 1000)


def ms_between(later: int, earlier: int) -> int:
    """From one reading of `real_ms` to a later one."""
    return time.ticks_diff(later, earlier) if hasattr(time, "ticks_diff") else later - earlier


class Lamp:
    """Shows for a moment that a wire was high, however short that was."""

    def __init__(self, wire) -> None:
        self._lit_ms = None
        wire.listen(self._changed)

    def _changed(self, level) -> None:
        if level:
            self._lit_ms = real_ms()

    def is_lit(self) -> bool:
        """High now or a moment ago."""
        return self._lit_ms is not None and ms_between(real_ms(), self._lit_ms) < _LAMP_MS


class Pacer:
    """How far virtual time may go: `speed` virtual seconds in each real one, and no hurry to catch up after a delay."""

    def __init__(self, clock) -> None:
        self.speed = 1
        self._clock = clock
        self._reached = None
        self.start()

    def start(self) -> None:
        """Real and virtual time are even now."""
        self._even_ms = real_ms()
        self._even_us = self._clock.now_us
        self._measured_ms = self._even_ms
        self._measured_us = self._even_us

    def set_speed(self, speed: int) -> None:
        """Go on at another speed."""
        if speed != self.speed:
            self.speed = speed
            self._reached = None
            self.start()

    def allowed_us(self) -> int:
        """The virtual time that it is by now in real time."""
        allowed_us = self._even_us + ms_between(real_ms(), self._even_ms) * 1000 * self.speed
        if allowed_us - self._clock.now_us > FRAME_MS * 1000 * self.speed:
            self._even_ms = real_ms()
            self._even_us = self._clock.now_us + FRAME_MS * 1000 * self.speed
            return self._even_us
        return allowed_us

    def measure(self) -> None:
        """Find the speed that was kept since the last call."""
        elapsed_ms = ms_between(real_ms(), self._measured_ms)
        if elapsed_ms > 0:
            elapsed_us = self._clock.now_us - self._measured_us
            self._reached = (elapsed_us + 500 * elapsed_ms) // (1000 * elapsed_ms)
        self._measured_ms = real_ms()
        self._measured_us = self._clock.now_us

    def reached(self) -> int | None:
        """The speed that was measured, where it is well below the one wanted; else None."""
        return self._reached if self._reached is not None and self._reached * 10 < self.speed * 9 else None

    def real_ms_until(self, time_us: int) -> int:
        """Real milliseconds until it is `time_us`, rounded up."""
        return max(0, (time_us - self.allowed_us()) // (1000 * self.speed) + 1)
