"""The clock of `hal` on MicroPython's own time and event loop."""

import asyncio
import time


def wait_us(duration_us: int) -> None:
    """Wait at least `duration_us`, and do not yield. On an ESP32, `time.sleep_us` of less than 5 returns at once."""
    ticks_us, ticks_diff = time.ticks_us, time.ticks_diff
    begun_us = ticks_us()
    while ticks_diff(ticks_us(), begun_us) <= duration_us:
        pass


class Clock:
    """Ticks as in the module `time`. `sleep_ms` lets other tasks run."""

    def __init__(self) -> None:
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self.sleep_ms = asyncio.sleep_ms
