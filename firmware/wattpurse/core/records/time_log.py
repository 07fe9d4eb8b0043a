"""The time log: notes of the time of runs without energy, in a ring of its own, so that they do not wear the ledger.

    entry, 12 bytes: base u32, time u32, until u32

`time` is the time of the note, and `until` the time that the clock does not pass without another note. `base` is the
ledger's own note (`clock_until_s`) at that moment. A note holds while the ledger still has that note: a move of the
clock, or a later note in the ledger, ends it.

The ring is opened, or created, at the start. If it cannot be read or written, `failed` is set, and the ledger takes the
notes.
"""

import struct

from wattpurse.core.journal.late_log import LateLog

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.core.journal.journal import Journal
    from wattpurse.hal import Flash

RING = 7

_NOTE_RECORD = 1
_FORMAT = b"\x01"
_NOTE = "<III"
_NOTE_SIZE = struct.calcsize(_NOTE)


class TimeLog(LateLog):
    """The log on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        super().__init__(flash, first_sector, sectors, RING)
        self._note = 0, 0, 0

    def newest(self, base_s: int) -> tuple:
        """Return `(time, until)` of the newest note if `base_s` is the ledger's own note still; else (0, 0)."""
        return self._note[1:] if self._opens() and self._note[0] == base_s else (0, 0)

    def note(self, base_s: int, time_s: int, until_s: int) -> bool:
        """Note at `time_s` that the clock does not pass `until_s`. Return False if the log cannot be used."""
        if not self._opens():
            return False
        self._note = base_s, time_s, until_s
        return self._appends(_NOTE_RECORD, struct.pack(_NOTE, *self._note))

    def _take_over(self, journal: "Journal", snapshot: bytes) -> "Iterator[None]":
        if snapshot[:1] != _FORMAT or len(snapshot) != len(_FORMAT) + _NOTE_SIZE:
            raise ValueError("the time log has a format that is not known")
        record = journal.newest_record()
        newest = snapshot[1:] if record is None else record[1][:_NOTE_SIZE]
        self._note = struct.unpack(_NOTE, newest)
        yield

    def _snapshot(self) -> bytes:
        return _FORMAT + struct.pack(_NOTE, *self._note)
