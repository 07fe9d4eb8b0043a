"""The line to a reader board: send a request, and receive its answer, over a line that may lose and change bytes.

A line is a device with these methods. A board or a computer hands it in.

    async read(timeout_ms)      return bytes as soon as some are there, b"" if none come in time
    async write(data)           send bytes
    both raise OSError if the line is gone

A request without an answer is sent again. The board executes it once (`core.messages.reader_session`).
"""

import asyncio

from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages.reader_session import Asker, SessionLost

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.hal import Clock

    class Line(Protocol):
        """A line that carries bytes both ways."""

        async def read(self, __timeout_ms: int) -> bytes: ...

        async def write(self, __data: bytes) -> None: ...


ATTEMPTS = 4
# The longest frame takes 12 ms each way at 115,200 baud, and the board may collect garbage before it answers.
PATIENCE_MS = 60
# A gap inside a frame is shorter: UARTs and USB send a frame without a pause.
QUIET_MS = 10


class LinkLost(ReaderError):
    """The reader board does not answer, or has lost the session. `begin` starts anew."""


class ReaderLink:
    """The side that asks. `role` and `identity` are those of the board, `repeats` counts requests sent again.

    `nonces()` returns a number of 32 bits, another one at each call. `on_notice(bits)` is called with the notice of
    each answer that has one.
    """

    def __init__(
        self,
        line: "Line",
        clock: "Clock",
        nonces: "Callable[[], int]",
        on_notice: "Callable[[int], object] | None" = None,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self.role = None
        self.identity = None
        self.repeats = 0
        self._line = line
        self._clock = clock
        self._nonces = nonces
        self._on_notice = on_notice
        self._patience_ms = patience_ms
        self._asker = Asker()
        self._reader = frames.FrameReader()
        self._is_begun = False
        self._lock = asyncio.Lock()

    @property
    def is_begun(self) -> bool:
        """True while the board keeps a session for this side, as far as it is known."""
        return self._is_begun

    @property
    def errors(self) -> int:
        """The number of places in the answers where the line changed bytes."""
        return self._reader.errors

    async def begin(self) -> None:
        """Begin a session with the board. Raises LinkLost without an answer, ReaderError for another version."""
        async with self._lock:
            self._is_begun = False
            nonce = self._nonces() & 0xFFFFFFFF
            try:
                payload = await self._answered(self._asker.begin(nonce), 0)
            except OSError as error:
                raise _lost(error)
            welcome = frames.read_welcome(payload[frames.ANSWER_HEAD_SIZE :])
            if welcome is None or welcome[0] != frames.VERSION:
                raise ReaderError("the reader board has another version of the protocol: install its image again")
            self.role, self.identity = welcome[2:]
            self._is_begun = True

    async def ask(self, kind: int, content: "bytes | bytearray" = b"", work_ms: int = 0) -> tuple:
        """Return `(status, content)` of the answer. The board may work for `work_ms` before it answers.

        Raises LinkLost if no answer comes, or if the session is lost. Nobody knows then whether the board has done it.
        """
        async with self._lock:
            if not self._is_begun:
                raise LinkLost("the session with the reader board has not begun")
            self._is_begun = False  # until the answer is here: a task that is cancelled leaves the session unknown
            try:
                payload = await self._answered(self._asker.request(kind, content), work_ms)
            except (OSError, SessionLost) as error:
                raise _lost(error)
            self._is_begun = True
        if payload[1] and self._on_notice is not None:
            self._on_notice(payload[1])
        return payload[0], payload[frames.ANSWER_HEAD_SIZE :]

    async def _answered(self, request: bytes, work_ms: int) -> bytes:
        """Send a request until its answer comes. Return the payload of the answer."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.repeats += 1
            await self._line.write(request)
            payload = await self._wait(work_ms + self._patience_ms)
            if payload is not None:
                return payload
        raise LinkLost("the reader board does not answer")

    async def _wait(self, timeout_ms: int) -> bytes | None:
        """Return the payload of the answer to the request under way, or None if it does not come in time."""
        clock, reader = self._clock, self._reader
        begun_ms = clock.ticks_ms()
        left_ms = timeout_ms
        while left_ms > 0:
            limit_ms = left_ms if reader.is_empty else min(left_ms, QUIET_MS)
            data = await self._line.read(limit_ms)
            reader.feed(data)
            while True:
                one = reader.take(not data)
                if one is None:
                    break
                payload = self._asker.answer_in(one)
                if payload is not None:
                    return payload
            left_ms = timeout_ms - clock.ticks_diff(clock.ticks_ms(), begun_ms)
        return None


def _lost(error: Exception) -> ReaderError:
    """Return the error as one of the reader. An OSError of the line keeps its words."""
    if isinstance(error, ReaderError):
        return error
    return LinkLost(str(error) or "the reader board has restarted")
