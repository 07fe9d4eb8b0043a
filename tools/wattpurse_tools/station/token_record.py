"""The tokens that a station has made: what each says, which card it is for, and what became of it."""

import time

from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import FORFEITED, ISSUED, OUTSTANDING, Order


class TokenRecord:
    """The tokens in a station's database."""

    def __init__(self, database) -> None:
        self._database = database

    def token(self, meter_number: int, sequence: int):
        """The row of one token, or None: meter, sequence, kind, words, unit and amount (see `order`), issued_s, card,
        sealed, state, operator, redeemed_s."""
        return self._database.execute(
            "SELECT * FROM tokens WHERE meter = ? AND sequence = ?", (meter_number, sequence)
        ).fetchone()

    def outstanding(self, uid: bytes) -> list:
        """The tokens made for a card that no statement has proved redeemed, oldest first."""
        return self._database.execute(
            f"SELECT * FROM tokens WHERE card = ? AND state IN {OUTSTANDING} ORDER BY meter, sequence", (uid.hex(),)
        ).fetchall()

    def outstanding_of_meter(self, meter_number: int) -> list:
        """The tokens of a meter, for whichever card, that no statement has proved redeemed, oldest first."""
        return self._database.execute(
            f"SELECT * FROM tokens WHERE meter = ? AND state IN {OUTSTANDING} ORDER BY sequence", (meter_number,)
        ).fetchall()

    def tokens(self, meter_number: int | None = None) -> list:
        """All tokens ever made, or those of one meter, oldest first."""
        condition = "" if meter_number is None else "WHERE meter = ?"
        return self._database.execute(
            f"SELECT * FROM tokens {condition} ORDER BY issued_s, meter, sequence",
            () if meter_number is None else (meter_number,),
        ).fetchall()

    def outstanding_of_name(self, name: str) -> list:
        """The same for whatever cards were known under a name. Raises ValueError if none was."""
        if self._database.execute("SELECT 1 FROM cards WHERE name = ?", (name,)).fetchone() is None:
            raise ValueError(f"no card {name} is known to this station")
        return self._database.execute(
            f"SELECT * FROM tokens WHERE card IN (SELECT uid FROM cards WHERE name = ?) AND state IN {OUTSTANDING}"
            " ORDER BY meter, sequence",
            (name,),
        ).fetchall()

    def move(self, tokens: list, uid: bytes) -> None:
        """Let tokens (rows) belong on another card, where they are not yet."""
        with Transaction(self._database):
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
            if row["state"] not in OUTSTANDING:
                raise ValueError(f"token {sequence} of meter {meter_number} is {row['state']} already")
        self.mark(rows, FORFEITED)
        return rows

    def mark(self, tokens: list, state: str) -> None:
        """Give tokens (rows) a new state."""
        with Transaction(self._database):
            self._database.executemany(
                "UPDATE tokens SET state = ? WHERE meter = ? AND sequence = ?",
                [(state, row["meter"], row["sequence"]) for row in tokens],
            )

    def add(
        self, meter_number: int, sequence: int, uid: bytes, order: Order, sealed: bytes, operator: int | None
    ) -> None:
        """Enter a new token. Whoever calls opens the transaction."""
        self._database.execute(
            "INSERT INTO tokens (meter, sequence, kind, words, unit, amount, issued_s, card, sealed, state, operator)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ),
        )
