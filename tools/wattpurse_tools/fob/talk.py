"""Talk with a meter: deliver a token, take the statement (see `wattpurse.core.messages.frames`).

A frame that gets no answer is sent again. A connection that is lost is made again, and the meter says where to go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wattpurse.core.messages import frames
from wattpurse_tools.fob.radio import Link, Radio

ANSWER_S = 3.0
TRIES = 4
CONNECTIONS = 5
PAUSE_S = 0.5

Result = TypeVar("Result")


class Refused(Exception):
    """The meter refused a request: `reason` is one of `frames`."""

    def __init__(self, reason: int) -> None:
        super().__init__(frames.reason_text(reason))
        self.reason = reason


class Conversation:
    """Questions and answers on one connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._reader = frames.FrameReader()
        self._sequence = 0

    async def deliver(self, sealed: bytes) -> int:
        """Deliver a token. Return its outcome (see `wattpurse.core.outcome`)."""
        answer = await self._ask(frames.BEGIN, 0, frames.begin(frames.TOKEN, sealed))
        while answer.kind == frames.HAVE:
            part = sealed[answer.offset : answer.offset + frames.PAYLOAD_LIMIT]
            answer = await self._ask(frames.PART, answer.offset, part)
        return _result(answer)[1]

    async def open_statement(self) -> tuple[int, int]:
        """Ask for a statement. Return the size and the checksum of the content that `fetch` gets."""
        _, _, size, check = _result(await self._ask(frames.BEGIN, 0, frames.begin(frames.STATEMENT)))
        return size, check

    async def fetch(self, check: int, offset: int) -> bytes:
        """Return the bytes of the answer from `offset` on, as many as fit into a frame."""
        answer = await self._ask(frames.FETCH, offset, frames.fetch(check))
        if answer.kind != frames.DATA or not answer.payload:
            raise Refused(frames.BROKEN)
        return answer.payload

    async def _ask(self, kind: int, offset: int, payload: bytes) -> frames.Frame:
        """Return the answer to a frame. Raise Refused, TimeoutError or ConnectionError."""
        self._sequence = self._sequence + 1 & 0xFF
        for _ in range(TRIES):
            await self._link.write(frames.frame(kind, self._sequence, offset, payload))
            try:
                answer = await self._answer()
            except TimeoutError:
                self._reader.clear()
                continue
            if answer.kind == frames.REFUSED:
                raise Refused(answer.payload[0] if answer.payload else 0)
            return answer
        raise TimeoutError("the meter does not answer")

    async def _answer(self) -> frames.Frame:
        end_s = asyncio.get_running_loop().time() + ANSWER_S
        while True:
            answer = self._reader.take()
            if answer is None:
                rest_s = end_s - asyncio.get_running_loop().time()
                if rest_s <= 0:
                    raise TimeoutError
                self._reader.feed(await self._link.read(rest_s))
            elif answer.sequence == self._sequence:
                return answer


class Talk:
    """The work at the meter at one address, over as many connections as it takes."""

    def __init__(self, radio: Radio, address: str) -> None:
        self._radio = radio
        self._address = address
        self._check: int | None = None
        self._size = 0
        self._content = b""

    async def deliver(self, tokens: list[bytes], on_outcome: Callable[[bytes, int], None]) -> None:
        """Deliver tokens in their order, and call `on_outcome(token, outcome)` for each.

        Raise OSError if the meter cannot be reached. A token without an outcome may be delivered again: it counts once.
        """
        left = list(tokens)

        async def work(conversation: Conversation) -> None:
            while left:
                on_outcome(left[0], await conversation.deliver(left[0]))
                left.pop(0)

        await self._with_meter(work)

    async def statement(self) -> bytes:
        """Return the content of a statement's answer: its number and the sealed statement. Raise OSError."""
        return await self._with_meter(self._fetch_statement)

    async def _fetch_statement(self, conversation: Conversation) -> bytes:
        """Return the statement, continuing the one that an earlier connection began."""
        if self._check is None:
            self._size, self._check = await conversation.open_statement()
            self._content = b""
        check = self._check
        try:
            while len(self._content) < self._size:
                self._content += await conversation.fetch(check, len(self._content))
        except Refused:
            self._check = None  # the meter has another one by now
            raise
        self._check = None
        return self._content

    async def _with_meter(self, work: Callable[[Conversation], Awaitable[Result]]) -> Result:
        """Return the result of `work`, which is begun again on a new connection if the old one is lost."""
        problem: Exception = TimeoutError()
        for attempt in range(CONNECTIONS):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            try:
                async with self._radio.connect(self._address) as link:
                    return await work(Conversation(link))
            except (OSError, TimeoutError, Refused) as error:
                problem = error
                if isinstance(error, Refused) and error.reason not in (frames.GONE, frames.BROKEN):
                    break
        raise OSError(f"the meter at {self._address} cannot be reached or does not answer: {problem}")


def _result(answer: frames.Frame) -> tuple[int, int, int, int]:
    found = frames.read_result(answer.payload) if answer.kind == frames.RESULT else None
    if found is None:
        raise Refused(frames.NOT_UNDERSTOOD)
    return found
