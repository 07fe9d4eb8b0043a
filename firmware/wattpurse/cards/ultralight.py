"""MIFARE Ultralight and NTAG213, 215, 216 as linear memory: the user pages from page 4 on.

A compatible card may lack GET_VERSION and FAST_READ. Its capability container tells its kind, and it is read in short
steps. Clauses are those of the NTAG213/215/216 data sheet. All functions raise `iso14443.CardError`, after which the
card has to be selected again, and `mfrc522.ReaderError`.
"""

from wattpurse.cards.iso14443 import CardError

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.cards.mfrc522 import Mfrc522

_GET_VERSION = b"\x60"
_READ = 0x30
_FAST_READ = 0x3A
_WRITE = 0xA2
_TIMEOUT_US = 5000
_VERSION_TIMEOUT_US = 2000
_WRITE_TIMEOUT_US = 10000

_CAPABILITY_PAGE = 3
_FIRST_USER_PAGE = 4
_PAGE_SIZE = 4
_READ_PAGES = 4
# FAST_READ answers with CRC must fit the reader's FIFO of 64 bytes.
_FAST_READ_PAGES = 15

_VERSION_LENGTH = 8
_TYPE_ULTRALIGHT_EV1 = 0x03
_TYPE_NTAG = 0x04
# Size byte of GET_VERSION (clause 10.1): kind and bytes of user memory.
_NTAGS = {0x0F: ("ntag213", 144), 0x11: ("ntag215", 504), 0x13: ("ntag216", 888)}
# The capability container (clause 8.5.6) begins with this mark; its third byte gives the same sizes.
_CAPABILITY_MARK = 0xE1
_NTAGS_BY_CAPABILITY = {0x12: _NTAGS[0x0F], 0x3E: _NTAGS[0x11], 0x6D: _NTAGS[0x13]}
_ULTRALIGHT = ("ultralight", 48)


class PageMemory:
    """The card that is selected on `reader`, as linear memory. With `reads_fast` it is taken to have FAST_READ."""

    unit = _PAGE_SIZE

    def __init__(self, reader: "Mfrc522", identity: "CardIdentity", kind: str, capacity: int, reads_fast: bool) -> None:
        self.kind = kind
        self.capacity = capacity
        self._reader = reader
        self._identity = identity
        self._reads_fast = reads_fast
        self._has_read_fast = False
        self._fast_read = bytearray((_FAST_READ, 0, 0))
        self._read = bytearray((_READ, 0))
        self._write = bytearray(2 + _PAGE_SIZE)
        self._write[0] = _WRITE

    async def read(self, offset: int, buffer: bytearray) -> None:
        """Fill `buffer` from `offset` on. Raises ValueError beyond the capacity."""
        self._check_range(offset, len(buffer))
        filled = 0
        while filled < len(buffer):
            skip = (offset + filled) % _PAGE_SIZE
            wanted = skip + len(buffer) - filled
            data = await self._pages(_FIRST_USER_PAGE + (offset + filled) // _PAGE_SIZE, wanted)
            count = min(len(data) - skip, len(buffer) - filled)
            buffer[filled : filled + count] = data[skip : skip + count]
            filled += count

    async def write(self, offset: int, data: bytes) -> None:
        """Write whole pages: `offset` and length are multiples of `unit`, or ValueError. Nothing is read back."""
        self._check_range(offset, len(data))
        if offset % _PAGE_SIZE or len(data) % _PAGE_SIZE:
            raise ValueError("whole pages only")
        frame = self._write
        view = memoryview(data)
        for start in range(0, len(data), _PAGE_SIZE):
            frame[1] = _FIRST_USER_PAGE + (offset + start) // _PAGE_SIZE
            frame[2:] = view[start : start + _PAGE_SIZE]
            await self._reader.acknowledged(frame, _WRITE_TIMEOUT_US)

    async def select_again(self) -> None:
        """Select the card again after an error."""
        await self._reader.select_again(self._identity)

    async def _pages(self, page: int, wanted: int) -> bytes | memoryview:
        """Return at least one page from `page` on, and up to `wanted` bytes in one frame."""
        if self._reads_fast and wanted > _READ_PAGES * _PAGE_SIZE:
            try:
                return await self._pages_at_once(page, wanted)
            except CardError as error:
                if self._has_read_fast or error.reason == "garbled":
                    raise
            # A card that has never answered FAST_READ may not know the command.
            self._reads_fast = False
            await self.select_again()
        self._read[1] = page
        return await self._reader.exchange(self._read, _READ_PAGES * _PAGE_SIZE, _TIMEOUT_US)

    async def _pages_at_once(self, page: int, wanted: int) -> bytes | memoryview:
        count = min((wanted + _PAGE_SIZE - 1) // _PAGE_SIZE, _FAST_READ_PAGES)
        self._fast_read[1] = page
        self._fast_read[2] = page + count - 1
        data = await self._reader.exchange(self._fast_read, count * _PAGE_SIZE, _TIMEOUT_US)
        self._has_read_fast = True
        return data

    def _check_range(self, offset: int, length: int) -> None:
        if not 0 <= offset <= offset + length <= self.capacity:
            raise ValueError("beyond the card's memory")


async def open_pages(reader: "Mfrc522", identity: "CardIdentity") -> PageMemory | None:
    """Return the memory of the Ultralight or NTAG that is selected, or None for an unknown type of this family."""
    version = await _version(reader, identity)
    if version is None:
        kind, capacity = await _kind_by_capability(reader)
        return PageMemory(reader, identity, kind, capacity, False)
    if version[2] == _TYPE_ULTRALIGHT_EV1:
        return PageMemory(reader, identity, _ULTRALIGHT[0], _ULTRALIGHT[1], False)
    if version[2] != _TYPE_NTAG or version[6] not in _NTAGS:
        return None
    kind, capacity = _NTAGS[version[6]]
    return PageMemory(reader, identity, kind, capacity, True)


async def _version(reader: "Mfrc522", identity: "CardIdentity") -> bytes | None:
    """Return the answer to GET_VERSION (clause 10.1).

    Returns None after two refusals or silences, as of the first Ultralight.
    """
    for _ in range(2):
        try:
            return bytes(await reader.exchange(_GET_VERSION, _VERSION_LENGTH, _VERSION_TIMEOUT_US))
        except CardError as error:
            if error.reason == "garbled":
                raise
        await reader.select_again(identity)
    return None


async def _kind_by_capability(reader: "Mfrc522") -> tuple:
    """Return kind and bytes of user memory from the capability container. The first Ultralight has none, or a small
    one.
    """
    start = await reader.exchange(bytes((_READ, _CAPABILITY_PAGE)), _READ_PAGES * _PAGE_SIZE, _TIMEOUT_US)
    if start[0] != _CAPABILITY_MARK:
        return _ULTRALIGHT
    return _NTAGS_BY_CAPABILITY.get(start[2], _ULTRALIGHT)
