"""The USB serial port as a line of bytes, for a reader board: see `wattpurse.cards.reader_link.Line`.

The port is also the one of MicroPython's prompt. Ctrl-C is a byte like any other here, except in the two bytes with
which `mpremote` and other tools ask for the prompt, at the begin of what arrives. So these tools stop a reader board,
and give it another image, as they do with any board. No frame begins like that.
"""

import select
import sys

import micropython

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import BinaryIO

_NO_INTERRUPT = -1
_CONTROL_C = 3
_ASKS_FOR_PROMPT = b"\r\x03"
_MOST_BYTES = 160
_POLL_MS = 20
# Bytes of one frame follow each other within this time.
_GAP_MS = 2


class UsbLine:
    """Reads and writes bytes at the computer. `typed` and `shown` are standard input and output by default.

    `idle()` is called while nothing comes, at least every `_POLL_MS`. Nothing else runs meanwhile.
    """

    def __init__(self, typed: "BinaryIO | None" = None, shown: "BinaryIO | None" = None) -> None:
        self._typed: BinaryIO = typed or sys.stdin.buffer
        self._shown: BinaryIO = shown or sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(self._typed, select.POLLIN)
        micropython.kbd_intr(_NO_INTERRUPT)

    async def read(self, timeout_ms: int) -> bytes:
        """Return bytes, b"" if none come in time. Raises KeyboardInterrupt if a tool asks for the prompt."""
        left_ms = timeout_ms
        while not self._poll.poll(min(left_ms, _POLL_MS)):
            left_ms -= _POLL_MS
            if left_ms <= 0:
                return b""
        data = b""
        while len(data) < _MOST_BYTES and self._poll.poll(_GAP_MS):
            data += self._typed.read(1)
            if data == _ASKS_FOR_PROMPT:  # what follows is for the prompt
                micropython.kbd_intr(_CONTROL_C)
                raise KeyboardInterrupt
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes. If no program reads them, they are lost after half a second."""
        self._shown.write(data)
