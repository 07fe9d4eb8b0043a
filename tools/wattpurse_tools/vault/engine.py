"""The vault itself: it holds the keys, and makes everything that needs them, for the operators of its policy.

The permission check comes first in each call: session, right, form, limits, second person. Then the change is written
to the counters and to the log, and is on the disk. Only then something is sealed and returned. A process that is killed
at any moment has therefore used a number at most in vain.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from boards.host.chips.aes import aes
from wattpurse.core.messages import release as releases
from wattpurse.core.messages import service_pass, short_token, statement, token
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.money.token_windows import COUNT_LIMIT, ISSUERS, OFFICE, WINDOW, count_of, issuer_of, number_of
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.vault import counters as counter_files
from wattpurse_tools.vault import key_cards, rules
from wattpurse_tools.vault.approvals import Approvals
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.hsm import module_label
from wattpurse_tools.vault.interface import (
    APPROVE,
    CARDS,
    KEYS,
    MANAGE,
    OPEN,
    ORDER,
    SELL,
    ApprovalNeeded,
    LogEntry,
    Operator,
    Refused,
    Request,
    SealedToken,
    Session,
    SignOnNeeded,
    TokenOrder,
)
from wattpurse_tools.vault.key_sets import KEY_VERSION_LIMIT, KeyRing, OfficeKeys, new_keys
from wattpurse_tools.vault.key_store import NAME, KeyStore
from wattpurse_tools.vault.log_file import FIRST_LINK, LogFile
from wattpurse_tools.vault.pins import hash_pin
from wattpurse_tools.vault.policy import CONNECT_ONLY, Policy, operator_document
from wattpurse_tools.vault.rules import Amounts
from wattpurse_tools.vault.sealed_document import Cost, Sealer, canonical
from wattpurse_tools.vault.sessions import Sessions, count_try, forget_tries

METER_LIMIT = (1 << 32) - 1
MARGIN = 1_000_000
VENDING_POINT_METERS = 20_000
PASS_METERS = 1_000
WORDS_SIZE = 400
STATEMENT_SIZE = 8192

_TIME_LIMIT = (1 << 32) - 1
_NUMBER_LIMIT = (1 << 32) - 1
_UID_SIZES = (4, 7, 10)
_IDENTITY_SIZE = 11  # a derivation takes 31 bytes, and the words of the statement keys have 20
_OPERATORS_LIMIT = 1000
_WORDS_LIMIT = 2000

_ISSUE = "issue"
_SETTLE = "settle"
_OPERATOR = "operator"
_USER = "user"
_COUNT = "count"
_OPERATOR_PASS = "operator pass"
_METER_KEYS = "meter keys"
_ROLL = "roll"
_VENDING_POINT = "vending point"
_OWN_ACTIONS = (_ISSUE, _SETTLE, _OPERATOR, _USER, _COUNT, _OPERATOR_PASS, _METER_KEYS, _ROLL, _VENDING_POINT)


class _Work:
    """Keep other threads out of a `with` block. An error of the counters' file becomes an OSError."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, _kind: type | None, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise OSError(f"the vault's counters cannot be used: {error}") from error


