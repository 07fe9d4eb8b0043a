"""Make a vault, and bring one back whose counters or newest keys were lost.

A new vault is made in a folder beside its place, and gets its name when it is whole.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wattpurse.core.money.token_windows import COUNT_LIMIT, OFFICE
from wattpurse_tools import private_files
from wattpurse_tools.vault import actions
from wattpurse_tools.vault import counters as counter_files
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.hsm import Module, ModulePlace, module_label
from wattpurse_tools.vault.interface import RIGHTS, Operator
from wattpurse_tools.vault.key_sets import KeyRing, OfficeKeys, new_keys, read_key_file
from wattpurse_tools.vault.key_store import KeyStore
from wattpurse_tools.vault.log_facts import LogFacts, facts_of
from wattpurse_tools.vault.log_file import LogFile
from wattpurse_tools.vault.pins import hash_pin
from wattpurse_tools.vault.policy import Policy, checked
from wattpurse_tools.vault.sealed_document import Cost, Sealer

_FIRST_GENERATION = 1
_LOG_KEY_SIZE = 32
_LIGHT = Cost(n=1 << 10)
_LIGHT_PIN = 1 << 10


@dataclass(frozen=True)
class People:
    """The first people of a vault: operators with their PINs, the Unix users that may connect, and `persons`."""

    operators: Sequence[tuple[Operator, str]]
    users: Mapping[int, int] = field(default_factory=dict)
    persons: int = 1


@dataclass(frozen=True)
class Source:
    """The beginning of a vault's keys: the ring of a key file or None for new keys, and the counts used with them."""

    ring: KeyRing | None = None
    counts: Mapping[int, int] = field(default_factory=dict)


