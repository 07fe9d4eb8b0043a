"""The reader of a vending station's record of before: the file station.db, in its five versions.

The file is copied into memory as it is, and the copy is brought to version 5. So the file keeps its version. A station
that has it open holds a lock beside it.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA_VERSION = 5

_NOT_A_RECORD = "not the record of a vending station"


class OldStation:
    """A record in memory. `version` is that of its file. `tables` have rows by name, and a row is a dictionary."""

    def __init__(self, version: int, tables: dict[str, list[dict]]) -> None:
        self.version = version
        self.tables = tables

    def __getitem__(self, table: str) -> list[dict]:
        return self.tables[table]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the keys that the record was kept with."""
        return self.tables["station"][0]["key_fingerprint"]

    @property
    def operators_required(self) -> bool:
        """True if the station sold with an operator's card only."""
        return bool(self.tables["station"][0]["operators_required"])


def read_station(path: str | Path, first_key_version: int) -> OldStation:
    """Return the record in a file. `first_key_version` is the oldest version of its keys.

    Raise ValueError if the file is missing, in use, or no record of a station.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; name the station.db that the station has kept")
    with _lock(path):
        try:
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                copy.row_factory = sqlite3.Row
                with closing(sqlite3.connect(path)) as file:
                    file.backup(copy)
                return _read(copy, path, first_key_version)
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path}: {_NOT_A_RECORD}: {error}") from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of the station for a `with` block. Raise ValueError if a station has it."""
    with open(f"{path}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{path}: a station has this record open; close it first") from None
        yield


def _read(copy: sqlite3.Connection, path: Path, first_key_version: int) -> OldStation:
    version = copy.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ValueError(f"{path}: the record is of version {version}, which this program does not know")
    if version < 1:
        raise ValueError(f"{path}: {_NOT_A_RECORD}")
    if version == 1:
        copy.execute("ALTER TABLE meters ADD COLUMN told_s INTEGER NOT NULL DEFAULT 0")
    if version < 3:
        _upgrade_from_version_2(copy, first_key_version)
    if version < 4:
        _upgrade_from_version_3(copy)
    if version < 5:
        _upgrade_from_version_4(copy)
    return OldStation(
        version,
        {
            "station": _rows(copy.execute("SELECT * FROM station")),
            "meters": _rows(copy.execute("SELECT * FROM meters ORDER BY number")),
            "cards": _rows(copy.execute("SELECT * FROM cards ORDER BY uid")),
            "tokens": _rows(copy.execute("SELECT * FROM tokens ORDER BY issued_s, meter, sequence")),
            "receipts": _rows(copy.execute("SELECT * FROM receipts ORDER BY meter, sequence")),
            "statements": _rows(copy.execute("SELECT * FROM statements ORDER BY meter, time_s, rowid")),
            "key_cards": _rows(copy.execute("SELECT * FROM key_cards ORDER BY uid")),
            "key_card_sales": _rows(copy.execute("SELECT * FROM key_card_sales ORDER BY rowid")),
            "other_issuers": _rows(copy.execute("SELECT * FROM other_issuers ORDER BY meter, issuer")),
            "short_limits": _rows(copy.execute("SELECT * FROM short_limits ORDER BY meter, name")),
        },
    )


def _rows(cursor: sqlite3.Cursor) -> list[dict]:
    return [dict(row) for row in cursor]


def _upgrade_from_version_2(copy: sqlite3.Connection, first_key_version: int) -> None:
    """Add operators, tokens other than credit, receipts, statements, key versions and key cards."""
    copy.execute("ALTER TABLE station ADD COLUMN operators_required INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE meters ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE meters ADD COLUMN site_version INTEGER NOT NULL DEFAULT 0")
    # Before version 3 a station had one set of keys, so all its tokens were sealed under the first.
    copy.execute("UPDATE meters SET key_version = ?, site_version = ?", (first_key_version, first_key_version))
    # All tokens of version 2 are credit: kind 1 is money, kind 2 is energy (see core/messages/token.py).
    copy.execute("ALTER TABLE tokens ADD COLUMN kind INTEGER NOT NULL DEFAULT 1")
    copy.execute("ALTER TABLE tokens ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    copy.execute("ALTER TABLE tokens ADD COLUMN operator INTEGER")
    copy.execute("ALTER TABLE tokens ADD COLUMN redeemed_s INTEGER")
    copy.execute("UPDATE tokens SET kind = 2 WHERE unit = 'energy'")
    copy.execute(
        "CREATE TABLE receipts (meter INTEGER NOT NULL, sequence INTEGER NOT NULL, money INTEGER NOT NULL,"
        " energy INTEGER NOT NULL, debt INTEGER NOT NULL, term_s INTEGER NOT NULL, told_s INTEGER NOT NULL,"
        " settled TEXT NOT NULL DEFAULT '', PRIMARY KEY (meter, sequence))"
    )
    copy.execute(
        "CREATE TABLE statements (meter INTEGER NOT NULL, time_s INTEGER NOT NULL, unit TEXT NOT NULL,"
        " contract INTEGER NOT NULL, balance INTEGER NOT NULL, bought INTEGER, charged INTEGER,"
        " total_mwh INTEGER NOT NULL, alarms TEXT NOT NULL, PRIMARY KEY (meter, time_s, total_mwh))"
    )
    copy.execute(
        "CREATE TABLE key_cards (uid TEXT PRIMARY KEY, loaded INTEGER NOT NULL, version INTEGER NOT NULL,"
        " spent INTEGER NOT NULL, price INTEGER NOT NULL, allowance_mwh INTEGER NOT NULL,"
        " period INTEGER NOT NULL, user INTEGER NOT NULL)"
    )
    copy.execute(
        "CREATE TABLE key_card_sales (uid TEXT NOT NULL, amount INTEGER NOT NULL, sold_s INTEGER NOT NULL,"
        " operator INTEGER)"
    )


def _upgrade_from_version_3(copy: sqlite3.Connection) -> None:
    """Add issuers, tenants, the order before a token, the card of a receipt, and more of each statement."""
    copy.execute("ALTER TABLE meters ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE tokens ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE tokens ADD COLUMN after INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE receipts ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE receipts ADD COLUMN card INTEGER NOT NULL DEFAULT 0")
    copy.execute("ALTER TABLE statements ADD COLUMN taken INTEGER")
    copy.execute("ALTER TABLE statements ADD COLUMN event_link TEXT")
    copy.execute("ALTER TABLE statements ADD COLUMN has_other_issuers INTEGER NOT NULL DEFAULT 0")
    copy.execute(
        "CREATE TABLE other_issuers (meter INTEGER NOT NULL, issuer INTEGER NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (meter, issuer))"
    )


def _upgrade_from_version_4(copy: sqlite3.Connection) -> None:
    """Add the limits of tokens of twenty digits."""
    copy.execute(
        "CREATE TABLE short_limits (meter INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,"
        " PRIMARY KEY (meter, name))"
    )
