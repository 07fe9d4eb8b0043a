"""The clock of `hal` on MicroPython's own time and event loop."""

import asyncio
import time


class Clock:
    """Ticks as in the module `time`. `sleep_ms` lets other tasks run."""

    def __init__(self) -> None:
        self.ticks_ms = time.ticks_ms
        self.ticks_us = time.ticks_us
        self.ticks_diff = time.ticks_diff
        self.ticks_add = time.ticks_add
        self.sleep_ms = asyncio.sleep_ms
