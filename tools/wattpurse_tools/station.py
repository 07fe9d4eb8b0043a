"""What the vending station remembers, in one SQLite file: meters, cards, and every token it has ever issued.

A token is issued in one transaction: its sequence number is used, and the sealed token kept, before anything is written
to a card. A number is never used again, and a token that did not reach its card is put on it later, as it was.
"""

import fcntl
import sqlite3
import time
from pathlib import Path

from boards.host.aes import aes
from wattpurse.core import keys, token
from wattpurse.core.account import TOKEN_WINDOW

MONEY = "money"
ENERGY = "energy"
ISSUED = "issued"
ON_CARD = "on card"
REDEEMED = "redeemed"
FORFEITED = "forfeited"

METER_LIMIT = (1 << 32) - 1

_TOKEN_KINDS = {MONEY: token.CREDIT_MONEY, ENERGY: token.CREDIT_ENERGY}
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE station (key_fingerprint TEXT NOT NULL);
CREATE TABLE meters (
    number INTEGER PRIMARY KEY, currency TEXT NOT NULL, decimals INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    unit TEXT
);
CREATE TABLE cards (uid TEXT PRIMARY KEY, name TEXT NOT NULL, meter INTEGER NOT NULL);
CREATE TABLE tokens (
    meter INTEGER NOT NULL, sequence INTEGER NOT NULL, unit TEXT NOT NULL, amount INTEGER NOT NULL,
    issued_s INTEGER NOT NULL, card TEXT NOT NULL, sealed BLOB NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (meter, sequence)
);
"""


class Station:
    """The state in the file at `path`, opened for one command: another one waits until this one is closed."""

    def __init__(self, path: str | Path, site_keys):
        self._path = path
        self._keys = site_keys
        self._lock = open(f"{path}.lock", "w")  # noqa: SIM115 held until `close`
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        try:
            self._open_state()
        except sqlite3.DatabaseError as error:
            self.close()
            raise ValueError(f"{path}: not the state of a vending station: {error}") from error
        except ValueError:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        self.close()
        if isinstance(error, sqlite3.Error):
            raise OSError(f"{self._path}: the state cannot be used: {error}") from error

    def close(self):
        """Let the next command have the state."""
        self._database.close()
        self._lock.close()

    def add_meter(self, number: int, currency: str, decimals: int) -> bool:
        """Make a meter known; False if it already is. Raises ValueError for a number that no meter has."""
        check_meter_number(number)
        with self._transaction():
            added = self._database.execute(
                "INSERT OR IGNORE INTO meters VALUES (?, ?, ?, 0, NULL)", (number, currency, decimals)
            )
        return added.rowcount == 1

    def meters(self) -> list:
        """All meters, as rows with number, currency, decimals, last_sequence, unit."""
        return self._database.execute("SELECT * FROM meters ORDER BY number").fetchall()

    def meter(self, number: int):
        """The row of one meter, or None."""
        return self._database.execute("SELECT * FROM meters WHERE number = ?", (number,)).fetchone()

    def add_card(self, uid: bytes, name: str, meter_number: int):
        """Make a card known, or known under another name; meter 0 for a service card."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", (uid.hex(), name, meter_number))

    def card(self, uid: bytes):
        """The row of one card with uid, name and meter, or None."""
        return self._database.execute("SELECT * FROM cards WHERE uid = ?", (uid.hex(),)).fetchone()

    def remove_card(self, uid: bytes):
        """Forget a card; tokens that were made for it stay."""
        with self._transaction():
            self._database.execute("DELETE FROM cards WHERE uid = ?", (uid.hex(),))

    def issue(self, meter_number: int, uid: bytes, unit: str, amount: int):
        """Make the next token of a meter, for one card; its row. Raises ValueError if an older token would be lost."""
        pair = keys.token_keys(aes, self._keys.meter_key(meter_number))
        with self._transaction():
            sequence = self.meter(meter_number)["last_sequence"] + 1
            self._refuse_to_lose_the_oldest(meter_number, sequence)
            made = token.make(_TOKEN_KINDS[unit], amount)
            sealed = token.seal_token(aes, pair, self._keys.key_version, meter_number, sequence, *made)
            self._database.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (meter_number, sequence, unit, amount, int(time.time()), uid.hex(), sealed, ISSUED),
            )
            self._learn_sequence(meter_number, sequence)
        return self.token(meter_number, sequence)

    def token(self, meter_number: int, sequence: int):
        """The row of one token with meter, sequence, unit, amount, issued_s, card, sealed, state; or None."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND sequence = ?", (meter_number, sequence)
        ).fetchone()

    def outstanding(self, uid: bytes) -> list:
        """The tokens made for a card that no statement has proved redeemed, oldest first."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE card = ? AND state IN (?, ?) ORDER BY meter, sequence",
            (uid.hex(), ISSUED, ON_CARD),
        ).fetchall()

    def mark(self, tokens: list, state: str):
        """Give tokens (rows) a new state."""
        with self._transaction():
            self._database.executemany(
                "UPDATE tokens SET state = ? WHERE meter = ? AND sequence = ?",
                [(state, row["meter"], row["sequence"]) for row in tokens],
            )

    def learn(self, told: dict):
        """Take in what an authentic statement proves: tokens redeemed, numbers used, and what the meter sells by."""
        meter_number = told["meter_number"]
        open_rows = self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND state != ?", (meter_number, REDEEMED)
        ).fetchall()
        self.mark([row for row in open_rows if is_redeemed(told, row["sequence"])], REDEEMED)
        with self._transaction():
            self._learn_sequence(meter_number, told["token_top"])
            self._database.execute("UPDATE meters SET unit = ? WHERE number = ?", (told["unit"], meter_number))

    def _learn_sequence(self, meter_number, sequence):
        self._database.execute(
            "UPDATE meters SET last_sequence = max(last_sequence, ?) WHERE number = ?", (sequence, meter_number)
        )

    def _refuse_to_lose_the_oldest(self, meter_number, sequence):
        """A meter takes tokens out of order, but none that lies further back than its window."""
        oldest = self._database.execute(
            "SELECT min(sequence) FROM tokens WHERE meter = ? AND state IN (?, ?)", (meter_number, ISSUED, ON_CARD)
        ).fetchone()[0]
        if oldest is not None and sequence - oldest >= TOKEN_WINDOW:
            raise ValueError(
                f"token {oldest} of meter {meter_number} is not known to be redeemed and would be lost behind"
                f" {TOKEN_WINDOW} newer ones; read a card that has been at the meter, or forfeit that token's card"
            )

    def _transaction(self):
        return _Transaction(self._database)

    def _open_state(self):
        self._database.execute("PRAGMA synchronous = FULL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self._transaction():
                for statement in _SCHEMA.split(";")[:-1]:
                    self._database.execute(statement)
                self._database.execute("INSERT INTO station VALUES (?)", (self._keys.fingerprint(),))
                self._database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        elif version != _SCHEMA_VERSION:
            raise ValueError(f"{self._path}: the state is of version {version}, which this program does not know")
        elif self._database.execute("SELECT key_fingerprint FROM station").fetchone()[0] != self._keys.fingerprint():
            raise ValueError(f"{self._path}: this state belongs to another key file; use the two that belong together")


class _Transaction:
    """All of a `with` block or nothing of it, in the file when the block is left."""

    def __init__(self, database):
        self._database = database

    def __enter__(self):
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_):
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def check_meter_number(number: int):
    """Raises ValueError for a number that no meter has."""
    if not 1 <= number <= METER_LIMIT:
        raise ValueError(f"a meter number is from 1 to {METER_LIMIT}")


def is_redeemed(told: dict, sequence: int) -> bool:
    """Whether a statement proves that the meter has redeemed a token."""
    behind = told["token_top"] - sequence
    return behind >= TOKEN_WINDOW or (behind >= 0 and bool(told["token_window"] >> behind & 1))
