"""The station's record in one SQLite file: meters, cards, and every token ever issued, with its operator.

A token's number is used first, in the record and in the marks beside the keys (`sequence_marks`). The sealed token is
in the record before anything is written to a card. A number is used once, even if the program stops or an older record
is restored. A token that did not reach its card is written later, to the same card or another, unchanged.
"""

import fcntl
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from boards.host.chips.aes import aes
from wattpurse.core.currency import Currency
from wattpurse.core.messages import token
from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse.core.seals import keys
from wattpurse_tools.station import key_file
from wattpurse_tools.station.database import Transaction, open_database
from wattpurse_tools.station.key_card_record import KeyCardRecord
from wattpurse_tools.station.key_file import SiteKeys
from wattpurse_tools.station.key_history import KeyHistory
from wattpurse_tools.station.order import CREDIT_KINDS, REDEEMED, TAKING, Order
from wattpurse_tools.station.receipts import Receipts
from wattpurse_tools.station.sequence_marks import SequenceMarks
from wattpurse_tools.station.statement_record import Statements
from wattpurse_tools.station.token_numbers import TokenNumbers
from wattpurse_tools.station.token_record import TokenRecord

NO_CARD = b""

METER_LIMIT = (1 << 32) - 1


class Station(TokenRecord):
    """The record in the file at `path`, locked until it is closed. Another program waits for the lock.

    `operator` is the number of the operator who has signed on, or None. `numbers`, `receipts`, `statements`,
    `key_history` and `key_cards` are parts of the record.
    """

    def __init__(self, path: str | Path, site_keys: SiteKeys, marks: SequenceMarks) -> None:
        self.site_keys = site_keys
        self.operator: int | None = None
        self._path = path
        self._lock = open(f"{path}.lock", "w")  # noqa: SIM115 held until `close`
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            super().__init__(open_database(path, site_keys))
        except (OSError, ValueError, sqlite3.Error):
            self._lock.close()
            raise
        self.numbers = TokenNumbers(self._database, marks)
        self.receipts = Receipts(self._database)
        self.statements = Statements(self._database)
        self.key_history = KeyHistory(self._database, site_keys)
        self.key_cards = KeyCardRecord(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type | None, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise OSError(f"{self._path}: the state cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file and unlock it."""
        self._database.close()
        self._lock.close()

    def add_meter(self, number: int, currency: Currency) -> bool:
        """Add a meter and return True. Return False if it is in the record. Raise ValueError for a wrong number."""
        check_meter_number(number)
        with self._transaction():
            added = self._database.execute(
                "INSERT OR IGNORE INTO meters (number, currency, decimals, last_sequence, key_version, site_version)"
                " VALUES (?, ?, ?, 0, ?, ?)",
                (number, currency.code, currency.decimals, self.site_keys.key_version, self.site_keys.key_version),
            )
        return added.rowcount == 1

    def meters(self) -> list[sqlite3.Row]:
        """Return the rows of all meters.

        A row has number, currency, decimals, last_sequence, unit, told_s, key_version and site_version.
        """
        return self._database.execute("SELECT * FROM meters ORDER BY number").fetchall()

    def meter(self, number: int) -> sqlite3.Row | None:
        """Return the row of one meter, or None."""
        return self._database.execute("SELECT * FROM meters WHERE number = ?", (number,)).fetchone()

    def known_meter(self, number: int) -> sqlite3.Row:
        """Return the row of one meter. Raise ValueError, with the remedy, if it is not in the record."""
        meter = self.meter(number)
        if meter is None:
            raise ValueError(f"meter {number} is not known; add it with: wattpurse meter add {number}")
        return meter

    def add_card(self, uid: bytes, name: str, meter_number: int) -> None:
        """Add a card, or change its name and meter. Meter 0 means a card without a meter."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", (uid.hex(), name, meter_number))

    def card(self, uid: bytes) -> sqlite3.Row | None:
        """Return the row of one card with uid, name and meter, or None."""
        return self._database.execute("SELECT * FROM cards WHERE uid = ?", (uid.hex(),)).fetchone()

    def remove_card(self, uid: bytes) -> None:
        """Remove a card from the record. Its tokens stay in the record."""
        with self._transaction():
            self._database.execute("DELETE FROM cards WHERE uid = ?", (uid.hex(),))

    @property
    def operators_required(self) -> bool:
        """True if selling requires an operator's card."""
        return bool(self._database.execute("SELECT operators_required FROM station").fetchone()[0])

    def require_operators(self, required: bool) -> None:
        """Require an operator's card to sell, or stop requiring it. Raise ValueError if no operator has signed on."""
        self._refuse_without_operator(True)
        with self._transaction():
            self._database.execute("UPDATE station SET operators_required = ?", (required,))

    def issue(self, meter_number: int, uid: bytes, order: Order) -> sqlite3.Row:
        """Make the next token of a meter, for one card or for NO_CARD. Return its row.

        Raise ValueError if selling requires an operator, if money would be lost, or if the record is out of date.
        """
        return self.issue_all(meter_number, uid, [order])[0]

    def issue_all(
        self,
        meter_number: int,
        uid: bytes,
        orders: list[Order],
        settled: Sequence[sqlite3.Row] = (),
    ) -> list[sqlite3.Row]:
        """Make a token of each order, all or none, and return their rows. They settle the receipts in `settled`."""
        self.refuse_without_operator()
        for order in orders:
            self._refuse_order(meter_number, order)
        key_version = self.key_history.sealing_version(meter_number)
        pair = keys.token_keys(aes, self.site_keys.meter_key(meter_number, key_version))
        made = []
        for order in orders:
            sequence = self.numbers.use_next(meter_number)
            sealed = token.seal_token(aes, pair, key_version, meter_number, sequence, order.kind, order.body)
            made.append((sequence, order, sealed))
        with self._transaction():
            for sequence, order, sealed in made:
                self.add(meter_number, sequence, uid, order, sealed, self.operator)
            numbers = ", ".join(str(sequence) for sequence, _, _ in made)
            self.receipts.settle(settled, f"to meter {meter_number}, token {numbers}")
        rows = [self.token(meter_number, sequence) for sequence, _, _ in made]
        return [row for row in rows if row is not None]

    def pay_out(self, receipts: list[sqlite3.Row]) -> None:
        """Mark receipts (rows) as paid out to the customer."""
        self.refuse_without_operator()
        with self._transaction():
            self.receipts.settle(receipts, "paid out")

    def learn(self, statement: dict) -> None:
        """Record the facts that an authentic statement proves: redeemed tokens, used numbers, the unit, a receipt."""
        meter_number = statement["meter_number"]
        open_rows = self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND state != ?", (meter_number, REDEEMED)
        ).fetchall()
        redeemed = [row["sequence"] for row in open_rows if is_redeemed(statement, row["sequence"])]
        with self._transaction():
            self._database.executemany(
                "UPDATE tokens SET state = ?, redeemed_s = ? WHERE meter = ? AND sequence = ?",
                [(REDEEMED, statement["time_s"], meter_number, sequence) for sequence in redeemed],
            )
            self.receipts.book(statement)
            self.statements.keep(statement)
            self.numbers.learn(meter_number, statement["token_top"])
            self._database.execute(
                "UPDATE meters SET unit = ?, told_s = ? WHERE number = ? AND told_s <= ?",
                (statement["unit"], statement["time_s"], meter_number, statement["time_s"]),
            )

    def redeemed_elsewhere(self, statement: dict) -> list[int]:
        """Return the redeemed numbers in a statement that this station has not issued, lowest first."""
        first = max(1, statement["token_top"] - TOKEN_WINDOW + 1)
        redeemed = [number for number in range(first, statement["token_top"] + 1) if is_redeemed(statement, number)]
        return [number for number in redeemed if self.token(statement["meter_number"], number) is None]

    def refuse_without_operator(self) -> None:
        """Raise ValueError if selling requires an operator and none has signed on."""
        self._refuse_without_operator(self.operators_required)

    def _refuse_without_operator(self, required: bool) -> None:
        if required and self.operator is None:
            raise ValueError("this station sells with an operator's card only: name yours with --operator CARD")

    def _refuse_order(self, meter_number: int, order: Order) -> None:
        """Refuse orders that would overwrite an unread receipt or give credit to the next tenant."""
        if order.kind in TAKING:
            for row in self.receipts.awaited(meter_number):
                raise ValueError(
                    f"token {row['sequence']} of meter {meter_number} ({row['words']}) has no receipt yet, and the next"
                    " receipt would overwrite it; read a card that has been at the meter since, or forfeit it with:"
                    f" wattpurse meter forfeit {meter_number} {row['sequence']}"
                )
        if order.kind in (token.CLEAR, token.TENANT):
            for row in self.outstanding_of_meter(meter_number):
                if row["kind"] in CREDIT_KINDS:
                    raise ValueError(
                        f"credit token {row['sequence']} of meter {meter_number} is not known to be redeemed and would"
                        " be credited to the next tenant; tap its card at the meter first, and read it"
                    )
        self.key_history.refuse(meter_number, order)

    def _transaction(self) -> Transaction:
        return Transaction(self._database)


def open_station(keys: str | Path, record: str | Path) -> Station:
    """Open the record at `record` with the key file at `keys`. Use it in a `with` block.

    Raise ValueError if one of the files is missing, broken, or does not belong to the other.
    """
    return Station(record, key_file.load(keys), SequenceMarks(keys))


def check_meter_number(number: int) -> None:
    """Raise ValueError if `number` is out of range."""
    if not 1 <= number <= METER_LIMIT:
        raise ValueError(f"a meter number is from 1 to {METER_LIMIT}")


def is_redeemed(statement: dict, sequence: int) -> bool:
    """Return True if a statement proves that the meter has redeemed a token: by its bit, not by age alone."""
    behind = statement["token_top"] - sequence
    return behind >= 0 and bool(statement["token_window"] >> behind & 1)


def is_too_old(statement: dict, sequence: int) -> bool:
    """Return True if a statement proves that a token is behind the meter's window, so that the meter refuses it."""
    return statement["token_top"] - sequence >= TOKEN_WINDOW
