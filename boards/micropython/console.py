"""The service console on the board's USB or serial line (standard input and output), beside all other tasks.

Nothing here waits for the other end of the line. Typed bytes are taken when the event loop finds them. Output waits in
memory until the line takes it, a few bytes between the turns of other tasks. Output beyond a limit is dropped. A long
report uses `make_room`, which waits, and fails if nobody reads the console.

Not every port tells whether the line takes bytes: that of the ESP32 always says so, and then waits inside the write
(ports/esp32/mphalport.c, uart.c). Writes are therefore bounded by time: once several in a row took long, nobody reads
the console. All output is dropped until somebody types.

From its start the console takes Ctrl-C for a character like any other. `allow_interrupt` gives it its meaning back.
"""

import asyncio
import select
import sys
import time

import micropython

from wattpurse.services.console.line import LineEditor

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK_BYTES = 32  # under 3 ms on a serial line of 115,200 baud
_MOST_WAITING_BYTES = 4096
_MOST_TYPED_AT_ONCE = 64
_LINE_BUSY_MS = 20
_CONTROL_C = 3
_NOTHING = -1
# A chunk takes under 3 ms at 115,200 baud, and a write that finds the buffer of the line full waits for all of it.
_LONG_WRITE_MS = 8
_MOST_BLOCKED_MS = 100
_LONGEST_FLUSH_MS = 500
_LONGEST_SILENCE_MS = 3_000


class ConsoleStream:
    """The console of `hal` on the byte streams `typed` and `shown`, by default standard input and output."""

    def __init__(self, typed: "BinaryIO | None" = None, shown: "BinaryIO | None" = None) -> None:
        self._typed: BinaryIO = typed or sys.stdin.buffer
        self._shown: BinaryIO = shown or sys.stdout.buffer
        self._reader = asyncio.StreamReader(self._typed)
        self._typed_poll = select.poll()
        self._typed_poll.register(self._typed, select.POLLIN)
        self._shown_poll = select.poll()
        self._shown_poll.register(self._shown, select.POLLOUT)
        self._editor: LineEditor | None = None
        self._editor_limit = 0
        self._waiting = b""
        self._position = 0  # the first waiting byte that was not shown yet
        self._is_draining = False
        self._blocked_ms = 0  # the sum of all long writes in a row
        self.allow_interrupt(False)

    def allow_interrupt(self, is_allowed: bool) -> None:
        """Let Ctrl-C end the program, or not."""
        micropython.kbd_intr(_CONTROL_C if is_allowed else _NOTHING)

    async def read_line(self, limit: int) -> str | None:
        """Return the next typed line without its end; None for a line of more than `limit` characters."""
        if self._editor is None or self._editor_limit != limit:
            self._editor = LineEditor(limit)
            self._editor_limit = limit
        editor = self._editor
        while not editor.is_complete:
            byte = await self._reader.read(1)
            if byte:
                self._take_typed(editor, byte)
        return editor.take()

    def write(self, text: str) -> None:
        """Write ASCII text. It is shown as soon as the line and the other tasks allow."""
        self._append(text.replace("\n", "\r\n").encode())

    async def make_room(self) -> None:
        """Let other tasks run until most of the output is shown. Raises OSError if the line takes nothing."""
        await asyncio.sleep_ms(0)
        silence_ms = 0
        if self._nobody_reads():
            raise OSError("nobody reads the console")
        while len(self._waiting) - self._position > _MOST_WAITING_BYTES // 2:
            waiting = len(self._waiting) - self._position
            await asyncio.sleep_ms(_LINE_BUSY_MS)
            silence_ms = silence_ms + _LINE_BUSY_MS if waiting == len(self._waiting) - self._position else 0
            if silence_ms >= _LONGEST_SILENCE_MS:
                raise OSError("nobody reads the console")

    def flush(self) -> None:
        """Show as much as the line takes within half a second, before a reset."""
        begun_ms = time.ticks_ms()
        while self._waiting and self._shown_poll.poll(0):
            self._show_chunk()
            if time.ticks_diff(time.ticks_ms(), begun_ms) > _LONGEST_FLUSH_MS:
                break

    def _take_typed(self, editor: "LineEditor", byte: bytes) -> None:
        """Take this byte and the bytes that followed it, up to the end of the line."""
        self._blocked_ms = 0
        echo = editor.put(byte[0])
        for _ in range(_MOST_TYPED_AT_ONCE):
            if editor.is_complete or not self._typed_poll.poll(0):
                break
            echo += editor.put(self._typed.read(1)[0])
        self._append(echo.encode())

    def _append(self, data: bytes) -> None:
        if not data or self._nobody_reads() or len(self._waiting) - self._position + len(data) > _MOST_WAITING_BYTES:
            return
        self._waiting = self._waiting[self._position :] + data
        self._position = 0
        if not self._is_draining:
            self._is_draining = True
            asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._waiting:
                is_free = bool(self._shown_poll.poll(0))
                if is_free:
                    self._show_chunk()
                await asyncio.sleep_ms(0 if is_free and not self._blocked_ms else _LINE_BUSY_MS)
        finally:
            self._is_draining = False

    def _nobody_reads(self) -> bool:
        return self._blocked_ms >= _MOST_BLOCKED_MS

    def _show_chunk(self) -> None:
        begun_ms = time.ticks_ms()
        chunk = memoryview(self._waiting)[self._position : self._position + _CHUNK_BYTES]
        self._position += self._shown.write(chunk) or 0
        took_ms = time.ticks_diff(time.ticks_ms(), begun_ms)
        self._blocked_ms = self._blocked_ms + took_ms if took_ms > _LONG_WRITE_MS else 0
        if self._position == len(self._waiting) or self._nobody_reads():
            self._waiting = b""
            self._position = 0
