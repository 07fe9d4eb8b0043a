"""Notes of the time, from which a lost clock goes on (see `core.money.clock_rules`)."""

from wattpurse.core import carrier
from wattpurse.core.money import clock_rules
from wattpurse.core.money.ledger_records import NO_TOKEN, STANDING
from wattpurse.core.records import events
from wattpurse.core.tariffs.calendar import LATEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.ledger import Ledger
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores


class TimeNotes:
    """Notes the time of `timekeeper` in `stores` before the clock passes the time noted last."""

    def __init__(self, stores: "Stores", timekeeper: "TimeKeeper") -> None:
        self._stores = stores
        self._timekeeper = timekeeper
        self._started_s = 0  # time of the first step; 0 before it
        self._begun_s = 0  # time of the first note; 0 before it
        self._base_s = -1  # the ledger's own note at the last note; -1 before it
        self._until_s = 0

    def step(self, now_s: int) -> None:
        """Note the time if it is due. Call after every advance of the ledger to `now_s`. Raise OSError.

        A note is due at the start, and one second before the time that the clock must not pass. If the clock is trusted
        at the start, the first note is due QUICK_START_S later. After a move of the clock the notes begin anew. They
        end with the clock.
        """
        if self._started_s == 0:
            self._started_s = now_s
        if not self._timekeeper.was_lost and 0 <= now_s - self._started_s < clock_rules.QUICK_START_S:
            return
        is_first = self._stores.ledger.account.standing["clock_until_s"] != self._base_s
        if is_first or self._until_s - 1 <= now_s < LATEST_S - 1:
            self._note(now_s, is_first)
        if self._timekeeper.doubted:
            self._note_doubt(now_s)

    def _note(self, now_s: int, is_first: bool) -> None:
        if is_first:
            self._begun_s = now_s
        ledger = self._stores.ledger
        duration_s = clock_rules.note_s(now_s - self._begun_s, self._timekeeper.was_lost)
        self._until_s = min(now_s + duration_s, LATEST_S)
        if not (ledger.is_firm and self._is_noted_in_log(now_s)):
            ledger.note_time(duration_s)
        self._base_s = ledger.account.standing["clock_until_s"]

    def _is_noted_in_log(self, now_s: int) -> bool:
        """Note the time in the time log. Return False if the log cannot be used."""
        base_s = self._stores.ledger.account.standing["clock_until_s"]
        return self._stores.times.note(base_s, now_s, self._until_s)

    def _note_doubt(self, now_s: int) -> None:
        """Note once that the clock chip was wrong, so that no later start believes it."""
        ledger = self._stores.ledger
        if not ledger.account.standing["clock_doubted"]:
            ledger.set_number(STANDING, "clock_doubted", 1, now_s)
            self._stores.events.note(events.CLOCK_DOUBTED, carrier.METER, now_s)


def set_clock(
    ledger: "Ledger", timekeeper: "TimeKeeper", utc_s: int, sequence: int = NO_TOKEN, counted_s: int = 0
) -> bool:
    """Set the clock of ledger, meter and chip to `utc_s`. Return False if the chip did not take it. Raise OSError.

    The ledger comes first. A power cut before the chip follows leaves an untrusted clock, and changes no remaining
    time. Raise ValueError as `Ledger.set_clock` does, with nothing changed.
    """
    ledger.set_clock(timekeeper.now_s(), utc_s, sequence, counted_s)
    chip_took_it = timekeeper.set(utc_s)
    if chip_took_it:
        ledger.settle_clock()
    return chip_took_it