def create(
    path: str | Path,
    passphrase: str,
    people: People,
    source: Source | None = None,
    place: ModulePlace | None = None,
    cost: Cost | None = None,
    pin_work: int | None = None,
) -> None:
    """Make a vault in the folder at `path`. Raise ValueError if there is something, or if a part is refused.

    With a `place`, the vending keys are made in its module, or brought into it.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and any(path.iterdir()):
        raise ValueError(f"{path}: is not empty, and a vault is made in a folder of its own")
    sealer = Sealer.new(passphrase, cost or Cost())
    policy = _policy(people, pin_work)
    source = source or Source()
    path.parent.mkdir(mode=private_files.FOLDER_MODE, parents=True, exist_ok=True)
    part = tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        os.chmod(part, private_files.FOLDER_MODE)
        _fill(part, sealer, policy, source, place)
        os.rename(part, path)
    except BaseException:
        shutil.rmtree(part)
        raise
    private_files.sync_folder(path.parent)


def create_for_tests(path: str | Path, passphrase: str, people: People, source: Source | None = None) -> None:
    """Make a vault whose passphrase and PINs are quick to guess. It is for tests and trials alone."""
    create(path, passphrase, people, source, cost=_LIGHT, pin_work=_LIGHT_PIN)


def first_operator(number: int = 1, name: str = "owner") -> Operator:
    """Return an operator with all rights and no limits."""
    return Operator(number, name, RIGHTS)


def read_source(path: str | Path) -> Source:
    """Return keys of a plain key file, and the counts in FILE.sequences beside it. Raise ValueError if it is none."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such key file")
    try:
        ring = read_key_file(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: not a key file: {error}") from None
    real = path.resolve()
    return Source(ring, _read_counts(real.with_name(real.name + ".sequences")))


def begin_counters_anew(path: str | Path, passphrase: str, now_s: int) -> int:
    """Make counters after the newest ones were lost. Return the number of meters that the log or an older copy knows.

    No token is made for a meter until a statement of it has come that is newer than now. The counts begin with those of
    an older copy and of the log, as far as there are any.
    """
    folder = Folder(path)
    try:
        store = KeyStore.open(folder, passphrase)
        log = LogFile(folder, store.log_key)
        try:
            facts = facts_of(log.checked())
            if not folder.has(counter_files.NAME):
                counter_files.create(folder, store.ring.fingerprint(), store.generation, now_s)
            counters = Counters(folder)
            try:
                _begin_anew(counters, store, facts, now_s)
                log.append(now_s, None, actions.COUNTERS_LOST, {})
                return len(counters.counts())
            finally:
                counters.close()
        finally:
            log.close()
            store.close()
    finally:
        folder.close()


def accept_older_keys(path: str | Path, passphrase: str, now_s: int) -> int:
    """Accept an older copy of the key file, after the newest was lost. Return its newest key version."""
    folder = Folder(path)
    try:
        store = KeyStore.open(folder, passphrase)
        counters = Counters(folder)
        log = LogFile(folder, store.log_key)
        try:
            if counters.fact("fingerprint") != store.ring.fingerprint():
                raise ValueError(f"{folder.path}: the counters are those of other keys")
            log.append(now_s, None, "older keys", {"generation": store.generation})
            store.generation = int(counters.fact("generation") or 0)
            with counters.transaction():
                counters.note("pending", store.generation + 1)
            store.save()
            return store.ring.newest.key_version
        finally:
            log.close()
            counters.close()
            store.close()
    finally:
        folder.close()


def _policy(people: People, pin_work: int | None) -> Policy:
    operators = {operator.number: operator for operator, _ in people.operators}
    if len(operators) != len(people.operators):
        raise ValueError("two operators have the same number")
    work = {} if pin_work is None else {"work": pin_work}
    hashes = {operator.number: hash_pin(pin, **work) for operator, pin in people.operators}
    return checked(Policy(people.persons, operators, hashes, dict(people.users)))


def _fill(part: str, sealer: Sealer, policy: Policy, source: Source, place: ModulePlace | None) -> None:
    """Write the files of a new vault."""
    module = None if place is None else Module(place)
    folder = Folder(part)
    try:
        ring = _ring(source.ring, module)
        counter_files.create(folder, ring.fingerprint(), _FIRST_GENERATION)
        counters = Counters(folder)
        try:
            with counters.transaction():
                counters.note_versions(ring.fingerprints())
                for meter, count in source.counts.items():
                    counters.raise_count(meter, count)
        finally:
            counters.close()
        LogFile(folder).close()
        log_key = os.urandom(_LOG_KEY_SIZE)
        KeyStore(folder, sealer, ring, policy, _FIRST_GENERATION - 1, module, log_key).save()
    finally:
        folder.close()
        if module is not None:
            module.close()


def _ring(ring: KeyRing | None, module: Module | None) -> KeyRing:
    """Return the keys of a new vault, with the vending keys in the module if there is one."""
    if ring is None:
        first = new_keys(1)
        if module is not None:
            first = OfficeKeys(1, module.make_key(module_label(1)), first.site_key)
        return KeyRing([first], OFFICE)
    if module is None:
        return ring
    sets = [
        OfficeKeys(
            one.key_version, module.bring_in(module_label(one.key_version), one.operator_key.handle), one.site_key
        )
        for one in ring.of_office()
    ]
    return KeyRing(sets, OFFICE)


def _read_counts(path: Path) -> dict[int, int]:
    try:
        marks = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        marks = None
    if not isinstance(marks, dict) or not all(
        name.isdigit() and type(mark) is int and 0 <= mark <= COUNT_LIMIT for name, mark in marks.items()
    ):
        raise ValueError(f"{path}: the token numbers used with these keys cannot be read; restore a whole copy")
    return {int(name): mark for name, mark in marks.items()}


def _begin_anew(counters: Counters, store: KeyStore, facts: LogFacts, now_s: int) -> None:
    with counters.transaction():
        counters.forget_told()
        counters.note("lost_s", now_s)
        counters.note("fingerprint", store.ring.fingerprint())
        counters.note("generation", store.generation)
        counters.note_versions(store.ring.fingerprints())
        counters.end_requests()
        facts.bring_into(counters)
