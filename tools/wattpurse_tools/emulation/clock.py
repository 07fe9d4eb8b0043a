"""The time of the emulated board as the chip models around it see it: the shape of `boards.host.clock.VirtualClock`.

Models ask the time, plan callbacks and fire signals; when those callbacks run is up to the board, which stops for each
of them at its exact time. Nothing here can hold the processor: on this board that is done by the instructions it runs.
"""

import heapq
import itertools

from boards.host.world.clock import Signal


class EmulatedClock:
    """Time since the emulation began, through all resets and power cuts."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.generation = 0  # as on the simulated board's clock; no task waits on this one
        self._events = []
        self._sequence = itertools.count()

    @property
    def now_us(self) -> int:
        """Microseconds since the emulation began."""
        return int(self.now_ns) // 1000

    def call_at_us(self, time_us: int, callback) -> None:
        """Plan `callback()` for `time_us`; callbacks of the same instant run in the order they were planned."""
        self.call_at_ns(time_us * 1000, callback)

    def call_at_ns(self, time_ns: int, callback) -> None:
        """Plan `callback()` for `time_ns`."""
        heapq.heappush(self._events, (time_ns, next(self._sequence), callback))

    def signal(self) -> Signal:
        """A signal for a model that fires one; on this board the interrupt goes over a pin instead."""
        return Signal(self)

    def next_event_ns(self) -> float:
        """When the next callback is due; infinite when none is planned."""
        return self._events[0][0] if self._events else float("inf")

    def run_due(self) -> None:
        """Run every callback whose time has come."""
        while self._events and self._events[0][0] <= self.now_ns:
            heapq.heappop(self._events)[2]()
