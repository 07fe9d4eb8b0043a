"""What meters took back: each receipt is booked once, by meter and token, and settled once.

A statement tells the last refund, clearing or change of tenant. Every copy of a card tells the same; only the first to
be read books it. What is booked is owed to the customer until it is paid out or sold to another meter, whichever first.
"""

from wattpurse_tools.station.order import FORFEITED, TAKING

_NAMES = ("sequence", "money", "energy", "debt", "term_s")


class Receipts:
    """The receipts in one station's database. Whoever calls opens the transaction where something is written."""

    def __init__(self, database) -> None:
        self._database = database

    def book(self, told: dict) -> None:
        """Take in the receipt of an authentic statement, if it has one for a token that this station has made."""
        receipt = told.get("receipt")
        if receipt is None:
            return
        values = [receipt[name] for name in _NAMES]
        row = self._database.execute(
            f"SELECT 1 FROM tokens WHERE meter = ? AND sequence = ? AND kind IN {TAKING}",
            (told["meter_number"], receipt["sequence"]),
        ).fetchone()
        if row is not None:
            self._database.execute(
                "INSERT OR IGNORE INTO receipts (meter, sequence, money, energy, debt, term_s, told_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (told["meter_number"], *values, told["time_s"]),
            )

    def of_meter(self, meter_number: int) -> list:
        """All receipts of a meter, oldest first: rows with the columns of the table, see `station_database`."""
        return self._database.execute(
            "SELECT * FROM receipts WHERE meter = ? ORDER BY sequence", (meter_number,)
        ).fetchall()

    def owed(self, meter_number: int) -> list:
        """Those that are not settled yet, oldest first."""
        return [row for row in self.of_meter(meter_number) if not row["settled"]]

    def settle(self, rows: list, how: str) -> None:
        """Note receipts as settled, in words that say how."""
        self._database.executemany(
            "UPDATE receipts SET settled = ? WHERE meter = ? AND sequence = ? AND settled = ''",
            [(how, row["meter"], row["sequence"]) for row in rows],
        )

    def awaited(self, meter_number: int) -> list:
        """The taking tokens of a meter, not given up, whose receipt has not been read; oldest first."""
        return self._database.execute(
            "SELECT tokens.* FROM tokens LEFT JOIN receipts USING (meter, sequence)"
            f" WHERE tokens.meter = ? AND kind IN {TAKING} AND state != '{FORFEITED}' AND told_s IS NULL"
            " ORDER BY sequence",
            (meter_number,),
        ).fetchall()
