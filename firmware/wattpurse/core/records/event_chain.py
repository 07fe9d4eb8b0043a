"""The chain through the event log. Without the meter's key, nobody can drop, add or change an event unnoticed.

The key is in the flash beside the log: who reads it there can forge a whole log that holds. The links that statements
carried to the station before show the forgery (`wattpurse events-check`).

    link, 5 bytes: the first of AES-CMAC(event key, link of the event before || event, 22 bytes as in `events`)

The first event follows a link of zeros. Under a new key the chain continues after the old link. An event whose writing
was interrupted may or may not be read later. Therefore the next event takes its place in the chain, after the last
event that is whole in both copies. An untouched log may therefore have several attempts at one place side by side.
"""

from wattpurse.core.journal.survey import windows
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import cmac

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wattpurse.core.records.events import Event
    from wattpurse.hal import Aes

LINK_SIZE = 5
NO_LINK = bytes(LINK_SIZE)

HELD = "held"
FIRST = "first of all"
OLDEST = "oldest, nothing before it to hold it against"
LOST = "what was before it is damaged"
CHANGED = "changed, or what was before it is"
ANOTHER_KEY = "of another key, or changed"
UNCHAINED = "not chained"
ADDED = "not chained, but behind one that is"
GOES_ON = (HELD, FIRST, OLDEST)
INTACT = (HELD, FIRST, OLDEST, UNCHAINED)


class EventChain:
    """The chain of the meter with the key `key_of_meter`. Events with a code in `key_changes` mark a change of key."""

    def __init__(self, aes: "Aes", key_of_meter: bytes, key_changes: tuple) -> None:
        self._aes = aes
        self._key_changes = key_changes
        self._key = keys.event_key(aes, key_of_meter)

    def link(self, before: bytes, body: bytes) -> bytes:
        """Return the link of the event `body` after the event with the link `before`."""
        return cmac(self._aes, self._key, before + body)[:LINK_SIZE]

    def place_of(self, events: "list[Event]") -> bytes | None:
        """Return the link that the newest of `events` follows, or None. All of them are whole, newest first."""
        for link in [one.link for one in events[1:] if one.link is not None] + [NO_LINK]:
            if self.follows(events[0], link):
                return link
        return None

    def verdicts(self, events: "Iterable[Event | None]") -> "Iterator[tuple[Event, str]]":
        """Yield `(event, verdict)` for each of `events`, newest first.

        An event has `code`, `body` and `link`; the link is None if the event is not chained. None stands for an
        unreadable place in the log. A broken event older than a change of keys may be of another key, or changed.
        """
        broken = None
        for window in windows(events):
            if window[0] is None:
                continue
            verdict = self._verdict(window)
            if verdict in (LOST, CHANGED):
                verdict = broken or verdict
            elif window[0].code in self._key_changes:
                broken = ANOTHER_KEY
            yield window[0], verdict

    def follows(self, event: "Event", link: bytes) -> bool:
        """Return True if `event` is chained to the event with the link `link`."""
        return self.link(link, event.body) == event.link

    def _verdict(self, window: list) -> str:
        """Return the verdict on the first of some events, newest first."""
        event = window[0]
        before = [one for one in window[1:] if one is not None and one.link is not None]
        if event.link is None:
            return ADDED if before else UNCHAINED
        if before and before[0].link == event.link:
            return CHANGED  # a copy of the event before
        for place, candidate in enumerate(before):
            if self.follows(event, candidate.link) and self._were_cut_off(before[:place], event, candidate.link):
                return HELD
        if self.follows(event, NO_LINK) and self._were_cut_off(before, event, NO_LINK):
            return FIRST
        if not before:
            return OLDEST
        return LOST if window[1] is None else CHANGED

    def _were_cut_off(self, passed_over: list, event: "Event", link: bytes) -> bool:
        """Return True if the events that a chain skips are attempts at the place of `event`. No others can be there."""
        for place, attempt in enumerate(passed_over):
            is_behind_another = place + 1 < len(passed_over) and self.follows(attempt, passed_over[place + 1].link)
            if attempt.link == event.link or not (is_behind_another or self.follows(attempt, link)):
                return False
        return True
