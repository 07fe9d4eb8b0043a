"""MIFARE Classic 1K as linear memory: the data blocks of sectors 1 to 15, 720 bytes, behind two keys per sector.

The card's cipher is broken: it keeps out only people who do not attack it. Sections are those of the NXP data sheet
MF1S50YYX. All functions raise `iso14443.CardError`, after which the card has to be selected again, and
`mfrc522.ReaderError`. The first sector is read without a pause, because a person waits for the tap. Between later
sectors other tasks get a turn, because the reader may wait for its frames without yielding.
"""

import asyncio

from wattpurse.cards.iso14443 import CardError

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.cards.mfrc522 import Mfrc522

SECTORS = range(1, 16)

_AUTHENTICATE_A = 0x60
_AUTHENTICATE_B = 0x61
_READ = 0x30
_WRITE = 0xA0
_TIMEOUT_US = 5000
_WRITE_TIMEOUT_US = 10000

_BLOCK_SIZE = 16
_DATA_BLOCKS = 3


class ClassicKeys:
    """The two keys of a card's sectors, six bytes each. Writing uses key B unless `write_with_b` is False.

    `key_b` may be None if only key A is used. `older()` returns the ClassicKeys that a sector may still have instead;
    it is None if there are none.
    """

    def __init__(
        self,
        key_a: bytes,
        key_b: bytes | None,
        write_with_b: bool = True,
        older: "Callable[[], ClassicKeys] | None" = None,
    ) -> None:
        self.key_a = key_a
        self.key_b = key_b
        self.write_with_b = write_with_b
        self.older = older


class ClassicMemory:
    """The card that is selected on `reader`, as linear memory.

    Each sector is authenticated when it is first touched.
    """

    kind = "classic-1k"
    capacity = len(SECTORS) * _DATA_BLOCKS * _BLOCK_SIZE
    unit = _BLOCK_SIZE

    def __init__(self, reader: "Mfrc522", identity: "CardIdentity", keys: ClassicKeys) -> None:
        self._session = ClassicSession(reader, identity)
        self._keys = [keys]
        self._older = keys.older
        self._sector = None
        self._writable = False

    async def read(self, offset: int, buffer: bytearray) -> None:
        """Fill `buffer` from `offset` on. Raises ValueError beyond the capacity."""
        _check_range(self, offset, len(buffer))
        filled = 0
        while filled < len(buffer):
            block, skip = _place(offset + filled)
            await self._open(block // 4, False)
            data = await self._session.read(block)
            count = min(_BLOCK_SIZE - skip, len(buffer) - filled)
            buffer[filled : filled + count] = data[skip : skip + count]
            filled += count

    async def write(self, offset: int, data: bytes) -> None:
        """Write whole blocks: `offset` and length are multiples of `unit`, or ValueError. Nothing is read back."""
        _check_range(self, offset, len(data))
        if offset % _BLOCK_SIZE or len(data) % _BLOCK_SIZE:
            raise ValueError("whole blocks only")
        view = memoryview(data)
        for start in range(0, len(data), _BLOCK_SIZE):
            block, _ = _place(offset + start)
            await self._open(block // 4, True)
            await self._session.write(block, view[start : start + _BLOCK_SIZE])

    async def select_again(self) -> None:
        """Select the card again after an error."""
        self._sector = None
        await self._session.select_again()

    async def _open(self, sector: int, to_write: bool) -> None:
        if sector == self._sector and (self._writable or not to_write):
            return
        if self._sector is not None:
            self._sector = None
            await asyncio.sleep(0)
        place = 0
        while True:
            keys = self._keys[place]
            with_b = to_write and keys.write_with_b
            try:
                await self._session.authenticate(sector, keys.key_b if with_b else keys.key_a, with_b)
                break
            except CardError:
                place += 1
                if not self._has_keys_at(place):
                    raise
            await self._session.select_again()
        # The keys that opened this sector most likely open the next one too.
        self._keys.insert(0, self._keys.pop(place))
        self._sector = sector
        self._writable = with_b or not keys.write_with_b

    def _has_keys_at(self, place: int) -> bool:
        if place == len(self._keys) and self._older is not None:
            older = self._older()
            self._keys.append(older)
            self._older = older.older
        return place < len(self._keys)


class ClassicSession:
    """The commands of the card that is selected on `reader`."""

    def __init__(self, reader: "Mfrc522", identity: "CardIdentity") -> None:
        self._reader = reader
        self._identity = identity
        self._authentication = bytearray(12)
        # Cards with a longer UID authenticate with its last four bytes (AN10927, section 3.2.5).
        self._authentication[8:12] = identity.uid[-4:]
        self._command = bytearray(2)

    async def authenticate(self, sector: int, key: bytes, with_b: bool) -> None:
        """Authenticate a sector with key A, or with key B if `with_b`."""
        frame = self._authentication
        frame[0] = _AUTHENTICATE_B if with_b else _AUTHENTICATE_A
        frame[1] = sector * 4
        frame[2:8] = key
        await self._reader.authenticate(frame, _TIMEOUT_US)

    async def read(self, block: int) -> bytes | memoryview:
        """Return one block of 16 bytes."""
        self._command[0] = _READ
        self._command[1] = block
        return await self._reader.exchange(self._command, _BLOCK_SIZE, _TIMEOUT_US)

    async def write(self, block: int, data: bytes | memoryview) -> None:
        """Write one block, in two steps that the card acknowledges with four bits each (section 12.3)."""
        self._command[0] = _WRITE
        self._command[1] = block
        await self._reader.acknowledged(self._command, _TIMEOUT_US)
        await self._reader.acknowledged(data, _WRITE_TIMEOUT_US)

    async def select_again(self) -> None:
        """Select the card again after an error."""
        await self._reader.select_again(self._identity)


def _place(offset: int) -> tuple:
    """Return the block number on the card, and the position in the block, of a byte of the linear memory."""
    index = offset // _BLOCK_SIZE
    return SECTORS[index // _DATA_BLOCKS] * 4 + index % _DATA_BLOCKS, offset % _BLOCK_SIZE


def _check_range(memory: "ClassicMemory", offset: int, length: int) -> None:
    if not 0 <= offset <= offset + length <= memory.capacity:
        raise ValueError("beyond the card's memory")
