"""The receipts of meters: the credit that each meter has given back. A receipt is booked once and settled once.

A statement has the receipt of the last refund, clearing or change of tenant. All copies of a card have the same
receipt, and the first copy that is read books it. A receipt names its card, by `key_card.card_number`, and is settled
with that card alone. A receipt of a token that was typed in names ANY_CARD. The customer is owed a booked receipt until
it is paid out or sold to another meter.
"""

import json
import sqlite3
from collections.abc import Iterable

from wattpurse_tools.station.order import FORFEITED, TAKING, VOIDED

ANY_CARD = 0

_NAMES = ("sequence", "money", "energy", "debt", "term_s", "tenant", "card")

# One placeholder stands for all kinds: SQL has no placeholder for a list.
_TAKING_JSON = json.dumps(TAKING)


class Receipts:
    """The receipts in one station's database. The caller of a method that writes opens the transaction.

    A row has meter, sequence, money (micro-units), energy (mWh), debt, term_s, tenant, card, told_s and settled.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def book(self, statement: dict) -> None:
        """Book the receipt in an authentic statement if this station made the receipt's token."""
        receipt = statement.get("receipt")
        if receipt is None:
            return
        values = [receipt[name] for name in _NAMES]
        row = self._database.execute(
            "SELECT 1 FROM tokens WHERE meter = ? AND sequence = ? AND kind IN (SELECT value FROM json_each(?))",
            (statement["meter_number"], receipt["sequence"], _TAKING_JSON),
        ).fetchone()
        if row is not None:
            self._database.execute(
                "INSERT OR IGNORE INTO receipts (meter, sequence, money, energy, debt, term_s, tenant, card, told_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (statement["meter_number"], *values, statement["time_s"]),
            )

    def of_meter(self, meter_number: int) -> list[sqlite3.Row]:
        """Return all receipts of a meter, oldest first."""
        return self._database.execute(
            "SELECT * FROM receipts WHERE meter = ? ORDER BY sequence", (meter_number,)
        ).fetchall()

    def unsettled(self, meter_number: int) -> list[sqlite3.Row]:
        """Return the receipts of a meter that are not settled, oldest first."""
        return [row for row in self.of_meter(meter_number) if not row["settled"]]

    def owed(self, meter_number: int, card: int) -> list[sqlite3.Row]:
        """Return the receipts of a meter that are not settled and that a card may settle, oldest first.

        `card` is its `key_card.card_number`. Raise ValueError if all that is owed is for other cards.
        """
        owed = self.unsettled(meter_number)
        own = [row for row in owed if row["card"] in (ANY_CARD, card)]
        if owed and not own:
            raise ValueError(
                f"the credit that meter {meter_number} gave back is for another card; settle it with that card, or, if"
                " that card is lost, give its owner a new one first with: wattpurse card replace LOST NEW"
            )
        return own

    def move(self, meter_number: int, lost_card: int, card: int) -> None:
        """Make the receipts of a lost card, which are not settled, those of another card."""
        self._database.execute(
            "UPDATE receipts SET card = ? WHERE meter = ? AND card = ? AND settled = ''",
            (card, meter_number, lost_card),
        )

    def settle(self, rows: Iterable[sqlite3.Row], how: str) -> None:
        """Mark receipts as settled, in words that say how."""
        self._database.executemany(
            "UPDATE receipts SET settled = ? WHERE meter = ? AND sequence = ? AND settled = ''",
            [(how, row["meter"], row["sequence"]) for row in rows],
        )

    def awaited(self, meter_number: int) -> list[sqlite3.Row]:
        """Return the tokens of a meter whose receipt has not been read, oldest first.

        Forfeited and voided ones are left out.
        """
        return self._database.execute(
            "SELECT tokens.* FROM tokens LEFT JOIN receipts USING (meter, sequence)"
            " WHERE tokens.meter = ? AND kind IN (SELECT value FROM json_each(?)) AND state NOT IN (?, ?)"
            " AND told_s IS NULL ORDER BY sequence",
            (meter_number, _TAKING_JSON, FORFEITED, VOIDED),
        ).fetchall()
