"""The statements that a station has read, and the contradictions between them and the sales.

A meter's registers only grow. The credit that a meter was sold equals the credit of its redeemed tokens, less the
credit that it gave back. If a statement says otherwise, the meter's flash was rolled back or rewritten, or another
station sells with the same keys.
"""

import json
import sqlite3

from wattpurse_tools.station.order import ENERGY, FORFEITED, MONEY, TAKING

# One placeholder stands for all kinds: SQL has no placeholder for a list.
_TAKING_JSON = json.dumps(TAKING)


class Statements:
    """The statements in one station's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def keep(self, statement: dict) -> None:
        """Store an authentic statement, once. The caller opens the transaction."""
        self._database.execute(
            "INSERT OR IGNORE INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                statement["meter_number"],
                statement["time_s"],
                statement["unit"],
                statement["contract"],
                statement["balance"],
                statement.get("bought"),
                statement.get("charged"),
                statement["total_mwh"],
                ", ".join(statement["alarms"]),
                statement.get("event_link"),
            ),
        )

    def of_meter(self, meter_number: int) -> list[sqlite3.Row]:
        """Return all statements of a meter, oldest first."""
        return self._database.execute(
            "SELECT * FROM statements WHERE meter = ? ORDER BY time_s, rowid", (meter_number,)
        ).fetchall()

    def event_links(self, meter_number: int) -> list[tuple[int, str]]:
        """Return `(time of the statement, link)` of all statements that carry a link of the event log, oldest first."""
        return [
            (one["time_s"], one["event_link"]) for one in self.of_meter(meter_number) if one["event_link"] is not None
        ]

    def findings(self, meter_number: int) -> list[str]:
        """Return the contradictions in sentences, oldest first."""
        found = []
        statements = self.of_meter(meter_number)
        for earlier, later in zip(statements, statements[1:], strict=False):
            found += self._findings_between(earlier, later)
        full = [one for one in statements if one["bought"] is not None]
        for unit in (MONEY, ENERGY):
            newest = [one for one in full if one["unit"] == unit][-1:]
            found += [finding for one in newest for finding in self._findings_of_sales(one)]
        return found

    def sold(self, meter_number: int, unit: str) -> int:
        """Return the credit of a unit that was sold to a meter. Forfeited tokens do not count."""
        return self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ? AND state != ?",
            (meter_number, unit, FORFEITED),
        ).fetchone()[0]

    def _findings_between(self, earlier: sqlite3.Row, later: sqlite3.Row) -> list[str]:
        found = []
        if later["total_mwh"] < earlier["total_mwh"]:
            found.append(f"total energy went back from {earlier['total_mwh']} to {later['total_mwh']} mWh")
        both_tell = None not in (earlier["charged"], later["charged"]) and earlier["unit"] == later["unit"]
        if both_tell and later["charged"] < earlier["charged"]:
            found.append(f"the amount charged went back from {earlier['charged']} to {later['charged']}")
        return found

    def _findings_of_sales(self, statement: sqlite3.Row) -> list[str]:
        """Compare the bought credit with the tokens: at least all proved redeemed, at most all ever made.

        Credit that was given back is subtracted from both limits.
        """
        meter, unit, time_s = statement["meter"], statement["unit"], statement["time_s"]
        given_back = self._given_back(meter, unit, time_s)
        made = self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ?", (meter, unit)
        ).fetchone()[0]
        redeemed = self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ? AND redeemed_s <= ?",
            (meter, unit, time_s),
        ).fetchone()[0]
        bought, most, least = statement["bought"], made - given_back, redeemed - given_back
        if bought > most:
            return [f"bought is {bought}, more than the {most} of {unit} that this record has sold"]
        if bought < least and not self._has_unseen_receipt(meter, time_s):
            return [f"bought is {bought}, less than the {least} of {unit} that was redeemed"]
        return []

    def _given_back(self, meter_number: int, unit: str, time_s: int) -> int:
        """Return the credit of a unit in all receipts up to a time."""
        row = self._database.execute(
            "SELECT coalesce(sum(money), 0) AS money, coalesce(sum(energy), 0) AS energy FROM receipts"
            " WHERE meter = ? AND told_s <= ?",
            (meter_number, time_s),
        ).fetchone()
        return row[unit]

    def _has_unseen_receipt(self, meter_number: int, time_s: int) -> bool:
        """Return True if the meter gave credit back by then, and its receipt has not been read."""
        return (
            self._database.execute(
                "SELECT 1 FROM tokens LEFT JOIN receipts USING (meter, sequence)"
                " WHERE tokens.meter = ? AND kind IN (SELECT value FROM json_each(?))"
                " AND redeemed_s <= ? AND told_s IS NULL",
                (meter_number, _TAKING_JSON, time_s),
            ).fetchone()
            is not None
        )
