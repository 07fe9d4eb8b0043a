"""The meter's end of the line to its room reader: sessions with tags, and one request after the other.

A session begins with the first request, and again after the line was lost. Between two attempts the line rests, so that
a cut line costs no more time than one that works. See `core.messages.room` for the messages.
"""

import asyncio

from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.cards.reader_link import LinkLost
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room
from wattpurse.core.seals.wire_seal import ANSWER, NONCE_SIZE, REQUEST, TAG_SIZE, WireSeal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.reader_link import ReaderLink
    from wattpurse.hal import Aes, Clock

REST_MS = 1_000


class WrongBoard(ReaderError):
    """Another board answers than the one that the meter is paired with."""


class RoomLink:
    """The link to the board `identity` with the pairing key `key`, over `link`.

    `sessions` counts the sessions begun. `trouble` is the last reason for which no session could begin, or "".
    `on_press(press)` is called with SHORT_PRESS or LONG_PRESS of `core.messages.room`.
    """

    def __init__(
        self,
        link: "ReaderLink",
        clock: "Clock",
        aes: "Aes",
        random_bytes: "Callable[[int], bytes]",
        identity: bytes,
        key: bytes,
    ) -> None:
        self.sessions = 0
        self.trouble = ""
        self.on_press: Callable[[int], object] = _ignore
        self._link = link
        self._clock = clock
        self._aes = aes
        self._random_bytes = random_bytes
        self._identity = identity
        self._key = key
        self._seal: WireSeal | None = None
        self._rests = False
        self._rested_ms = 0
        self._lock = asyncio.Lock()

    async def ask(self, kind: int, content: bytes = b"", work_ms: int = 0, secret: bytes = b"") -> tuple:
        """Return `(status, content)` of the answer to a sealed request. The board may work for `work_ms`.

        `secret` is a block that goes behind the content, encrypted. Raises LinkLost if no answer comes that is
        authentic, or WrongBoard.
        """
        async with self._lock:
            seal = self._seal
            if seal is None or not self._link.is_begun:
                seal = await self._begin()
            self._seal = None  # until the answer is here: a task that is cancelled leaves the session unknown
            seal.count += 1
            if secret:
                content = content + seal.hide(secret)
            request = bytes((kind,)) + content + seal.tag(REQUEST, kind, content)
            status, answer = await self._link.ask(room.SEALED, request, work_ms)
            place = len(answer) - TAG_SIZE
            if place < 1 or not seal.is_authentic(ANSWER, kind, bytes((status,)) + answer[:place], answer[place:]):
                raise LinkLost("an answer on the line of the room reader is not authentic")
            self._seal = seal
        if answer[0]:
            self.on_press(answer[0])
        return status, answer[1:place]

    async def pair(self, key: bytes) -> bytes:
        """Give a board its key. Return its identity. Raises ReaderError with the reason if it takes none."""
        async with self._lock:
            self._seal = None
            await self._link.begin()
            _expect_room_reader(self._link.role)
            status, _ = await self._link.ask(room.PAIR, key)
            if status != frames.OK:
                raise ReaderError("this board is paired: hold its button while it gets power, then pair it again")
            self._identity, self._key = bytes(self._link.identity or b""), key
            self._rests = False
            return self._identity

    async def _begin(self) -> WireSeal:
        if self._rests and self._clock.ticks_diff(self._clock.ticks_ms(), self._rested_ms) < REST_MS:
            raise LinkLost(self.trouble)
        try:
            seal = await self._keyed_session()
        except ReaderError as error:
            self.trouble = str(error)
            self._rests = True
            self._rested_ms = self._clock.ticks_ms()
            raise
        self.trouble = ""
        self._rests = False
        self.sessions += 1
        return seal

    async def _keyed_session(self) -> WireSeal:
        """Begin a session with the board, which has to prove that it has the key."""
        await self._link.begin()
        _expect_room_reader(self._link.role)
        if self._link.identity != self._identity:
            raise WrongBoard("another room reader is on the line")
        nonce = self._random_bytes(NONCE_SIZE)
        status, answer = await self._link.ask(room.KEYED, nonce)
        if status != frames.OK or len(answer) != NONCE_SIZE + TAG_SIZE:
            raise WrongBoard("the room reader is not paired")
        seal = WireSeal(self._aes, self._key, nonce, bytes(answer[:NONCE_SIZE]))
        if not seal.is_authentic(ANSWER, room.KEYED, b"", answer[NONCE_SIZE:]):
            raise WrongBoard("the room reader has the key of another meter")
        return seal


def _expect_room_reader(role: "int | None") -> None:
    if role != frames.ROOM_READER:
        raise WrongBoard("the board on the line is no room reader")


def _ignore(_press: int) -> None:
    """Drop a press that nobody waits for."""
