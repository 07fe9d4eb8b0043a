"""MIFARE Classic 1K as one linear memory: the data blocks of sectors 1 to 15, 720 bytes, behind two keys per sector.

The card's cipher protects nothing any more; it only keeps the honest out. Sections are those of the NXP data sheet
MF1S50YYX. All of it raises `iso14443.CardError`, after which the card has to be selected again, and
`mfrc522.ReaderError`. Whoever waits for a tap waits for its first sector; from one sector to the next other tasks have
their turns, for the reader may wait for its frames in place.
"""

import asyncio

from wattpurse.cards.iso14443 import CardError

SECTORS = range(1, 16)
TRANSPORT_KEY = b"\xff" * 6

_AUTHENTICATE_A = 0x60
_AUTHENTICATE_B = 0x61
_READ = 0x30
_WRITE = 0xA0
_TIMEOUT_US = 5000
_WRITE_TIMEOUT_US = 10000

_BLOCK_SIZE = 16
_DATA_BLOCKS = 3

# Access conditions C1 C2 C3 (section 8.7).
READ_BOTH_WRITE_B = 0b100
READ_BOTH_WRITE_BOTH = 0b000
TRAILER_TRANSPORT = 0b001
TRAILER_WRITE_B = 0b011


class ClassicKeys:
    """The two keys of a card's sectors, six bytes each; writing uses key B unless `write_with_b` is False.

    Who only reads, or writes with key A, may do without key B: None. `older()` gives the ClassicKeys that a sector may
    still have instead; None where there are none.
    """

    def __init__(self, key_a: bytes, key_b: bytes | None, write_with_b: bool = True, older=None) -> None:
        self.key_a = key_a
        self.key_b = key_b
        self.write_with_b = write_with_b
        self.older = older


class ClassicMemory:
    """The card that is selected on `reader`, seen as bytes; sectors are authenticated when they are first touched."""

    kind = "classic-1k"
    capacity = len(SECTORS) * _DATA_BLOCKS * _BLOCK_SIZE
    unit = _BLOCK_SIZE

    def __init__(self, reader, identity, keys: ClassicKeys) -> None:
        self._session = _Session(reader, identity)
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
        """Take the card up again after an error."""
        self._sector = None
        await self._session.select_again()

    async def _open(self, sector, to_write) -> None:
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
        # What opened this sector most likely opens the next.
        self._keys.insert(0, self._keys.pop(place))
        self._sector = sector
        self._writable = with_b or not keys.write_with_b

    def _has_keys_at(self, place):
        if place == len(self._keys) and self._older is not None:
            older = self._older()
            self._keys.append(older)
            self._older = older.older
        return place < len(self._keys)


class _Session:
    """The card's commands for a reader that has it selected."""

    def __init__(self, reader, identity) -> None:
        self._reader = reader
        self._identity = identity
        self._authentication = bytearray(12)
        # Cards with a longer UID authenticate with its last four bytes (AN10927, section 3.2.5).
        self._authentication[8:12] = identity.uid[-4:]
        self._command = bytearray(2)

    async def authenticate(self, sector, key, with_b) -> None:
        frame = self._authentication
        frame[0] = _AUTHENTICATE_B if with_b else _AUTHENTICATE_A
        frame[1] = sector * 4
        frame[2:8] = key
        await self._reader.authenticate(frame, _TIMEOUT_US)

    async def read(self, block):
        self._command[0] = _READ
        self._command[1] = block
        return await self._reader.exchange(self._command, _BLOCK_SIZE, _TIMEOUT_US)

    async def write(self, block, data) -> None:
        """Two steps, each answered by four bits (section 12.3): the block, then its content."""
        self._command[0] = _WRITE
        self._command[1] = block
        await self._reader.acknowledged(self._command, _TIMEOUT_US)
        await self._reader.acknowledged(data, _WRITE_TIMEOUT_US)

    async def select_again(self) -> None:
        await self._reader.select_again(self._identity)


