"""The time of the emulated board for the chip models around it: the shape of `boards.host.world.clock.VirtualClock`.

Models read the time, plan callbacks and fire signals. The board stops for each callback at its exact time. No method
here can hold the processor: on this board the instructions themselves take time.
"""

import heapq
import itertools
from collections.abc import Callable

from boards.host.world.clock import Signal


class EmulatedClock:
    """Time since the emulation began, through all resets and power cuts."""

    def __init__(self) -> None:
        self.now_ns: float = 0
        self.generation = 0  # part of the shape of a clock; no task waits on this one
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._sequence = itertools.count()

    @property
    def now_us(self) -> int:
        """Microseconds since the emulation began."""
        return int(self.now_ns) // 1000

    def call_at_us(self, time_us: int, callback: Callable[[], object]) -> None:
        """Plan `callback()` for `time_us`. Callbacks of the same instant run in the order of their planning."""
        self.call_at_ns(time_us * 1000, callback)

    def call_at_ns(self, time_ns: float, callback: Callable[[], object]) -> None:
        """Plan `callback()` for `time_ns`."""
        heapq.heappush(self._events, (time_ns, next(self._sequence), callback))

    def signal(self) -> Signal:
        """Return a signal for a model that fires one. On this board a pin carries the interrupt instead."""
        return Signal(self)

    def next_event_ns(self) -> float:
        """Return the time of the next callback, or infinity if none is planned."""
        return self._events[0][0] if self._events else float("inf")

    def run_due(self) -> None:
        """Run every callback that is due."""
        while self._events and self._events[0][0] <= self.now_ns:
            heapq.heappop(self._events)[2]()
