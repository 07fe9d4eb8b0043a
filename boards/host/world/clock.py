"""Virtual time for the simulated board: one queue of events, the same on CPython and on MicroPython.

Everything on the simulated board that takes time, takes it from one `VirtualClock`: tasks that sleep, chips that work,
a mains cut planned for tomorrow. Time moves only when no task is ready, or when a chip model charges for the time the
processor is held (`advance_us`). Two runs of the same program see the same times.
"""

import asyncio
import heapq
import sys

TICKS_PERIOD = 1 << 30


class Pause(SystemExit):
    """Raised by an `on_idle` hook to get out of `VirtualClock.resume`, which may be called again later."""


class _Wake:
    """What a waiting task is woken by; after a power cut nobody waits any more and it does nothing."""

    def __init__(self, clock) -> None:
        self._clock = clock
        self._generation = clock.generation
        self._event = asyncio.Event()

    def set(self) -> None:
        if self._generation == self._clock.generation:
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class Signal:
    """An interrupt line as a task sees it: it fires, and whoever waits for it goes on."""

    def __init__(self, clock) -> None:
        self._clock = clock
        self._fired = False
        self._waiting = None

    def fire(self) -> None:
        """Mark the signal as fired and wake the task that waits."""
        self._fired = True
        if self._waiting is not None:
            self._waiting.set()

    def clear(self) -> None:
        """Forget a firing that nobody waited for."""
        self._fired = False

    def comes_at_once(self) -> bool:
        """True if it fired since the last `clear`: here no time passes in place."""
        return self._fired

    async def wait_ms(self, timeout_ms: int) -> bool:
        """Wait until the signal fires, at most `timeout_ms`. True if it fired since the last `clear`."""
        if not self._fired:
            self._waiting = _Wake(self._clock)
            self._clock.call_at_us(self._clock.now_us + timeout_ms * 1000, self._waiting.set)
            await self._waiting.wait()
            self._waiting = None
        return self._fired


class VirtualClock:
    """Microseconds since the simulation began, and the events planned for later."""

    def __init__(self) -> None:
        self.now_us = 0
        self.lateness_limit_ms = 0
        self.on_idle = None
        self.generation = 0
        self._events = []
        self._program = None
        self._sequence = 0

    def ticks_ms(self) -> int:
        """Milliseconds, wrapping as MicroPython's `time.ticks_ms` does on a 32-bit board."""
        return (self.now_us // 1000) % TICKS_PERIOD

    def ticks_us(self) -> int:
        """Microseconds, wrapping as MicroPython's `time.ticks_us` does on a 32-bit board."""
        return self.now_us % TICKS_PERIOD

    def ticks_diff(self, later: int, earlier: int) -> int:
        """Signed distance between two readings of the same ticks, right across one wrap."""
        half = TICKS_PERIOD // 2
        return (later - earlier + half) % TICKS_PERIOD - half

    def ticks_add(self, ticks: int, delta: int) -> int:
        """A reading of the ticks, moved by `delta`."""
        return (ticks + delta) % TICKS_PERIOD

    def call_at_us(self, time_us: int, callback) -> None:
        """Plan `callback()` for `time_us`; callbacks of the same instant run in the order they were planned."""
        self._sequence += 1
        heapq.heappush(self._events, (time_us, self._sequence, callback))

    def signal(self) -> Signal:
        """A new signal that lives on this clock."""
        return Signal(self)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep for at least `duration_ms`, and for up to `lateness_limit_ms` more.

        A sleep on a busy processor ends late too: the meter has to be right whatever the lateness, and the simulated
        board may use it to live through quiet days quickly.
        """
        wake = _Wake(self)
        self.call_at_us(self.now_us + max(duration_ms, 0, self.lateness_limit_ms) * 1000, wake.set)
        await wake.wait()

    def advance_us(self, duration_us: int) -> None:
        """Let `duration_us` pass while the processor is held; what is due on the way happens at its own time."""
        end_us = self.now_us + duration_us
        while self._events and self._events[0][0] <= end_us:
            self._run_next_event()
        self.now_us = max(self.now_us, end_us)

    def run(self, coroutine):
        """Run `coroutine` and the tasks it starts, in virtual time, until it returns; give back its result.

        Raises RuntimeError when every task waits for something that no event will ever bring.
        """
        self.start(coroutine)
        try:
            return self.resume()
        finally:
            self.abandon()

    def start(self, coroutine) -> None:
        """Make `coroutine` the program that `resume` runs; what ran before is abandoned."""
        self.abandon()
        is_micropython = sys.implementation.name == "micropython"
        self._program = (_MicroPythonProgram if is_micropython else _CPythonProgram)(self, coroutine)

    def resume(self):
        """Go on with the program as `run` does; a `Pause` raised by the `on_idle` hook leaves it to be resumed."""
        return self._program.resume()

    def abandon(self) -> None:
        """Drop the program, as a reset does: no task is told."""
        self.generation += 1
        if self._program is not None:
            self._program.abandon()
            self._program = None

    def idle(self) -> None:
        """No task is ready: move on to the next event, or as far as the `on_idle` hook lets time go."""
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
    """The tasks of one program on MicroPython's event loop, which is one set of globals for all."""

    def __init__(self, clock, coroutine) -> None:
        self._outer = self._globals()
        asyncio.new_event_loop()
        asyncio.core._io_queue = _IdleQueue(clock)
        self._task = asyncio.create_task(coroutine)
        self._own = self._globals()

    def resume(self):
        self._set_globals(self._own)
        return asyncio.core.run_until_complete(self._task)

    def abandon(self) -> None:
        self._set_globals(self._outer)

    def _globals(self):
        return asyncio.core._task_queue, asyncio.core._io_queue

    def _set_globals(self, queues) -> None:
        asyncio.core._task_queue, asyncio.core._io_queue = queues
        asyncio.core.cur_task = None


class _IdleQueue:
    """Stands where MicroPython's asyncio polls streams: what it waits for here is virtual time."""

    def __init__(self, clock) -> None:
        self.map = {None: None}
        self._clock = clock

    def wait_io_event(self, timeout_ms) -> None:
        while asyncio.core._task_queue.peek() is None:
            self._clock.idle()

    def remove(self, task) -> None:
        """No task ever waits for a stream here."""


class _CPythonProgram:
    """The tasks of one program on an event loop of CPython."""

    def __init__(self, clock, coroutine) -> None:
        import selectors

        class IdleSelector(selectors.SelectSelector):
            """Stands where CPython's event loop polls sockets: what it waits for here is virtual time."""

            def select(self, timeout=None):
                if timeout is None or timeout > 0:
                    clock.idle()
                return []

        self._loop = asyncio.SelectorEventLoop(IdleSelector())
        self._loop.time = lambda: clock.now_us / 1_000_000
        self._loop.set_task_factory(_droppable_task)
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(coroutine)

    def resume(self):
        return self._loop.run_until_complete(self._task)

    def abandon(self) -> None:
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.close()
        asyncio.set_event_loop(None)


def _droppable_task(loop, coroutine, **options):
    """A task that does not complain when it is dropped with the power."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    task._log_destroy_pending = False
    return task
