"""Append-only journal on two copies of a flash ring: no power cut takes an acknowledged entry away.

A sector holds a snapshot of the owner's whole state (see `ring`) and then slots (see `slots`) with the later changes.
When the slots are used up, the journal rolls on to the next sector with a new snapshot, so that the newest
sector alone is enough to recover from, and the others are history.

Everything is written twice: to the first copy and, once that reads back whole, to the second. A write is acknowledged
when both copies hold it; one that a copy does not take is written again behind a roll. A cut can damage the whole page
that was being programmed, or leave cells that read one way at this start and another way at the next; it can never
damage both copies. Recovery therefore reads both, and the next write rolls first: nothing is ever appended behind a
place where power failed.

A start may read a state that the next start does not find. Therefore `roll` makes a state firm: it writes a snapshot
into both copies of a sector, kills every header that may be a ghost (see `ring`), and appends the record FIRM. Each
entry of a log proves the header before it, because it was written after that. The sector of the newest header that is
proven so is never erased until a newer one is firm in both copies.

An owner that shall not roll at each start writes by `append_firmly` and `roll_firmly`: BEGUN before the change, FIRM
behind it. Where the newest entry is FIRM, no change was under way, and a start has nothing to make firm. A plain
`append` or `tally` behind FIRM appends BEGUN first, so that this holds for every owner.

Erasing ahead is for those who write. A run that has written less than SLOTS_BEFORE_ERASING slots erases nothing ahead
of need: else a row of short runs would erase the same sector at each start.
"""

import struct

from wattpurse.core.journal import ring, slots
from wattpurse.core.journal.ring import Ring
from wattpurse.core.journal.slots import BEGUN, COUNT, FIRM, OWN_KINDS, JournalUnreadable
from wattpurse.core.journal.survey import older_sectors, sector_records, settled, slots_behind

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from wattpurse.hal import Flash

_COUNT = "<I"

# At 400 ms each, the longest in any data sheet, these hold the processor for 6.4 s: the watchdog waits 8 s.
ERASES_AT_ONCE = 16
SLOTS_BEFORE_ERASING = 8
_SLOTS_OF_A_CHANGE = 3
_SLOTS_OF_A_PAGE = ring.PAGE_SIZE // slots.SLOT_SIZE


