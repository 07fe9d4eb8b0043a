"""A log that is opened, or created, when it is first needed, and that never stops its owner when its flash fails."""

from wattpurse.core.journal.journal import Journal
from wattpurse.core.journal.slots import JournalUnreadable

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Flash

_PREPARE_BELOW_SLOTS = 8


class LateLog:
    """The log `number` on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`.

    If the ring cannot be read or written, `failed` is set. A subclass has `_snapshot()`, which returns its state as
    bytes, and `_take_over(journal, snapshot)`, which takes the state from a log that was opened. The latter raises
    ValueError for a format that is not known.
    """

    def __init__(self, flash: "Flash", first_sector: int, sectors: int, number: int) -> None:
        self._place = flash, first_sector, sectors, number
        self._journal = None
        self.failed = False

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due."""
        journal = self._journal
        return journal is not None and journal.free_slots < _PREPARE_BELOW_SLOTS and journal.prepare()

    def _opens(self) -> bool:
        """Open the ring unless it is open. Return False if it cannot be used."""
        if self._journal is None and not self.failed:
            try:
                self._journal = self._opened()
            except (JournalUnreadable, ValueError, OSError):
                self.failed = True
        return not self.failed

    def _opened(self) -> Journal:
        """Take over the state. Write the newest again if one copy alone holds it: the next start must find it too."""
        journal = Journal(*self._place, self._snapshot)
        self._take_over(journal, journal.resume_or_create())
        journal.repeat_doubtful()
        return journal

    def _appends(self, kind: int, payload: bytes) -> bool:
        """Append a record to the open log. Return False if no sector takes it."""
        try:
            self._journal.append(kind, payload)
        except OSError:
            self.failed = True
        return not self.failed

    def _snapshot(self) -> bytes:
        raise NotImplementedError

    def _take_over(self, journal: Journal, snapshot: bytes) -> None:
        raise NotImplementedError
