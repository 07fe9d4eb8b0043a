"""Append-only journal on two copies of a ring of NOR flash sectors: what it has taken, no power cut takes away.

A sector holds a header, a snapshot of everything the owner knows, and then slots (see `slots`) that tell what came
after. When the slots are used up, the journal rolls on to the next sector with a new snapshot, so that the newest
sector alone is enough to recover from, and the others are history.

Everything is written twice, to the first copy and then to the second, in sectors of the same index. A cut can damage
the whole page that was being programmed, or leave half-written bits that read differently each time; it can never
damage both copies. Recovery therefore reads both, and the owner rolls before it writes anything more: nothing is ever
appended behind a place where power failed.

`flash` is the device of `hal`: `read(address, buffer)`, `program(address, data)`, `erase(sector)`.
"""

import binascii
import struct

from wattpurse.core import slots
from wattpurse.core.slots import JournalUnreadable

SECTOR_SIZE = 4096
PAGE_SIZE = 256
SNAPSHOT_LIMIT = 3040

_MAGIC = b"WPJ1"
_HEADER = "<4sBBHII"
_HEADER_SIZE = 32
_HEADER_CRC_AT = 28
_COPIES = 2
_PAGES = SECTOR_SIZE // PAGE_SIZE
_BLANK_PAGE = b"\xff" * PAGE_SIZE


class JournalBlank(Exception):
    """The ring is erased from end to end: a new meter, or one whose flash was replaced."""


