"""MIFARE Ultralight (MF0ICU1) and NTAG213, 215, 216: open pages of four bytes, lock bits, capability container.

Not modelled: password protection (off as delivered), counters, compatibility write and the originality signature. The
NTAGs refuse those commands and the first Ultralight ignores them. Clauses are of the NTAG213/215/216 data sheet.
"""

from boards.host.cards import iso14443a

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import Answer


GET_VERSION = 0x60
_READ = 0x30
FAST_READ = 0x3A
_WRITE = 0xA2
_PROGRAMMING_US = 4000

# Pages in all, size byte of GET_VERSION, size byte of the capability container, page of the dynamic lock bytes, pages
# per dynamic lock bit.
_KINDS = {
    "ultralight": (16, None, 0x06, None, None),
    "ntag213": (45, 0x0F, 0x12, 40, 2),
    "ntag215": (135, 0x11, 0x3E, 130, 16),
    "ntag216": (231, 0x13, 0x6D, 226, 16),
}


class UltralightCard(iso14443a.Card):
    """A page-oriented tag of kind "ultralight", "ntag213", "ntag215" or "ntag216", with a UID of seven bytes."""

    def __init__(self, kind: str, uid: bytes, memory: bytes | None = None, seed: int = 1) -> None:
        self.pages, self._size, _, self._dynamic_lock, self._pages_per_bit = _KINDS[kind]
        if len(uid) != 7:
            raise ValueError("this kind has a UID of seven bytes")
        content = bytearray(memory) if memory is not None else _delivered_memory(kind, uid)
        if len(content) != self.pages * 4:
            raise ValueError("memory does not fit the kind")
        super().__init__(kind, uid, b"\x44\x00", 0x00, content, seed)

    def command(self, data: bytes) -> "Answer":
        code = data[0]
        if code == _READ and len(data) == 2:
            return self._read(data[1])
        if code == _WRITE and len(data) == 6:
            return self._write(data[1], data[2:])
        if self._size is not None and code == GET_VERSION and len(data) == 1:
            return self.answer(bytes((0x00, 0x04, 0x04, 0x02, 0x01, 0x00, self._size, 0x03)))
        if self._size is not None and code == FAST_READ and len(data) == 3:
            return self._fast_read(data[1], data[2])
        return self.fall_back() if self._size is None else self.refuse(iso14443a.NAK_ARGUMENT)

    def _read(self, page: int) -> "Answer":
        """Read four pages; page 0 follows the last one (clause 10.2)."""
        if page >= self.pages:
            return self.refuse(iso14443a.NAK_ARGUMENT)
        return self.answer(b"".join([self._page((page + n) % self.pages) for n in range(4)]))

    def _fast_read(self, first: int, last: int) -> "Answer":
        if first > last or last >= self.pages:
            return self.refuse(iso14443a.NAK_ARGUMENT)
        return self.answer(b"".join([self._page(page) for page in range(first, last + 1)]))

    def _page(self, page: int) -> bytes:
        if self._dynamic_lock is not None and page >= self.pages - 2:
            return bytes(4)  # password and its acknowledgement cannot be read
        return bytes(self.memory[page * 4 : page * 4 + 4])

    def _write(self, page: int, data: bytes) -> "Answer":
        if page < 2 or page >= self.pages or self._is_locked(page):
            return self.refuse(iso14443a.NAK_ARGUMENT)
        old = self._page(page)
        if page == 2:
            data = old[:2] + self._new_lock_bytes(old, data)
        elif page == 3 or page == self._dynamic_lock:
            data = bytes([old[n] | data[n] for n in range(4)])  # one-time programmable: a write can only set bits
        self.program(page * 4, data, _PROGRAMMING_US)
        return self.acknowledge(_PROGRAMMING_US)

    def _new_lock_bytes(self, old: bytes, data: bytes) -> bytes:
        """Return the lock bytes after a write, which only sets bits. The lowest three freeze groups of lock bits."""
        held = old[2] | old[3] << 8
        frozen = 0
        for bit, mask in enumerate((0x0008, 0x03F0, 0xFC00)):
            if held >> bit & 1:
                frozen |= mask
        new = held | (data[2] | data[3] << 8) & (0xFFFF - frozen)
        return bytes((new & 0xFF, new >> 8))

    def _is_locked(self, page: int) -> bool:
        if 3 <= page < 16:
            return bool((self.memory[10] | self.memory[11] << 8) >> page & 1)
        if self._dynamic_lock is not None and 16 <= page < self._dynamic_lock:
            start = self._dynamic_lock * 4
            bits = self.memory[start] | self.memory[start + 1] << 8
            return bool(bits >> (page - 16) // self._pages_per_bit & 1)
        return False


class PageClone(UltralightCard):
    """A compatible card with the UID, the ATQA and the SAK of the genuine one, that lacks some of its abilities.

    `unknown` are the codes of commands that it refuses, or ignores if it `is_silent`. With `real_pages` it has fewer
    pages than it claims to have. Beyond them it refuses, or begins again at page 0 if it `wraps`.
    """

    def __init__(
        self,
        kind: str,
        uid: bytes,
        unknown: tuple = (),
        is_silent: bool = False,
        real_pages: int | None = None,
        wraps: bool = False,
    ) -> None:
        super().__init__(kind, uid)
        self._unknown = unknown
        self._is_silent = is_silent
        self._wraps = wraps
        if real_pages is not None:
            self.pages = real_pages

    def command(self, data: bytes) -> "Answer":
        if data[0] in self._unknown:
            return self.fall_back() if self._is_silent else self.refuse(iso14443a.NAK_ARGUMENT)
        if self._wraps and data[0] in (_READ, _WRITE):
            data = bytes((data[0], data[1] % self.pages)) + data[2:]
        return super().command(data)


def _delivered_memory(kind: str, uid: bytes) -> bytearray:
    pages, _, capability, dynamic_lock, _ = _KINDS[kind]
    memory = bytearray(pages * 4)
    memory[0:3] = uid[0:3]
    memory[3] = iso14443a.CASCADE_TAG ^ uid[0] ^ uid[1] ^ uid[2]
    memory[4:8] = uid[3:7]
    memory[8] = uid[3] ^ uid[4] ^ uid[5] ^ uid[6]
    memory[9] = 0x48
    if dynamic_lock is not None:
        memory[12:16] = bytes((0xE1, 0x10, capability, 0x00))
        configuration = (dynamic_lock + 1) * 4
        memory[configuration : configuration + 4] = b"\x04\x00\x00\xff"
        memory[configuration + 8 : configuration + 12] = b"\xff\xff\xff\xff"
    return memory
