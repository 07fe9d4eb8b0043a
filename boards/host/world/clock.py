"""Virtual time for the simulated board: one queue of events, the same on CPython and on MicroPython.

Everything on the simulated board that takes time uses one `VirtualClock`: sleeping tasks, working chips, a mains cut
planned for tomorrow. Time moves only if no task is ready, or if a chip model charges for the time that it holds the
processor (`advance_us`). Two runs of the same program see the same times.
"""

import asyncio
import heapq
import sys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    from boards.host.protocols import EventClock, EventLoopCore

    Result = TypeVar("Result")


TICKS_PERIOD = 1 << 30


class Pause(SystemExit):
    """Raised by an `on_idle` hook to leave `VirtualClock.resume`, which may be called again later."""


class _Wake:
    """Wakes a waiting task. After a power cut it does nothing: the task is gone."""

    def __init__(self, clock: "EventClock") -> None:
        self._clock = clock
        self._generation = clock.generation
        self._event = asyncio.Event()

    def set(self) -> None:
        if self._generation == self._clock.generation:
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class Signal:
    """An interrupt line for tasks. When it fires, the waiting task continues."""

    def __init__(self, clock: "EventClock") -> None:
        self._clock = clock
        self._fired = False
        self._waiting = None

    def fire(self) -> None:
        """Mark the signal as fired and wake the waiting task."""
        self._fired = True
        if self._waiting is not None:
            self._waiting.set()

    def clear(self) -> None:
        """Forget that the signal has fired."""
        self._fired = False

    def comes_at_once(self) -> bool:
        """Return True if the signal has fired since the last `clear`. Virtual time cannot pass in place."""
        return self._fired

    async def wait_ms(self, timeout_ms: int) -> bool:
        """Wait until the signal fires, at most `timeout_ms`. Return True if it has fired since the last `clear`."""
        if not self._fired:
            self._waiting = wake = _Wake(self._clock)
            self._clock.call_at_us(self._clock.now_us + timeout_ms * 1000, wake.set)
            await wake.wait()
            self._waiting = None
        return self._fired


