"""The supervisor: keeps the meter's tasks alive, and makes the meter safe if it cannot.

A critical task (metering, switching) that raises, or that sends no heartbeat for too long, ends the program: the fault
is noted, the load switch goes to its safe position, the board starts anew. Any other task is started again after a
pause. The watchdog is fed only while every critical task sends its heartbeat in time, so that a loop that hangs also
ends in a reset.
"""

import asyncio

from wattpurse.core import carrier
from wattpurse.core.money import supply
from wattpurse.core.records import events

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wattpurse.core.records.events import EventLog
    from wattpurse.hal import Clock, Watchdog
    from wattpurse.services.timekeeping import TimeKeeper

PERIOD_MS = 500
HEARTBEAT_LIMIT_MS = 5_000
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 300_000
YOUNG_MS = 60_000
REST_MS = 60_000

FAULT_RAISED = 1
FAULT_SILENT = 2
FAULT_TASK_RESTARTED = 3
FAULT_HUNG = 4  # noted at the next start, because a program that hangs cannot note it
FAULT_UNEXPLAINED = 5  # noted at the next start: a reset that the meter did not ask for, of a cause that no chip tells


class _Watched:
    """A critical task, and the time of its last heartbeat."""

    def __init__(self, name: str, run: "Callable[[Callable[[], None]], Awaitable[None]]", clock: "Clock") -> None:
        self.name = name
        self.run = run
        self.error = None
        self._clock = clock
        self._beat_ms = clock.ticks_ms()

    def beat(self) -> None:
        """Take a heartbeat."""
        self._beat_ms = self._clock.ticks_ms()

    def silent_ms(self) -> int:
        """Return the milliseconds since the last heartbeat."""
        return self._clock.ticks_diff(self._clock.ticks_ms(), self._beat_ms)


class Supervisor:
    """Runs tasks on `clock`, feeds `watchdog`, and calls `fail_safe()` and `reset()` when a critical task is lost.

    `note(code, number)` writes an event, `report(text)` writes to the console. These two must not raise.
    """

    def __init__(
        self,
        clock: "Clock",
        watchdog: "Watchdog",
        fail_safe: "Callable[[], None]",
        reset: "Callable[[], None]",
        note: "Callable[[int, int], None]",
        report: "Callable[[str], None]",
    ) -> None:
        self._clock = clock
        self._watchdog = watchdog
        self._fail_safe = fail_safe
        self._reset = reset
        self._note = note
        self._report = report
        self._started_ms = clock.ticks_ms()
        self._critical = []
        self._others = []
        self._tasks = []

    def add_critical(self, name: str, run: "Callable[[Callable[[], None]], Awaitable[None]]") -> None:
        """Add a task that must never end.

        `run(beat)` is a coroutine that calls `beat()` at least every five seconds.
        """
        self._critical.append(_Watched(name, run, self._clock))

    def add(self, name: str, run: "Callable[[], Awaitable[None]]") -> None:
        """Add a task that may fail: `run()` is a coroutine that is started again when it ends or raises."""
        self._others.append((name, run))

    def start(self, name: str, run: "Callable[[], Awaitable[None]]") -> None:
        """Add a task as `add` does, while the others run already."""
        self._tasks.append(asyncio.create_task(self._keep_running(name, run)))

    async def run(self) -> None:
        """Start all tasks and watch them. Returns only if a reset did not happen."""
        self._tasks = [asyncio.create_task(self._run_critical(watched)) for watched in self._critical]
        for name, run in self._others:
            self.start(name, run)
        lost = None
        while lost is None:
            self._watchdog.feed()
            await self._clock.sleep_ms(PERIOD_MS)
            lost = self._find_lost()
        await self._end(*lost)

    async def fail(self, name: str, error: Exception) -> None:
        """End as after the loss of a critical task: `name` could not be started because of `error`."""
        await self._end(name, FAULT_RAISED, repr(error))

    def _find_lost(self) -> "tuple[str, int, str] | None":
        """Return `(name, fault, why)` of a critical task that is dead or silent, None while all are alive."""
        for watched in self._critical:
            if watched.error is not None:
                return watched.name, FAULT_RAISED, repr(watched.error)
            if watched.silent_ms() > HEARTBEAT_LIMIT_MS:
                return watched.name, FAULT_SILENT, f"silent for {watched.silent_ms()} ms"
        return None

    async def _end(self, name: str, fault: int, why: str) -> None:
        """Open the switch, then report. Always reset."""
        try:
            if not supply.SAFE_IS_CLOSED:
                self._fail_safe()
            for task in self._tasks:
                task.cancel()
            self._note(events.FAULT, fault)
            self._report(f"{name} failed: {why}; the supply is switched off and the meter restarts")
            await self._rest_if_young()
        finally:
            self._reset()

    async def _rest_if_young(self) -> None:
        """Wait if the start was a short time ago: a meter that fails at every start must not wear out its flash."""
        rest_ms = REST_MS
        if self._clock.ticks_diff(self._clock.ticks_ms(), self._started_ms) > YOUNG_MS:
            rest_ms = 0
        while rest_ms > 0:
            self._watchdog.feed()
            await self._clock.sleep_ms(PERIOD_MS)
            rest_ms -= PERIOD_MS

    async def _run_critical(self, watched: "_Watched") -> None:
        try:
            await watched.run(watched.beat)
            watched.error = RuntimeError("ended")
        except Exception as error:  # after any failure the meter must become safe
            watched.error = error

    async def _keep_running(self, name: str, run: "Callable[[], Awaitable[None]]") -> None:
        pause_ms = FIRST_PAUSE_MS
        while True:
            started_ms = self._clock.ticks_ms()
            why = "ended"
            try:
                await run()
            except Exception as error:  # a task that is not critical may fail in any way and is started again
                why = repr(error)
            if self._clock.ticks_diff(self._clock.ticks_ms(), started_ms) > LONGEST_PAUSE_MS:
                pause_ms = FIRST_PAUSE_MS
            if pause_ms == FIRST_PAUSE_MS:
                self._note(events.FAULT, FAULT_TASK_RESTARTED)
            self._report(f"{name} failed: {why}; restart in {pause_ms // 1000} s")
            await self._clock.sleep_ms(pause_ms)
            pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)


def noter(events_log: "EventLog", timekeeper: "TimeKeeper") -> "Callable[[int, int], None]":
    """Return a `note(code, number)` that writes to the event log as the meter itself."""

    def note(code: int, number: int) -> None:
        events_log.note(code, carrier.METER, timekeeper.now_s(), number)

    return note
