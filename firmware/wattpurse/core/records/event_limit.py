"""The limit of events that anybody can cause: one an hour of each kind, so that nobody can push the others out.

A person without rights can pull a card, show old cards, or switch the mains on and off, as often as he likes. The limit
leaves out the events of such a kind within an hour of the last one, in both directions of the clock. The next one that
is admitted carries the number of those that were left out. A start reads the times back from the newest `LOOK_BACK`
events. The numbers that were left out before a power cut are not known after it.

The time is the meter's. If it stands still, the hour does not end.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_S = 3600
LOOK_BACK = 32  # more than the kinds that one hour has without authentic tokens


class EventLimit:
    """Remembers for each kind of the last hour the time of its last event, and the number left out since.

    A kind is `(code of the event, number)`. The codes in `consequences` are admitted again after an event without a
    limit: a supply that comes back with a token is always in the log.
    """

    def __init__(self, consequences: tuple) -> None:
        self._consequences = consequences
        self._kinds = {}
        self._is_recalled = False

    def recall(self, newest: "Iterable[tuple]", now_s: int) -> None:
        """Read back the events before this start, `(kind or None, time_s)` of each, newest first. Do this once."""
        if self._is_recalled:
            return
        self._is_recalled = True
        places = LOOK_BACK
        passed_over = ()
        for kind, time_s in newest:
            places -= 1
            if places < 0 or not _is_within_an_hour(time_s, now_s):
                return
            if kind is None:
                passed_over = self._consequences
            elif kind[0] not in passed_over and kind not in self._kinds:
                self._kinds[kind] = [time_s, 0]

    def left_out(self, kind: tuple, now_s: int) -> int | None:
        """Return the number of events left out before one that may be written now. Count it and return None if not."""
        known = self._kinds.get(kind)
        if known is None:
            return 0
        if _is_within_an_hour(known[0], now_s):
            known[1] += 1
            return None
        return known[1]

    def note(self, kind: tuple, now_s: int) -> None:
        """Remember an event that was written. Forget kinds of which nothing was left out in their hour."""
        for old in list(self._kinds):
            time_s, left_out = self._kinds[old]
            if not left_out and not _is_within_an_hour(time_s, now_s):
                del self._kinds[old]
        self._kinds[kind] = [now_s, 0]

    def release(self, now_s: int) -> None:
        """Forget the times of consequences: the next of each kind is admitted."""
        for kind, known in self._kinds.items():
            if kind[0] in self._consequences:
                known[0] = now_s - HOUR_S


def _is_within_an_hour(time_s: int, now_s: int) -> bool:
    return -HOUR_S < now_s - time_s < HOUR_S
