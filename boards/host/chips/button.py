"""A push button to ground with a pull-up, whose contact bounces for up to 3.1 ms after each move."""

from boards.host.chips.pin import Pin

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.pin import Wire
    from boards.host.protocols import EventClock, RandomSource


class ButtonModel:
    """Pulls its wire low while pressed. `random_bits(n)` returns n random bits for bounces; None: no bounce."""

    def __init__(self, clock: "EventClock", wire: "Wire", random_bits: "RandomSource | None" = None) -> None:
        self._clock = clock
        self._contact = Pin(wire)
        self._random_bits = random_bits
        self._edge = 0

    def press(self, duration_ms: int) -> None:
        """Press now and release after `duration_ms`."""
        self.hold()
        edge = self._edge
        self._clock.call_at_us(self._clock.now_us + duration_ms * 1000, lambda: self._let_go_after(edge))

    def hold(self) -> None:
        """Press now and keep the button pressed."""
        self._move(0)

    def let_go(self) -> None:
        """Release the button now."""
        self._move(1)

    def _let_go_after(self, edge: int) -> None:
        if edge == self._edge:
            self._move(1)

    def _move(self, level: int) -> None:
        """Move the contact to `level` at once. Up to three bounces follow."""
        self._edge += 1
        edge = self._edge
        self._contact(level)
        if self._random_bits is None:
            return
        moment_us = 0
        for _ in range(self._random_bits(2)):
            for bounced in (1 - level, level):
                moment_us += 1 + self._random_bits(9)
                self._plan(edge, moment_us, bounced)

    def _plan(self, edge: int, moment_us: int, level: int) -> None:
        def bounce() -> None:
            if edge == self._edge:
                self._contact(level)

        self._clock.call_at_us(self._clock.now_us + moment_us, bounce)
