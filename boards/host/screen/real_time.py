"""Real time, which paces the virtual time of a session."""

import time

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.pin import Wire
    from boards.host.protocols import EventClock


FRAME_MS = 100

_LAMP_MS = 300


def real_ms() -> int:
    """Return milliseconds of real time, for `ms_between`."""
    ticks_ms = getattr(time, "ticks_ms", None)  # MicroPython has it
    return ticks_ms() if ticks_ms is not None else int(time.monotonic() * 1000)


def ms_between(later: int, earlier: int) -> int:
    """Return the milliseconds from one reading of `real_ms` to a later one."""
    ticks_diff = getattr(time, "ticks_diff", None)  # MicroPython has it
    return ticks_diff(later, earlier) if ticks_diff is not None else later - earlier


class Lamp:
    """Shows a pulse on a wire for a moment, however short the pulse was."""

    def __init__(self, wire: "Wire") -> None:
        self._lit_ms: int | None = None
        wire.listen(self._changed)

    def _changed(self, level: int) -> None:
        if level:
            self._lit_ms = real_ms()

    def is_lit(self) -> bool:
        """Return True if the wire was high within the last moment."""
        return self._lit_ms is not None and ms_between(real_ms(), self._lit_ms) < _LAMP_MS


class Pacer:
    """Limit of virtual time: `speed` virtual seconds in each real one. After a delay it does not catch up."""

    def __init__(self, clock: "EventClock") -> None:
        self.speed = 1
        self._clock = clock
        self._reached: int | None = None
        self.start()

    def start(self) -> None:
        """Take the present moment as the common start of real and virtual time."""
        self._even_ms = real_ms()
        self._even_us = self._clock.now_us
        self._measured_ms = self._even_ms
        self._measured_us = self._even_us

    def set_speed(self, speed: int) -> None:
        """Continue at another speed."""
        if speed != self.speed:
            self.speed = speed
            self._reached = None
            self.start()

    def allowed_us(self) -> int:
        """Return the virtual time that corresponds to the present real time."""
        allowed_us = self._even_us + ms_between(real_ms(), self._even_ms) * 1000 * self.speed
        if allowed_us - self._clock.now_us > FRAME_MS * 1000 * self.speed:
            self._even_ms = real_ms()
            self._even_us = self._clock.now_us + FRAME_MS * 1000 * self.speed
            return self._even_us
        return allowed_us

    def measure(self) -> None:
        """Measure the speed since the last call."""
        elapsed_ms = ms_between(real_ms(), self._measured_ms)
        if elapsed_ms > 0:
            elapsed_us = self._clock.now_us - self._measured_us
            self._reached = (elapsed_us + 500 * elapsed_ms) // (1000 * elapsed_ms)
        self._measured_ms = real_ms()
        self._measured_us = self._clock.now_us

    def reached(self) -> int | None:
        """Return the measured speed if it is well below the wanted one, else None."""
        return self._reached if self._reached is not None and self._reached * 10 < self.speed * 9 else None

    def real_ms_until(self, time_us: int) -> int:
        """Return the real milliseconds until virtual time `time_us`, rounded up."""
        return max(0, (time_us - self.allowed_us()) // (1000 * self.speed) + 1)
