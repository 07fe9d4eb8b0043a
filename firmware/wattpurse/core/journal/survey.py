"""Reading a log of records: all that are in the ring, newest first, and those that the newest state follows from.

A record that was being written when power failed is doubtful: one start reads it and another does not. A start writes
the newest record again if one copy alone holds it. If a doubtful record stands between the two writings, the start that
repeated did not find it, and the meter went on without it.
"""

from wattpurse.core.journal import ring, slots

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wattpurse.core.journal.ring import Ring

LOOK_BACK = 8  # limit of starts in a row that are each interrupted in their first record
_MOST_IN_A_WINDOW = 8 * LOOK_BACK  # each of these starts may leave a damaged page of slots


def slots_behind(log_at: int) -> int:
    """Return the number of slots of a sector whose log begins at `log_at`."""
    return (ring.SECTOR_SIZE - log_at) // slots.SLOT_SIZE


def older_sectors(of_ring: "Ring", newest_index: int, newest_sequence: int) -> "Iterator[tuple | None]":
    """Yield `(kind, payload, copies)` of every slot in use in the sectors before the newest, newest first.

    `copies` is the number of copies that hold the record. None stands for a slot that no copy holds any more, and for
    sectors that are missing. For a ring of records: a tally is none.
    """
    older = []  # sorted, for a sector that takes nothing any more keeps an old header in its place
    for step in range(1, of_ring.sectors):
        index = (newest_index - step) % of_ring.sectors
        header = of_ring.newest_header(index, newest_sequence - 1)
        if header is not None:
            older.append((header[0], index, header[1]))
    older.sort(reverse=True)
    expected = newest_sequence - 1
    for sequence, index, length in older:
        if sequence < expected:
            yield None
        expected = sequence - 1
        log_at = ring.log_offset(length)
        yield from sector_records(of_ring, index, sequence, log_at, slots_behind(log_at))


def sector_records(
    of_ring: "Ring", index: int, sequence: int, log_at: int, slot_count: int
) -> "Iterator[tuple | None]":
    """Yield the same for the first `slot_count` slots of one sector."""
    first, second = bytearray(slots.SLOT_SIZE), bytearray(slots.SLOT_SIZE)
    for number in range(slot_count - 1, -1, -1):
        of_ring.read(0, index, log_at + number * slots.SLOT_SIZE, first)
        of_ring.read(1, index, log_at + number * slots.SLOT_SIZE, second)
        if first == slots.BLANK and second == slots.BLANK:
            continue
        record = slots.record_of(first, sequence, number)
        copies = 2
        if first != second:
            other = slots.record_of(second, sequence, number)
            copies = (record is not None) + (other is not None)
            record = record or other
        if record is None:
            yield None
        elif record[0] not in slots.OWN_KINDS:
            yield record[0], record[1], copies


def _oldest_equal(window: list) -> int:
    """Return the place of the oldest writing of the first record of a window, 0 if there is no other.

    A doubtful record is whole in one copy at most. A record that both copies hold was acknowledged: no start passed it.
    """
    kind, payload, _ = window[0]
    oldest = 0
    for place in range(1, len(window)):
        if window[place][1] == payload and window[place][0] == kind:
            oldest = place
        elif window[place][2] == ring.COPIES:
            break
    return oldest


def settled(
    found: "Iterable[tuple | None]", earlier_writing: "Callable[[list], int]" = _oldest_equal
) -> "Iterator[tuple]":
    """Yield those of the records `found`, newest first, that the newest state follows from.

    The last writing of a repeated record counts. The records between are left out: the start that
    repeated the record did not find them. `earlier_writing(window)` returns the place of the oldest writing of the
    first record of a window, 0 if there is no other.
    """
    passed_over = 0
    for window in windows(record for record in found if record is not None):
        if passed_over:
            passed_over -= 1
        else:
            yield window[0]
        passed_over = max(passed_over, earlier_writing(window))


def windows(found: "Iterable") -> "Iterator[list]":
    """Yield each of `found` with those after it, as a list: LOOK_BACK of them that are not None, or a few less."""
    window = []
    whole = 0
    for one in found:
        window.append(one)
        whole += one is not None
        while whole > LOOK_BACK or len(window) > _MOST_IN_A_WINDOW:
            yield window
            whole -= window.pop(0) is not None
    while window:
        yield window
        window.pop(0)
