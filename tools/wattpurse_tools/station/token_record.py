"""The tokens that a station has made: the content of each, the card that it belongs on, and its state."""

import sqlite3
import time
from collections.abc import Iterable

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import BENEFIT_KINDS, FORFEITED, ISSUED, OUTSTANDING, Order


class TokenRecord:
    """The tokens in a station's database.

    A row has meter, sequence, kind, words, unit and amount (see `order`), issued_s, card, sealed, state, operator and
    redeemed_s, and the tenant and the order before it (0: none) that are sealed in it. A token is outstanding until a
    statement proves that its meter has redeemed or voided it.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def token(self, meter_number: int, sequence: int) -> sqlite3.Row | None:
        """Return the row of one token, or None."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND sequence = ?", (meter_number, sequence)
        ).fetchone()

    def refreshed(self, tokens: Iterable[sqlite3.Row]) -> list[sqlite3.Row]:
        """Return the rows of the same tokens as they are now."""
        rows = [self.token(row["meter"], row["sequence"]) for row in tokens]
        return [row for row in rows if row is not None]

    def outstanding(self, uid: bytes) -> list[sqlite3.Row]:
        """Return the outstanding tokens of one card, oldest first."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE card = ? AND state IN (?, ?) ORDER BY meter, sequence",
            (uid.hex(), *OUTSTANDING),
        ).fetchall()

    def outstanding_of_meter(self, meter_number: int) -> list[sqlite3.Row]:
        """Return the outstanding tokens of one meter on all cards, oldest first."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND state IN (?, ?) ORDER BY sequence",
            (meter_number, *OUTSTANDING),
        ).fetchall()

    def outstanding_of_name(self, name: str) -> list[sqlite3.Row]:
        """Return the outstanding tokens of all cards that ever had this name. Raise ValueError if there is none."""
        if self._database.execute("SELECT 1 FROM cards WHERE name = ?", (name,)).fetchone() is None:
            raise ValueError(f"no card {name} is known to this station")
        return self._database.execute(
            "SELECT * FROM tokens WHERE card IN (SELECT uid FROM cards WHERE name = ?) AND state IN (?, ?)"
            " ORDER BY meter, sequence",
            (name, *OUTSTANDING),
        ).fetchall()

    def tokens(self) -> list[sqlite3.Row]:
        """Return all tokens ever made, oldest first."""
        return self._database.execute("SELECT * FROM tokens ORDER BY issued_s, meter, sequence").fetchall()

    def newest_order(self, meter_number: int, uid: bytes) -> int:
        """Return the number of the newest outstanding order for a card or for NO_CARD, or 0.

        An order is a token that credits nothing. The next token for that card must be redeemed after it.
        """
        rows = [row for row in self.outstanding(uid) if row["meter"] == meter_number]
        return max((row["sequence"] for row in rows if row["kind"] not in BENEFIT_KINDS), default=0)

    def move(self, tokens: list[sqlite3.Row], uid: bytes) -> None:
        """Assign tokens (rows) to another card. They are not written to that card yet."""
        with Transaction(self._database):
            self._database.executemany(
                "UPDATE tokens SET card = ?, state = ? WHERE meter = ? AND sequence = ?",
                [(uid.hex(), ISSUED, row["meter"], row["sequence"]) for row in tokens],
            )

    def forfeit(self, meter_number: int, sequences: list[int]) -> list[sqlite3.Row]:
        """Forfeit tokens and return their rows. Raise ValueError, with no change, if one is not outstanding."""
        rows = []
        for sequence in sequences:
            row = self.token(meter_number, sequence)
            if row is None:
                raise ValueError(f"token {sequence} of meter {meter_number} was not issued by this station")
            if row["state"] not in OUTSTANDING:
                raise ValueError(f"token {sequence} of meter {meter_number} is {row['state']} already")
            rows.append(row)
        self._refuse_to_block_others(meter_number, sequences)
        self.mark(rows, FORFEITED)
        return self.refreshed(rows)

    def _refuse_to_block_others(self, meter_number: int, sequences: list[int]) -> None:
        """Raise ValueError if a token that is not forfeited waits for one that is."""
        for row in self.outstanding_of_meter(meter_number):
            if row["after"] in sequences and row["sequence"] not in sequences:
                raise ValueError(
                    f"token {number_text(row['sequence'])} of meter {meter_number} is only redeemed after token"
                    f" {number_text(row['after'])}: forfeit both, or none"
                )

    def mark(self, tokens: list[sqlite3.Row], state: str) -> None:
        """Set the state of tokens (rows)."""
        with Transaction(self._database):
            self._database.executemany(
                "UPDATE tokens SET state = ? WHERE meter = ? AND sequence = ?",
                [(state, row["meter"], row["sequence"]) for row in tokens],
            )

    def add(
        self,
        meter_number: int,
        sequence: int,
        uid: bytes,
        order: Order,
        sealed: bytes,
        operator: int | None,
        tenant: int,
        after: int,
    ) -> None:
        """Insert a new token. The caller opens the transaction."""
        self._database.execute(
            "INSERT INTO tokens (meter, sequence, kind, words, unit, amount, issued_s, card, sealed, state, operator,"
            " tenant, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                meter_number,
                sequence,
                order.kind,
                order.words,
                order.unit,
                order.amount,
                int(time.time()),
                uid.hex(),
                sealed,
                ISSUED,
                operator,
                tenant,
                after,
            ),
        )
