"""The 32-byte slots of the journal's log: records, tallies, and the entry that two copies of one slot prove.

A record is a kind (1 to 100), 27 bytes of payload and a CRC32. A tally is a marker, a 24-bit check and 224 bits that
are cleared one by one, lowest bit of the first byte first. Checks cover the slot's place, so that a remainder of an
earlier life of the sector is neither.
"""

import binascii
import struct

SLOT_SIZE = 32
PAYLOAD_SIZE = 27
TALLY_STEPS = 224

# The kinds of the journal's own records (see `journal`).
FIRM = 100
BEGUN = 99
COUNT = 98
OWN_KINDS = (FIRM, BEGUN, COUNT)

BLANK = b"\xff" * SLOT_SIZE

_CRC_AT = 28
_TALLY = 0x7E
_TALLY_BITS_AT = 4
_TALLY_SIZE = SLOT_SIZE - _TALLY_BITS_AT
_ALL_CLEARED = bytes(_TALLY_SIZE)
_CLEARED_AND_NOT = _ALL_CLEARED + b"\xff" * _TALLY_SIZE


class JournalUnreadable(Exception):
    """The ring holds data that no sequence of writes and cuts can leave: it must not be overwritten."""


def put_record(slot: bytearray, kind: int, payload: bytes, sequence: int, number: int) -> None:
    """Make `slot` the record `kind` for slot `number` of sector `sequence`. ValueError for a bad kind or length."""
    if not 1 <= kind <= 100 or len(payload) > PAYLOAD_SIZE:
        raise ValueError("no such record")
    slot[0] = kind
    end = 1 + len(payload)
    slot[1:end] = payload
    slot[end:_CRC_AT] = _ALL_CLEARED[: _CRC_AT - end]
    struct.pack_into("<I", slot, _CRC_AT, _record_crc(slot, sequence, number))


def put_tally(slot: bytearray, steps: int, sequence: int, number: int) -> None:
    """Make `slot` a tally that stands at `steps` (0 to TALLY_STEPS)."""
    struct.pack_into("<I", slot, 0, _tally_marker(sequence, number))
    whole = steps // 8
    slot[_TALLY_BITS_AT:] = _CLEARED_AND_NOT[_TALLY_SIZE - whole : 2 * _TALLY_SIZE - whole]
    if steps % 8:
        slot[_TALLY_BITS_AT + whole] = 0xFF & (0xFF << steps % 8)


def tally_span(before: int, after: int) -> tuple:
    """Return `(start, end)` of the slot's bytes that change when a tally goes from `before` to `after` steps."""
    start = 0 if before == 0 else _TALLY_BITS_AT + before // 8
    return start, _TALLY_BITS_AT + (after + 7) // 8


def record_of(slot: bytearray, sequence: int, number: int) -> tuple | None:
    """Return `(kind, payload)` if `slot` holds a whole record for this place, else None."""
    if not 1 <= slot[0] <= 100:
        return None
    if struct.unpack_from("<I", slot, _CRC_AT)[0] != _record_crc(slot, sequence, number):
        return None
    return slot[0], bytes(slot[1:_CRC_AT])


def tally_of(slot: bytearray, sequence: int, number: int) -> tuple | None:
    """Return `(steps, clean)` if `slot` holds a tally for this place, else None.

    Clean means that the cleared bits are one run from the first on, as counting leaves them.
    """
    if slot[0] != _TALLY or struct.unpack_from("<I", slot, 0)[0] != _tally_marker(sequence, number):
        return None
    rest = bytes(slot[_TALLY_BITS_AT:]).lstrip(b"\x00")
    if not rest:
        return TALLY_STEPS, True
    partial = 0
    while not rest[0] >> partial & 1:
        partial += 1
    clean = rest[0] == 0xFF & (0xFF << partial) and rest[1:] == BLANK[1 : len(rest)]
    return 8 * (_TALLY_SIZE - len(rest)) + partial, clean


def is_entry(slot: bytearray, sequence: int, number: int) -> bool:
    """Return True if `slot` holds a record or a tally for this place."""
    return record_of(slot, sequence, number) is not None or tally_of(slot, sequence, number) is not None


def merge(first: bytearray, second: bytearray, sequence: int, number: int, finished: bool = False) -> tuple | None:
    """Return the entry that two copies of a slot prove: `(kind, payload)`, `(None, steps)`, or None where the log ends.

    `first` is always written before `second`, and power failed in one of them at most; JournalUnreadable otherwise.
    `finished`: something was written behind them, so both were whole once, and a blank one is damaged.
    """
    copies = (first,) if first == second else (first, second)
    for copy in copies:
        record = record_of(copy, sequence, number)
        if record is not None:
            return record
    if first == BLANK and second == BLANK:
        return None
    tallies = [tally for tally in [tally_of(copy, sequence, number) for copy in copies] if tally is not None]
    if (second == BLANK and not finished) or (first == BLANK and not tallies):
        return (None, 0) if tallies else None
    return None, _proven_steps(tallies)


def other_count(first: bytearray, second: bytearray, sequence: int, number: int, steps: int) -> int | None:
    """Return the clean count of the copy that counts otherwise than `steps`, or None if there is none."""
    for copy in (first, second):
        tally = tally_of(copy, sequence, number)
        if tally is not None and tally[1] and tally[0] != steps:
            return tally[0]
    return None


def _proven_steps(tallies: list) -> int:
    """Return the lower of the clean counts: a cut can only make its own copy read too high, or not clean."""
    clean_steps = [steps for steps, clean in tallies if clean]
    if not clean_steps:
        raise JournalUnreadable("an entry is damaged in both copies")
    return min(clean_steps)


def _record_crc(slot: bytearray, sequence: int, number: int) -> int:
    return binascii.crc32(memoryview(slot)[:_CRC_AT], binascii.crc32(struct.pack("<IB", sequence, number)))


def _tally_marker(sequence: int, number: int) -> int:
    return (binascii.crc32(struct.pack("<IB", sequence, number)) & 0xFFFFFF00) | _TALLY
