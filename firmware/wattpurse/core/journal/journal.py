"""Append-only journal on two copies of a flash ring: what it has taken, no power cut takes away.

A sector holds a snapshot of everything the owner knows (see `ring`) and then slots (see `slots`) that tell what came
after. When the slots are used up, the journal rolls on to the next sector with a new snapshot, so that the newest
sector alone is enough to recover from, and the others are history.

Everything is written twice, to the first copy and then to the second. A cut can damage the whole page that was being
programmed, or leave half-written bits that read differently each time; it can never damage both copies. Recovery
therefore reads both, and the next write rolls first: nothing is ever appended behind a place where power failed.
"""

from wattpurse.core.journal import ring, slots
from wattpurse.core.journal.ring import Ring
from wattpurse.core.journal.slots import JournalUnreadable


class Journal:
    """The journal on `sectors` sectors twice over, from sector `first_sector` of `flash` (see `hal`).

    `number` (0 to 255) tells several journals on one flash apart. `snapshot()` must give the owner's whole state as
    bytes, at most ring.SNAPSHOT_LIMIT of them; the journal calls it when it rolls.
    """

    def __init__(self, flash, first_sector: int, sectors: int, number: int, snapshot) -> None:
        self._ring = Ring(flash, first_sector, sectors, number)
        self._snapshot = snapshot
        self._opened = False
        self._index = 0
        self._sequence = 0
        self._tried_sequence = 0
        self._log_at = 0
        self._slot_count = 0
        self._next_slot = 0
        self._tally_slot = None
        self._tally_steps = 0
        self._erased_copies = 0
        self._degraded = False
        self._slot = bytearray(slots.SLOT_SIZE)
        self._slot_view = memoryview(self._slot)
        self._check = bytearray(slots.SLOT_SIZE)

    @property
    def sequence(self) -> int:
        """The number of the newest sector: it grows by at least one with every roll."""
        return self._sequence

    @property
    def free_slots(self) -> int:
        """Slots left before the journal has to roll; 0 right after `recover`."""
        return self._slot_count - self._next_slot

    @property
    def used_slots(self) -> int:
        """Slots of the newest sector that can take nothing any more; right after `recover`, 0."""
        return self._next_slot

    @property
    def degraded(self) -> bool:
        """True while the newest sector has only one good copy of something, or a write failed; the next write rolls."""
        return self._degraded

    @property
    def opened(self) -> bool:
        """True once the journal was recovered or created: only then anything can be written."""
        return self._opened

    def recover(self) -> tuple:
        """Find the newest state: `(snapshot, entries)`.

        `entries` is a list in the order of writing of `(kind, payload)` for records and `(None, steps)` for tallies.
        The next write rolls first. Raises ring.JournalBlank, slots.JournalUnreadable, OSError.
        """
        self._index, self._sequence, snapshot = self._ring.newest()
        self._tried_sequence = self._sequence
        self._log_at = ring.log_offset(len(snapshot))
        self._slot_count = 0
        self._next_slot = 0
        self._tally_slot = None
        self._refuse_lost_successor()
        entries = self._read_entries()
        self._opened = True
        return snapshot, entries

    def resume(self) -> bytes:
        """Go on in the newest sector without recovering it: for a log; gives back the sector's snapshot.

        Unlike `recover` this costs no sector, only the slot in which power may have failed. What follows the snapshot
        is left to `newest_records`, where a record whose writing was cut off may be found or not, and at times.
        Raises ring.JournalBlank, slots.JournalUnreadable, OSError.
        """
        self._index, self._sequence, snapshot = self._ring.newest()
        self._tried_sequence = self._sequence
        self._log_at = ring.log_offset(len(snapshot))
        self._slot_count = (ring.SECTOR_SIZE - self._log_at) // slots.SLOT_SIZE
        self._next_slot = min(self._used_slots() + 1, self._slot_count)
        self._tally_slot = None
        # A header that power cut off may not be read the next time: nothing is written behind one that stands alone.
        self._degraded = self._ring.read_header(0, self._index) != self._ring.read_header(1, self._index)
        self._opened = True
        return snapshot

    def create(self) -> None:
        """Start a journal in a blank ring. Raises ValueError where anything is written already."""
        if not self._ring.is_blank():
            raise ValueError("the ring is not blank: erase it on purpose first")
        self._index = self._ring.sectors - 1
        self._sequence = 0
        self._tried_sequence = 0
        self._opened = True
        self.roll()

    def erase(self) -> None:
        """Erase the whole ring: everything in it is lost. For a person's explicit order only.

        What is blank already is passed over, so that an erasing that a reset interrupted is finished by the next.
        """
        self._opened = False
        self._erased_copies = 0
        for index in range(self._ring.sectors):
            for copy in range(ring.COPIES):
                if not self._ring.sector_is_blank(copy, index):
                    self._ring.erase(copy, index)

    def append(self, kind: int, payload: bytes) -> None:
        """Write one record; it is in flash twice on return. Raises OSError when no sector takes it."""
        self._tally_slot = None
        for _ in range(self._ring.sectors):
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
        for _ in range(self._ring.sectors):
            self._open_tally()
            taken = min(steps, slots.TALLY_STEPS - self._tally_steps)
            start, end = slots.tally_span(self._tally_steps, self._tally_steps + taken)
            slots.put_tally(self._slot, self._tally_steps + taken, self._sequence, self._tally_slot)
            if self._program_slot(self._tally_slot, start, end):
                self._tally_steps += taken
                return taken
        raise OSError("no sector of the journal takes a tally any more")

    def prepare(self) -> bool:
        """Erase one sector ahead of need, so that the roll that comes is short; False if none is due."""
        if not self._opened or self._erased_copies == ring.COPIES:
            return False
        try:
            self._ring.erase(self._erased_copies, (self._index + 1) % self._ring.sectors)
        except OSError:
            pass  # the roll that comes finds that the sector is not erased, and passes it over
        self._erased_copies += 1
        return True

    def roll(self) -> None:
        """Go on to the next sector with a snapshot of the owner's state.

        Raises OSError when no sector is good, ValueError when the journal was not recovered or created before.
        """
        if not self._opened:
            raise ValueError("the journal is not open")
        snapshot = self._snapshot()
        if len(snapshot) > ring.SNAPSHOT_LIMIT:
            raise ValueError("the snapshot is too long for a sector")
        erased = self._erased_copies == ring.COPIES
        self._erased_copies = 0
        # A roll that fails may leave sectors that recovery takes for the newest. Nothing may go into the old one then,
        # and the roll that comes to succeed must be newer than they are.
        self._degraded = True
        for step in range(1, self._ring.sectors):
            index = (self._index + step) % self._ring.sectors
            self._tried_sequence += 1
            if self._ring.start_sector(index, self._tried_sequence, snapshot, erased and step == 1):
                self._index = index
                self._sequence = self._tried_sequence
                self._log_at = ring.log_offset(len(snapshot))
                self._slot_count = (ring.SECTOR_SIZE - self._log_at) // slots.SLOT_SIZE
                self._next_slot = 0
                self._tally_slot = None
                self._degraded = False
                return
        raise OSError("no sector of the journal takes a snapshot any more")

    def history(self):
        """Yield `(kind, payload)` of every record still in the ring, newest first; what cannot be read is left out."""
        for kind, payload, _ in self.survey():
            if kind is not None:
                yield kind, payload

    def newest_records(self) -> list:
        """`(kind, payload)` of every record behind the newest snapshot, in the order of writing."""
        found = self._survey_sector(self._index, self._sequence, self._log_at)
        records = [(kind, payload) for kind, payload, _ in found if kind is not None]
        records.reverse()
        return records

    def survey(self):
        """Yield `(kind, payload, copies)` of every slot in use, newest first: how many copies hold the record.

        `(None, None, 0)` stands for a slot that holds none any more, and for sectors that are missing. For a ring of
        records: a tally is none.
        """
        newest_index, newest_sequence = self._index, self._sequence  # what is written meanwhile is not looked at
        yield from self._survey_sector(newest_index, newest_sequence, self._log_at)
        expected = newest_sequence - 1
        for step in range(1, self._ring.sectors):
            index = (newest_index - step) % self._ring.sectors
            header = self._ring.newest_header(index, expected)
            if header is None:
                continue
            if header[0] < expected:
                yield None, None, 0
            expected = header[0] - 1
            yield from self._survey_sector(index, header[0], ring.log_offset(header[1]))

    def _survey_sector(self, index, sequence, log_at):
        slot_count = (ring.SECTOR_SIZE - log_at) // slots.SLOT_SIZE
        if index == self._index and self._slot_count:
            slot_count = self._next_slot
        first, second = bytearray(slots.SLOT_SIZE), bytearray(slots.SLOT_SIZE)
        for number in range(slot_count - 1, -1, -1):
            self._ring.read(0, index, log_at + number * slots.SLOT_SIZE, first)
            self._ring.read(1, index, log_at + number * slots.SLOT_SIZE, second)
            if first == slots.BLANK and second == slots.BLANK:
                continue
            record = slots.record_of(first, sequence, number)
            copies = 2
            if first != second:
                other = slots.record_of(second, sequence, number)
                copies = (record is not None) + (other is not None)
                record = record or other
            yield (None, None, 0) if record is None else (record[0], record[1], copies)

    def _make_room(self) -> None:
        if self._next_slot >= self._slot_count or self._degraded:
            self.roll()

    def _open_tally(self) -> None:
        """See to it that a tally slot with at least one step left is open in a sound sector."""
        if self._tally_slot is not None and self._tally_steps < slots.TALLY_STEPS and not self._degraded:
            return
        self._make_room()
        self._tally_slot = self._next_slot
        self._tally_steps = 0
        self._next_slot += 1

    def _program_slot(self, number, start, end):
        """Program bytes of the prepared slot into both copies and read them back; False if neither copy took them."""
        good_copies = 0
        # Until it is read back, it may be in flash or not: if that fails, what is written next must not build on it.
        self._degraded = True
        offset = self._log_at + number * slots.SLOT_SIZE
        for copy in range(ring.COPIES):
            if self._copy_takes(copy, offset, start, end):
                good_copies += 1
        self._degraded = good_copies < ring.COPIES
        return good_copies > 0

    def _copy_takes(self, copy, offset, start, end):
        """Program bytes of the prepared slot into one copy; a sector that fails is one that did not take them."""
        try:
            self._ring.program(copy, self._index, offset + start, self._slot_view[start:end])
            self._ring.read(copy, self._index, offset, self._check)
        except OSError:
            return False
        return self._check == self._slot

    def _read_entries(self):
        """Every entry of the newest sector, each as its two copies prove it."""
        entries = []
        slot_count = (ring.SECTOR_SIZE - self._log_at) // slots.SLOT_SIZE
        for number in range(slot_count):
            offset = self._log_at + number * slots.SLOT_SIZE
            self._ring.read(0, self._index, offset, self._slot)
            self._ring.read(1, self._index, offset, self._check)
            finished = self._check == slots.BLANK and self._goes_on_behind(number, slot_count)
            entry = slots.merge(self._slot, self._check, self._sequence, number, finished)
            if entry is None:
                self._refuse_entries_behind(number, slot_count)
                break
            entries.append(entry)
        return entries

    def _goes_on_behind(self, number, slot_count) -> bool:
        """True if the next slot holds an entry: a write that fails is never followed by another in the same sector."""
        behind = bytearray(slots.SLOT_SIZE)
        for copy in range(ring.COPIES if number + 1 < slot_count else 0):
            self._ring.read(copy, self._index, self._log_at + (number + 1) * slots.SLOT_SIZE, behind)
            if slots.is_entry(behind, self._sequence, number + 1):
                return True
        return False

    def _used_slots(self):
        """How many slots there are up to the last that is not blank in both copies."""
        for number in range(self._slot_count - 1, -1, -1):
            for copy in range(ring.COPIES):
                self._ring.read(copy, self._index, self._log_at + number * slots.SLOT_SIZE, self._check)
                if self._check != slots.BLANK:
                    return number + 1
        return 0

    def _refuse_entries_behind(self, end, slot_count) -> None:
        """Where the log ends, nothing whole may follow: else what looks like the end is damage in the middle."""
        for number in range(end + 1, slot_count):
            for copy in range(ring.COPIES):
                self._ring.read(copy, self._index, self._log_at + number * slots.SLOT_SIZE, self._check)
                if slots.is_entry(self._check, self._sequence, number):
                    raise JournalUnreadable("an entry in the middle of the journal is damaged in both copies")

    def _refuse_lost_successor(self) -> None:
        """The next sectors may not hold entries of a newer log: its snapshot was acknowledged, it must be readable."""
        index = (self._index + 1) % self._ring.sectors
        for copy in range(ring.COPIES):
            for page in range(1, ring.PAGES):
                self._ring.read(copy, index, page * ring.PAGE_SIZE, self._check)
                if slots.is_entry(self._check, self._sequence + 1, 0):
                    raise JournalUnreadable("the newest snapshot is damaged, but not what follows it")