async def format_classic(reader, identity, keys: ClassicKeys, access_of_sector=None) -> None:
    """Give all purse sectors of a card in transport state their keys; for the vending station.

    `access_of_sector(sector)` gives the access conditions of the three data blocks and the trailer; by default both
    keys read and key B writes. A key is proved before the access bits that rely on it are set, and a format that was
    cut short is finished by another call with the same keys. Raises CardError if a sector accepts neither the new key
    nor the transport key.
    """
    session = _Session(reader, identity)
    for sector in SECTORS:
        conditions = _DEFAULT_CONDITIONS if access_of_sector is None else access_of_sector(sector)
        await _format_sector(session, sector, keys, access_bits(*conditions))


_DEFAULT_CONDITIONS = (READ_BOTH_WRITE_B, READ_BOTH_WRITE_B, READ_BOTH_WRITE_B, TRAILER_WRITE_B)
_TRANSPORT_CONDITIONS = (READ_BOTH_WRITE_BOTH, READ_BOTH_WRITE_BOTH, READ_BOTH_WRITE_BOTH, TRAILER_TRANSPORT)


async def _format_sector(session, sector, keys, final_bits) -> None:
    trailer = sector * 4 + 3
    transport_bits = access_bits(*_TRANSPORT_CONDITIONS)
    if not await _accepts(session, sector, keys.key_a):
        await session.authenticate(sector, TRANSPORT_KEY, False)
        await session.write(trailer, keys.key_a + transport_bits + keys.key_b)
        await session.authenticate(sector, keys.key_a, False)
    found = bytes(await session.read(trailer))
    if found[6:9] == final_bits[:3]:
        return
    if found[6:9] != transport_bits[:3]:
        raise CardError("changed")
    # In transport state key B can be read, and so it can be proved too.
    if found[10:] != keys.key_b:
        await session.write(trailer, keys.key_a + transport_bits + keys.key_b)
        if bytes(await session.read(trailer))[10:] != keys.key_b:
            raise CardError("changed")
    await session.write(trailer, keys.key_a + final_bits + keys.key_b)
    await session.authenticate(sector, keys.key_a, False)


async def rekey_classic(reader, identity, keys: ClassicKeys, older: ClassicKeys, access_of_sector) -> None:
    """Give all purse sectors of a formatted card `keys` in place of `older`; for the vending station.

    What is on the card stays. A change that was cut short is finished by another call with the same keys, even where a
    key was torn between its old and its new bytes. Raises CardError ("refused") for a sector that neither opens.
    """
    session = _Session(reader, identity)
    for sector in SECTORS:
        await _rekey_sector(session, sector, keys, older, access_bits(*access_of_sector(sector)))


async def _rekey_sector(session, sector, keys, older, bits) -> None:
    if await _accepts(session, sector, keys.key_b, True) and await _accepts(session, sector, keys.key_a):
        return
    for torn_at in range(len(keys.key_b) + 1):
        if await _accepts(session, sector, keys.key_b[:torn_at] + older.key_b[torn_at:], True):
            await session.write(sector * 4 + 3, keys.key_a + bits + keys.key_b)
            await session.authenticate(sector, keys.key_a, False)
            await session.authenticate(sector, keys.key_b, True)
            return
    raise CardError("refused")


async def _accepts(session, sector, key, is_b=False) -> bool:
    try:
        await session.authenticate(sector, key, is_b)
    except CardError:
        await session.select_again()
        return False
    return True


def access_bits(block0: int, block1: int, block2: int, trailer: int) -> bytes:
    """The four access bytes of a sector trailer for conditions C1 C2 C3 as numbers 0 to 7 (section 8.7.1)."""
    c1 = c2 = c3 = 0
    for block, condition in enumerate((block0, block1, block2, trailer)):
        c1 |= (condition >> 2 & 1) << block
        c2 |= (condition >> 1 & 1) << block
        c3 |= (condition & 1) << block
    return bytes(((15 - c2) << 4 | 15 - c1, c1 << 4 | 15 - c3, c3 << 4 | c2, 0x69))


def _place(offset):
    """Block number on the card, and position in it, of a byte of the linear memory."""
    index = offset // _BLOCK_SIZE
    return SECTORS[index // _DATA_BLOCKS] * 4 + index % _DATA_BLOCKS, offset % _BLOCK_SIZE


def _check_range(memory, offset, length) -> None:
    if not 0 <= offset <= offset + length <= memory.capacity:
        raise ValueError("beyond the card's memory")
