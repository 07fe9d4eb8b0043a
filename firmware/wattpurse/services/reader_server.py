"""Serves a reader board's MFRC522 to the other end of a line, by the frames of `reader_frames`.

A board with more parts than a reader adds `kinds`: for each kind from `FIRST_BOARD_KIND` on, an async function that
takes the content of the request and returns `(status, content)`. `notice()` returns the bits that every answer carries.
No bytes of the line raise anything here, and nothing waits for them without an end.
"""

from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps
from wattpurse.core.messages.reader_session import Answerer

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.cards.reader_link import Line
    from wattpurse.hal import Clock

    Kinds = dict[int, Callable[[bytes], Awaitable[tuple]]]

LOOK_PERIOD_MS = 30
LOOK_LIMIT_MS = 3_000  # a watchdog of 8 s may watch the board
QUIET_MS = 10


class ReaderServer:
    """Answers the requests that arrive on `line`, one after the other.

    `feed()` is called often while a request is under way, for the watchdog. `answered` counts answers, and
    `is_reader_lost` is True after a failure of the reader chip, until it starts again.
    """

    def __init__(
        self,
        line: "Line",
        reader: "Mfrc522",
        clock: "Clock",
        answerer: Answerer,
        feed: "Callable[[], object]",
        kinds: "Kinds | None" = None,
        notice: "Callable[[], int] | None" = None,
    ) -> None:
        self.frames = frames.FrameReader()
        self.answered = 0
        self.is_reader_lost = False
        self._line = line
        self._reader = reader
        self._clock = clock
        self._answerer = answerer
        self._feed = feed
        self._notice = notice
        self._kinds: Kinds = {
            frames.START: self._start,
            frames.POWER: self._power,
            frames.FIND: self._find,
            frames.SELECT: self._select,
            frames.HALT: self._halt,
            frames.STEPS: self._steps,
        }
        if kinds is not None:
            self._kinds.update(kinds)

    async def serve(self, timeout_ms: int) -> bool:
        """Wait for bytes, at most `timeout_ms`, and answer all requests in them. Return False if none came.

        Raises OSError if the line is gone.
        """
        is_whole = self.frames.is_empty
        data = await self._line.read(timeout_ms if is_whole else min(timeout_ms, QUIET_MS))
        self.frames.feed(data)
        while True:
            request = self.frames.take(not data)
            if request is None:
                return len(data) > 0
            reply = self._answerer.reply_to(request)
            if reply is None:
                reply = await self._executed(request)
            if reply:
                self.answered += 1
                await self._line.write(reply)

    async def _executed(self, request: frames.Frame) -> bytes:
        self._feed()
        try:
            status, content = await self._result(request)
        except CardError as error:
            status, content = _card_status(error), b""
        except ReaderError as error:
            self.is_reader_lost = True
            status, content = frames.READER_FAILED, str(error).encode()[: frames.CONTENT_LIMIT]
        notice = 0 if self._notice is None else self._notice()
        return self._answerer.answer(request, status, notice, content)

    async def _result(self, request: frames.Frame) -> tuple:
        work = self._kinds.get(request.kind)
        if work is None:
            return frames.NOT_UNDERSTOOD, b""
        return await work(request.payload)

    async def _start(self, content: bytes) -> tuple:
        await self._reader.recover()
        self.is_reader_lost = False
        return frames.OK, bytes((self._reader.version or 0,))

    async def _power(self, content: bytes) -> tuple:
        if content == b"\x01":
            await self._reader.power_up()
        elif content == b"\x00":
            self._reader.power_down()
        else:
            return frames.NOT_UNDERSTOOD, b""
        return frames.OK, b""

    async def _find(self, content: bytes) -> tuple:
        wanted = frames.read_find(content)
        if wanted is None or wanted[1] > LOOK_LIMIT_MS:
            return frames.NOT_UNDERSTOOD, b""
        wake, look_ms = wanted
        begun_ms = self._clock.ticks_ms()
        while True:
            identity = await self._reader.find_card(bool(wake))
            if identity is not None:
                return frames.OK, frames.card(identity.uid, identity.sak, identity.atqa)
            left_ms = look_ms - self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms)
            if left_ms <= 0:
                return frames.NOTHING, b""
            self._feed()
            await self._clock.sleep_ms(min(left_ms, LOOK_PERIOD_MS))

    async def _select(self, content: bytes) -> tuple:
        card = frames.read_card(content)
        if card is None:
            return frames.NOT_UNDERSTOOD, b""
        await self._reader.select_again(CardIdentity(*card))
        return frames.OK, b""

    async def _halt(self, content: bytes) -> tuple:
        await self._reader.halt()
        return frames.OK, b""

    async def _steps(self, content: bytes) -> tuple:
        wanted = steps.read_steps(content)
        if wanted is None:
            return frames.NOT_UNDERSTOOD, b""
        replies = bytearray(1)
        try:
            for one in wanted:
                self._feed()
                replies.extend(await self._done(one))
                replies[0] += 1
        except CardError as error:
            return _card_status(error), replies
        return frames.OK, replies

    async def _done(self, one: steps.Step) -> bytes | memoryview:
        if one.operation == steps.EXCHANGE:
            return await self._reader.exchange(one.frame, one.reply_length, one.timeout_us)
        if one.operation == steps.BLOCK:
            block = await self._reader.exchange_block(one.frame, one.timeout_us, None)
            if len(block) > one.reply_length:
                raise CardError("garbled")
            return bytes((len(block),)) + block
        if one.operation == steps.AUTHENTICATE:
            await self._reader.authenticate(one.frame, one.timeout_us)
        else:
            await self._reader.acknowledged(one.frame, one.timeout_us)
        return b""


def _card_status(error: CardError) -> int:
    return frames.FIRST_CARD_ERROR + frames.CARD_ERRORS.index(error.reason)
