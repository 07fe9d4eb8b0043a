"""The SQLite file of the vending station: its tables, how it is opened, and transactions."""

import sqlite3
from pathlib import Path
from types import TracebackType

from wattpurse_tools.station.key_file import SiteKeys

_SCHEMA_VERSION = 5


class Transaction:
    """Keep all changes of a `with` block, or none of them. They are in the file when the block ends."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        if kind is None:
            self._database.execute("COMMIT")
        else:
            self._database.execute("ROLLBACK")


def open_database(path: str | Path, site_keys: SiteKeys) -> sqlite3.Connection:
    """Open the file at `path`. Create missing tables.

    Raise ValueError if the file is not a station's record, or is the record of another key file.
    """
    database = sqlite3.connect(path, isolation_level=None)
    database.row_factory = sqlite3.Row
    try:
        _prepare(database, path, site_keys)
    except sqlite3.DatabaseError as error:
        database.close()
        raise ValueError(f"{path}: not the state of a vending station: {error}") from error
    except ValueError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: str | Path, site_keys: SiteKeys) -> None:
    database.execute("PRAGMA synchronous = FULL")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if not 0 <= version <= _SCHEMA_VERSION:
        raise ValueError(f"{path}: the state is of version {version}, which this program does not know")
    fingerprint = site_keys.fingerprint()
    if version and database.execute("SELECT key_fingerprint FROM station").fetchone()[0] != fingerprint:
        raise ValueError(f"{path}: this state belongs to another key file; use the two that belong together")
    if version < _SCHEMA_VERSION:
        with Transaction(database):
            _migrate(database, version, site_keys)


def _migrate(database: sqlite3.Connection, version: int, site_keys: SiteKeys) -> None:
    if version == 0:
        _create_version_2(database)
        database.execute("INSERT INTO station VALUES (?)", (site_keys.fingerprint(),))
    if version == 1:
        database.execute("ALTER TABLE meters ADD COLUMN told_s INTEGER NOT NULL DEFAULT 0")
    if version < 3:
        _upgrade_from_version_2(database)
        # Before version 3 a station had one set of keys, so all its tokens were sealed under the first.
        first = site_keys.first_version
        database.execute("UPDATE meters SET key_version = ?, site_version = ?", (first, first))
    if version < 4:
        _upgrade_from_version_3(database)
    _upgrade_from_version_4(database)
    # A PRAGMA takes no placeholder. The number is _SCHEMA_VERSION.
    database.execute("PRAGMA user_version = 5")


def _create_version_2(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE station (key_fingerprint TEXT NOT NULL)")
    database.execute(
        "CREATE TABLE meters (number INTEGER PRIMARY KEY, currency TEXT NOT NULL, decimals INTEGER NOT NULL,"
        " last_sequence INTEGER NOT NULL, unit TEXT, told_s INTEGER NOT NULL DEFAULT 0)"
    )
    database.execute("CREATE TABLE cards (uid TEXT PRIMARY KEY, name TEXT NOT NULL, meter INTEGER NOT NULL)")
    database.execute(
        "CREATE TABLE tokens (meter INTEGER NOT NULL, sequence INTEGER NOT NULL, unit TEXT NOT NULL,"
        " amount INTEGER NOT NULL, issued_s INTEGER NOT NULL, card TEXT NOT NULL, sealed BLOB NOT NULL,"
        " state TEXT NOT NULL, PRIMARY KEY (meter, sequence))"
    )


def _upgrade_from_version_2(database: sqlite3.Connection) -> None:
    """Add operators, tokens other than credit, receipts, statements, key versions and key cards."""
    database.execute("ALTER TABLE station ADD COLUMN operators_required INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE meters ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE meters ADD COLUMN site_version INTEGER NOT NULL DEFAULT 0")
    # All tokens of version 2 are credit: kind 1 is money, kind 2 is energy (see core/messages/token.py).
    database.execute("ALTER TABLE tokens ADD COLUMN kind INTEGER NOT NULL DEFAULT 1")
    database.execute("ALTER TABLE tokens ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    database.execute("ALTER TABLE tokens ADD COLUMN operator INTEGER")
    database.execute("ALTER TABLE tokens ADD COLUMN redeemed_s INTEGER")
    database.execute("UPDATE tokens SET kind = 2 WHERE unit = 'energy'")
    database.execute(
        "CREATE TABLE receipts (meter INTEGER NOT NULL, sequence INTEGER NOT NULL, money INTEGER NOT NULL,"
        " energy INTEGER NOT NULL, debt INTEGER NOT NULL, term_s INTEGER NOT NULL, told_s INTEGER NOT NULL,"
        " settled TEXT NOT NULL DEFAULT '', PRIMARY KEY (meter, sequence))"
    )
    database.execute(
        "CREATE TABLE statements (meter INTEGER NOT NULL, time_s INTEGER NOT NULL, unit TEXT NOT NULL,"
        " contract INTEGER NOT NULL, balance INTEGER NOT NULL, bought INTEGER, charged INTEGER,"
        " total_mwh INTEGER NOT NULL, alarms TEXT NOT NULL, PRIMARY KEY (meter, time_s, total_mwh))"
    )
    database.execute(
        "CREATE TABLE key_cards (uid TEXT PRIMARY KEY, loaded INTEGER NOT NULL, version INTEGER NOT NULL,"
        " spent INTEGER NOT NULL, price INTEGER NOT NULL, allowance_mwh INTEGER NOT NULL,"
        " period INTEGER NOT NULL, user INTEGER NOT NULL)"
    )
    database.execute(
        "CREATE TABLE key_card_sales (uid TEXT NOT NULL, amount INTEGER NOT NULL, sold_s INTEGER NOT NULL,"
        " operator INTEGER)"
    )


def _upgrade_from_version_3(database: sqlite3.Connection) -> None:
    """Add issuers, tenants, the order before a token, the card of a receipt, and more of each statement."""
    database.execute("ALTER TABLE meters ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tokens ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE tokens ADD COLUMN after INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE receipts ADD COLUMN tenant INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE receipts ADD COLUMN card INTEGER NOT NULL DEFAULT 0")
    database.execute("ALTER TABLE statements ADD COLUMN taken INTEGER")
    database.execute("ALTER TABLE statements ADD COLUMN event_link TEXT")
    database.execute("ALTER TABLE statements ADD COLUMN has_other_issuers INTEGER NOT NULL DEFAULT 0")
    database.execute(
        "CREATE TABLE other_issuers (meter INTEGER NOT NULL, issuer INTEGER NOT NULL, count INTEGER NOT NULL,"
        " PRIMARY KEY (meter, issuer))"
    )


def _upgrade_from_version_4(database: sqlite3.Connection) -> None:
    """Add the limits of tokens of twenty digits."""
    database.execute(
        "CREATE TABLE short_limits (meter INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,"
        " PRIMARY KEY (meter, name))"
    )
