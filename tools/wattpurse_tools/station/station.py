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
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import OFFICE, WINDOW, count_of, issuer_of, number_of, number_text
from wattpurse_tools.station import key_file
from wattpurse_tools.station.database import Transaction, open_database
from wattpurse_tools.station.key_card_record import KeyCardRecord
from wattpurse_tools.station.key_file import SiteKeys
from wattpurse_tools.station.key_history import KeyHistory
from wattpurse_tools.station.order import BENEFIT_KINDS, CREDIT_KINDS, REDEEMED, TAKING, VOIDED, Order
from wattpurse_tools.station.receipts import Receipts
from wattpurse_tools.station.sequence_marks import SequenceMarks
from wattpurse_tools.station.short_tokens import ShortTokens
from wattpurse_tools.station.statement_record import Statements
from wattpurse_tools.station.token_numbers import TokenNumbers
from wattpurse_tools.station.token_record import TokenRecord

NO_CARD = b""
NO_TENANT = 0

METER_LIMIT = (1 << 32) - 1


class Station(TokenRecord):
    """The record in the file at `path`, locked until it is closed. Another program waits for the lock.

    `operator` is the number of the operator who has signed on, or None. `numbers`, `receipts`, `statements`,
    `key_history`, `key_cards` and `short_tokens` are parts of the record.
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
        self.numbers = TokenNumbers(self._database, marks, site_keys.issuer)
        self.receipts = Receipts(self._database)
        self.statements = Statements(self._database, site_keys.issuer)
        self.key_history = KeyHistory(self._database, site_keys)
        self.key_cards = KeyCardRecord(self._database)
        self.short_tokens = ShortTokens(self._database, site_keys)

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
        """Make a token of each order, all or none, and return their rows. They settle the receipts in `settled`.

        Each token names the newest order before it on the same card, which the meter must redeem first.
        """
        self.refuse_without_operator()
        for order in orders:
            self._refuse_order(meter_number, order)
        key_version = self.key_history.sealing_version(meter_number)
        pair = self.site_keys.token_keys(meter_number, key_version)
        tenant, after = self.tenant(meter_number), self.newest_order(meter_number, uid)
        made = []
        for order in orders:
            owner = tenant if token.is_personal(order.kind) else NO_TENANT
            sequence = self.numbers.use_next(meter_number)
            sealed = token.seal_token(
                aes, pair, key_version, meter_number, sequence, order.kind, order.body, owner, after
            )
            made.append((sequence, order, sealed, owner, after))
            after = after if order.kind in BENEFIT_KINDS else sequence
            tenant = order.amount if order.kind == token.TENANT else tenant
        with self._transaction():
            for sequence, order, sealed, owner, before in made:
                self.add(meter_number, sequence, uid, order, sealed, self.operator, owner, before)
                self.short_tokens.learn(meter_number, order)
            numbers = ", ".join(number_text(sequence) for sequence, *_ in made)
            self.receipts.settle(settled, f"to meter {meter_number}, token {numbers}")
        rows = [self.token(meter_number, sequence) for sequence, *_ in made]
        return [row for row in rows if row is not None]

    def tenant(self, meter_number: int) -> int:
        """Return the tenant that the next token is for: the one that moves in with the newest token, or is in."""
        moving_in = [row for row in self.outstanding_of_meter(meter_number) if row["kind"] == token.TENANT]
        return moving_in[-1]["amount"] if moving_in else self.known_meter(meter_number)["tenant"]

    def move_receipts(self, lost: str, meter_number: int, uid: bytes) -> None:
        """Make the receipts of all cards that ever had the name `lost` those of another card of the meter."""
        rows = self._database.execute("SELECT uid FROM cards WHERE name = ?", (lost,)).fetchall()
        with self._transaction():
            for row in rows:
                self.receipts.move(meter_number, card_number(bytes.fromhex(row["uid"])), card_number(uid))

    def pay_out(self, receipts: list[sqlite3.Row]) -> None:
        """Mark receipts (rows) as paid out to the customer."""
        self.refuse_without_operator()
        with self._transaction():
            self.receipts.settle(receipts, "paid out")

    def learn(self, statement: dict) -> None:
        """Record the facts that an authentic statement proves.

        These are redeemed and voided tokens, used numbers, the unit, the tenant and a receipt.
        """
        meter_number = statement["meter_number"]
        voided = [sequence for sequence, _ in statement.get("voided", ())]
        open_rows = self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND state NOT IN (?, ?)", (meter_number, REDEEMED, VOIDED)
        ).fetchall()
        used = [row["sequence"] for row in open_rows if is_redeemed(statement, row["sequence"])]
        with self._transaction():
            self._database.executemany(
                "UPDATE tokens SET state = ?, redeemed_s = ? WHERE meter = ? AND sequence = ?",
                [
                    (VOIDED if sequence in voided else REDEEMED, statement["time_s"], meter_number, sequence)
                    for sequence in used
                ],
            )
            self.receipts.book(statement)
            self.statements.keep(statement)
            for issuer, (top, _) in statement["windows"].items():
                self.numbers.learn(meter_number, number_of(issuer, top))
            self._database.execute(
                "UPDATE meters SET unit = ?, told_s = ? WHERE number = ? AND told_s <= ?",
                (statement["unit"], statement["time_s"], meter_number, statement["time_s"]),
            )
            self._learn_tenant(statement)

    def _learn_tenant(self, statement: dict) -> None:
        """Note the tenant: as the statement tells it, or by the newest redeemed token if it had no room for it."""
        meter_number = statement["meter_number"]
        row = self._database.execute(
            "SELECT amount FROM tokens WHERE meter = ? AND kind = ? AND state = ? ORDER BY sequence DESC LIMIT 1",
            (meter_number, token.TENANT, REDEEMED),
        ).fetchone()
        by_token = None if row is None else row["amount"]
        tenant = statement.get("standing", {}).get("tenant", by_token)
        if tenant is not None:
            self._database.execute(
                "UPDATE meters SET tenant = ? WHERE number = ? AND told_s <= ?",
                (tenant, meter_number, statement["time_s"]),
            )

    def redeemed_elsewhere(self, statement: dict) -> list[int]:
        """Return the redeemed numbers of this issuer in a statement that the record does not have, lowest first."""
        issuer = self.site_keys.issuer
        top = statement["windows"].get(issuer, (0, 0))[0]
        numbers = [number_of(issuer, count) for count in range(max(1, top - WINDOW + 1), top + 1)]
        redeemed = [number for number in numbers if is_redeemed(statement, number)]
        return [number for number in redeemed if self.token(statement["meter_number"], number) is None]

    def refuse_without_operator(self) -> None:
        """Raise ValueError if selling requires an operator and none has signed on."""
        self._refuse_without_operator(self.operators_required)

    def _refuse_without_operator(self, required: bool) -> None:
        if required and self.operator is None:
            raise ValueError("this station sells with an operator's card only: name yours with --operator CARD")

    def _refuse_order(self, meter_number: int, order: Order) -> None:
        """Refuse orders that would overwrite an unread receipt or give credit to the next tenant.

        Refuse orders of the office at a vending point, too.
        """
        if self.site_keys.issuer != OFFICE and token.is_for_office(order.kind):
            raise ValueError(f"a {token.name(order.kind)} token is made by the office alone, not by a vending point")
        if order.kind in TAKING:
            for row in self.receipts.awaited(meter_number):
                number = number_text(row["sequence"])
                raise ValueError(
                    f"token {number} of meter {meter_number} ({row['words']}) has no receipt yet, and the next receipt"
                    " would overwrite it; read a card that has been at the meter since, or forfeit it with:"
                    f" wattpurse meter forfeit {meter_number} {number}"
                )
        if order.kind in (token.CLEAR, token.TENANT):
            for row in self.outstanding_of_meter(meter_number):
                if row["kind"] in CREDIT_KINDS:
                    number = number_text(row["sequence"])
                    raise ValueError(
                        f"credit token {number} of meter {meter_number} is not known to be redeemed, and the next"
                        " tenant could not use it; tap its card at the meter first, and read it"
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
    top, window = statement["windows"].get(issuer_of(sequence), (0, 0))
    behind = top - count_of(sequence)
    return behind >= 0 and bool(window >> behind & 1)


def is_too_old(statement: dict, sequence: int) -> bool:
    """Return True if a statement proves that a token is behind the meter's window, so that the meter refuses it."""
    top, _ = statement["windows"].get(issuer_of(sequence), (0, 0))
    return top - count_of(sequence) >= WINDOW
