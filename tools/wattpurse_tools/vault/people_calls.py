"""The calls about people: sessions, operators, Unix users, requests for a second person, and the log."""

import os
from dataclasses import replace

from wattpurse_tools.vault import actions
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import approval_of
from wattpurse_tools.vault.consistency import link_at, log_mark
from wattpurse_tools.vault.interface import APPROVE, MANAGE, LogEntry, Operator, Refused, Request, Session, SignOnNeeded
from wattpurse_tools.vault.pins import hash_pin
from wattpurse_tools.vault.policy import CONNECT_ONLY, operator_document
from wattpurse_tools.vault.requested import plain, words_of_request
from wattpurse_tools.vault.sealed_document import Cost, Sealer
from wattpurse_tools.vault.sessions import count_try, forget_tries

_OPERATORS_LIMIT = 1000


class PeopleCalls(VaultBase):
    """Sessions, operators, requests and the log."""

    def sign_on(self, operator: int, pin: str) -> Session:
        """Sign on with a PIN."""
        with self._work:
            known = operator in self._policy.operators
            if known:
                count_try(self._counters, operator, self._now_s())
            policy = self._policy
        right = policy.is_pin(operator, pin)
        with self._work:
            if not right:
                if known:
                    self._note(operator, "wrong PIN", {})
                raise Refused(f"operator {operator} is not known to this vault, is out of service, or has another PIN")
            forget_tries(self._counters, operator)
            return self._begin(operator, {"by": "PIN"})

    def sign_on_with_card(self, uid: bytes, operator_pass: bytes) -> Session:
        """Sign on with the pass on an operator's card."""
        with self._work:
            opened = self.open_operator_pass(uid, operator_pass)
            if opened is None:
                raise Refused("the pass on this card was not made with the keys of this vault")
            number, expires_s = opened
            if expires_s <= self._now_s():
                raise Refused("the operator's card has expired; make a new pass with: wattpurse card rekey")
            if self._policy.operator(number).uid != uid:
                raise Refused(f"this is not the card that the vault knows for operator {number}")
            return self._begin(number, {"by": "card", "card": uid.hex()})

    def sign_on_as_user(self) -> Session:
        """Sign on as the operator of the Unix user of this process."""
        return self.sign_on_user(os.getuid())

    def sign_on_user(self, user: int) -> Session:
        """Sign on as the operator of a Unix user, whom the system has named."""
        with self._work:
            operator = self._policy.users.get(user, CONNECT_ONLY)
            if operator == CONNECT_ONLY:
                raise SignOnNeeded(f"the vault knows no operator for Unix user {user}; sign on with a PIN or a card")
            return self._begin(operator, {"by": "user", "user": user})

    def sign_off(self, ticket: str) -> None:
        """End a session."""
        with self._work:
            operator = self._sessions.end(ticket)
            if operator is not None:
                self._note(operator, "sign off", {})

    def session(self, ticket: str) -> Session:
        """Return a session."""
        with self._work:
            return self._sessions.session(ticket, self._acting(ticket))

    def operators(self) -> list[Operator]:
        """Return all operators, by number."""
        return [one for _, one in sorted(self._policy.operators.items())]

    def set_operator(
        self, ticket: str, operator: Operator, pin: str | None = None, approval: str | None = None
    ) -> None:
        """Add an operator, or change one."""
        with self._work:
            acting = self._acting(ticket, MANAGE)
            known = self._policy.operators.get(operator.number)
            if known is None and len(self._policy.operators) >= _OPERATORS_LIMIT:
                raise Refused(f"a vault has at most {_OPERATORS_LIMIT} operators")
            only_ends = known is not None and pin is None and operator == replace(known, active=False)
            document = {"operator": operator_document(operator), "new_pin": pin is not None}
            try:
                policy = self._policy.with_operator(operator, None if pin is None else hash_pin(pin))
            except Refused:
                raise
            except ValueError as error:
                raise Refused(str(error)) from None
            why = "" if only_ends else "the rights of an operator change"
            used = self._second_person(acting, actions.OPERATOR, document, approval, why)
            self._change_policy(policy, acting.number, actions.OPERATOR, document, used)
            self._sessions.end_all(operator.number, but=ticket if operator.active and pin is None else "")

    def set_pin(self, ticket: str, pin: str, new_pin: str) -> None:
        """Change the PIN of the session's own operator."""
        with self._work:
            acting = self._acting(ticket)
            count_try(self._counters, acting.number, self._now_s())
            if not self._policy.is_pin(acting.number, pin):
                self._note(acting.number, "wrong PIN", {})
                raise Refused("the present PIN is wrong; the PIN stays as it is")
            forget_tries(self._counters, acting.number)
            try:
                hashed = hash_pin(new_pin)
            except ValueError as error:
                raise Refused(str(error)) from None
            self._change_policy(self._policy.with_operator(acting, hashed), acting.number, "new PIN", {}, None)
            self._sessions.end_all(acting.number, but=ticket)

    def set_user(self, ticket: str, user: int, operator: int | None, approval: str | None = None) -> None:
        """Permit a Unix user to connect and to sign on, or end that."""
        with self._work:
            acting = self._acting(ticket, MANAGE)
            policy = self._policy.with_user(user, operator)
            document = {"user": user, "operator": operator}
            why = "" if operator is None else "a Unix user gets the rights of an operator"
            used = self._second_person(acting, actions.USER, document, approval, why)
            self._change_policy(policy, acting.number, actions.USER, document, used)

    def propose(self, ticket: str, action: str, document: dict, reason: str) -> str:
        """Propose an action to a second person."""
        with self._work:
            acting = self._acting(ticket)
            words, reason = words_of_request(action, document), plain(reason)
            with self._counters.transaction():
                number = self._approvals.propose(acting.number, action, document, words, reason)
                self._anchor()
            self._note(acting.number, "propose", {"request": number, "words": words, "reason": reason})
            return number

    def approve(self, ticket: str, request: str) -> None:
        """Approve the request of another operator."""
        with self._work:
            acting = self._acting(ticket, APPROVE)
            with self._counters.transaction():
                found = self._approvals.approve(acting.number, request)
                self._anchor()
            told = {"request": request, "words": found.words, "reason": found.reason}
            self._note(acting.number, actions.APPROVE, told)
            self._approvals.trust({request: found.words})

    def deny(self, ticket: str, request: str, reason: str) -> None:
        """Deny a request."""
        with self._work:
            acting = self._acting(ticket)
            if APPROVE not in acting.rights and self._approvals.request(request).proposer != acting.number:
                raise Refused(f"you need the right {APPROVE!r} to deny the request of another operator")
            reason = plain(reason)
            with self._counters.transaction():
                self._approvals.deny(acting.number, request, reason)
                self._anchor()
            self._note(acting.number, "deny", {"request": request, "reason": reason})

    def requests(self, ticket: str) -> list[Request]:
        """Return the newest requests."""
        with self._work:
            self._acting(ticket)
            return self._approvals.listed()

    def use_approval(self, ticket: str, action: str, document: dict, approval: str | None = None) -> None:
        """Use up an approval for an action of the office itself."""
        with self._work:
            acting = self._acting(ticket)
            if action in actions.OWN:
                raise Refused(f"{action}: the vault itself uses an approval of this action")
            words = words_of_request(action, document)
            used = self._second_person(acting, action, document, approval, words)
            if used is not None:
                with self._counters.transaction():
                    self._approvals.use(used)
                    self._anchor()
            self._note(acting.number, action, {"words": words} | approval_of(used))

    def change_passphrase(self, passphrase: str, cost: Cost) -> None:
        """Seal the key file under another passphrase."""
        sealer = Sealer.new(passphrase, cost)
        with self._work:
            self._note(None, "passphrase", {})
            self._store.change_passphrase(sealer)

    def change_persons(self, persons: int) -> None:
        """Set the number of persons that a change of weight needs."""
        with self._work:
            policy = self._policy.with_persons(persons)
            self._change_policy(policy, None, "persons", {"persons": persons}, None)

    def change_memory_cards(self, microunits: int | None) -> None:
        """Set the most that a key card on a memory card may hold. 0 permits none at all, None permits any sum."""
        with self._work:
            policy = self._policy.with_memory_cards(microunits)
            self._change_policy(policy, None, "memory cards", {"microunits": microunits}, None)

    def reset_pin(self, operator: int, pin: str) -> None:
        """Give an operator another PIN, and end the delay after wrong ones."""
        with self._work:
            policy = self._policy.with_operator(self._policy.operator(operator), hash_pin(pin))
            self._change_policy(policy, None, "PIN reset", {"operator": operator}, None)
            forget_tries(self._counters, operator)
            self._sessions.end_all(operator)

    def _begin(self, number: int, details: dict) -> Session:
        operator = self._policy.operator(number)
        session = self._sessions.begin(operator)
        self._note(number, "sign on", details)
        return session

    def log(self, since: int = 0) -> list[LogEntry]:
        """Return the lines of the log after number `since`."""
        with self._work:
            return self._log.since(since)

    def check_log(self) -> int:
        """Return the number of lines of the log. Raise ValueError if one was changed or removed."""
        with self._work:
            lines = 0
            for entry in self._log.checked():
                lines += 1
                if entry.action == actions.LOG_CUT:
                    raise ValueError(
                        f"the log ended at line {entry.details['found']} when the vault started, and the counters"
                        f" remembered line {entry.details['remembered']}: lines were cut off before line {entry.number}"
                    )
            number, link = log_mark(self._counters)
            if number and link_at(self._log, number) != link:
                raise ValueError(f"the log has {lines} lines, and the counters remember another line {number}")
            return lines
