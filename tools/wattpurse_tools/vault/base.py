"""The common ground of all calls of the vault: its files, the permission check, and the order of a change."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from wattpurse.core.messages import service_pass
from wattpurse.core.seals.sealing import KeyPair, SealBroken
from wattpurse_tools.refusals import Words
from wattpurse_tools.vault import actions
from wattpurse_tools.vault.approvals import Approvals
from wattpurse_tools.vault.checks import approval_of, need, uid_of
from wattpurse_tools.vault.consistency import cut_lines, facts_of_log, open_counters, refuse_strangers
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.dialogs import Dialogs
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.interface import OPEN, ApprovalNeeded, Operator, SignOnNeeded
from wattpurse_tools.vault.key_sets import KeyRing
from wattpurse_tools.vault.key_store import KeyStore
from wattpurse_tools.vault.log_file import LogFile
from wattpurse_tools.vault.policy import Policy
from wattpurse_tools.vault.sessions import Sessions


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


class VaultBase:
    """The vault in a folder, locked until `close`. `clock` returns the UTC time in seconds."""

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
        self._dialogs: Dialogs | None = None
        self._pairs: dict[tuple[int, int, bytes], KeyPair] = {}

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
            log = LogFile(folder, store.log_key)
            parts.append(log)
            facts = facts_of_log(folder, counters, log)
            vault = cls(folder, store, counters, log, clock)
            vault._approvals.trust(facts.approved)
            vault._start(cut_lines(counters, log))
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
            self._pairs.clear()
            for part in (self._log, self._counters, self._store, self._folder):
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()

    @property
    def issuer(self) -> int:
        """The issuer whose tokens this vault seals."""
        return self._ring.issuer

    @property
    def persons(self) -> int:
        """The number of persons that a change of weight needs."""
        return self._policy.persons

    @property
    def memory_card_microunits(self) -> int | None:
        """The most that a key card on a memory card may hold."""
        return self._policy.memory_card_microunits

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

    def open_operator_pass(self, uid: bytes, data: bytes) -> tuple[int, int] | None:
        """Return `(operator, expires_s)` of an authentic pass, or None."""
        with self._work:
            for one in self._ring.newest_first:
                root = one.operator_key
                try:
                    operator, expires_s = service_pass.open_operator_pass(root.aes, root.handle, uid_of(uid), data)
                except SealBroken:
                    continue
                return operator, expires_s
        return None

    @property
    def _ring(self) -> KeyRing:
        return self._store.ring

    @property
    def _policy(self) -> Policy:
        return self._store.policy

    def _now_s(self) -> int:
        return int(self._clock())

    def _start(self, cut: dict | None) -> None:
        """Begin a new generation, so that a copy of one of the files is noticed later. Note lines that were cut off."""
        if cut is not None:
            self._note(None, actions.LOG_CUT, cut)
        self._agree()
        self._save()
        self._note(None, "start", {"generation": self._store.generation})

    def _save(self, ring: KeyRing | None = None, policy: Policy | None = None) -> None:
        """Write the key file. The counters expect its generation before, and agree after."""
        with self._counters.transaction():
            self._counters.note("pending", self._store.generation + 1)
        self._store.save(ring, policy)
        self._agree()

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

    def _acting(self, ticket: str, *rights: str) -> Operator:
        """Return the operator of a session, with all of these rights. Raise SignOnNeeded or Refused."""
        number = self._sessions.operator_of(ticket)
        operator = self._policy.operators.get(number)
        if operator is None or not operator.active:
            raise SignOnNeeded(Words("operator %(number)s is out of service", number=number))
        for right in rights:
            need(operator, right)
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
        self._note(operator, action, document | approval_of(approval))
        self._save(policy=policy)

    def _lost_s(self) -> int | None:
        lost = self._counters.fact("lost_s")
        return None if lost is None else int(lost)
