"""What the vending station remembers, in one SQLite file: meters, cards, and every token it has ever issued, by whom.

A token's number is used up first, in the record and in the marks beside the keys (sequence_marks), and the sealed token
is kept before anything is written to a card. So a number is never used twice, whatever stops the program and even if an
older record is put back; and a token that did not reach its card is put on it later, or on another card, as it was.
"""

import fcntl
import sqlite3
from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.currency import Currency
from wattpurse.core.messages import token
from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse.core.seals import keys
from wattpurse_tools.station.database import Transaction, open_database
from wattpurse_tools.station.key_card_record import KeyCardRecord
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
    """The state in the file at `path`, opened for one command: another one waits until this one is closed.

    `operator` is the number of whoever sells, None where nobody has shown a card; `numbers`, `receipts`, `statements`,
    `key_history` and `key_cards` are parts of the record.
    """

    def __init__(self, path: str | Path, site_keys, marks: SequenceMarks) -> None:
        self.operator = None
        self._path = path
        self._keys = site_keys
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
        self.key_cards = KeyCardRecord(self._database, self._transaction)

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        self.close()
        if isinstance(error, sqlite3.Error):
            raise OSError(f"{self._path}: the state cannot be used: {error}") from error

    def close(self) -> None:
        """Let the next command have the state."""
        self._database.close()
        self._lock.close()

    def add_meter(self, number: int, currency: Currency) -> bool:
        """Make a meter known; False if it already is. Raises ValueError for a number that no meter has."""
        check_meter_number(number)
        with self._transaction():
            added = self._database.execute(
                "INSERT OR IGNORE INTO meters (number, currency, decimals, last_sequence, key_version, site_version)"
                " VALUES (?, ?, ?, 0, ?, ?)",
                (number, currency.code, currency.decimals, self._keys.key_version, self._keys.key_version),
            )
        return added.rowcount == 1

    def meters(self) -> list:
        """All meters: rows with number, currency, decimals, last_sequence, unit, told_s, key_version, site_version."""
        return self._database.execute("SELECT * FROM meters ORDER BY number").fetchall()

    def meter(self, number: int):
        """The row of one meter, or None."""
        return self._database.execute("SELECT * FROM meters WHERE number = ?", (number,)).fetchone()

    def add_card(self, uid: bytes, name: str, meter_number: int) -> None:
        """Make a card known, or known under another name; meter 0 for a service card."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", (uid.hex(), name, meter_number))

    def card(self, uid: bytes):
        """The row of one card with uid, name and meter, or None."""
        return self._database.execute("SELECT * FROM cards WHERE uid = ?", (uid.hex(),)).fetchone()

    def remove_card(self, uid: bytes) -> None:
        """Forget a card; tokens that were made for it stay."""
        with self._transaction():
            self._database.execute("DELETE FROM cards WHERE uid = ?", (uid.hex(),))

    @property
    def operators_required(self) -> bool:
        """Whether nothing is sold without an operator's card."""
        return bool(self._database.execute("SELECT operators_required FROM station").fetchone()[0])

    def require_operators(self, required: bool) -> None:
        """Nothing is sold without an operator's card from now on, or no longer so. Raises ValueError without one."""
        self._refuse_without_operator(True)
        with self._transaction():
            self._database.execute("UPDATE station SET operators_required = ?", (required,))

    def issue(self, meter_number: int, uid: bytes, order: Order):
        """Make the next token of a meter, for one card or for NO_CARD; its row.

        Raises ValueError if nobody may sell now, if money would be lost by it, or if this record is behind what was
        sold with these keys.
        """
        return self.issue_all(meter_number, uid, [order])[0]

    def issue_all(self, meter_number: int, uid: bytes, orders: list, settled=()) -> list:
        """Make a token of each order, all or none; their rows. The receipts (rows) in `settled` are settled by them."""
        self._refuse_without_operator(self.operators_required)
        for order in orders:
            self._refuse_order(meter_number, order)
        key_version = self.key_history.sealing_version(meter_number)
        pair = keys.token_keys(aes, self._keys.meter_key(meter_number, key_version))
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
        return [self.token(meter_number, sequence) for sequence, _, _ in made]

    def pay_out(self, receipts: list) -> None:
        """Note receipts (rows) as paid out at the desk."""
        self._refuse_without_operator(self.operators_required)
        with self._transaction():
            self.receipts.settle(receipts, "paid out")

    def learn(self, told: dict) -> None:
        """Take in what an authentic statement proves: tokens redeemed, numbers used, the meter's unit, a receipt."""
        meter_number = told["meter_number"]
        open_rows = self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND state != ?", (meter_number, REDEEMED)
        ).fetchall()
        redeemed = [row["sequence"] for row in open_rows if is_redeemed(told, row["sequence"])]
        with self._transaction():
            self._database.executemany(
                "UPDATE tokens SET state = ?, redeemed_s = ? WHERE meter = ? AND sequence = ?",
                [(REDEEMED, told["time_s"], meter_number, sequence) for sequence in redeemed],
            )
            self.receipts.book(told)
            self.statements.keep(told)
            self.numbers.learn(meter_number, told["token_top"])
            self._database.execute(
                "UPDATE meters SET unit = ?, told_s = ? WHERE number = ? AND told_s <= ?",
                (told["unit"], told["time_s"], meter_number, told["time_s"]),
            )

    def redeemed_elsewhere(self, told: dict) -> list:
        """The numbers that a statement proves redeemed and that this station has not issued, lowest first."""
        first = max(1, told["token_top"] - TOKEN_WINDOW + 1)
        redeemed = [number for number in range(first, told["token_top"] + 1) if is_redeemed(told, number)]
        return [number for number in redeemed if self.token(told["meter_number"], number) is None]

    def refuse_without_operator(self) -> None:
        """Raises ValueError where nothing is sold without an operator's card, and nobody has shown one."""
        self._refuse_without_operator(self.operators_required)

    def _refuse_without_operator(self, required) -> None:
        if required and self.operator is None:
            raise ValueError("this station sells with an operator's card only: name yours with --operator CARD")

    def _refuse_order(self, meter_number, order) -> None:
        """What would lose money: a receipt that the next one replaces, credit that would come to the next tenant."""
        if order.kind in TAKING:
            for row in self.receipts.awaited(meter_number):
                raise ValueError(
                    f"token {row['sequence']} of meter {meter_number} ({row['words']}) has no receipt yet, and the next"
                    " one would take its place; read a card that has been at the meter since, or give it up with:"
                    f" wattpurse meter forfeit {meter_number} {row['sequence']}"
                )
        if order.kind in (token.CLEAR, token.TENANT):
            for row in self.outstanding_of_meter(meter_number):
                if row["kind"] in CREDIT_KINDS:
                    raise ValueError(
                        f"credit token {row['sequence']} of meter {meter_number} is not known to be redeemed and would"
                        " be credited to whoever comes next; tap its card at the meter first, and read it"
                    )
        self.key_history.refuse(meter_number, order)

    def _transaction(self):
        return Transaction(self._database)


def check_meter_number(number: int) -> None:
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
