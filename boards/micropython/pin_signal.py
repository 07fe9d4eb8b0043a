"""An interrupt pin for tasks: they wait for a falling edge or a timeout.

A wait may begin in place, with the processor asleep: most edges come within a millisecond, and a switch to another task
and back takes half of one. Otherwise the event loop polls the signal as it polls any stream, so that a wait costs one
switch and no task of its own. The loop polls whenever an interrupt or a due task wakes it. While a task waits, one
pacing task wakes the loop at intervals, in case no other task is due.
"""

import asyncio
import io
import time

import machine

_STREAM_POLL = 3  # the request that asks a stream whether it is ready (MicroPython, py/stream.h)
_PACE_MS = 50
_IN_PLACE_US = 1_300


class PinSignal(io.IOBase):
    """The falling edges of `pin`; `trigger` is its IRQ_FALLING.

    With `hard` the edge is noted in the interrupt itself, which not every port supports; otherwise soon after it.
    """

    def __init__(self, pin: "machine.Pin", trigger: int, hard: bool) -> None:
        self._fired = False
        self._waiting = False
        self._pacing = False
        self._deadline_ms = 0
        self._stream = asyncio.StreamReader(self)
        if hard:
            pin.irq(self._fire, trigger, hard=True)
        else:
            pin.irq(self._fire, trigger)

    def clear(self) -> None:
        """Forget an earlier edge."""
        self._fired = False

    def comes_at_once(self) -> bool:
        """Wait in place, little more than a millisecond. Return True if an edge came since the last `clear`."""
        begun_us = time.ticks_us()
        while not self._fired:
            if time.ticks_diff(time.ticks_us(), begun_us) >= _IN_PLACE_US:
                return False
            machine.idle()
        return True

    async def wait_ms(self, timeout_ms: int) -> bool:
        """Wait at most `timeout_ms` and a pace more. Return True if an edge came since the last `clear`.

        Only one task at a time may wait.
        """
        if self._fired:
            return True
        self._deadline_ms = time.ticks_add(time.ticks_ms(), timeout_ms)
        self._waiting = True
        if not self._pacing:
            self._pacing = True
            asyncio.create_task(self._pace())
        try:
            await self._stream.read(0)
        finally:
            self._waiting = False
        return self._fired

    def ioctl(self, request: int, flags: int) -> int:
        """Tell the event loop that the stream is ready if the edge has come or the time is up."""
        if request != _STREAM_POLL:
            return -1
        if self._fired or time.ticks_diff(self._deadline_ms, time.ticks_ms()) <= 0:
            return flags
        return 0

    def read(self, _size: int) -> bytes:
        """Return nothing: the event loop only needs to know that the stream is ready."""
        return b""

    def _fire(self, _pin: "machine.Pin") -> None:
        self._fired = True

    async def _pace(self) -> None:
        while self._waiting:
            await asyncio.sleep_ms(_PACE_MS)
        self._pacing = False
