"""The SQLite file of the vending station: its tables, how it is opened, and transactions."""

import sqlite3
from pathlib import Path

_SCHEMA_VERSION = 2
_SCHEMA = """
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
_FROM_VERSION_1 = "ALTER TABLE meters ADD COLUMN told_s INTEGER NOT NULL DEFAULT 0"


class Transaction:
    """All of a `with` block or nothing of it, in the file when the block is left."""

    def __init__(self, database):
        self._database = database

    def __enter__(self):
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_):
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def open_database(path: str | Path, key_fingerprint: str) -> sqlite3.Connection:
    """The tables in the file at `path`, made where there are none.

    Raises ValueError for a file that holds something else, or the record that belongs to other keys.
    """
    database = sqlite3.connect(path, isolation_level=None)
    database.row_factory = sqlite3.Row
    try:
        _prepare(database, path, key_fingerprint)
    except sqlite3.DatabaseError as error:
        database.close()
        raise ValueError(f"{path}: not the state of a vending station: {error}") from error
    except ValueError:
        database.close()
        raise
    return database


def _prepare(database, path, key_fingerprint):
    database.execute("PRAGMA synchronous = FULL")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        with Transaction(database):
            for statement in _SCHEMA.split(";")[:-1]:
                database.execute(statement)
            database.execute("INSERT INTO station VALUES (?)", (key_fingerprint,))
            database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        return
    if version not in (1, _SCHEMA_VERSION):
        raise ValueError(f"{path}: the state is of version {version}, which this program does not know")
    if database.execute("SELECT key_fingerprint FROM station").fetchone()[0] != key_fingerprint:
        raise ValueError(f"{path}: this state belongs to another key file; use the two that belong together")
    if version == 1:
        with Transaction(database):
            database.execute(_FROM_VERSION_1)
            database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
