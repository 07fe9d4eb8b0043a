"""The receipts of meters: the credit that each meter has given back. A receipt is booked once and settled once.

A statement has the receipt of the last refund, clearing or change of tenant. All copies of a card have the same
receipt, and the first copy that is read books it. The customer is owed a booked receipt until it is paid out or sold to
another meter.
"""

import json
import sqlite3
from collections.abc import Iterable

from wattpurse_tools.station.order import FORFEITED, TAKING

_NAMES = ("sequence", "money", "energy", "debt", "term_s")

# One placeholder stands for all kinds: SQL has no placeholder for a list.
_TAKING_JSON = json.dumps(TAKING)


class Receipts:
    """The receipts in one station's database. The caller of a method that writes opens the transaction.

    A row has meter, sequence, money (micro-units), energy (mWh), debt, term_s, told_s and settled.
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
                "INSERT OR IGNORE INTO receipts (meter, sequence, money, energy, debt, term_s, told_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (statement["meter_number"], *values, statement["time_s"]),
            )

    def of_meter(self, meter_number: int) -> list[sqlite3.Row]:
        """Return all receipts of a meter, oldest first."""
        return self._database.execute(
            "SELECT * FROM receipts WHERE meter = ? ORDER BY sequence", (meter_number,)
        ).fetchall()

    def owed(self, meter_number: int) -> list[sqlite3.Row]:
        """Return the receipts of a meter that are not settled, oldest first."""
        return [row for row in self.of_meter(meter_number) if not row["settled"]]

    def settle(self, rows: Iterable[sqlite3.Row], how: str) -> None:
        """Mark receipts as settled, in words that say how."""
        self._database.executemany(
            "UPDATE receipts SET settled = ? WHERE meter = ? AND sequence = ? AND settled = ''",
            [(how, row["meter"], row["sequence"]) for row in rows],
        )

    def awaited(self, meter_number: int) -> list[sqlite3.Row]:
        """Return the tokens of a meter whose receipt has not been read, oldest first. Forfeited ones are left out."""
        return self._database.execute(
            "SELECT tokens.* FROM tokens LEFT JOIN receipts USING (meter, sequence)"
            " WHERE tokens.meter = ? AND kind IN (SELECT value FROM json_each(?)) AND state != ? AND told_s IS NULL"
            " ORDER BY sequence",
            (meter_number, _TAKING_JSON, FORFEITED),
        ).fetchall()
