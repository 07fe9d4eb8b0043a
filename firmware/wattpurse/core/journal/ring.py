"""Two copies of a ring of NOR flash sectors: headers, snapshots, and which sector is the newest.

Both copies use sectors of the same index, the first copy always before the second. A sector begins with

    magic "WPJ1"  ring u8  0 u8  snapshot length u16  sequence u32  snapshot CRC32 u32  (blank)  header CRC32 u32

in 32 bytes, then the snapshot, then, from the next page on, the log that `journal` keeps. The header is programmed
after the snapshot, in an operation of its own: a whole header promises a whole snapshot.

A header whose programming was cut off is a ghost: it may read whole at one start and torn at the next. `newest` lists
all that may be ghosts. `kill` programs zeros over a header, which is never whole again after that.
"""

import binascii
import struct

from wattpurse.core.journal.slots import SLOT_SIZE, JournalUnreadable, is_entry

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Flash

SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
COPIES = 2
SNAPSHOT_LIMIT = 3808
BLANK_PAGE = b"\xff" * PAGE_SIZE

_MAGIC = b"WPJ1"
_HEADER = "<4sBBHII"
_HEADER_SIZE = 32
_HEADER_CRC_AT = 28
_BLANK_HEADER = b"\xff" * _HEADER_SIZE
_KILLED = bytes(_HEADER_SIZE)


class JournalBlank(Exception):
    """The ring is erased from end to end: a new meter, or one whose flash was replaced."""


