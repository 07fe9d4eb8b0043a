"""The statements that a station has read, and the contradictions between them and the sales.

A meter's registers only grow. The credit that a meter bought equals the credit of its redeemed tokens, and the credit
that it gave back equals the sum of its receipts. If a statement says otherwise, the meter's flash was rolled back or
rewritten, a receipt was missed, or another station sells with the same keys.
"""

import sqlite3

from wattpurse_tools.station.order import ENERGY, FORFEITED, MONEY

# Columns of a statement that only grow, in words.
_GROWING = (
    ("bought", "the credit bought"),
    ("charged", "the amount charged"),
    ("taken", "the credit given back"),
)


class Statements:
    """The statements in one station's database."""

    def __init__(self, database: sqlite3.Connection, issuer: int) -> None:
        self._database = database
        self._issuer = issuer

    def keep(self, statement: dict) -> None:
        """Store an authentic statement, once. The caller opens the transaction."""
        self._database.execute(
            "INSERT OR IGNORE INTO statements (meter, time_s, unit, contract, balance, bought, charged, total_mwh,"
            " alarms, taken, has_other_issuers, event_link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                statement.get("taken"),
                any(issuer != self._issuer and top for issuer, (top, _) in statement["windows"].items()),
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
        full = [one for one in statements if None not in (one["bought"], one["taken"])]
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
        for name, words in _GROWING:
            both_tell = None not in (earlier[name], later[name]) and earlier["unit"] == later["unit"]
            if both_tell and later[name] < earlier[name]:
                found.append(f"{words} went back from {earlier[name]} to {later[name]}")
        return found

    def _findings_of_sales(self, statement: sqlite3.Row) -> list[str]:
        """Compare the bought credit with the tokens, and the credit given back with the receipts.

        The meter has bought at least all tokens that are proved redeemed, and at most all that were ever made. If other
        issuers sell to the meter, this record does not know the most.
        """
        meter, unit, time_s = statement["meter"], statement["unit"], statement["time_s"]
        most = self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ?", (meter, unit)
        ).fetchone()[0]
        least = self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ? AND redeemed_s <= ?",
            (meter, unit, time_s),
        ).fetchone()[0]
        bought, taken = statement["bought"], statement["taken"]
        told = self._given_back(meter, unit, time_s)
        found = []
        if bought > most and not statement["has_other_issuers"]:
            found.append(f"bought is {bought}, more than the {most} of {unit} that this record has sold")
        if bought < least:
            found.append(f"bought is {bought}, less than the {least} of {unit} that was redeemed")
        if taken < told:
            found.append(f"the meter gave back {taken}, less than the {told} of {unit} in its receipts")
        if taken > told and not statement["has_other_issuers"]:
            found.append(f"the meter gave back {taken}, more than the {told} of {unit} in the receipts that were read")
        return found

    def _given_back(self, meter_number: int, unit: str, time_s: int) -> int:
        """Return the credit of a unit in all receipts up to a time. Credit below zero is no credit given back."""
        row = self._database.execute(
            "SELECT coalesce(sum(max(money, 0)), 0) AS money, coalesce(sum(max(energy, 0)), 0) AS energy FROM receipts"
            " WHERE meter = ? AND told_s <= ?",
            (meter_number, time_s),
        ).fetchone()
        return row[unit]
