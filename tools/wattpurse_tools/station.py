"""What the vending station remembers, in one SQLite file: meters, cards, and every token it has ever issued.

A token's number is used up first, in the record and in the marks beside the keys (sequence_marks), and the sealed token
is kept before anything is written to a card. So a number is never used twice, whatever stops the program and even if an
older record is put back; and a token that did not reach its card is put on it later, or on another card, as it was.
"""

import fcntl
import sqlite3
import time
from pathlib import Path

from boards.host.aes import aes
from wattpurse.core import keys, token
from wattpurse.core.account import TOKEN_WINDOW
from wattpurse_tools.sequence_marks import SequenceMarks
from wattpurse_tools.station_database import Transaction, open_database

MONEY = "money"
ENERGY = "energy"
ISSUED = "issued"
ON_CARD = "on card"
REDEEMED = "redeemed"
FORFEITED = "forfeited"

METER_LIMIT = (1 << 32) - 1

_TOKEN_KINDS = {MONEY: token.CREDIT_MONEY, ENERGY: token.CREDIT_ENERGY}


class Station:
    """The state in the file at `path`, opened for one command: another one waits until this one is closed."""

    def __init__(self, path: str | Path, site_keys, marks: SequenceMarks):
        self._path = path
        self._keys = site_keys
        self._marks = marks
        self._lock = open(f"{path}.lock", "w")  # noqa: SIM115 held until `close`
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self._database = open_database(path, site_keys.fingerprint())
        except (OSError, ValueError, sqlite3.Error):
            self._lock.close()
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
                "INSERT OR IGNORE INTO meters VALUES (?, ?, ?, 0, NULL, 0)", (number, currency, decimals)
            )
        return added.rowcount == 1

    def meters(self) -> list:
        """All meters, as rows with number, currency, decimals, last_sequence, unit, told_s."""
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
        """Make the next token of a meter, for one card; its row.

        Raises ValueError if an older token would be lost, or if this record is behind what was sold with these keys.
        """
        pair = keys.token_keys(aes, self._keys.meter_key(meter_number))
        sequence = self._use_next_number(meter_number)
        made = token.make(_TOKEN_KINDS[unit], amount)
        sealed = token.seal_token(aes, pair, self._keys.key_version, meter_number, sequence, *made)
        with self._transaction():
            self._database.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (meter_number, sequence, unit, amount, int(time.time()), uid.hex(), sealed, ISSUED),
            )
        return self.token(meter_number, sequence)

    def skip(self, meter_number: int) -> range:
        """Go on behind all numbers that were used with these keys; those that this record passes over by it."""
        last = self.meter(meter_number)["last_sequence"]
        used = self._marks.of(meter_number)
        with self._transaction():
            self._learn_sequence(meter_number, used)
        return range(last + 1, used + 1)

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

    def outstanding_of_name(self, name: str) -> list:
        """The same for whatever cards were known under a name. Raises ValueError if none was."""
        if self._database.execute("SELECT 1 FROM cards WHERE name = ?", (name,)).fetchone() is None:
            raise ValueError(f"no card {name} is known to this station")
        return self._database.execute(
            "SELECT * FROM tokens WHERE card IN (SELECT uid FROM cards WHERE name = ?) AND state IN (?, ?)"
            " ORDER BY meter, sequence",
            (name, ISSUED, ON_CARD),
        ).fetchall()

    def move(self, tokens: list, uid: bytes):
        """Let tokens (rows) belong on another card, where they are not yet."""
        with self._transaction():
            self._database.executemany(
                "UPDATE tokens SET card = ?, state = ? WHERE meter = ? AND sequence = ?",
                [(uid.hex(), ISSUED, row["meter"], row["sequence"]) for row in tokens],
            )

    def forfeit(self, meter_number: int, sequences: list) -> list:
        """Give tokens up; their rows. Raises ValueError, with none given up, for one that is not outstanding."""
        rows = [self.token(meter_number, sequence) for sequence in sequences]
        for sequence, row in zip(sequences, rows, strict=True):
            if row is None:
                raise ValueError(f"token {sequence} of meter {meter_number} was not issued by this station")
            if row["state"] not in (ISSUED, ON_CARD):
                raise ValueError(f"token {sequence} of meter {meter_number} is {row['state']} already")
        self.mark(rows, FORFEITED)
        return rows

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
            self._database.execute(
                "UPDATE meters SET unit = ?, told_s = ? WHERE number = ? AND told_s <= ?",
                (told["unit"], told["time_s"], meter_number, told["time_s"]),
            )

    def redeemed_elsewhere(self, told: dict) -> list:
        """The numbers that a statement proves redeemed and that this station has not issued, lowest first."""
        first = max(1, told["token_top"] - TOKEN_WINDOW + 1)
        redeemed = [number for number in range(first, told["token_top"] + 1) if is_redeemed(told, number)]
        return [number for number in redeemed if self.token(told["meter_number"], number) is None]

    def _use_next_number(self, meter_number):
        """The record comes before the marks: stopped between the two, it is ahead of them and goes on."""
        last = self.meter(meter_number)["last_sequence"]
        self._refuse_to_lose_the_oldest(meter_number, last + 1)
        used = self._marks.of(meter_number)
        if used > last:
            raise ValueError(
                f"this record of meter {meter_number} ends at token {last}, but numbers up to {used} were used with"
                " these keys: it is an older copy, or another station sells with the same keys; use the newest record,"
                f" or go on behind them with: wattpurse meter skip {meter_number}"
            )
        with self._transaction():
            self._learn_sequence(meter_number, last + 1)
        if not self._marks.claim(meter_number, last + 1):
            raise ValueError(f"another station is selling to meter {meter_number} with the same keys; try again")
        return last + 1

    def _learn_sequence(self, meter_number, sequence):
        self._database.execute(
            "UPDATE meters SET last_sequence = max(last_sequence, ?) WHERE number = ?", (sequence, meter_number)
        )

    def _refuse_to_lose_the_oldest(self, meter_number, sequence):
        """A meter takes tokens out of order, but none that lies further back than its window."""
        oldest = self._database.execute(
            "SELECT sequence, coalesce(name, card) AS card FROM tokens LEFT JOIN cards ON uid = card"
            " WHERE tokens.meter = ? AND state IN (?, ?) ORDER BY sequence LIMIT 1",
            (meter_number, ISSUED, ON_CARD),
        ).fetchone()
        if oldest is not None and sequence - oldest["sequence"] >= TOKEN_WINDOW:
            card = oldest["card"]
            raise ValueError(
                f"token {oldest['sequence']} of meter {meter_number}, made for card {card}, is not known to be redeemed"
                f" and would be lost behind {TOKEN_WINDOW} newer ones; read a card that has been at the meter since, or"
                f" put it on a card that can be tapped there with: wattpurse card replace {card} NEW, or give it up"
                f" with: wattpurse meter forfeit {meter_number} {oldest['sequence']}"
            )

    def _transaction(self):
        return Transaction(self._database)


def check_meter_number(number: int):
    """Raises ValueError for a number that no meter has."""
    if not 1 <= number <= METER_LIMIT:
        raise ValueError(f"a meter number is from 1 to {METER_LIMIT}")


def is_redeemed(told: dict, sequence: int) -> bool:
    """Whether a statement proves that the meter has redeemed a token: by its bit, not by age alone."""
    behind = told["token_top"] - sequence
    return behind >= 0 and bool(told["token_window"] >> behind & 1)


def is_too_old(told: dict, sequence: int) -> bool:
    """Whether a statement proves that the meter takes a token for redeemed because of its age."""
    return told["token_top"] - sequence >= TOKEN_WINDOW
