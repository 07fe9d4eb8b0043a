"""The firmware's drivers on a computer, where each of their waits blocks: the run of a coroutine, and the clock."""

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_driver(step: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine of a driver that waits in its calls, so that no other task could run. Return its result."""
    while True:
        try:
            step.send(None)
        except StopIteration as end:
            return end.value


class Ticks:
    """The clock of `wattpurse.hal` with ticks that never wrap. A subclass has the time and the sleep."""

    def ticks_us(self) -> int:
        """Return microseconds."""
        raise NotImplementedError

    async def sleep_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        raise NotImplementedError

    def ticks_ms(self) -> int:
        """Return milliseconds."""
        return self.ticks_us() // 1000

    def ticks_diff(self, later: int, earlier: int) -> int:
        """Return the distance between two readings."""
        return later - earlier

    def ticks_add(self, ticks: int, delta: int) -> int:
        """Return a reading moved by `delta`."""
        return ticks + delta