class Ring:
    """`sectors` sectors twice over from sector `first_sector` of `flash`; `number` (0 to 255) tells rings apart."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int, number: int) -> None:
        if sectors < 3:
            raise ValueError("a ring needs at least three sectors")
        self.sectors = sectors
        self._flash = flash
        self._first = first_sector
        self._number = number
        self.highest_sequence = 0
        self.ghosts = []
        self.killed = []
        self._newest = ()
        self._header = bytearray(_HEADER_SIZE)
        self._page = bytearray(PAGE_SIZE)

    def read(self, copy: int, index: int, offset: int, buffer: bytearray) -> None:
        """Fill `buffer` from `offset` of a sector."""
        self._flash.read(self._sector(copy, index) * SECTOR_SIZE + offset, buffer)

    def program(self, copy: int, index: int, offset: int, data: "bytes | bytearray | memoryview") -> None:
        """Program `data`, inside one page, at `offset` of a sector."""
        self._flash.program(self._sector(copy, index) * SECTOR_SIZE + offset, data)

    def erase(self, copy: int, index: int) -> None:
        """Erase one copy of a sector."""
        self._flash.erase(self._sector(copy, index))

    def start_sector(self, index: int, sequence: int, snapshot: bytes, erased: bool) -> bool:
        """Write header and snapshot into both copies of a sector; False if one of them does not hold them.

        `erased`: both were erased since anything was written there.
        """
        header = bytearray(b"\xff" * _HEADER_SIZE)
        crc = binascii.crc32(snapshot)
        struct.pack_into(_HEADER, header, 0, _MAGIC, self._number, 0, len(snapshot), sequence, crc)
        struct.pack_into("<I", header, _HEADER_CRC_AT, binascii.crc32(header[:_HEADER_CRC_AT]))
        blank = BLANK_PAGE[(_HEADER_SIZE + len(snapshot) - 1) % PAGE_SIZE + 1 :]
        image = memoryview(b"".join((header, snapshot, blank)))
        for copy in range(COPIES):
            try:
                if not erased:
                    self.erase(copy, index)
                self._write_image(copy, index, image)
                if not self._holds_image(copy, index, image):
                    return False
            except OSError:
                return False
        return True

    def read_header(self, copy: int, index: int) -> tuple | None:
        """Return `(sequence, snapshot length, snapshot CRC)` of a sector, or None if its header is not whole."""
        self.read(copy, index, 0, self._header)
        header = self._header
        if struct.unpack_from("<I", header, _HEADER_CRC_AT)[0] != binascii.crc32(header[:_HEADER_CRC_AT]):
            return None
        magic, number, _, length, sequence, crc = struct.unpack_from(_HEADER, header, 0)
        if magic != _MAGIC or number != self._number or length > SNAPSHOT_LIMIT:
            return None
        return sequence, length, crc

    def newest_header(self, index: int, most: int) -> tuple | None:
        """Return the header of the copy with the higher sequence that is not above `most`; None if neither has one."""
        headers = [self.read_header(copy, index) for copy in range(COPIES)]
        return max([header for header in headers if header is not None and header[0] <= most], default=None)

    def newest(self) -> tuple:
        """Return `(index, sequence, snapshot)` of the newest sector that was finished, at least in its first copy.

        A damaged snapshot behind a whole header is passed over where cuts may have left it: in one copy, or in both
        copies of a sector without entries. Nothing was acknowledged because of that one. A cut left its second copy a
        ghost; starts that did not read it wrote the first anew, under the same number, and were cut off too. Raises
        JournalBlank, JournalUnreadable.
        """
        candidates = self._candidates()
        self._newest = candidates
        self.highest_sequence = candidates[0][0] if candidates else 0
        damaged = []
        for place, (sequence, negative_copy, index, length, crc) in enumerate(candidates):
            snapshot = self.read_snapshot(-negative_copy, index, length, crc)
            if snapshot is not None:
                self.ghosts += [(-one[1], one[2]) for one in candidates[:place]]
                return index, sequence, snapshot
            header = sequence, index, length, crc
            if header in damaged and self._log_has_begun(index, sequence, length):
                raise JournalUnreadable("the newest snapshot is damaged in both copies")
            damaged.append(header)
        if not candidates and self.is_blank():
            raise JournalBlank("the journal is blank")
        raise JournalUnreadable("the journal has no readable sector")

    def read_snapshot(self, copy: int, index: int, length: int, crc: int) -> bytes | None:
        """Return the snapshot of one copy of a sector, or None if it does not have this CRC."""
        snapshot = bytearray(length)
        self.read(copy, index, _HEADER_SIZE, snapshot)
        return bytes(snapshot) if binascii.crc32(snapshot) == crc else None

    def has_entry(self, index: int, sequence: int, length: int) -> bool:
        """Return True if the log of a sector has begun: both of its headers were whole before that, and are firm."""
        slot = bytearray(SLOT_SIZE)
        for copy in range(COPIES):
            self.read(copy, index, log_offset(length), slot)
            if is_entry(slot, sequence, 0):
                return True
        return False

    def newest_firm(self, below: int) -> int | None:
        """Return the index of the newest sector with a sequence below `below` whose log has begun, or None.

        It looks at the headers that `newest` found.
        """
        for sequence, negative_copy, index, length, crc in self._newest:
            is_proven = sequence < below and self.has_entry(index, sequence, length)
            if is_proven and self.read_snapshot(-negative_copy, index, length, crc) is not None:
                return index
        return None

    def kill(self, copy: int, index: int) -> bool:
        """Program zeros over a header, so that it is never whole again; False if the sector did not take them."""
        try:
            self.program(copy, index, 0, _KILLED)
            self.read(copy, index, 0, self._header)
        except OSError:
            return False
        return self._header == _KILLED

    def is_blank(self) -> bool:
        """Return True if every sector of both copies reads as erased."""
        for copy in range(COPIES):
            for index in range(self.sectors):
                if not self.sector_is_blank(copy, index):
                    return False
        return True

    def has_header(self) -> bool:
        """Return True if any sector has a whole header."""
        for index in range(self.sectors):
            for copy in range(COPIES):
                if self.read_header(copy, index) is not None:
                    return True
        return False

    def sector_is_blank(self, copy: int, index: int) -> bool:
        """Return True if one copy of a sector reads as erased."""
        return all(self.page_is_blank(copy, index, page) for page in range(PAGES))

    def page_is_blank(self, copy: int, index: int, page: int) -> bool:
        """Return True if one page of one copy of a sector reads as erased."""
        self.read(copy, index, page * PAGE_SIZE, self._page)
        return self._page == BLANK_PAGE

    def _candidates(self) -> list:
        """Return `(sequence, -copy, index, snapshot length, snapshot CRC)` of every whole header, the newest first.

        Headers that are neither whole nor blank are noted in `ghosts`, and those of zeros in `killed`.
        """
        candidates = []
        self.ghosts = []
        self.killed = []
        for index in range(self.sectors):
            for copy in range(COPIES):
                header = self.read_header(copy, index)
                if header is not None:
                    candidates.append((header[0], -copy, index, header[1], header[2]))
                elif self._header == _KILLED:
                    self.killed.append((copy, index))
                elif self._header != _BLANK_HEADER or not self.page_is_blank(copy, index, 0):
                    # A snapshot behind a header that reads as erased: the programming of the header may have begun.
                    self.ghosts.append((copy, index))
        candidates.sort(reverse=True)
        return candidates

    def _log_has_begun(self, index: int, sequence: int, length: int) -> bool:
        """Return True if any slot behind the snapshot holds an entry."""
        slot = bytearray(SLOT_SIZE)
        log_at = log_offset(length)
        for number in range((SECTOR_SIZE - log_at) // SLOT_SIZE):
            for copy in range(COPIES):
                self.read(copy, index, log_at + number * SLOT_SIZE, slot)
                if is_entry(slot, sequence, number):
                    return True
        return False

    def _sector(self, copy: int, index: int) -> int:
        return self._first + copy * self.sectors + index

    def _write_image(self, copy: int, index: int, image: memoryview) -> None:
        """Program header and snapshot, whole pages of them, the header last and by itself."""
        for page in range(len(image) // PAGE_SIZE - 1, -1, -1):
            start = max(page * PAGE_SIZE, _HEADER_SIZE)
            self.program(copy, index, start, image[start : (page + 1) * PAGE_SIZE])
        self.program(copy, index, 0, image[:_HEADER_SIZE])

    def _holds_image(self, copy: int, index: int, image: memoryview) -> bool:
        """Return True if the sector reads as `image` and blank behind it."""
        read, page = self._flash.read, self._page  # on a chip, calls on the way to the flash cost more than reading
        sector_at = self._sector(copy, index) * SECTOR_SIZE
        for start in range(0, SECTOR_SIZE, PAGE_SIZE):
            read(sector_at + start, page)
            if page != (image[start : start + PAGE_SIZE] if start < len(image) else BLANK_PAGE):
                return False
        return True


def log_offset(snapshot_length: int) -> int:
    """Return where the log begins: at the first page that header and snapshot leave untouched."""
    return (_HEADER_SIZE + snapshot_length + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE
