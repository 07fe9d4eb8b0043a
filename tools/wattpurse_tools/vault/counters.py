"""The vault's counters: token numbers, settled receipts, sums of a day, requests and failed PINs, in counters.db.

They are no part of the office's backup: a restored record of the office uses no number again. A change is on the disk
when its transaction ends, before anything is sealed. The sealed key file and the counters hold the same generation,
which rises at each start and each change of the keys. So an older copy of one of the two is noticed.
"""

import json
import os
import sqlite3
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.key_cards import KnownCard
from wattpurse_tools.vault.rules import Amounts

NAME = "counters.db"
BUSY_S = 5

_SCHEMA_VERSION = 1


class Transaction:
    """Keep all changes of a `with` block, or none of them. They are on the disk when the block ends."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        if kind is None:
            try:
                self._database.execute("COMMIT")
            except sqlite3.Error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        else:
            self._database.execute("ROLLBACK")


class Counters:
    """The counters in a folder. The caller of a method that writes opens `transaction`, and has a lock for threads."""

    def __init__(self, folder: Folder) -> None:
        path = folder.check(NAME)
        for part in (NAME + "-journal", NAME + "-wal", NAME + "-shm"):
            if folder.has(part):
                folder.check(part)
        self.database = _connect(path)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def transaction(self) -> Transaction:
        """Begin a transaction, for a `with` block."""
        return Transaction(self.database)

    def fact(self, name: str) -> str | None:
        """Return a fact, or None."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else row["value"]

    def note(self, name: str, value: object) -> None:
        """Note a fact."""
        self.database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, str(value)))

    def versions(self) -> dict[int, str]:
        """Return the fingerprint of each key version ever made."""
        rows = self.database.execute("SELECT key_version, fingerprint FROM versions ORDER BY key_version")
        return {row["key_version"]: row["fingerprint"] for row in rows}

    def note_versions(self, fingerprints: dict[int, str]) -> None:
        """Note key versions with their fingerprints."""
        self.database.executemany("INSERT OR REPLACE INTO versions VALUES (?, ?)", list(fingerprints.items()))

    def count(self, meter: int) -> int:
        """Return the highest count of a meter, or 0."""
        row = self.database.execute("SELECT count FROM counts WHERE meter = ?", (meter,)).fetchone()
        return 0 if row is None else row["count"]

    def counts_of(self, meters: Collection[int]) -> dict[int, int]:
        """Return the highest counts of some meters. One without a count is left out."""
        rows = self.database.execute(
            "SELECT meter, count FROM counts WHERE meter IN (SELECT value FROM json_each(?))",
            (json.dumps(list(meters)),),
        )
        return {row["meter"]: row["count"] for row in rows}

    def counts(self) -> dict[int, int]:
        """Return the highest count of each meter."""
        rows = self.database.execute("SELECT meter, count FROM counts ORDER BY meter")
        return {row["meter"]: row["count"] for row in rows}

    def raise_count(self, meter: int, count: int) -> None:
        """Note that a count is used."""
        self.database.execute(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (meter) DO UPDATE SET count = max(count, excluded.count)",
            (meter, count),
        )

    def has_told(self, meter: int) -> bool:
        """Return True if a meter told its numbers after counters were lost."""
        return self.database.execute("SELECT 1 FROM told WHERE meter = ?", (meter,)).fetchone() is not None

    def note_told(self, meter: int) -> None:
        """Note that a meter told its numbers."""
        self.database.execute("INSERT OR IGNORE INTO told VALUES (?)", (meter,))

    def end_requests(self) -> None:
        """End all requests: the log no longer tells which of them were approved."""
        self.database.execute("UPDATE requests SET state = 'denied' WHERE state IN ('open', 'approved')")

    def forget_told(self) -> None:
        """Wait for all meters to tell their numbers."""
        self.database.execute("DELETE FROM told")

    def approve_receipt(self, meter: int, sequence: int) -> None:
        """Note that two persons approved the token of a receipt."""
        self.database.execute("INSERT OR IGNORE INTO approved_receipts VALUES (?, ?)", (meter, sequence))

    def is_receipt_approved(self, meter: int, sequence: int) -> bool:
        """Return True if two persons approved the token of a receipt."""
        row = self.database.execute(
            "SELECT 1 FROM approved_receipts WHERE meter = ? AND sequence = ?", (meter, sequence)
        ).fetchone()
        return row is not None

    def settle(self, meter: int, sequence: int, words: str) -> bool:
        """Mark a receipt as settled. Return False if it was."""
        done = self.database.execute("INSERT OR IGNORE INTO settled VALUES (?, ?, ?)", (meter, sequence, words))
        return done.rowcount == 1

    def is_settled(self, meter: int, sequence: int) -> bool:
        """Return True if a receipt is settled."""
        row = self.database.execute(
            "SELECT 1 FROM settled WHERE meter = ? AND sequence = ?", (meter, sequence)
        ).fetchone()
        return row is not None

    def settled(self, meter: int) -> dict[int, str]:
        """Return the settled receipts of a meter."""
        rows = self.database.execute("SELECT sequence, words FROM settled WHERE meter = ? ORDER BY sequence", (meter,))
        return {row["sequence"]: row["words"] for row in rows}

    def amounts(self, operator: int, day: int) -> Amounts:
        """Return the credit that an operator has made on a day."""
        row = self.database.execute(
            "SELECT microunits, mwh, days FROM amounts WHERE operator = ? AND day = ?", (operator, day)
        ).fetchone()
        return Amounts() if row is None else Amounts(*row)

    def note_amounts(self, operator: int, day: int, sums: Amounts) -> None:
        """Note the credit that an operator has made on a day."""
        self.database.execute(
            "INSERT OR REPLACE INTO amounts VALUES (?, ?, ?, ?, ?)",
            (operator, day, sums.microunits, sums.mwh, sums.days),
        )

    def key_card(self, uid: bytes) -> KnownCard:
        """Return the facts of a key card, as far as they are known."""
        row = self.database.execute("SELECT * FROM key_cards WHERE uid = ?", (uid.hex(),)).fetchone()
        if row is None:
            return KnownCard()
        terms = (row["price"], row["allowance_mwh"], row["period"])
        return KnownCard(row["loaded"], row["spent"], terms, is_new=False)

    def note_key_card(self, uid: bytes, known: KnownCard) -> None:
        """Note the facts of a key card."""
        self.database.execute(
            "INSERT OR REPLACE INTO key_cards VALUES (?, ?, ?, ?, ?, ?)",
            (uid.hex(), known.loaded, known.spent, *known.terms),
        )

    def tries(self, operator: int) -> tuple[int, int]:
        """Return the number of wrong PINs in a row, and the time before which no further one is tried."""
        row = self.database.execute("SELECT failures, until_s FROM tries WHERE operator = ?", (operator,)).fetchone()
        return (0, 0) if row is None else (row["failures"], row["until_s"])

    def note_tries(self, operator: int, failures: int, until_s: int) -> None:
        """Note wrong PINs."""
        self.database.execute("INSERT OR REPLACE INTO tries VALUES (?, ?, ?)", (operator, failures, until_s))

    def add_request(self, action: str, document: dict, words: str, reason: str, proposer: int, now_s: int) -> str:
        """Add an open request and return its number."""
        done = self.database.execute(
            "INSERT INTO requests (action, document, words, reason, proposer, proposed_s, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 'open')",
            (action, json.dumps(document), words, reason, proposer, now_s),
        )
        return str(done.lastrowid)

    def request(self, number: str) -> sqlite3.Row | None:
        """Return a request, or None."""
        return self.database.execute("SELECT * FROM requests WHERE CAST(number AS TEXT) = ?", (number,)).fetchone()

    def requests(self, limit: int) -> list[sqlite3.Row]:
        """Return the newest requests, the newest first."""
        return self.database.execute("SELECT * FROM requests ORDER BY number DESC LIMIT ?", (limit,)).fetchall()

    def open_requests(self, proposer: int, since_s: int) -> int:
        """Return the number of requests of a proposer that wait since `since_s` or later."""
        return self.database.execute(
            "SELECT count(*) FROM requests WHERE proposer = ? AND state = 'open' AND proposed_s >= ?",
            (proposer, since_s),
        ).fetchone()[0]

    def decide(self, number: str, states: tuple[str, str], decider: int | None, now_s: int, decision: str) -> bool:
        """Change a request from the first to the second of `states`. Return False if it was in another state."""
        done = self.database.execute(
            "UPDATE requests SET state = ?, decider = coalesce(?, decider), decided_s = ?, decision = ?"
            " WHERE CAST(number AS TEXT) = ? AND state = ?",
            (states[1], decider, now_s, decision, number, states[0]),
        )
        return done.rowcount == 1


