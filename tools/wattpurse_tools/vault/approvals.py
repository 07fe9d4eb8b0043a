"""Two persons: one operator proposes an action with its reason, another approves it, and the first one uses it once."""

import json
import sqlite3
from collections.abc import Callable

from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.interface import (
    APPROVE,
    APPROVED,
    DENIED,
    EXPIRED,
    OPEN,
    USED,
    ApprovalNeeded,
    Proposal,
    Refused,
    Request,
    Verdict,
)
from wattpurse_tools.vault.policy import Policy
from wattpurse_tools.vault.requested import words_of_request
from wattpurse_tools.vault.sealed_document import canonical

OPEN_S = 7 * 86_400
APPROVED_S = 86_400
OPEN_REQUESTS = 100
LISTED = 100

_ACTION_SIZE = 40
_DOCUMENT_SIZE = 64 << 10
_REASON_SIZE = 400


class Approvals:
    """The requests in the counters. `clock` returns the UTC time in seconds.

    The caller of a method that writes opens the transaction.
    """

    def __init__(self, counters: Counters, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._clock = clock
        self._trusted: dict[str, str] = {}

    def trust(self, approved: dict[str, str]) -> None:
        """Accept approved requests, with their words by number: the log has a line of each."""
        self._trusted.update(approved)

    def propose(self, proposer: int, action: str, document: dict, words: str, reason: str) -> str:
        """Add a request and return its number. Raise Refused without a reason."""
        now_s = int(self._clock())
        if not 1 <= len(action) <= _ACTION_SIZE or not action.isprintable():
            raise Refused(f"an action has a name of 1 to {_ACTION_SIZE} letters")
        if not reason or len(reason) > _REASON_SIZE:
            raise Refused(f"a request needs a reason of 1 to {_REASON_SIZE} letters, which the second person reads")
        if len(canonical(document)) > _DOCUMENT_SIZE:
            raise Refused("the document of the request is too long; split it")
        if self._counters.open_requests(proposer, now_s - OPEN_S) >= OPEN_REQUESTS:
            raise Refused(f"{OPEN_REQUESTS} of your requests wait already; let them be decided first")
        return self._counters.add_request(action, document, words, reason, proposer, now_s)

    def approve(self, decider: int, number: str) -> Request:
        """Approve a request and return it. Raise Refused for the operator's own request."""
        request = self._open_request(number)
        if request.proposer == decider:
            raise Refused("you proposed this request yourself; another operator has to approve it")
        self._counters.decide(number, (OPEN, APPROVED), decider, int(self._clock()), "")
        return request

    def deny(self, decider: int, number: str, reason: str) -> Request:
        """Deny a request and return it."""
        if len(reason) > _REASON_SIZE:
            raise Refused(f"a reason has at most {_REASON_SIZE} letters")
        request = self.request(number)
        if request.state not in (OPEN, APPROVED):
            raise Refused(f"request {number} is {request.state} already")
        self._counters.decide(number, (request.state, DENIED), decider, int(self._clock()), reason)
        return request

    def request(self, number: str) -> Request:
        """Return a request. Raise Refused if there is none."""
        row = self._counters.request(number)
        if row is None:
            raise Refused(f"there is no request {number}")
        return self._request(row)

    def listed(self) -> list[Request]:
        """Return the newest requests, the newest first."""
        return [self._request(row) for row in self._counters.requests(LISTED)]

    def check(self, user: int, action: str, document: dict, number: str, policy: Policy) -> None:
        """Raise unless this approval permits `user` this action with this document."""
        request = self.request(number)
        if request.action != action or canonical(request.document) != canonical(document):
            raise ApprovalNeeded(f"request {number} is for something else: {request.words}", action, document)
        if request.proposer != user:
            raise Refused(f"request {number} was proposed by operator {request.proposer}, who alone may use it")
        if request.state == OPEN:
            raise Refused(f"request {number} is not approved yet; a second person has to approve it")
        if request.state != APPROVED:
            because = f" ({request.decision})" if request.decision else ""
            raise ApprovalNeeded(f"request {number} is {request.state}{because}; propose it again", action, document)
        if self._trusted.get(number) != words_of_request(action, document):
            raise ApprovalNeeded(f"the log does not know the approval of request {number}", action, document)
        decider = policy.operators.get(request.decider or 0)
        if decider is None or not decider.active or APPROVE not in decider.rights:
            raise ApprovalNeeded(
                f"operator {request.decider}, who approved request {number}, may no longer approve; propose it again",
                action,
                document,
            )

    def use(self, number: str) -> None:
        """Use an approval up. Raise Refused if it was used."""
        if not self._counters.decide(number, (APPROVED, USED), None, int(self._clock()), ""):
            raise Refused(f"request {number} is used already")

    def _open_request(self, number: str) -> Request:
        request = self.request(number)
        if request.state != OPEN:
            raise Refused(f"request {number} is {request.state} already")
        return request

    def _request(self, row: sqlite3.Row) -> Request:
        now_s, state = int(self._clock()), row["state"]
        if state == OPEN and now_s - row["proposed_s"] >= OPEN_S:
            state = EXPIRED
        if state == APPROVED and now_s - row["decided_s"] >= APPROVED_S:
            state = EXPIRED
        return Request(
            number=str(row["number"]),
            action=row["action"],
            document=json.loads(row["document"]),
            words=row["words"],
            state=state,
            proposal=Proposal(row["proposer"], row["proposed_s"], row["reason"]),
            verdict=Verdict(row["decider"], row["decision"]),
        )
