"""A reader on a board of its own, with the methods of `mfrc522.Mfrc522` that find and serve a card.

Its work goes over a `ReaderLink`. Each method asks for as much as possible at once, because a round trip takes longer
than a frame to the card:

- an authentication with key A, and a READ behind an authentication, bring the data blocks of the sector that follow.
  They are kept until anything but a READ is asked for. Key A has to be allowed to read them, as on every card of the
  purse. A block that cannot be read fails at its own READ;
- the two halves of a Classic's WRITE go together. The first one waits for the second, which raises the errors of both.

A card that fails raises `CardError`, a reader or a line that fails raises `ReaderError`, as they do at the driver.
After a ReaderError, `recover` begins a new session.
"""

from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.mfrc522 import LONGEST_BLOCK, ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.reader_link import ReaderLink

_START_WORK_MS = 100
_POWER_WORK_MS = 20
_SELECTION_WORK_MS = 400  # several cards in the field: 32 rounds of anticollision on each of three levels
_HALT_WORK_MS = 60
_STEP_WORK_MS = 60  # the patience of the driver, on top of the timeout of a step

_AUTHENTICATE_A = 0x60
_READ = 0x30
_READ_LENGTH = 16
_WRITE = 0xA0
_SECTOR_BLOCKS = 4


class LinkedReader:
    """The reader of the board at the other end of `link`. `version` is that of its chip, None before `start`."""

    def __init__(self, link: "ReaderLink") -> None:
        self.link = link
        self.version = None
        self._forget()

    def _forget(self) -> None:
        """Forget everything about the card on the reader."""
        self._is_authenticated = False
        self._ahead = {}  # block: its content, or the error that its READ raises
        self._write = None  # the first half of a WRITE that waits for the second

    async def start(self) -> None:
        """Begin a session and start the chip. Raises ReaderError."""
        self._forget()
        await self.link.begin()
        content = await self._ask(frames.START, b"", _START_WORK_MS)
        self.version = content[0] if content else None

    async def recover(self) -> None:
        """Begin anew after a ReaderError: cards in the field start from idle."""
        await self.start()

    async def power_down(self) -> None:
        """Switch the field off."""
        self._forget()
        await self._ask(frames.POWER, b"\x00", _POWER_WORK_MS)

    async def power_up(self) -> None:
        """Switch the field on and wait until cards are ready. Raises ReaderError."""
        self._forget()
        await self._ask(frames.POWER, b"\x01", _POWER_WORK_MS)

    async def find_card(
        self, wake: bool = False, prepare: "Callable[[bytes], None] | None" = None, look_ms: int = 0
    ) -> CardIdentity | None:
        """Look for a card and select it, once or for `look_ms`. The board looks by itself, and tells the first card.

        `prepare(uid)` is called before the return. Raises CardError or ReaderError.
        """
        self._forget()
        request = frames.find(wake, look_ms)
        status, content = await self.link.ask(frames.FIND, request, look_ms + _SELECTION_WORK_MS)
        if status == frames.NOTHING:
            return None
        if status != frames.OK:
            raise _error_of(status, content)
        card = frames.read_card(content)
        if card is None:
            raise ReaderError("the reader board told a malformed card")
        if prepare is not None:
            prepare(card[0])
        return CardIdentity(*card)

    async def select_again(self, identity: CardIdentity) -> None:
        """Select a card already known, in any state. Raises CardError if it is gone, or ReaderError."""
        self._forget()
        await self._ask(frames.SELECT, frames.card(identity.uid, identity.sak, identity.atqa), _SELECTION_WORK_MS)

    async def halt(self) -> None:
        """Put the selected card to sleep, so that another one can be found. Raises CardError or ReaderError."""
        self._forget()
        await self._ask(frames.HALT, b"", _HALT_WORK_MS)

    async def authenticate(self, frame: "bytes | bytearray", timeout_us: int) -> None:
        """Authenticate a sector, see `Mfrc522.authenticate`. With key A its data blocks are read ahead."""
        self._forget()
        request = steps.step(steps.AUTHENTICATE, frame, timeout_us)
        first = frame[1] - frame[1] % _SECTOR_BLOCKS
        if frame[0] == _AUTHENTICATE_A:
            await self._steps_and_blocks(request, (0,), first, _SECTOR_BLOCKS - 1, timeout_us)
        else:
            await self._steps(request, (0,))
        self._is_authenticated = True

    async def exchange(self, frame: "bytes | bytearray", reply_length: int, timeout_us: int) -> bytes:
        """Send a frame and return its answer of `reply_length` bytes, see `Mfrc522.exchange`."""
        await self._write_alone()
        if self._is_authenticated and frame[0] == _READ and len(frame) == 2 and reply_length == _READ_LENGTH:
            return await self._read(frame[1], timeout_us)
        self._ahead = {}
        replies = await self._steps(steps.step(steps.EXCHANGE, frame, timeout_us, reply_length), (reply_length,))
        return replies[0]

    async def exchange_block(
        self,
        frame: "bytes | bytearray | memoryview",
        timeout_us: int,
        meanwhile: "Callable[[], object] | None" = None,
    ) -> bytes:
        """Send a frame and return its answer of any length, see `Mfrc522.exchange_block`."""
        if meanwhile is not None:
            meanwhile()
        await self._write_alone()
        self._ahead = {}
        request = steps.step(steps.BLOCK, frame, min(timeout_us, steps.TIMEOUT_LIMIT_US), LONGEST_BLOCK)
        replies = await self._steps(request, (steps.OWN_LENGTH,))
        return replies[0]

    async def acknowledged(self, frame: "bytes | bytearray | memoryview", timeout_us: int) -> None:
        """Send a frame that the card acknowledges, see `Mfrc522.acknowledged`."""
        self._ahead = {}
        if self._write is not None:
            first, self._write = self._write, None
            second = steps.step(steps.ACKNOWLEDGED, frame, timeout_us)
            await self._steps(first + second, (0, 0))
        elif frame[0] == _WRITE and len(frame) == 2:
            self._write = steps.step(steps.ACKNOWLEDGED, frame, timeout_us)
        else:
            await self._steps(steps.step(steps.ACKNOWLEDGED, frame, timeout_us), (0,))

    async def _write_alone(self) -> None:
        """Send the first half of a WRITE whose second half did not follow."""
        if self._write is not None:
            first, self._write = self._write, None
            await self._steps(first, (0,))

    async def _read(self, block: int, timeout_us: int) -> bytes:
        """Return a block of the authenticated sector, and read ahead the data blocks behind it."""
        if block not in self._ahead:
            self._ahead = {}
            count = max(1, _SECTOR_BLOCKS - 1 - block % _SECTOR_BLOCKS)
            await self._steps_and_blocks(b"", (), block, count, timeout_us)
        found = self._ahead.pop(block)
        if isinstance(found, CardError):
            self._ahead = {}
            raise found
        return found

    async def _steps_and_blocks(self, request: bytes, lengths: tuple, block: int, count: int, timeout_us: int) -> None:
        """Do the steps of `request`, which raise their error, and read blocks, whose error is kept for their READ."""
        request += steps.step(steps.EXCHANGE, bytes((_READ, block)), timeout_us, _READ_LENGTH, count - 1)
        status, replies = await self._replies(request, lengths + (_READ_LENGTH,) * count)
        if len(replies) < len(lengths):
            raise _error_of(status)
        blocks = replies[len(lengths) :]
        for place, reply in enumerate(blocks):
            self._ahead[block + place] = reply
        if len(blocks) < count:
            self._ahead[block + len(blocks)] = _error_of(status)

    async def _steps(self, request: bytes, lengths: tuple) -> list:
        status, replies = await self._replies(request, lengths)
        if len(replies) < len(lengths):
            raise _error_of(status)
        return replies

    async def _replies(self, request: bytes, lengths: tuple) -> tuple:
        """Return `(status, replies)` of steps. The status is a card's failure unless there are all replies."""
        work_ms = steps.timeout_us_of(request) // 1000 + len(lengths) * _STEP_WORK_MS
        status, content = await self.link.ask(frames.STEPS, request, work_ms)
        is_failure = frames.FIRST_CARD_ERROR <= status < frames.FIRST_CARD_ERROR + len(frames.CARD_ERRORS)
        if status != frames.OK and not is_failure:
            raise _error_of(status, content)
        replies = steps.read_replies(content, lengths)
        if replies is None or (len(replies) < len(lengths)) is not is_failure:
            raise ReaderError("the reader board told malformed replies")
        return status, replies

    async def _ask(self, kind: int, content: bytes, work_ms: int) -> bytes:
        status, answer = await self.link.ask(kind, content, work_ms)
        if status != frames.OK:
            raise _error_of(status, answer)
        return answer


def _error_of(status: int, content: bytes = b"") -> CardError | ReaderError:
    """Return the error that a status stands for."""
    place = status - frames.FIRST_CARD_ERROR
    if 0 <= place < len(frames.CARD_ERRORS):
        return CardError(frames.CARD_ERRORS[place])
    if status == frames.READER_FAILED:
        return ReaderError("".join([chr(one) if 32 <= one < 127 else "?" for one in content]))
    return ReaderError("the reader board does not understand the request: its image may be of another version")
