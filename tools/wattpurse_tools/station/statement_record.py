"""The statements that a station has taken in, and what they contradict: each other, or what was sold.

A meter's registers only grow, and what it says was bought is what tokens brought it, less what was taken back. Where a
statement says otherwise, its flash was rolled back or rewritten, or another station sells with the same keys.
"""

from wattpurse_tools.station.order import ENERGY, FORFEITED, MONEY, TAKING


class Statements:
    """The statements in one station's database. Whoever calls `keep` opens the transaction."""

    def __init__(self, database) -> None:
        self._database = database

    def keep(self, told: dict) -> None:
        """Keep what an authentic statement tells; one that was read before is kept once."""
        self._database.execute(
            "INSERT OR IGNORE INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                told["meter_number"],
                told["time_s"],
                told["unit"],
                told["contract"],
                told["balance"],
                told.get("bought"),
                told.get("charged"),
                told["total_mwh"],
                ", ".join(told["alarms"]),
            ),
        )

    def of_meter(self, meter_number: int) -> list:
        """All statements of a meter, oldest first."""
        return self._database.execute(
            "SELECT * FROM statements WHERE meter = ? ORDER BY time_s, rowid", (meter_number,)
        ).fetchall()

    def findings(self, meter_number: int) -> list:
        """What cannot be, in sentences, oldest first."""
        found = []
        statements = self.of_meter(meter_number)
        for earlier, later in zip(statements, statements[1:], strict=False):
            found += self._findings_between(earlier, later)
        full = [one for one in statements if one["bought"] is not None]
        for unit in (MONEY, ENERGY):
            newest = [one for one in full if one["unit"] == unit][-1:]
            found += [finding for one in newest for finding in self._findings_of_sales(one)]
        return found

    def sold(self, meter_number: int, unit: str, until_s: int | None = None) -> int:
        """Credit of a unit that was sold to a meter and not given up; with `until_s`, only what is proved redeemed by
        then."""
        condition = f"state != '{FORFEITED}'" if until_s is None else "redeemed_s <= ?"
        values = (meter_number, unit) if until_s is None else (meter_number, unit, until_s)
        return self._database.execute(
            f"SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ? AND {condition}", values
        ).fetchone()[0]

    def _findings_between(self, earlier, later):
        found = []
        if later["total_mwh"] < earlier["total_mwh"]:
            found.append(f"total energy went back from {earlier['total_mwh']} to {later['total_mwh']} mWh")
        both_tell = None not in (earlier["charged"], later["charged"]) and earlier["unit"] == later["unit"]
        if both_tell and later["charged"] < earlier["charged"]:
            found.append(f"what was charged went back from {earlier['charged']} to {later['charged']}")
        return found

    def _findings_of_sales(self, told):
        """Bought may lie between what is proved redeemed and all that was ever made, both less what was taken back."""
        meter, unit, time_s = told["meter"], told["unit"], told["time_s"]
        taken = self._database.execute(
            f"SELECT coalesce(sum({unit}), 0) FROM receipts WHERE meter = ? AND told_s <= ?", (meter, time_s)
        ).fetchone()[0]
        made = self._database.execute(
            "SELECT coalesce(sum(amount), 0) FROM tokens WHERE meter = ? AND unit = ?", (meter, unit)
        ).fetchone()[0]
        redeemed = self.sold(meter, unit, time_s)
        if told["bought"] > made - taken:
            return [f"bought is {told['bought']}, more than the {made - taken} of {unit} that this record has sold"]
        if told["bought"] < redeemed - taken and not self._takes_unseen(meter, time_s):
            return [f"bought is {told['bought']}, less than the {redeemed - taken} of {unit} that was redeemed"]
        return []

    def _takes_unseen(self, meter_number, time_s):
        """True if something was taken back by then and its receipt has not been seen."""
        return (
            self._database.execute(
                "SELECT 1 FROM tokens LEFT JOIN receipts USING (meter, sequence)"
                f" WHERE tokens.meter = ? AND kind IN {TAKING} AND redeemed_s <= ? AND told_s IS NULL",
                (meter_number, time_s),
            ).fetchone()
            is not None
        )