class Vault:
    """The vault in a folder, locked until `close`. See `interface.Keys` for its calls; threads may share it.

    Use `open` to make one. `clock` returns the UTC time in seconds.
    """

    def __init__(
        self, folder: Folder, store: KeyStore, counters: Counters, log: LogFile, clock: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._store = store
        self._counters = counters
        self._log = log
        self._clock = clock
        self._work = _Work()
        self._sessions = Sessions(clock)
        self._approvals = Approvals(counters, clock)

    @classmethod
    def open(cls, path: str | Path, passphrase: str, clock: Callable[[], float] = time.time) -> Self:
        """Open the vault in the folder at `path`.

        Raise ValueError, with the remedy, if the passphrase is wrong, if another process has it open, or if keys and
        counters do not belong together.
        """
        parts = []
        try:
            folder = Folder(path)
            parts.append(folder)
            store = KeyStore.open(folder, passphrase)
            parts.append(store)
            counters = open_counters(folder)
            parts.append(counters)
            refuse_strangers(folder, store, counters)
            log = LogFile(folder)
            parts.append(log)
            vault = cls(folder, store, counters, log, clock)
            vault._start()
        except (OSError, ValueError, sqlite3.Error) as error:
            for part in reversed(parts):
                part.close()
            if isinstance(error, sqlite3.Error):
                raise OSError(f"{path}: the counters cannot be used: {error}") from error
            raise
        return vault

    def close(self) -> None:
        """Wait for the call in progress, end all sessions and unlock the folder."""
        with self._work:
            for part in (self._log, self._counters, self._store, self._folder):
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()

    # Facts

    @property
    def issuer(self) -> int:
        """The issuer whose tokens this vault seals."""
        return self._ring.issuer

    @property
    def persons(self) -> int:
        """The number of persons that a change of weight needs."""
        return self._policy.persons

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        return self._ring.versions

    @property
    def newest_version(self) -> int:
        """The newest key version."""
        return self._ring.newest.key_version

    @property
    def users(self) -> dict[int, int]:
        """The Unix users that may connect, with the operator that each is, or 0."""
        return dict(self._policy.users)

    def fingerprint(self) -> str:
        """Return a text that identifies the site and reveals no key."""
        with self._work:
            return self._ring.fingerprint()

    def fingerprints(self) -> dict[int, str]:
        """Return a text for each key version that identifies its keys and reveals none."""
        with self._work:
            return self._ring.fingerprints()

    def before(self, key_version: int) -> int | None:
        """Return the version before `key_version`, or None."""
        return max((one for one in self.versions if one < key_version), default=None)

    def after(self, key_version: int) -> int | None:
        """Return the version after `key_version`, or None."""
        return min((one for one in self.versions if one > key_version), default=None)

    def status(self) -> dict:
        """Return facts about the vault by name."""
        with self._work:
            module = self._store.module
            return {
                "folder": str(self._folder.path),
                "fingerprint": self._ring.fingerprint(),
                "issuer": self.issuer,
                "persons": self.persons,
                "versions": list(self.versions),
                "module": None if module is None else module.place.token,
                "operators": sum(one.active for one in self._policy.operators.values()),
                "sessions": len(self._sessions),
                "open_requests": sum(one.state == OPEN for one in self._approvals.listed()),
                "log_lines": self._log.number,
                "counters_lost_s": self._lost_s(),
            }

    # Sessions

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

    # Operators

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
            used = self._second_person(acting, _OPERATOR, document, approval, why)
            self._change_policy(policy, acting.number, _OPERATOR, document, used)
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
            used = self._second_person(acting, _USER, document, approval, why)
            self._change_policy(policy, acting.number, _USER, document, used)

    # Two persons

    def propose(self, ticket: str, action: str, document: dict, reason: str) -> str:
        """Propose an action to a second person."""
        with self._work:
            acting = self._acting(ticket)
            words = words_of_request(action, document)
            with self._counters.transaction():
                number = self._approvals.propose(acting.number, action, document, words, reason)
                self._anchor()
            self._note(acting.number, "propose", {"request": number, "words": words, "reason": reason.strip()})
            return number

    def approve(self, ticket: str, request: str) -> None:
        """Approve the request of another operator."""
        with self._work:
            acting = self._acting(ticket, APPROVE)
            with self._counters.transaction():
                found = self._approvals.approve(acting.number, request)
                self._anchor()
            self._note(acting.number, "approve", {"request": request, "words": found.words, "reason": found.reason})

    def deny(self, ticket: str, request: str, reason: str) -> None:
        """Deny a request."""
        with self._work:
            acting = self._acting(ticket)
            if APPROVE not in acting.rights and self._approvals.request(request).proposer != acting.number:
                raise Refused(f"you need the right {APPROVE!r} to deny the request of another operator")
            with self._counters.transaction():
                self._approvals.deny(acting.number, request, reason)
                self._anchor()
            self._note(acting.number, "deny", {"request": request, "reason": reason.strip()})

    def requests(self, ticket: str) -> list[Request]:
        """Return the newest requests."""
        with self._work:
            self._acting(ticket)
            return self._approvals.listed()

    def use_approval(self, ticket: str, action: str, document: dict, approval: str | None = None) -> None:
        """Use up an approval for an action of the office itself."""
        with self._work:
            acting = self._acting(ticket)
            if action in _OWN_ACTIONS:
                raise Refused(f"{action}: the vault itself uses an approval of this action")
            words = words_of_request(action, document)
            used = self._second_person(acting, action, document, approval, words)
            if used is not None:
                with self._counters.transaction():
                    self._approvals.use(used)
                    self._anchor()
            self._note(acting.number, action, {"words": words} | _approval(used))

    # Tokens

    def issue(
        self,
        ticket: str,
        meter_number: int,
        key_version: int,
        orders: Sequence[TokenOrder],
        after: int,
        purpose: str,
        approval: str | None = None,
    ) -> list[SealedToken]:
        """Seal a token of each order, all or none."""
        with self._work:
            acting = self._acting(ticket)
            rules.refuse_orders(orders, self.issuer, purpose)
            for order in orders:
                _need(acting, *rules.rights_of(order))
            last = self._next_after(meter_number, after, len(orders))
            pair = self._ring.token_keys(meter_number, key_version)
            bodies = [self._body(meter_number, order) for order in orders]
            today = self._now_s() // rules.DAY_S
            amounts = [rules.amounts_of(order) for order in orders]
            day = rules.refuse_amounts(acting.limits, amounts, self._counters.amounts(acting.number, today))
            document = issue_document(meter_number, orders, purpose)
            used = self._second_person(acting, _ISSUE, document, approval, rules.reason_for_two(orders, purpose))
            numbers = [number_of(self.issuer, last + place) for place in range(1, len(orders) + 1)]
            with self._counters.transaction():
                self._counters.raise_count(meter_number, last + len(orders))
                self._counters.note_amounts(acting.number, today, day)
                if used is not None:
                    self._approvals.use(used)
                    for number, order in zip(numbers, orders, strict=True):
                        if order.kind in rules.RECEIPT_KINDS:
                            self._counters.approve_receipt(meter_number, number)
                self._anchor()
            told = [
                {"sequence": number, "words": rules.words_of(one)} for number, one in zip(numbers, orders, strict=True)
            ]
            details = {"meter": meter_number, "key_version": key_version, "purpose": purpose, "tokens": told}
            self._note(acting.number, _ISSUE, details | _approval(used))
            made = []
            for number, order, body in zip(numbers, orders, bodies, strict=True):
                tenant = order.tenant if token.is_personal(order.kind) else 0
                sealed = token.seal_token(aes, pair, key_version, meter_number, number, order.kind, body, tenant, after)
                made.append(SealedToken(number, sealed, after))
                after = after if order.kind in rules.CREDIT_KINDS else number
            return made

    def last_count(self, meter_number: int) -> int:
        """Return the highest count that was used for a meter or seen in a statement, or 0."""
        with self._work:
            return self._counters.count(_meter(meter_number))

    def raise_count(self, ticket: str, meter_number: int, count: int, approval: str | None = None) -> None:
        """Continue after `count`, which another record knows."""
        with self._work:
            acting = self._acting(ticket, MANAGE)
            last = self._counters.count(_meter(meter_number))
            if not 0 <= count <= min(COUNT_LIMIT, last + MARGIN):
                raise Refused(f"the count of meter {meter_number} is {last} and is raised by at most {MARGIN}")
            document = {"meter": meter_number, "count": count}
            used = self._second_person(acting, _COUNT, document, approval, "token numbers are left out")
            with self._counters.transaction():
                self._counters.raise_count(meter_number, count)
                self._counters.note_told(meter_number)
                if used is not None:
                    self._approvals.use(used)
                self._anchor()
            self._note(acting.number, _COUNT, document | {"before": last} | _approval(used))

    def digits(self, ticket: str, meter_number: int, sealed: bytes) -> str:
        """Return the twenty digits of a token of this issuer."""
        with self._work:
            self._acting(ticket, SELL)
            try:
                key_version = token.key_version(sealed)
                pair = self._ring.token_keys(_meter(meter_number), key_version)
                opened = token.open_token(aes, pair, sealed)
            except (SealBroken, IndexError):
                raise Refused(f"this is no token of this vault for meter {meter_number}") from None
            try:
                short_token.limit_of(opened.kind)
                digit_keys = self._ring.short_token_keys(meter_number, key_version)
                amount = opened.fields()[0]
                return short_token.seal_digits(
                    aes, digit_keys, meter_number, opened.sequence, opened.kind, amount, opened.tenant
                )
            except Refused:
                raise
            except ValueError as error:
                raise Refused(str(error)) from None

    # Statements and receipts

    def open_statement(self, meter_number: int, identity: bytes, sealed: bytes) -> tuple[int, dict] | None:
        """Return `(key version, content)` of an authentic statement, or None."""
        if not 1 <= len(identity) <= _IDENTITY_SIZE or len(sealed) > STATEMENT_SIZE:
            return None
        with self._work:
            for one in self._ring.newest_first:
                pair = keys.statement_keys(aes, one.statement_key(_meter(meter_number)), identity)
                try:
                    content = statement.open_statement(aes, pair, sealed)
                except SealBroken:
                    continue
                if content["meter_number"] != meter_number:
                    return None
                self._learn(meter_number, content)
                return one.key_version, content
        return None

    def settle(self, ticket: str, meter_number: int, sequence: int, words: str, approval: str | None = None) -> bool:
        """Mark a receipt as settled. Return False if it was settled before."""
        with self._work:
            acting = self._acting(ticket, SELL)
            if not 0 < sequence <= _NUMBER_LIMIT or not 1 <= len(words) <= WORDS_SIZE:
                raise Refused(f"a receipt has a token number, and is settled in 1 to {WORDS_SIZE} letters")
            if sequence in self._counters.settled(_meter(meter_number)):
                return False
            document = {"meter": meter_number, "sequence": sequence, "words": words}
            why = "the token of this receipt was not approved by two persons in this vault"
            if self._counters.is_receipt_approved(meter_number, sequence):
                why = ""
            used = self._second_person(acting, _SETTLE, document, approval, why)
            with self._counters.transaction():
                self._counters.settle(meter_number, sequence, words)
                if used is not None:
                    self._approvals.use(used)
                self._anchor()
            self._note(acting.number, _SETTLE, document | _approval(used))
            return True

    def settled(self, meter_number: int) -> dict[int, str]:
        """Return the settled receipts of a meter."""
        with self._work:
            return self._counters.settled(_meter(meter_number))

    # Cards

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        key_a, key_b = keys.classic_keys(aes, self._ring.of(key_version).site_key, _uid(uid))
        return key_a, key_b

    def seal_key_card(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> bytes:
        """Return the sealed record of a key card."""
        with self._work:
            acting = self._acting(ticket, SELL)
            key_cards.refuse_content(content)
            pair = keys.key_card_keys(aes, self._ring.of(key_version).site_key, _uid(uid))
            known = self._counters.key_card(uid)
            if key_cards.changes_terms(known, content):
                _need(acting, ORDER)
            added = Amounts(microunits=key_cards.added(known, content))
            today = self._now_s() // rules.DAY_S
            day = rules.refuse_amounts(acting.limits, [added], self._counters.amounts(acting.number, today))
            with self._counters.transaction():
                self._counters.note_key_card(uid, key_cards.known_of(content))
                self._counters.note_amounts(acting.number, today, day)
                self._anchor()
            details = {"card": uid.hex(), "version": content.version, "loaded": content.loaded, "spent": content.spent}
            self._note(acting.number, "key card", details | {"added": added.microunits})
            return key_card.seal_content(aes, pair, content)

    def open_key_card(self, uid: bytes, sealed: bytes) -> CardContent | None:
        """Return the content of an authentic record, or None."""
        if len(sealed) != key_card.SIZE or key_card.read_version(sealed) is None:
            return None
        with self._work:
            for one in self._ring.newest_first:
                try:
                    content = key_card.open_content(aes, keys.key_card_keys(aes, one.site_key, _uid(uid)), sealed)
                except SealBroken:
                    continue
                known = self._counters.key_card(uid)
                risen = key_cards.risen(known, content)
                if risen != known:
                    with self._counters.transaction():
                        self._counters.note_key_card(uid, risen)
                return content
        return None

    def seal_service_pass(
        self, ticket: str, uid: bytes, technician: int, expires_s: int, meters: Sequence[tuple[int, int]]
    ) -> bytes:
        """Return the pass of a technician for `meters` of (number, key version)."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            _refuse_pass(technician, expires_s)
            if len(meters) > PASS_METERS:
                raise Refused(f"a pass names at most {PASS_METERS} meters")
            entries = [(number, self._ring.of(version).meter_key(_meter(number))) for number, version in meters]
            named = [number for number, _ in meters]
            details = {"card": _uid(uid).hex(), "technician": technician, "expires_s": expires_s, "meters": named}
            self._note(acting.number, "service pass", details)
            return service_pass.make_service_pass(aes, uid, technician, expires_s, entries)

    def open_service_pass(self, uid: bytes, data: bytes, meter_number: int) -> tuple[int, int] | None:
        """Return `(technician, expires_s)` of a pass that is authentic for this meter, or None."""
        with self._work:
            accepted = tuple(one.meter_key(_meter(meter_number)) for one in self._ring.newest_first)
            try:
                technician, expires_s = service_pass.open_service_pass(aes, _uid(uid), meter_number, accepted, data)
            except (SealBroken, service_pass.MeterNotNamed):
                return None
            return technician, expires_s

    def seal_operator_pass(
        self, ticket: str, uid: bytes, operator: int, expires_s: int, approval: str | None = None
    ) -> bytes:
        """Return the pass of an operator for a card."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            _refuse_pass(operator, expires_s)
            if self._policy.operator(operator).uid != _uid(uid):
                raise Refused(
                    f"the vault knows another card, or none, for operator {operator}; name this one first with:"
                    " wattpurse vault operator set --card"
                )
            document = {"operator": operator, "card": uid.hex(), "expires_s": expires_s}
            why = "" if operator == acting.number else "whoever has the card signs on as another operator"
            used = self._second_person(acting, _OPERATOR_PASS, document, approval, why)
            self._use_up(used)
            self._note(acting.number, _OPERATOR_PASS, document | _approval(used))
            root = self._ring.newest.operator_key
            return service_pass.make_operator_pass(root.aes, root.handle, uid, operator, expires_s)

    def open_operator_pass(self, uid: bytes, data: bytes) -> tuple[int, int] | None:
        """Return `(operator, expires_s)` of an authentic pass, or None."""
        with self._work:
            for one in self._ring.newest_first:
                root = one.operator_key
                try:
                    operator, expires_s = service_pass.open_operator_pass(root.aes, root.handle, _uid(uid), data)
                except SealBroken:
                    continue
                return operator, expires_s
        return None

    # Keys that leave the vault

    def meter_keys(
        self, ticket: str, meter_number: int, key_version: int, site_version: int, approval: str | None = None
    ) -> tuple[bytes, bytes]:
        """Return meter key and site key to commission a meter."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            key_of_meter = self._ring.of(key_version).meter_key(_meter(meter_number))
            site_key = self._ring.of(site_version).site_key
            document = {"meter": meter_number, "key_version": key_version, "site_version": site_version}
            in_service = self._counters.count(meter_number) > 0
            why = "the meter has tokens already, and its key would make more of them" if in_service else ""
            used = self._second_person(acting, _METER_KEYS, document, approval, why)
            self._use_up(used)
            self._note(acting.number, _METER_KEYS, document | _approval(used))
            return key_of_meter, site_key

    def event_keys(self, ticket: str, meter_number: int) -> list[bytes]:
        """Return the keys that check the event log of a meter, the newest version first."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            found = [keys.event_key(aes, one.meter_key(_meter(meter_number))) for one in self._ring.newest_first]
            self._note(acting.number, "event keys", {"meter": meter_number})
            return found

    def release(
        self, ticket: str, former: int, former_version: int, number: int, key_version: int, site_version: int
    ) -> bytes:
        """Return the release of meter `former`, which takes `number` and its keys."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            former_key = self._ring.of(former_version).meter_key(_meter(former))
            new_key = self._ring.of(key_version).meter_key(_meter(number))
            site_key = self._ring.of(site_version).site_key
            self._note(acting.number, "release", {"meter": former, "number": number, "key_version": key_version})
            return releases.make_release(aes, former_key, number, new_key, site_key)

    def roll(self, ticket: str, approval: str | None = None) -> int:
        """Make the next key version and return its number.

        It is higher than every version ever made here, even one whose keys are lost.
        """
        with self._work:
            acting = self._acting(ticket, KEYS)
            self._ring.of_office()
            made = max([*self._ring.versions, *self._counters.versions()]) + 1
            if made > KEY_VERSION_LIMIT:
                raise Refused(f"version {KEY_VERSION_LIMIT} is the last possible one")
            used = self._second_person(acting, _ROLL, {"key_version": made}, approval, "new keys are made")
            self._use_up(used)
            ring = self._ring.with_next(self._new_keys(made))
            details = {"key_version": made, "fingerprint": ring.fingerprints()[made]}
            self._note(acting.number, _ROLL, details | _approval(used))
            self._store.save(ring=ring)
            self._agree()
            return made

    def vending_point(self, ticket: str, issuer: int, meters: Sequence[int], approval: str | None = None) -> dict:
        """Return the key document of a vending point."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            if not OFFICE < issuer < ISSUERS:
                raise Refused(f"a vending point is an issuer from 1 to {ISSUERS - 1}")
            if not 1 <= len(meters) <= VENDING_POINT_METERS or len(set(meters)) != len(meters):
                raise Refused(f"a vending point sells to 1 to {VENDING_POINT_METERS} meters, each named once")
            numbers = [_meter(number) for number in meters]
            self._ring.of_office()
            document = {"issuer": issuer, "meters": numbers}
            used = self._second_person(acting, _VENDING_POINT, document, approval, "keys leave the vault")
            self._use_up(used)
            self._note(acting.number, _VENDING_POINT, document | _approval(used))
            return self._ring.vending_point(issuer, numbers)

    # Log

    def log(self, since: int = 0) -> list[LogEntry]:
        """Return the lines of the log after number `since`."""
        with self._work:
            return self._log.since(since)

    def check_log(self) -> int:
        """Return the number of lines of the log. Raise ValueError if one was changed or removed."""
        with self._work:
            known = int(self._counters.fact("log_number") or 0), self._counters.fact("log_link") or FIRST_LINK
            return self._log.check(known)

    # For the holder of the passphrase, who has opened the vault. No client can call these.

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

    def reset_pin(self, operator: int, pin: str) -> None:
        """Give an operator another PIN, and end the delay after wrong ones."""
        with self._work:
            policy = self._policy.with_operator(self._policy.operator(operator), hash_pin(pin))
            self._change_policy(policy, None, "PIN reset", {"operator": operator}, None)
            forget_tries(self._counters, operator)
            self._sessions.end_all(operator)

    # Parts

    @property
    def _ring(self) -> KeyRing:
        return self._store.ring

    @property
    def _policy(self) -> Policy:
        return self._store.policy

    def _now_s(self) -> int:
        return int(self._clock())

    def _start(self) -> None:
        """Begin a new generation, so that a copy of one of the files is noticed later."""
        self._agree()
        self._store.save()
        self._agree()
        self._note(None, "start", {"generation": self._store.generation})

    def _agree(self) -> None:
        """Note generation and versions of the key file in the counters."""
        with self._counters.transaction():
            self._counters.note("generation", self._store.generation)
            self._counters.note_versions(self._ring.fingerprints())
            self._anchor()

    def _anchor(self) -> None:
        """Remember the newest line of the log in the counters."""
        self._counters.note("log_number", self._log.number)
        self._counters.note("log_link", self._log.link)

    def _note(self, operator: int | None, action: str, details: dict) -> None:
        self._log.append(self._now_s(), operator, action, details)

    def _begin(self, number: int, details: dict) -> Session:
        operator = self._policy.operator(number)
        session = self._sessions.begin(operator)
        self._note(number, "sign on", details)
        return session

    def _acting(self, ticket: str, *rights: str) -> Operator:
        """Return the operator of a session, with all of these rights. Raise SignOnNeeded or Refused."""
        number = self._sessions.operator_of(ticket)
        operator = self._policy.operators.get(number)
        if operator is None or not operator.active:
            raise SignOnNeeded(f"operator {number} is out of service")
        for right in rights:
            _need(operator, right)
        return operator

    def _second_person(
        self, acting: Operator, action: str, document: dict, approval: str | None, why: str
    ) -> str | None:
        """Return the approval to use up, or None if none is needed. `why` is the reason for a second person, or ""."""
        if not why or self._policy.persons < 2:
            return None
        if approval is None:
            raise ApprovalNeeded(f"a second person has to approve this: {why}", action, document)
        self._approvals.check(acting.number, action, document, approval, self._policy)
        return approval

    def _use_up(self, approval: str | None) -> None:
        if approval is not None:
            with self._counters.transaction():
                self._approvals.use(approval)
                self._anchor()

    def _change_policy(
        self, policy: Policy, operator: int | None, action: str, document: dict, approval: str | None
    ) -> None:
        """Write a line of the log, and then another policy."""
        self._use_up(approval)
        self._note(operator, action, document | _approval(approval))
        self._store.save(policy=policy)
        self._agree()

    def _lost_s(self) -> int | None:
        lost = self._counters.fact("lost_s")
        return None if lost is None else int(lost)

    def _next_after(self, meter_number: int, after: int, amount: int) -> int:
        """Return the last count of a meter. Raise Refused if no further tokens may be made after it."""
        last = self._counters.count(_meter(meter_number))
        if self._lost_s() is not None and not self._counters.has_told(meter_number):
            raise Refused(
                f"the counters of this vault were lost, and meter {meter_number} has not told its numbers since: read a"
                f" card that has been at the meter since, or name the highest count ever used with: wattpurse vault"
                f" count {meter_number} COUNT"
            )
        if not 0 <= after <= _NUMBER_LIMIT:
            raise Refused("the token number of the order before is out of range")
        if after and issuer_of(after) == self.issuer and count_of(after) > last:
            raise Refused(
                f"the record names token {count_of(after)} of meter {meter_number}, and the vault's counters end at"
                f" {last}: they are an older copy; name the highest count ever used with: wattpurse vault count"
                f" {meter_number} COUNT"
            )
        if last + amount > COUNT_LIMIT:
            raise Refused(f"meter {meter_number} has used all its token numbers; give it another number")
        return last

    def _body(self, meter_number: int, order: TokenOrder) -> bytes:
        """Return the body of an order, with the key that it names."""
        if order.kind not in rules.KEY_KINDS or order.version is None:
            return order.body
        keys_of_version = self._ring.of(order.version)
        is_meter_key = order.kind == token.METER_KEY
        key = keys_of_version.meter_key(meter_number) if is_meter_key else keys_of_version.site_key
        return token.make(order.kind, order.version, key)[1]

    def _learn(self, meter_number: int, content: dict) -> None:
        """Raise the count to that of an authentic statement. After a loss, leave room for tokens on their way."""
        top = content["windows"].get(self.issuer, (0, 0))[0]
        lost_s = self._lost_s()
        waits = lost_s is not None and not self._counters.has_told(meter_number)
        tells = waits and lost_s is not None and content["time_s"] > lost_s
        if tells:
            top = min(COUNT_LIMIT, top + WINDOW)
        if top > self._counters.count(meter_number) or tells:
            with self._counters.transaction():
                self._counters.raise_count(meter_number, top)
                if tells:
                    self._counters.note_told(meter_number)
                self._anchor()
        if tells:
            self._note(None, "counters", {"meter": meter_number, "count": top})

    def _new_keys(self, key_version: int) -> OfficeKeys:
        new = new_keys(key_version)
        if self._store.module is None:
            return new
        label = module_label(key_version)
        return OfficeKeys(key_version, self._store.module.make_key(label), new.site_key)


def open_counters(folder: Folder) -> Counters:
    """Return the counters in a folder. Raise ValueError, with the remedy, if they are missing."""
    if not folder.has(counter_files.NAME):
        raise ValueError(
            f"{folder.path / counter_files.NAME}: the counters are missing, and without them token numbers would be"
            " used again; put the newest copy back, or, if they are lost, begin anew with: wattpurse vault init"
            " --counters-lost"
        )
    return Counters(folder)


def refuse_strangers(folder: Folder, store: KeyStore, counters: Counters) -> None:
    """Raise ValueError unless keys and counters in a folder belong together and none is an older copy."""
    if counters.fact("fingerprint") != store.ring.fingerprint():
        raise ValueError(f"{folder.path}: the counters are those of other keys; put the two together that belong so")
    known = int(counters.fact("generation") or 0)
    if store.generation < known:
        raise ValueError(
            f"{folder.path / NAME}: is an older copy of the key file; put the newest back, or, if it is lost, go on"
            " with this one by: wattpurse vault init --older-keys"
        )
    if store.generation > known + 1:
        raise ValueError(
            f"{folder.path / counter_files.NAME}: is an older copy of the counters; put the newest back, or, if it is"
            " lost, begin anew with: wattpurse vault init --counters-lost"
        )
    for key_version, fingerprint in store.ring.fingerprints().items():
        if counters.versions().get(key_version, fingerprint) != fingerprint:
            raise ValueError(
                f"{folder.path / NAME}: the keys of version {key_version} are not those that this vault made; put the"
                " newest key file back"
            )


def issue_document(meter_number: int, orders: Sequence[TokenOrder], purpose: str) -> dict:
    """Return the document of a request for tokens."""
    return {
        "meter": meter_number,
        "purpose": purpose,
        "orders": [rules.order_document(order) for order in orders],
    }


def words_of_request(action: str, document: dict) -> str:
    """Return a request in words. The vault makes them itself, so that no caller describes it falsely."""
    if action != _ISSUE:
        told = ", ".join(f"{name} {_told(value)}" for name, value in document.items())
        return f"{action}: {told}"[:_WORDS_LIMIT] if told else action
    try:
        orders = [
            TokenOrder(one["kind"], bytes.fromhex(one["body"]), one["tenant"], one["version"])
            for one in document["orders"]
        ]
        rules.refuse_orders(orders, OFFICE, document["purpose"])
        words = "; ".join(rules.words_of(order) for order in orders)
        return f"{document['purpose']} for meter {document['meter']}: {words}"[:_WORDS_LIMIT]
    except (KeyError, TypeError, AttributeError):
        raise Refused("the document of the request does not fit its action") from None


def _told(value: object) -> str:
    return str(value) if isinstance(value, str | int) else canonical(value).decode()


def _approval(used: str | None) -> dict:
    return {} if used is None else {"approval": used}


def _need(operator: Operator, *rights: str) -> None:
    """Raise Refused unless the operator has one of these rights."""
    if not any(right in operator.rights for right in rights):
        raise Refused(f"operator {operator.number} needs the right {' or '.join(map(repr, rights))} for this")


def _meter(number: int) -> int:
    """Return the number of a meter. Raise Refused if it is none."""
    if not 1 <= number <= METER_LIMIT:
        raise Refused(f"a meter number is from 1 to {METER_LIMIT}")
    return number


def _uid(uid: bytes) -> bytes:
    """Return the UID of a card. Raise Refused if it is none."""
    if len(uid) not in _UID_SIZES:
        raise Refused("the UID of a card has 4, 7 or 10 bytes")
    return uid


def _refuse_pass(person: int, expires_s: int) -> None:
    if not 0 <= person <= _NUMBER_LIMIT or not 0 <= expires_s <= _TIME_LIMIT:
        raise Refused("the number of a person or the expiry of a pass is out of range")
