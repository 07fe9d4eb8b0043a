"""The SQLite file of the vending station: its tables, how it is opened, and transactions."""

import sqlite3
from pathlib import Path

from wattpurse.core.messages import token

_SCHEMA_VERSION = 3
_SCHEMA_2 = """
CREATE TABLE station (key_fingerprint TEXT NOT NULL);
CREATE TABLE meters (
    number INTEGER PRIMARY KEY, currency TEXT NOT NULL, decimals INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    unit TEXT, told_s INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE cards (uid TEXT PRIMARY KEY, name TEXT NOT NULL, meter INTEGER NOT NULL);
CREATE TABLE tokens (
    meter INTEGER NOT NULL, sequence INTEGER NOT NULL, unit TEXT NOT NULL, amount INTEGER NOT NULL,
    issued_s INTEGER NOT NULL, card TEXT NOT NULL, sealed BLOB NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (meter, sequence)
);
"""
_FROM_VERSION_1 = "ALTER TABLE meters ADD COLUMN told_s INTEGER NOT NULL DEFAULT 0;"
# Who sold and what else than credit was sold; receipts and statements; which keys a meter was made with.
_FROM_VERSION_2 = f"""
ALTER TABLE station ADD COLUMN operators_required INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meters ADD COLUMN key_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meters ADD COLUMN site_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN kind INTEGER NOT NULL DEFAULT {token.CREDIT_MONEY};
ALTER TABLE tokens ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN operator INTEGER;
ALTER TABLE tokens ADD COLUMN redeemed_s INTEGER;
UPDATE tokens SET kind = {token.CREDIT_ENERGY} WHERE unit = 'energy';
CREATE TABLE receipts (
    meter INTEGER NOT NULL, sequence INTEGER NOT NULL, money INTEGER NOT NULL, energy INTEGER NOT NULL,
    debt INTEGER NOT NULL, term_s INTEGER NOT NULL, told_s INTEGER NOT NULL,
    settled TEXT NOT NULL DEFAULT '', PRIMARY KEY (meter, sequence)
);
CREATE TABLE statements (
    meter INTEGER NOT NULL, time_s INTEGER NOT NULL, unit TEXT NOT NULL, contract INTEGER NOT NULL,
    balance INTEGER NOT NULL, bought INTEGER, charged INTEGER, total_mwh INTEGER NOT NULL, alarms TEXT NOT NULL,
    PRIMARY KEY (meter, time_s, total_mwh)
);
CREATE TABLE key_cards (
    uid TEXT PRIMARY KEY, loaded INTEGER NOT NULL, version INTEGER NOT NULL, spent INTEGER NOT NULL,
    price INTEGER NOT NULL, allowance_mwh INTEGER NOT NULL, period INTEGER NOT NULL, user INTEGER NOT NULL
);
CREATE TABLE key_card_sales (uid TEXT NOT NULL, amount INTEGER NOT NULL, sold_s INTEGER NOT NULL, operator INTEGER);
"""


class Transaction:
    """All of a `with` block or nothing of it, in the file when the block is left."""

    def __init__(self, database) -> None:
        self._database = database

    def __enter__(self):
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_):
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def open_database(path: str | Path, site_keys) -> sqlite3.Connection:
    """The tables in the file at `path`, made where there are none.

    Raises ValueError for a file that holds something else, or the record that belongs to other keys.
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


def _prepare(database, path, site_keys) -> None:
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


def _migrate(database, version, site_keys) -> None:
    if version == 0:
        _execute_all(database, _SCHEMA_2)
        database.execute("INSERT INTO station VALUES (?)", (site_keys.fingerprint(),))
    if version == 1:
        _execute_all(database, _FROM_VERSION_1)
    _execute_all(database, _FROM_VERSION_2)
    # Whoever kept a record before there were versions sealed everything under the first.
    first = site_keys.first_version
    database.execute("UPDATE meters SET key_version = ?, site_version = ?", (first, first))
    database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


def _execute_all(database, script) -> None:
    """One by one, for `executescript` would end the transaction."""
    for statement in script.split(";")[:-1]:
        database.execute(statement)
