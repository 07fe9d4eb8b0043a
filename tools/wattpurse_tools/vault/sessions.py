"""The sessions of operators: tickets that are in memory alone, and the delay after wrong PINs, which is on the disk."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from wattpurse_tools.refusals import Words
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.interface import Operator, Refused, Session, SignOnNeeded

SESSION_S = 12 * 3600
IDLE_S = 30 * 60
SESSIONS_OF_OPERATOR = 64
FREE_TRIES = 5
FIRST_DELAY_S = 30
LONGEST_DELAY_S = 86_400

_TICKET_SIZE = 32
_DOUBLINGS = 20


@dataclass
class _Open:
    operator: int
    expires_s: int
    used_s: int


class Sessions:
    """The open sessions. `clock` returns the UTC time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def begin(self, operator: Operator) -> Session:
        """Begin a session. The oldest one of an operator with too many ends."""
        now_s = int(self._clock())
        own = [ticket for ticket, one in self._open.items() if one.operator == operator.number]
        for ticket in own[: max(0, len(own) - SESSIONS_OF_OPERATOR + 1)]:
            del self._open[ticket]
        ticket = secrets.token_hex(_TICKET_SIZE)
        self._open[ticket] = _Open(operator.number, now_s + SESSION_S, now_s)
        return self._session(ticket, operator)

    def operator_of(self, ticket: str) -> int:
        """Return the operator of a session that is in use now. Raise SignOnNeeded if it has ended."""
        one = self._open.get(ticket)
        now_s = int(self._clock())
        if one is None or now_s >= one.expires_s or now_s - one.used_s >= IDLE_S:
            self._open.pop(ticket, None)
            raise SignOnNeeded(Words("the session has ended; sign on again"))
        one.used_s = max(one.used_s, now_s)
        return one.operator

    def session(self, ticket: str, operator: Operator) -> Session:
        """Return an open session of an operator."""
        return self._session(ticket, operator)

    def end(self, ticket: str) -> int | None:
        """End a session. Return its operator, or None if there was none."""
        one = self._open.pop(ticket, None)
        return None if one is None else one.operator

    def end_all(self, operator: int, but: str = "") -> None:
        """End the sessions of an operator, but one."""
        for ticket in [ticket for ticket, one in self._open.items() if one.operator == operator and ticket != but]:
            del self._open[ticket]

    def __len__(self) -> int:
        return len(self._open)

    def _session(self, ticket: str, operator: Operator) -> Session:
        return Session(ticket, operator.number, operator.name, operator.rights, self._open[ticket].expires_s)


def count_try(counters: Counters, operator: int, now_s: int) -> None:
    """Count a try of a PIN as wrong, before it is compared. Raise Refused if it comes too early.

    A process that is killed while it compares has counted the try.
    """
    failures, until_s = counters.tries(operator)
    if now_s < until_s:
        words = Words(
            "too many wrong PINs of operator %(operator)s; try again in %(seconds)s seconds",
            operator=operator,
            seconds=until_s - now_s,
        )
        raise Refused(words)
    failures += 1
    delay_s = 0
    if failures >= FREE_TRIES:
        delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S << min(_DOUBLINGS, failures - FREE_TRIES))
    with counters.transaction():
        counters.note_tries(operator, failures, now_s + delay_s)


def forget_tries(counters: Counters, operator: int) -> None:
    """Count no wrong PIN of an operator any more: the right one came."""
    with counters.transaction():
        counters.note_tries(operator, 0, 0)