class VirtualClock:
    """Microseconds since the simulation began, and the events planned for later."""

    def __init__(self) -> None:
        self.now_us = 0
        self.lateness_limit_ms = 0
        self.on_idle: Callable[[int], int] | None = None
        self.generation = 0
        self._events = []
        self._program = None
        self._sequence = 0

    def ticks_ms(self) -> int:
        """Return milliseconds, wrapping as MicroPython's `time.ticks_ms` on a 32-bit board."""
        return (self.now_us // 1000) % TICKS_PERIOD

    def ticks_us(self) -> int:
        """Return microseconds, wrapping as MicroPython's `time.ticks_us` on a 32-bit board."""
        return self.now_us % TICKS_PERIOD

    def ticks_diff(self, later: int, earlier: int) -> int:
        """Return the signed distance between two readings of the same ticks, correct across one wrap."""
        half = TICKS_PERIOD // 2
        return (later - earlier + half) % TICKS_PERIOD - half

    def ticks_add(self, ticks: int, delta: int) -> int:
        """Return a reading of the ticks moved by `delta`."""
        return (ticks + delta) % TICKS_PERIOD

    def call_at_us(self, time_us: int, callback: "Callable[[], object]") -> None:
        """Plan `callback()` for `time_us`. Callbacks of the same instant run in the order of planning."""
        self._sequence += 1
        heapq.heappush(self._events, (time_us, self._sequence, callback))

    def signal(self) -> Signal:
        """Return a new signal on this clock."""
        return Signal(self)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep for at least `duration_ms`, and for up to `lateness_limit_ms` more.

        A sleep on a busy processor ends late too, and the meter has to be correct then. The simulated board uses
        lateness to pass through quiet days quickly.
        """
        wake = _Wake(self)
        self.call_at_us(self.now_us + max(duration_ms, 0, self.lateness_limit_ms) * 1000, wake.set)
        await wake.wait()

    def advance_us(self, duration_us: int) -> None:
        """Let `duration_us` pass while the processor is held. Events that are due on the way run at their own time."""
        end_us = self.now_us + duration_us
        while self._events and self._events[0][0] <= end_us:
            self._run_next_event()
        self.now_us = max(self.now_us, end_us)

    def run(self, coroutine: "Coroutine[Any, Any, Result]") -> "Result":
        """Run `coroutine` and the tasks it starts, in virtual time, until it returns, and return its result.

        Raises RuntimeError if every task waits and no event is planned.
        """
        self.start(coroutine)
        try:
            return self.resume()
        finally:
            self.abandon()

    def start(self, coroutine: "Coroutine") -> None:
        """Make `coroutine` the program that `resume` runs. The program before it is abandoned."""
        self.abandon()
        is_micropython = sys.implementation.name == "micropython"
        self._program = (_MicroPythonProgram if is_micropython else _CPythonProgram)(self, coroutine)

    def resume(self) -> "Any":  # noqa: ANN401 the result is that of the program
        """Continue the program as `run` does. After a `Pause` from the `on_idle` hook it can be resumed again."""
        if self._program is None:
            raise RuntimeError("no program was started")
        return self._program.resume()

    def abandon(self) -> None:
        """Drop the program as a reset does, without notice to its tasks."""
        self.generation += 1
        if self._program is not None:
            self._program.abandon()
            self._program = None

    def idle(self) -> None:
        """Advance to the next event, or as far as the `on_idle` hook allows. Called while no task is ready."""
        if not self._events:
            raise RuntimeError("every task waits and nothing is planned: this would wait for ever")
        until_us = self._events[0][0]
        if self.on_idle is not None:
            until_us = self.on_idle(until_us)
        if self._events and self._events[0][0] <= until_us:
            self._run_next_event()
        else:
            self.now_us = max(self.now_us, until_us)

    def _run_next_event(self) -> None:
        time_us, _, callback = heapq.heappop(self._events)
        self.now_us = max(self.now_us, time_us)
        callback()


class _MicroPythonProgram:
    """The tasks of one program on MicroPython's event loop, whose state is one set of globals."""

    def __init__(self, clock: "VirtualClock", coroutine: "Coroutine") -> None:
        self._outer = self._globals()
        asyncio.new_event_loop()
        _core()._io_queue = _IdleQueue(clock)
        self._task = asyncio.create_task(coroutine)
        self._own = self._globals()

    def resume(self) -> object:
        self._set_globals(self._own)
        return _core().run_until_complete(self._task)

    def abandon(self) -> None:
        self._set_globals(self._outer)

    def _globals(self) -> tuple:
        core = _core()
        return core._task_queue, core._io_queue

    def _set_globals(self, queues: tuple) -> None:
        core = _core()
        core._task_queue, core._io_queue = queues
        core.cur_task = None


def _core() -> "EventLoopCore":
    """Return MicroPython's `asyncio.core`, which holds the event loop's state."""
    return asyncio.core  # pyright: ignore[reportAttributeAccessIssue]


class _IdleQueue:
    """Replaces the queue in which MicroPython's asyncio polls streams. It waits for virtual time."""

    def __init__(self, clock: "VirtualClock") -> None:
        self.map = {None: None}
        self._clock = clock

    def wait_io_event(self, timeout_ms: int) -> None:
        while _core()._task_queue.peek() is None:
            self._clock.idle()

    def remove(self, task: object) -> None:
        """Do nothing: no task waits for a stream here."""


class _CPythonProgram:
    """The tasks of one program on an event loop of CPython."""

    def __init__(self, clock: "VirtualClock", coroutine: "Coroutine") -> None:
        import selectors

        class IdleSelector(selectors.SelectSelector):
            """Replaces the selector in which CPython's event loop polls sockets. It waits for virtual time."""

            def select(self, timeout: float | None = None) -> list:
                if timeout is None or timeout > 0:
                    clock.idle()
                return []

        self._loop = asyncio.SelectorEventLoop(IdleSelector())
        self._loop.time = lambda: clock.now_us / 1_000_000
        self._loop.set_task_factory(_droppable_task)  # pyright: ignore[reportArgumentType]
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(coroutine)

    def resume(self) -> object:
        return self._loop.run_until_complete(self._task)

    def abandon(self) -> None:
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.close()
        asyncio.set_event_loop(None)


def _droppable_task(loop: "asyncio.AbstractEventLoop", coroutine: "Coroutine", **options: "Any") -> "asyncio.Task":  # noqa: ANN401
    """Return a task that may be dropped without a warning, as a power cut does."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]
    return task
