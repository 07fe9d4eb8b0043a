"""The service console on the board's USB or serial line (standard input and output), beside all other tasks.

Nothing here waits for the other end of the line. Typed bytes are taken when the event loop finds them. Output waits in
memory until the line takes it, a few bytes between the turns of other tasks. Output beyond a limit is dropped. A long
report uses `make_room`, which waits, and fails if nobody reads the console.
"""

import asyncio
import select
import sys

from wattpurse.services.console.line import LineEditor

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK_BYTES = 32  # under 3 ms on a serial line of 115,200 baud
_MOST_WAITING_BYTES = 4096
_MOST_TYPED_AT_ONCE = 64
_LINE_BUSY_MS = 20
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
        while len(self._waiting) - self._position > _MOST_WAITING_BYTES // 2:
            waiting = len(self._waiting) - self._position
            await asyncio.sleep_ms(_LINE_BUSY_MS)
            silence_ms = silence_ms + _LINE_BUSY_MS if waiting == len(self._waiting) - self._position else 0
            if silence_ms >= _LONGEST_SILENCE_MS:
                raise OSError("nobody reads the console")

    def flush(self) -> None:
        """Show as much as the line takes at once, before a reset. Does not wait."""
        while self._waiting and self._shown_poll.poll(0):
            self._show_chunk()

    def _take_typed(self, editor: "LineEditor", byte: bytes) -> None:
        """Take this byte and the bytes that followed it, up to the end of the line."""
        echo = editor.put(byte[0])
        for _ in range(_MOST_TYPED_AT_ONCE):
            if editor.is_complete or not self._typed_poll.poll(0):
                break
            echo += editor.put(self._typed.read(1)[0])
        self._append(echo.encode())

    def _append(self, data: bytes) -> None:
        if not data or len(self._waiting) - self._position + len(data) > _MOST_WAITING_BYTES:
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
                await asyncio.sleep_ms(0 if is_free else _LINE_BUSY_MS)
        finally:
            self._is_draining = False

    def _show_chunk(self) -> None:
        chunk = memoryview(self._waiting)[self._position : self._position + _CHUNK_BYTES]
        self._position += self._shown.write(chunk) or 0
        if self._position == len(self._waiting):
            self._waiting = b""
            self._position = 0
