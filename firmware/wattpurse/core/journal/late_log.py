"""A log that is opened, or created, when it is first needed, and that never stops its owner when its flash fails."""

from wattpurse.core.journal.journal import Journal
from wattpurse.core.journal.slots import JournalUnreadable

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.hal import Flash

_PREPARE_BELOW_SLOTS = 8


class LateLog:
    """The log `number` on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`.

    If the ring cannot be read or written, `failed` is set. A subclass has `_snapshot()`, which returns its state as
    bytes, and `_take_over(journal, snapshot)`, which takes the state from a log that was opened. The latter yields
    between steps of milliseconds, and raises ValueError for a format that is not known.
    """

    def __init__(self, flash: "Flash", first_sector: int, sectors: int, number: int) -> None:
        self._place = flash, first_sector, sectors, number
        self._journal = None
        self._opening = None
        self.failed = False

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due."""
        journal = self._journal
        return journal is not None and journal.free_slots < _PREPARE_BELOW_SLOTS and journal.prepare()

    def open_step(self) -> bool:
        """Work for some milliseconds at the opening of the ring. Return False if it is open, or cannot be used.

        A whole opening takes ten times as long. An owner that is not in a hurry lets other tasks work between steps.
        A caller that needs the log meanwhile ends the opening at once.
        """
        if self._journal is not None or self.failed:
            return False
        if self._opening is None:
            self._opening = self._open_in_steps()
        try:
            next(self._opening)
            return True
        except StopIteration:
            pass
        except (JournalUnreadable, ValueError, OSError):
            self.failed = True
        self._opening = None
        return False

    def _opens(self) -> bool:
        """Open the ring unless it is open. Return False if it cannot be used."""
        while self.open_step():
            pass
        return not self.failed

    def _open_in_steps(self) -> "Iterator[None]":
        """Take over the state. Write the newest again if one copy alone holds it: the next start must find it too."""
        journal = Journal(*self._place, self._snapshot)
        snapshot = yield from journal.resume_or_create()
        yield from self._take_over(journal, snapshot)
        journal.repeat_doubtful()
        self._journal = journal

    def _appends(self, kind: int, payload: bytes) -> bool:
        """Append a record to the open log. Return False if no sector takes it."""
        try:
            self._journal.append(kind, payload)
        except OSError:
            self.failed = True
        return not self.failed

    def _snapshot(self) -> bytes:
        raise NotImplementedError

    def _take_over(self, journal: Journal, snapshot: bytes) -> "Iterator[None]":
        raise NotImplementedError