class Journal:
    """The journal on `sectors` sectors twice over, from sector `first_sector` of `flash` (see `hal`).

    `number` (0 to 255) tells several journals on one flash apart. `snapshot()` must give the owner's whole state as
    bytes, at most ring.SNAPSHOT_LIMIT of them; the journal calls it when it rolls.
    """

    def __init__(
        self, flash: "Flash", first_sector: int, sectors: int, number: int, snapshot: "Callable[[], bytes]"
    ) -> None:
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
        self._slots_written = 0
        self._degraded = False
        self._sector_failed = False
        self._is_firm = False
        self._counts_by_records = False
        self._firm_index = None
        self._erases_left = None
        self.other_counts = []
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
        """True while the next write has to roll, or if the last roll passed over a sector that failed."""
        return self._degraded or self._sector_failed

    @property
    def is_firm(self) -> bool:
        """True if every start from now on finds the state that this run tells of."""
        return self._is_firm

    @property
    def opened(self) -> bool:
        """True once the journal was recovered or created: only then anything can be written."""
        return self._opened

    def recover(self) -> tuple:
        """Find the newest state: `(snapshot, entries)`.

        `entries` is a list in the order of writing of `(kind, payload)` for records and `(None, steps)` for tallies.
        `other_counts` has `(place in the list, steps)` of tallies whose copies count differently. The next write rolls
        first. Raises ring.JournalBlank, slots.JournalUnreadable, OSError.
        """
        snapshot = self._open_newest()
        self._slot_count = 0
        self._next_slot = 0
        self._tally_slot = None
        self._refuse_lost_successor()
        entries = self._read_entries(snapshot)
        self._opened = True
        return snapshot, entries

    def resume(self) -> bytes:
        """Continue in the newest sector without recovering it, for a log; return the snapshot of the sector.

        Unlike `recover` this costs no sector, only a slot, or the page in which power failed. `newest_records` gives
        the records behind the snapshot. A record whose writing was cut off may be among them at one start and not at
        the next: `repeat_doubtful` makes the newest firm. Raises ring.JournalBlank, slots.JournalUnreadable, OSError.
        """
        snapshot = self._open_newest()
        self._find_end()
        return snapshot

    def create(self) -> None:
        """Start a journal in a blank ring. Raises ValueError where anything is written already."""
        if not self._ring.is_blank():
            raise ValueError("the ring is not blank: erase it on purpose first")
        self._begin()

    def resume_or_create(self) -> "Generator[None, None, bytes]":
        """Resume a log, or create it in blank flash. Yield between steps of milliseconds; return the sector's snapshot.

        A creation that power cut off is made anew: nothing was in the log yet. Nothing can be written before the end.
        Raises as `resume` does.
        """
        failure = None
        if self._ring.has_header():
            try:
                snapshot = self._open_newest()
                yield
                self._find_end()
                yield
                return snapshot
            except JournalUnreadable as error:
                failure = error
        for has_log in self._logs():
            if has_log:
                raise failure or JournalUnreadable("the journal has no readable sector")
            yield
        yield from self._erasing()
        self._begin()
        yield
        return self._snapshot()

    def is_without_log(self) -> bool:
        """Return True if no sector has anything behind its first page.

        After the creation of a ring with a short snapshot was cut off this is so, and never again.
        """
        return not any(self._logs())

    def erase(self) -> None:
        """Erase the whole ring: everything in it is lost. For a person's explicit order only.

        Blank sectors are passed over, so that the next call finishes an erasing that a reset interrupted.
        """
        for _ in self._erasing():
            pass

    def append(self, kind: int, payload: bytes) -> None:
        """Write one record; it is in flash twice on return. Raises OSError when no sector takes it."""
        self._erases_left = ERASES_AT_ONCE
        self._end_firmness()
        self._append(kind, payload)

    def append_firmly(self, kind: int, payload: bytes) -> None:
        """Write one record such that every start finds it. Raises OSError when no sector takes it."""
        self._begin_change()
        self._append(kind, payload)
        self.mark_firm()

    def roll_firmly(self, alter: "Callable[[], None]") -> None:
        """Let `alter()` change the owner's state, and roll, such that every start finds the change.

        Raises OSError when no sector takes it; the owner must then take its state back.
        """
        self._begin_change()
        alter()
        self._roll_firm()

    def mark_firm(self) -> None:
        """Append FIRM, the mark that everything before it is whole in both copies; without the mark nothing is lost."""
        try:
            self._append(FIRM, b"")
        except OSError:
            return  # the next start makes the state firm that it finds
        self._is_firm = True

    def make_firm(self) -> None:
        """Roll unless the recovered state is firm already. Raises OSError when no sector takes it."""
        if not self._is_firm:
            self.roll()

    def repeat_doubtful(self) -> bool:
        """Write the newest record of a log again if one copy alone holds it; True if it was.

        Power may have failed while it was written: it would be there at one start and not at the next.
        """
        if not self._opened:
            return False
        for record in self._survey_newest_sector():
            if record is not None:
                kind, payload, copies = record
                if copies < ring.COPIES:
                    self.append(kind, payload)
                return copies < ring.COPIES
        return False

    def tally(self, steps: int) -> int:
        """Count `steps` (1 or more); return how many of them were written, which may be fewer: ask again.

        The owner must take the steps into its state before it asks again, so that a roll can snapshot them.
        Raises OSError when no sector takes them.
        """
        self._erases_left = ERASES_AT_ONCE
        self._end_firmness()
        if self._counts_by_records:
            self._append(COUNT, struct.pack(_COUNT, steps))
            return steps
        for _ in range(self._ring.sectors):
            self._open_tally()
            taken = min(steps, slots.TALLY_STEPS - self._tally_steps)
            start, end = slots.tally_span(self._tally_steps, self._tally_steps + taken)
            slots.put_tally(self._slot, self._tally_steps + taken, self._sequence, self._tally_slot)
            if self._program_slot(self._tally_slot, start, end):
                self._tally_steps += taken
                return taken
        raise OSError("no sector of the journal takes a tally any more")

    def count_by_records(self) -> None:
        """Write a record for each `tally` from now on, for flash that does not keep a byte that is programmed again.

        Recovery reads both. A record takes a slot, where a tally of 224 steps does: the ring is worn that much sooner.
        """
        self._counts_by_records = True

    def prepare(self) -> bool:
        """Erase one sector ahead of need, so that the roll that comes is short; False if none is due."""
        if self._slots_written < SLOTS_BEFORE_ERASING:
            return False
        if not self._opened or self._erased_copies == ring.COPIES or self._firm_index != self._index:
            return False
        try:
            self._ring.erase(self._erased_copies, (self._index + 1) % self._ring.sectors)
        except OSError:
            pass  # the roll that comes finds that the sector is not erased, and passes it over
        self._erased_copies += 1
        return True

    def roll(self) -> None:
        """Write a snapshot of the owner's state into the next sector, and make it firm.

        Raises OSError when no sector is good, ValueError when the journal was not recovered or created before. A roll
        erases at most ERASES_AT_ONCE sectors; that of a start, when no watchdog runs yet, as many as there are.
        """
        self._erases_left = (
            ERASES_AT_ONCE if self._slot_count or self._is_firm else 2 * ring.COPIES * self._ring.sectors
        )
        self._roll_firm()

    def history(self) -> "Iterator[tuple]":
        """Yield `(kind, payload, copies)` of every record that the newest state follows from, newest first.

        Unreadable records are left out, and those that a start did not find (see `survey.settled`).
        """
        return settled(self.survey())

    def newest_records(self) -> list:
        """Return `(kind, payload)` of every record of `history` behind the newest snapshot, in the order of writing."""
        records = list(self.newest_first())
        records.reverse()
        return records

    def newest_first(self) -> "Iterator[tuple]":
        """Yield the same, newest first."""
        for kind, payload, _ in settled(self._survey_newest_sector()):
            yield kind, payload

    def newest_record(self) -> "tuple | None":
        """Return `(kind, payload)` of the newest record of `history` behind the newest snapshot, or None."""
        return next(self.newest_first(), None)

    def survey(self) -> "Iterator[tuple | None]":
        """Yield `(kind, payload, copies)` or None of every slot in use, newest first (see `survey.older_sectors`)."""
        # A caller may append meanwhile: those entries are left out.
        index, sequence = self._index, self._sequence
        yield from self._survey_newest_sector()
        yield from older_sectors(self._ring, index, sequence)

    def _survey_newest_sector(self) -> "Iterator[tuple | None]":
        slot_count = self._next_slot if self._slot_count else slots_behind(self._log_at)
        return sector_records(self._ring, self._index, self._sequence, self._log_at, slot_count)

    def _open_newest(self) -> bytes:
        """Find the newest sector and the newest that is proven; return the snapshot of the former."""
        self._index, self._sequence, snapshot = self._ring.newest()
        self._tried_sequence = self._ring.highest_sequence
        self._log_at = ring.log_offset(len(snapshot))
        self._is_firm = False
        self._firm_index = self._index
        if not self._ring.has_entry(self._index, self._sequence, len(snapshot)):
            self._firm_index = self._ring.newest_firm(self._sequence)
            self._ring.ghosts += self._ring.killed  # the start that killed them may have been cut off in that
        return snapshot

    def _find_end(self) -> None:
        """Find the slot behind the log of the newest sector, and go on from it."""
        self._slot_count = slots_behind(self._log_at)
        self._next_slot = min(self._first_safe_slot(), self._slot_count)
        self._tally_slot = None
        # A header that power cut off may not be read the next time: nothing is written behind one that is not proven.
        self._degraded = self._firm_index != self._index or self._headers_differ()
        self._opened = True

    def _begin(self) -> None:
        """Write the first sector of a ring that is blank."""
        self._index = self._ring.sectors - 1
        self._sequence = 0
        self._tried_sequence = 0
        self._firm_index = None
        self._opened = True
        self._erases_left = ERASES_AT_ONCE
        self._roll_on()

    def _logs(self) -> "Iterator[bool]":
        """Yield for each sector whether anything is behind its first page."""
        for copy in range(ring.COPIES):
            for index in range(self._ring.sectors):
                yield any(not self._ring.page_is_blank(copy, index, page) for page in range(1, ring.PAGES))

    def _erasing(self) -> "Iterator[None]":
        """Erase each sector that is not blank. Yield after each sector."""
        self._opened = False
        self._erased_copies = 0
        for index in range(self._ring.sectors):
            for copy in range(ring.COPIES):
                if not self._ring.sector_is_blank(copy, index):
                    self._ring.erase(copy, index)
                yield

    def _roll_firm(self) -> None:
        self._roll_on()
        self._kill_ghosts()
        self.mark_firm()

    def _headers_differ(self) -> bool:
        return self._ring.read_header(0, self._index) != self._ring.read_header(1, self._index)

    def _kill_ghosts(self) -> None:
        """Overwrite or erase every header that a later start might believe."""
        for copy, index in self._ring.ghosts:
            if index != self._index and not self._ring.kill(copy, index):
                try:
                    self._ring.erase(copy, index)
                except OSError:
                    pass  # a sector that takes neither keeps its header, which is older than the newest
        self._ring.ghosts = []

    def _begin_change(self) -> None:
        """Append BEGUN to a sector of this run that has room for the change."""
        if self.free_slots < _SLOTS_OF_A_CHANGE or self._degraded:
            self.roll()
        else:
            self._erases_left = ERASES_AT_ONCE
        self._is_firm = False
        self._append(BEGUN, b"")

    def _end_firmness(self) -> None:
        """Append BEGUN behind FIRM: the entry that follows may be there at one start and not at the next."""
        if self._is_firm:
            self._is_firm = False
            if self.free_slots:
                self._append(BEGUN, b"")

    def _append(self, kind: int, payload: bytes) -> None:
        self._tally_slot = None
        for _ in range(self._ring.sectors):
            self._make_room()
            slots.put_record(self._slot, kind, payload, self._sequence, self._next_slot)
            self._next_slot += 1
            self._slots_written += 1
            if self._program_slot(self._next_slot - 1, 0, slots.SLOT_SIZE):
                return
        raise OSError("no sector of the journal takes a record any more")

    def _make_room(self) -> None:
        if self._ring.ghosts:
            self._kill_ghosts()
        if self._next_slot >= self._slot_count or self._degraded:
            self._roll_on()

    def _roll_on(self) -> None:
        """Write a snapshot into the next sector that takes it."""
        if not self._opened:
            raise ValueError("the journal is not open")
        snapshot = self._snapshot()
        if len(snapshot) > ring.SNAPSHOT_LIMIT:
            raise ValueError("the snapshot is too long for a sector")
        self._is_firm = False
        erased = self._erased_copies == ring.COPIES and self._firm_index == self._index
        self._erased_copies = 0
        self._sector_failed = self._sector_failed and self._degraded
        # A roll that fails may leave sectors that recovery takes for the newest. Nothing may go into the old one then,
        # and the roll that comes to succeed must be newer than they are.
        self._degraded = True
        is_first = True
        for index in self._targets():
            if self._starts(index, snapshot, erased, is_first):
                self._index = self._firm_index = index
                self._sequence = self._tried_sequence
                self._log_at = ring.log_offset(len(snapshot))
                self._slot_count = slots_behind(self._log_at)
                self._next_slot = 0
                self._tally_slot = None
                self._degraded = False
                return
            erased = is_first = False
            self._sector_failed = True
        raise OSError("no sector of the journal takes a snapshot any more")

    def _targets(self) -> list:
        """Return the sectors that a roll may take, in their order.

        They follow the newest that is proven, which is never among them. One that is believed and not proven is taken
        again: either nothing was acknowledged because of it, or both of its copies are whole. One copy stays
        until the other is written anew. No row of cuts reaches the only sound sector in this way.
        """
        before = self._index if self._firm_index is None else self._firm_index
        return [(before + step) % self._ring.sectors for step in range(1, self._ring.sectors)]

    def _starts(self, index: int, snapshot: bytes, erased: bool, is_first: bool) -> bool:
        """Start a sector. Behind one that failed, one that takes no program is found before it is erased."""
        if not is_first:
            for copy in range(ring.COPIES):
                if not self._ring.kill(copy, index):
                    return False
        if not erased:
            self._erases_left -= ring.COPIES
            if self._erases_left < 0:
                raise OSError("too many sectors in a row fail to be erased")
        self._tried_sequence += 1
        if self._ring.start_sector(index, self._tried_sequence, snapshot, erased):
            return True
        for copy in range(ring.COPIES):
            self._ring.kill(copy, index)
        return False

    def _open_tally(self) -> None:
        """Open a tally slot in a sound sector, unless one with at least one step left is open."""
        if self._tally_slot is not None and self._tally_steps < slots.TALLY_STEPS and not self._degraded:
            return
        self._make_room()
        self._tally_slot = self._next_slot
        self._tally_steps = 0
        self._next_slot += 1
        self._slots_written += 1

    def _program_slot(self, number: int, start: int, end: int) -> bool:
        """Program bytes of the prepared slot into one copy after the other; False if one did not take them.

        The second is not begun where the first failed: so the first is never behind the second.
        """
        # Until the entry is read back, it may be in flash or not. If that fails, the next entry must not build on it.
        self._degraded = True
        offset = self._log_at + number * slots.SLOT_SIZE
        for copy in range(ring.COPIES):
            if not self._copy_takes(copy, offset, start, end):
                self._sector_failed = True
                return False
        self._degraded = False
        return True

    def _copy_takes(self, copy: int, offset: int, start: int, end: int) -> bool:
        """Program bytes of the prepared slot into one copy; a sector that fails is one that did not take them."""
        try:
            self._ring.program(copy, self._index, offset + start, self._slot_view[start:end])
            self._ring.read(copy, self._index, offset, self._check)
        except OSError:
            return False
        return self._check == self._slot

    def _read_entries(self, snapshot: bytes) -> list:
        """Return every entry of the newest sector, each as its two copies prove it, and find out if they are firm."""
        entries = []
        self.other_counts = []
        kind = None
        copies_agree = True
        slot_count = slots_behind(self._log_at)
        for number in range(slot_count):
            offset = self._log_at + number * slots.SLOT_SIZE
            self._ring.read(0, self._index, offset, self._slot)
            self._ring.read(1, self._index, offset, self._check)
            copies_agree = copies_agree and self._slot == self._check
            finished = self._check == slots.BLANK and self._goes_on_behind(number, slot_count)
            entry = slots.merge(self._slot, self._check, self._sequence, number, finished)
            if entry is None:
                self._refuse_entries_behind(number)
                copies_agree = copies_agree and self._slot == slots.BLANK
                break
            kind = entry[0]
            if kind is None:
                other = slots.other_count(self._slot, self._check, self._sequence, number, entry[1])
                if other is not None:
                    self.other_counts.append((len(entries), other))
            if kind == COUNT:
                entries.append((None, struct.unpack_from(_COUNT, entry[1])[0]))
            elif kind not in OWN_KINDS:
                entries.append(entry)
        self._is_firm = kind == FIRM and copies_agree and not self._ring.ghosts and self._both_hold(snapshot)
        return entries

    def _both_hold(self, snapshot: bytes) -> bool:
        """Return True if header and snapshot are whole in both copies."""
        for copy in range(ring.COPIES):
            header = self._ring.read_header(copy, self._index)
            if header is None or header[0] != self._sequence:
                return False
            if self._ring.read_snapshot(copy, self._index, header[1], header[2]) != snapshot:
                return False
        return True

    def _goes_on_behind(self, number: int, slot_count: int) -> bool:
        """Return True if the next slot holds an entry: no write in the same sector follows one that failed."""
        behind = bytearray(slots.SLOT_SIZE)
        for copy in range(ring.COPIES if number + 1 < slot_count else 0):
            self._ring.read(copy, self._index, self._log_at + (number + 1) * slots.SLOT_SIZE, behind)
            if slots.is_entry(behind, self._sequence, number + 1):
                return True
        return False

    def _used_slots(self) -> int:
        """Return the number of slots up to the last that is not blank in both copies."""
        for page in range(ring.PAGES - 1, self._log_at // ring.PAGE_SIZE - 1, -1):
            if all([self._ring.page_is_blank(copy, self._index, page) for copy in range(ring.COPIES)]):
                continue
            first = self._first_slot(page)
            for number in range(first + _SLOTS_OF_A_PAGE - 1, first - 1, -1):
                for copy in range(ring.COPIES):
                    self._read_slot(copy, number)
                    if self._check != slots.BLANK:
                        return number + 1
        return 0

    def _first_safe_slot(self) -> int:
        """Return the first slot that a log may use after a start: behind the page in which power failed.

        A cut can damage a whole page of one copy. If the copies of the newest page differ, a further cut in that page
        could take the last whole copy of its entries.
        """
        used = self._used_slots()
        first = max(used - 1, 0) // _SLOTS_OF_A_PAGE * _SLOTS_OF_A_PAGE  # a log begins with a page
        for number in range(first, used):
            self._ring.read(0, self._index, self._log_at + number * slots.SLOT_SIZE, self._slot)
            self._read_slot(1, number)
            if self._slot != self._check:
                return first + _SLOTS_OF_A_PAGE
        return used + 1

    def _refuse_entries_behind(self, end: int) -> None:
        """Raise JournalUnreadable if an entry stands behind the end of the log: then the end is damage."""
        for copy in range(ring.COPIES):
            for page in range(self._log_at // ring.PAGE_SIZE, ring.PAGES):
                first = self._first_slot(page)
                if first + _SLOTS_OF_A_PAGE <= end + 1 or self._ring.page_is_blank(copy, self._index, page):
                    continue
                for number in range(max(first, end + 1), first + _SLOTS_OF_A_PAGE):
                    self._read_slot(copy, number)
                    if slots.is_entry(self._check, self._sequence, number):
                        raise JournalUnreadable("an entry in the middle of the journal is damaged in both copies")

    def _first_slot(self, page: int) -> int:
        """Return the number of the first slot on a page of the log."""
        return (page * ring.PAGE_SIZE - self._log_at) // slots.SLOT_SIZE

    def _read_slot(self, copy: int, number: int) -> None:
        """Read one copy of a slot of the newest sector into the buffer for checks."""
        self._ring.read(copy, self._index, self._log_at + number * slots.SLOT_SIZE, self._check)

    def _refuse_lost_successor(self) -> None:
        """Raise JournalUnreadable if the next sector has entries of a newer log: its snapshot was acknowledged.

        A sector with a killed header is passed over, for only those that nothing was acknowledged in are killed. An
        entry whose writing was cut off may still read whole in one.
        """
        index = (self._index + 1) % self._ring.sectors
        for copy in range(ring.COPIES):
            if (copy, index) in self._ring.killed:
                return
        for copy in range(ring.COPIES):
            for page in range(1, ring.PAGES):
                self._ring.read(copy, index, page * ring.PAGE_SIZE, self._check)
                if slots.is_entry(self._check, self._sequence + 1, 0):
                    raise JournalUnreadable("the newest snapshot is damaged, and the entries behind it are whole")