class Journal:
    """One ring of `sectors` sectors twice over, starting at sector `first_sector` of the flash.

    `ring` (0 to 255) tells several rings on one flash apart. `snapshot()` must give the owner's whole state as bytes, at
    most SNAPSHOT_LIMIT of them; the journal calls it when it rolls.
    """

    def __init__(self, flash, first_sector: int, sectors: int, ring: int, snapshot):
        if sectors < 3:
            raise ValueError("a ring needs at least three sectors")
        self._flash = flash
        self._first = first_sector
        self._sectors = sectors
        self._ring = ring
        self._snapshot = snapshot
        self._opened = False
        self._index = 0
        self._sequence = 0
        self._log_at = 0
        self._slot_count = 0
        self._next_slot = 0
        self._tally_slot = None
        self._tally_steps = 0
        self._prepared_index = None
        self._degraded = False
        self._slot = bytearray(slots.SLOT_SIZE)
        self._slot_view = memoryview(self._slot)
        self._check = bytearray(slots.SLOT_SIZE)
        self._page = bytearray(PAGE_SIZE)

    @property
    def sequence(self) -> int:
        """The number of the newest sector: it grows by at least one with every roll."""
        return self._sequence

    @property
    def free_slots(self) -> int:
        """Slots left before the journal has to roll; 0 right after `recover`."""
        return self._slot_count - self._next_slot

    @property
    def degraded(self) -> bool:
        """True while something in the newest sector has only one good copy; the next write rolls."""
        return self._degraded

    @property
    def opened(self) -> bool:
        """True once the journal was recovered or created: only then anything can be written."""
        return self._opened

    def recover(self) -> tuple:
        """Find the newest state: `(snapshot, entries)`.

        `entries` is a list in the order of writing of `(kind, payload)` for records and `(None, steps)` for tallies.
        The next write rolls first. Raises JournalBlank, JournalUnreadable, OSError.
        """
        self._index, self._sequence, snapshot = self._newest()
        self._log_at = _log_offset(len(snapshot))
        self._slot_count = 0
        self._next_slot = 0
        self._tally_slot = None
        self._refuse_lost_successor()
        entries = self._read_entries()
        self._opened = True
        return snapshot, entries

    def create(self):
        """Start a journal in a blank ring. Raises ValueError where anything is written already."""
        if not self._is_blank():
            raise ValueError("the ring is not blank: erase it on purpose first")
        self._index = self._sectors - 1
        self._sequence = 0
        self._opened = True
        self.roll()

    def erase(self):
        """Erase the whole ring: everything in it is lost. For a person's explicit order only."""
        self._opened = False
        for index in range(self._sectors):
            self._erase_pair(index)

    def append(self, kind: int, payload: bytes):
        """Write one record; it is in flash twice on return. Raises OSError when no sector takes it."""
        self._tally_slot = None
        for _ in range(self._sectors):
            self._make_room()
            slots.put_record(self._slot, kind, payload, self._sequence, self._next_slot)
            self._next_slot += 1
            if self._program_slot(self._next_slot - 1, 0, slots.SLOT_SIZE):
                return
        raise OSError("no sector of the journal takes a record any more")

    def tally(self, steps: int) -> int:
        """Count `steps` (1 or more); give back how many of them were written, which may be fewer: ask again.

        The owner must take the steps into its state before it asks again, so that a roll can snapshot them.
        Raises OSError when no sector takes them.
        """
        for _ in range(self._sectors):
            self._open_tally()
            taken = min(steps, slots.TALLY_STEPS - self._tally_steps)
            start, end = slots.tally_span(self._tally_steps, self._tally_steps + taken)
            slots.put_tally(self._slot, self._tally_steps + taken, self._sequence, self._tally_slot)
            if self._program_slot(self._tally_slot, start, end):
                self._tally_steps += taken
                return taken
        raise OSError("no sector of the journal takes a tally any more")

    def prepare(self):
        """Erase the next sectors ahead of need, so that the roll that comes is short. Call when nothing is urgent."""
        following = (self._index + 1) % self._sectors
        if self._prepared_index != following:
            self._erase_pair(following)
            self._prepared_index = following

    def roll(self):
        """Go on to the next sector with a snapshot of the owner's state.

        Raises OSError when no sector is good, ValueError when the journal was not recovered or created before.
        """
        if not self._opened:
            raise ValueError("the journal is not open")
        snapshot = self._snapshot()
        if len(snapshot) > SNAPSHOT_LIMIT:
            raise ValueError("the snapshot is too long for a sector")
        for step in range(1, self._sectors):
            index = (self._index + step) % self._sectors
            if self._start_sector(index, self._sequence + step, snapshot):
                self._index = index
                self._sequence += step
                self._log_at = _log_offset(len(snapshot))
                self._slot_count = (SECTOR_SIZE - self._log_at) // slots.SLOT_SIZE
                self._next_slot = 0
                self._tally_slot = None
                self._degraded = False
                return
        raise OSError("no sector of the journal takes a snapshot any more")

    def history(self):
        """Yield `(kind, payload)` of every record still in the ring, oldest first; what cannot be read is left out."""
        slot = bytearray(slots.SLOT_SIZE)
        for step in range(1, self._sectors + 1):
            index = (self._index + step) % self._sectors
            header = self._read_header(0, index) or self._read_header(1, index)
            if header is None or header[0] > self._sequence:
                continue
            sequence, length, _ = header
            for number in range((SECTOR_SIZE - _log_offset(length)) // slots.SLOT_SIZE):
                for copy in range(_COPIES):
                    offset = _log_offset(length) + number * slots.SLOT_SIZE
                    self._flash.read(self._address(copy, index, offset), slot)
                    record = slots.record_of(slot, sequence, number)
                    if record is not None:
                        yield record
                        break

    def _make_room(self):
        if self._next_slot >= self._slot_count or self._degraded:
            self.roll()

    def _open_tally(self):
        """See to it that a tally slot with at least one step left is open in a sound sector."""
        if self._tally_slot is not None and self._tally_steps < slots.TALLY_STEPS and not self._degraded:
            return
        self._make_room()
        self._tally_slot = self._next_slot
        self._tally_steps = 0
        self._next_slot += 1

    def _address(self, copy, index, offset):
        return (self._first + copy * self._sectors + index) * SECTOR_SIZE + offset

    def _program_slot(self, number, start, end):
        """Program bytes of the prepared slot into both copies and read them back; False if neither copy took them."""
        good_copies = 0
        offset = self._log_at + number * slots.SLOT_SIZE
        for copy in range(_COPIES):
            address = self._address(copy, self._index, offset)
            self._flash.program(address + start, self._slot_view[start:end])
            self._flash.read(address, self._check)
            if self._check == self._slot:
                good_copies += 1
        if good_copies < _COPIES:
            self._degraded = True
        return good_copies > 0

    def _erase_pair(self, index):
        for copy in range(_COPIES):
            self._flash.erase(self._first + copy * self._sectors + index)

    def _start_sector(self, index, sequence, snapshot):
        """Write header and snapshot into both sectors of `index`; False if one of them does not hold them."""
        header = bytearray(b"\xff" * _HEADER_SIZE)
        crc = binascii.crc32(snapshot)
        struct.pack_into(_HEADER, header, 0, _MAGIC, self._ring, 0, len(snapshot), sequence, crc)
        struct.pack_into("<I", header, _HEADER_CRC_AT, binascii.crc32(header[:_HEADER_CRC_AT]))
        image = bytes(header) + snapshot
        prepared = self._prepared_index == index
        self._prepared_index = None
        for copy in range(_COPIES):
            if not prepared:
                self._flash.erase(self._first + copy * self._sectors + index)
            self._write_image(copy, index, image)
            if not self._holds_image(copy, index, image):
                return False
        return True

    def _write_image(self, copy, index, image):
        """Program the snapshot and, in an operation of its own, the header: a whole header promises a whole snapshot."""
        for page in range((len(image) - 1) // PAGE_SIZE, -1, -1):
            start = max(page * PAGE_SIZE, _HEADER_SIZE)
            part = image[start : (page + 1) * PAGE_SIZE]
            if part:
                self._flash.program(self._address(copy, index, start), part)
        self._flash.program(self._address(copy, index, 0), image[:_HEADER_SIZE])

    def _holds_image(self, copy, index, image):
        """True if the sector reads as `image` and blank behind it."""
        for page in range(_PAGES):
            self._flash.read(self._address(copy, index, page * PAGE_SIZE), self._page)
            part = image[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
            if self._page[: len(part)] != part or self._page[len(part) :] != _BLANK_PAGE[len(part) :]:
                return False
        return True

    def _read_header(self, copy, index):
        """`(sequence, snapshot length, snapshot CRC)` of a sector, or None if its header is not whole."""
        check = self._check
        self._flash.read(self._address(copy, index, 0), check)
        if struct.unpack_from("<I", check, _HEADER_CRC_AT)[0] != binascii.crc32(check[:_HEADER_CRC_AT]):
            return None
        magic, ring, _, length, sequence, crc = struct.unpack_from(_HEADER, check, 0)
        if magic != _MAGIC or ring != self._ring or length > SNAPSHOT_LIMIT:
            return None
        return sequence, length, crc

    def _newest(self):
        """`(index, sequence, snapshot)` of the newest sector that a roll has finished, at least in its first copy."""
        candidates = []
        for index in range(self._sectors):
            for copy in range(_COPIES):
                header = self._read_header(copy, index)
                if header is not None:
                    candidates.append((header[0], -copy, index, header[1], header[2]))
        candidates.sort(reverse=True)
        damaged_sequence = None
        for sequence, negative_copy, index, length, crc in candidates:
            snapshot = self._read_snapshot(-negative_copy, index, length)
            if binascii.crc32(snapshot) == crc:
                return index, sequence, snapshot
            if sequence == damaged_sequence:
                raise JournalUnreadable("the newest snapshot is damaged in both copies")
            damaged_sequence = sequence
        if not candidates and self._is_blank():
            raise JournalBlank("the journal is blank")
        raise JournalUnreadable("the journal has no readable sector")

    def _read_snapshot(self, copy, index, length):
        snapshot = bytearray(length)
        self._flash.read(self._address(copy, index, _HEADER_SIZE), snapshot)
        return bytes(snapshot)

    def _read_entries(self):
        """Every entry of the newest sector, each as its two copies prove it."""
        entries = []
        slot_count = (SECTOR_SIZE - self._log_at) // slots.SLOT_SIZE
        for number in range(slot_count):
            offset = self._log_at + number * slots.SLOT_SIZE
            self._flash.read(self._address(0, self._index, offset), self._slot)
            self._flash.read(self._address(1, self._index, offset), self._check)
            entry = slots.merge(self._slot, self._check, self._sequence, number)
            if entry is None:
                self._refuse_entries_behind(number, slot_count)
                break
            entries.append(entry)
        return entries

    def _refuse_entries_behind(self, end, slot_count):
        """Where the log ends, nothing whole may follow: else what looks like the end is damage in the middle."""
        for number in range(end + 1, slot_count):
            for copy in range(_COPIES):
                offset = self._log_at + number * slots.SLOT_SIZE
                self._flash.read(self._address(copy, self._index, offset), self._check)
                if slots.is_entry(self._check, self._sequence, number):
                    raise JournalUnreadable("an entry in the middle of the journal is damaged in both copies")

    def _refuse_lost_successor(self):
        """The next sectors may not hold entries of a newer log: its snapshot was acknowledged, it must be readable."""
        index = (self._index + 1) % self._sectors
        for copy in range(_COPIES):
            for page in range(1, _PAGES):
                self._flash.read(self._address(copy, index, page * PAGE_SIZE), self._check)
                if slots.is_entry(self._check, self._sequence + 1, 0):
                    raise JournalUnreadable("the newest snapshot is damaged, but not what follows it")

    def _is_blank(self):
        for copy in range(_COPIES):
            for index in range(self._sectors):
                for page in range(_PAGES):
                    self._flash.read(self._address(copy, index, page * PAGE_SIZE), self._page)
                    if self._page != _BLANK_PAGE:
                        return False
        return True


def _log_offset(snapshot_length):
    """Where the slots begin: at the first page that header and snapshot leave untouched."""
    return (_HEADER_SIZE + snapshot_length + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE
