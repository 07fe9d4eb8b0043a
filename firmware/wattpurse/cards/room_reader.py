"""The card reader in the room, with the calls of `mfrc522.Mfrc522` that the meter uses, and the memory of its cards.

The room reader finds, selects and reads cards by itself: each call here is one request for any number of frames on
the air. `halt` and `power_up` travel with the next look. The keys of a Classic card travel with the first request
for its memory, encrypted.
"""

from wattpurse.cards.classic import ClassicKeys, ClassicMemory
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import CLASSIC_SAKS
from wattpurse.cards.mfrc522 import LONGEST_BLOCK, ReaderError
from wattpurse.cards.purse import OrderBox
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.room_link import RoomLink

# Time in which the board surely answers: its frames to cards end by timeouts of their own.
LOOK_MS = 400
MEMORY_MS = 600
SELECT_MS = 100

# Capacity and unit by kind. The board tells the kind alone: a board that lies cannot make a card larger.
_MEMORIES = {
    ClassicMemory.kind: (ClassicMemory.capacity, ClassicMemory.unit),
    "ntag213": (144, 4),
    "ntag215": (504, 4),
    "ntag216": (888, 4),
    "ultralight": (48, 4),
}


class RoomReader:
    """The reader at the other end of `link`. `version` is None: the chip is at the other end too."""

    version = None

    def __init__(self, link: "RoomLink") -> None:
        self._link = link
        self._before_look = room.RESTART
        self.wants_rest = False

    async def start(self) -> None:
        """Restart the chip with the next look."""
        self._before_look = room.RESTART

    async def recover(self) -> None:
        """Restart the chip with the next look."""
        await self.start()

    def power_down(self) -> None:
        """Let the chip sleep soon: the next request of the panel tells the board so."""
        self.wants_rest = True

    async def power_up(self) -> None:
        """Wake the chip with the next look."""
        self._before_look = room.POWER_UP

    async def find_card(
        self, wake: bool = False, prepare: "Callable[[bytes], None] | None" = None
    ) -> "CardIdentity | None":
        """Look once for a card and select it, as `Mfrc522.find_card`. Raises CardError or ReaderError."""
        flags = self._before_look | (room.WAKE if wake else 0)
        self._before_look = 0
        self.wants_rest = False
        status, content = await self._link.ask(room.LOOK, bytes((flags,)), LOOK_MS)
        if status == frames.NOTHING:
            return None
        expect_ok(status)
        found = frames.read_card(bytes(content))
        if found is None:
            raise CardError("garbled")
        if prepare is not None:
            prepare(found[0])
        return CardIdentity(*found)

    async def select_again(self, identity: "CardIdentity") -> None:
        """Select a card already known, in any state. Raises CardError if it is gone, or ReaderError."""
        content = frames.card(identity.uid, identity.sak, identity.atqa)
        expect_ok((await self._link.ask(room.SELECT, content, SELECT_MS))[0])

    async def halt(self) -> None:
        """Put the selected card to sleep with the next look."""
        self._before_look |= room.HALT

    async def exchange(self, frame: bytes, reply_length: int, timeout_us: int) -> bytes:
        """Send a frame and return its answer, as `Mfrc522.exchange`. Raises CardError or ReaderError."""
        return await self._frame(reply_length, frame, timeout_us)

    async def exchange_block(
        self, frame: bytes, timeout_us: int, meanwhile: "Callable[[], object] | None" = None
    ) -> bytes:
        """Send a frame and return its answer of any length, as `Mfrc522.exchange_block`. Raises as `exchange`."""
        if meanwhile is not None:
            meanwhile()
        data = await self._frame(room.ANY_LENGTH, frame, timeout_us)
        if not 0 < len(data) <= LONGEST_BLOCK:  # the board at the other end may lie
            raise CardError("garbled" if data else "silent")
        return data

    async def acknowledged(self, frame: bytes, timeout_us: int) -> None:
        """Send a frame that is acknowledged, as `Mfrc522.acknowledged`. Raises CardError or ReaderError."""
        await self._frame(0, frame, timeout_us)

    async def open_memory(
        self, identity: "CardIdentity", key_of_uid: "Callable[[bytes], ClassicKeys | None]"
    ) -> "RoomMemory | None":
        """Return the memory of the selected card, as `memory.open_card`. Raises CardError or ReaderError."""
        if identity.sak in CLASSIC_SAKS:
            keys = key_of_uid(identity.uid)
            return None if keys is None else RoomMemory(self, self._link, identity, ClassicMemory.kind, keys)
        status, content = await self._link.ask(room.OPEN, b"", MEMORY_MS)
        if status == frames.NOTHING:
            return None
        expect_ok(status)
        for kind in _MEMORIES:
            if content == kind.encode():
                return RoomMemory(self, self._link, identity, kind, None)
        raise CardError("garbled")

    async def _frame(self, reply_length: int, frame: bytes, timeout_us: int) -> bytes:
        content = room.frame(reply_length, timeout_us, bytes(frame))
        status, answer = await self._link.ask(room.FRAME, content, timeout_us // 1000 + SELECT_MS)
        expect_ok(status)
        if len(answer) > room.FIFO_SIZE or reply_length not in (len(answer), room.ANY_LENGTH):
            raise CardError("garbled")
        return bytes(answer)


class RoomMemory:
    """The memory of the card that is selected in the room, as `memory.Memory`, with the steps of `purse` at it.

    `keys` are those of a Classic card, and None for any other.
    """

    def __init__(
        self,
        reader: RoomReader,
        link: "RoomLink",
        identity: "CardIdentity",
        kind: str,
        keys: "ClassicKeys | None",
    ) -> None:
        self.kind = kind
        self.capacity, self.unit = _MEMORIES[kind]
        self._reader = reader
        self._link = link
        self._identity = identity
        self._keys = keys
        self.far = self  # `purse` leaves its work at the card to this memory

    async def read(self, offset: int, buffer: bytearray) -> None:
        """Fill `buffer` from `offset` on. Raises ValueError beyond the capacity, CardError or ReaderError."""
        self._check_range(offset, len(buffer))
        flags, secret = self._opening()
        status, content = await self._link.ask(room.READ, room.range_of(flags, offset, len(buffer)), MEMORY_MS, secret)
        expect_ok(status)
        data = await self._result(content)
        if len(data) != len(buffer):
            raise CardError("garbled")
        buffer[:] = data

    async def write(self, offset: int, data: bytes) -> None:
        """Write whole units. Raises ValueError beyond the capacity, CardError or ReaderError."""
        await self.write_and_verify(offset, data)

    async def select_again(self) -> None:
        """Select the card again after an error."""
        await self._reader.select_again(self._identity)

    async def read_orders(self) -> "OrderBox | None":
        """Return the result of `purse.read_orders` in the room. Raises CardError or ReaderError."""
        flags, secret = self._opening()
        status, content = await self._link.ask(room.ORDERS, bytes((flags,)), MEMORY_MS, secret)
        if status == frames.NOTHING:
            return None
        expect_ok(status)
        box = room.read_box(await self._result(content))
        if box is None:
            raise CardError("garbled")
        return OrderBox(*box)

    async def statement_claims(self) -> list:
        """Return the result of `purse.statement_claims` in the room. Raises CardError or ReaderError."""
        status, content = await self._link.ask(room.CLAIMS, b"", MEMORY_MS)
        expect_ok(status)
        claims = room.read_claims(content)
        if claims is None:
            raise CardError("garbled")
        return claims

    async def write_and_verify(self, offset: int, data: bytes) -> None:
        """Let the room do `purse.write_and_verify`. The board writes the first part while the others are under way."""
        self._check_range(offset, len(data))
        if offset % self.unit or len(data) % self.unit or len(data) > room.LONGEST_WRITE:
            raise ValueError("whole units only")
        first = bytes(data[: room.FIRST_PART])
        expect_ok((await self._link.ask(room.BEGIN, room.begin(offset, len(data)) + first))[0])
        for start in range(len(first), len(data), room.PART_LIMIT):
            part = bytes(data[start : start + room.PART_LIMIT])
            expect_ok((await self._link.ask(room.GO_ON, room.offset(start) + part))[0])
        expect_ok((await self._link.ask(room.END, b"", MEMORY_MS))[0])

    def _opening(self) -> tuple:
        """Return `(flags, secret)` of the next request. The first one brings the keys of a Classic card."""
        keys, self._keys = self._keys, None
        return (0, b"") if keys is None else (room.WITH_KEYS, room.keys(_keys_of(keys)))

    async def _result(self, content: bytes) -> bytes:
        """Return the whole result that an answer begins."""
        size = room.read_offset(content)
        data = bytes(content[room.OFFSET_SIZE :])
        while size is not None and len(data) < size:
            status, more = await self._link.ask(room.MORE, room.offset(len(data)))
            expect_ok(status)
            if not more:
                break
            data += more
        if len(data) != size:
            raise CardError("garbled")
        return data

    def _check_range(self, offset: int, length: int) -> None:
        if not 0 <= offset <= offset + length <= self.capacity:
            raise ValueError("beyond the card's memory")


def expect_ok(status: int) -> None:
    """Raise the CardError or ReaderError that a status stands for, unless it is OK."""
    if status == frames.OK:
        return
    place = status - frames.FIRST_CARD_ERROR
    if 0 <= place < len(frames.CARD_ERRORS):
        raise CardError(frames.CARD_ERRORS[place])
    raise ReaderError("the reader chip in the room does not answer")


def _keys_of(keys: "ClassicKeys") -> list:
    """Return the keys A that a sector may have, as many as a message holds."""
    found = [keys.key_a]
    if keys.older is not None:
        found.append(keys.older().key_a)
    return found