def create(folder: Folder, fingerprint: str, generation: int, lost_s: int | None = None) -> None:
    """Make counters for the keys with this fingerprint. Raise ValueError if there are any.

    `lost_s` is the time at which earlier counters were lost.
    """
    os.close(folder.create(NAME))
    database = _connect(folder.path / NAME, is_new=True)
    try:
        with Transaction(database):
            _create_tables(database)
            for name, value in (("fingerprint", fingerprint), ("generation", str(generation))):
                database.execute("INSERT INTO facts VALUES (?, ?)", (name, value))
            if lost_s is not None:
                database.execute("INSERT INTO facts VALUES ('lost_s', ?)", (str(lost_s),))
            # A PRAGMA takes no placeholder. The number is _SCHEMA_VERSION.
            database.execute("PRAGMA user_version = 1")
    finally:
        database.close()
    folder.sync()


def _connect(path: Path, is_new: bool = False) -> sqlite3.Connection:
    """Open the file. A transaction that has ended stays: it is synchronised once, at its end, in `counters.db-wal`."""
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    database.row_factory = sqlite3.Row
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA trusted_schema = OFF")
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        database.close()
        raise ValueError(
            f"{path}: these are no counters of a vault ({error}); put the newest copy back, or move the file away and"
            " begin anew with: wattpurse vault init --counters-lost"
        ) from error
    if not is_new and version != _SCHEMA_VERSION:
        database.close()
        raise ValueError(f"{path}: the counters are of version {version}, which this program does not know")
    return database


