"""Push button, debounced by sampling: a level counts when two samples 20 ms apart agree.

Bounce of up to 20 ms is ignored. A press of 40 ms or more is always seen, a press shorter than 20 ms never. Samples are
only taken while a task waits for a press.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Clock, Pin

SAMPLE_MS = 20
LONG_PRESS_MS = 1000

SHORT = "short"
LONG = "long"


class Button:
    """A button on one pin that reads 0 while it is pressed (`pressed_level` 1 for the opposite level)."""

    def __init__(self, pin: "Pin", clock: "Clock", pressed_level: int = 0) -> None:
        self._pin = pin
        self._clock = clock
        self._pressed_level = pressed_level
        self._last_sample = False
        self._is_pressed = False
        self._is_reported = False
        self._pressed_at_ms = 0

    async def wait_press(self, timeout_ms: int) -> str | None:
        """Wait at most `timeout_ms` for a press. Return SHORT at its release, LONG after one second, or None.

        A press that has begun when the time is up is not lost: the next call continues with it.
        """
        clock = self._clock
        started_ms = clock.ticks_ms()
        while True:
            press = self.sample()
            if press is not None:
                return press
            if clock.ticks_diff(clock.ticks_ms(), started_ms) >= timeout_ms:
                return None
            await clock.sleep_ms(SAMPLE_MS)

    def sample(self) -> str | None:
        """Look at the pin once. Call every 20 ms. Return the press that this sample completes, or None."""
        pressed = self._pin() == self._pressed_level
        if pressed != self._last_sample:
            self._last_sample = pressed
            return None
        if not pressed and not self._is_pressed:
            return None  # at nearly every look: it has to be short
        now_ms = self._clock.ticks_ms()
        if pressed and not self._is_pressed:
            self._is_pressed = True
            self._is_reported = False
            self._pressed_at_ms = now_ms
        elif pressed and not self._is_reported:
            if self._clock.ticks_diff(now_ms, self._pressed_at_ms) >= LONG_PRESS_MS:
                self._is_reported = True
                return LONG
        elif not pressed and self._is_pressed:
            self._is_pressed = False
            if not self._is_reported:
                return SHORT
        return None
