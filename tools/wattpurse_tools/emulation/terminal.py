"""The USB serial port of the emulated board as a pseudo-terminal, for `mpremote`, a terminal program or the bench.

    with SerialTerminal(pico) as terminal:
        print("mpremote connect", terminal.path)
        terminal.serve(until=lambda: False)

While it serves, virtual time keeps pace with the clock on the wall, times `pace`. On a machine that is too slow for
that, virtual time falls behind. Bytes written to the terminal reach the board within a few milliseconds.
"""

import concurrent.futures
import contextlib
import os
import select
import time
import tty
from collections.abc import Callable
from typing import Self, TypeVar

from wattpurse_tools.emulation.emulator import EmulatedPico

_SLICE_US = 5000
_CHUNK_BYTES = 4096

Result = TypeVar("Result")


class SerialTerminal:
    """A pseudo-terminal joined to the serial port of `pico`; other programs open `path`."""

    def __init__(self, pico: EmulatedPico, pace: float = 1.0) -> None:
        self._pico = pico
        self._pace = pace
        self._board_end, self._far_end = os.openpty()
        tty.setraw(self._far_end)
        os.set_blocking(self._board_end, False)
        self.path = os.ttyname(self._far_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._board_end)
        os.close(self._far_end)

    def serve(self, until: Callable[[], bool]) -> None:
        """Run the board and carry bytes both ways until `until()` holds."""
        pico = self._pico
        start_wall_s, start_us = time.monotonic(), pico.now_us
        while not until():
            self._carry()
            pico.run_us(_SLICE_US)
            ahead_s = (pico.now_us - start_us) / 1e6 / self._pace - (time.monotonic() - start_wall_s)
            if ahead_s > 0:
                select.select([self._board_end], [], [], ahead_s)
            elif ahead_s < -1:
                start_wall_s, start_us = time.monotonic(), pico.now_us
        self._carry()

    def serve_while(self, program: Callable[[], Result]) -> Result:
        """Serve while `program()` runs in a thread of its own. Return its result or raise its error."""
        pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        try:
            future = pool.submit(program)
            self.serve(future.done)
            return future.result()
        finally:
            pool.shutdown(wait=False)

    def _carry(self) -> None:
        received = self._pico.serial_received
        if received:
            with contextlib.suppress(BlockingIOError):
                del received[: os.write(self._board_end, received)]
        with contextlib.suppress(BlockingIOError):
            self._pico.serial_write(os.read(self._board_end, _CHUNK_BYTES))
