"""Buzzer: short patterns, played by a task of its own, so that the caller does not wait.

A pattern is milliseconds of sound and silence in turn, sound first. The pin is an active buzzer (1 sounds), or a
callable like a pin that starts and stops a tone.
"""

import asyncio

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Clock

KEY = (30,)
ACCEPTED = (80, 60, 80)
REFUSED = (400,)
LOW_CREDIT = (100, 100, 100, 100, 100)
VERY_LOW_CREDIT = LOW_CREDIT + (100,) + LOW_CREDIT


class Buzzer:
    """A buzzer on one pin."""

    def __init__(self, pin: "Callable[[int], object]", clock: "Clock") -> None:
        self._pin = pin
        self._clock = clock
        self._task = None
        pin(0)

    def play(self, pattern: tuple) -> None:
        """Begin a pattern on the running event loop and return at once. Ends the pattern that was playing."""
        self.stop()
        self._task = asyncio.create_task(self._play(pattern))

    def stop(self) -> None:
        """Silence the buzzer at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._pin(0)

    async def _play(self, pattern: tuple) -> None:
        for index, duration_ms in enumerate(pattern):
            self._pin(1 - index % 2)
            await self._clock.sleep_ms(duration_ms)
        self._pin(0)