def _create_tables(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    database.execute("CREATE TABLE versions (key_version INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL)")
    database.execute("CREATE TABLE counts (meter INTEGER PRIMARY KEY, count INTEGER NOT NULL)")
    database.execute("CREATE TABLE told (meter INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TABLE approved_receipts (meter INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY"
        " (meter, sequence))"
    )
    database.execute(
        "CREATE TABLE settled (meter INTEGER NOT NULL, sequence INTEGER NOT NULL, words TEXT NOT NULL,"
        " PRIMARY KEY (meter, sequence))"
    )
    database.execute(
        "CREATE TABLE amounts (operator INTEGER NOT NULL, day INTEGER NOT NULL, microunits INTEGER NOT NULL,"
        " mwh INTEGER NOT NULL, days INTEGER NOT NULL, PRIMARY KEY (operator, day))"
    )
    database.execute(
        "CREATE TABLE key_cards (uid TEXT PRIMARY KEY, loaded INTEGER NOT NULL, spent INTEGER NOT NULL, price"
        " INTEGER NOT NULL, allowance_mwh INTEGER NOT NULL, period INTEGER NOT NULL)"
    )
    database.execute(
        "CREATE TABLE tries (operator INTEGER PRIMARY KEY, failures INTEGER NOT NULL, until_s INTEGER NOT NULL)"
    )
    database.execute(
        "CREATE TABLE requests (number INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, document TEXT"
        " NOT NULL, words TEXT NOT NULL, reason TEXT NOT NULL, proposer INTEGER NOT NULL, proposed_s INTEGER"
        " NOT NULL, state TEXT NOT NULL, decider INTEGER, decided_s INTEGER, decision TEXT NOT NULL DEFAULT"
        " '')"
    )
