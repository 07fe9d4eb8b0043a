"""The token numbers of each meter. Every number is used once, in order.

A number is not used while it would push an outstanding token out of the meter's window: that token would be lost.
"""

import sqlite3

from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import OUTSTANDING
from wattpurse_tools.station.sequence_marks import SequenceMarks


class TokenNumbers:
    """The token numbers in one station's database, and the marks beside its keys."""

    def __init__(self, database: sqlite3.Connection, marks: SequenceMarks) -> None:
        self._database = database
        self._marks = marks

    def use_next(self, meter_number: int) -> int:
        """Use the next number and return it.

        The record is written before the marks. If the program stops between the two, the record is ahead, and selling
        continues. Raise ValueError if an older token would be lost, or if the record is behind the marks.
        """
        last = self._last(meter_number)
        self._refuse_to_lose_the_oldest(meter_number, last + 1)
        used = self._marks.of(meter_number)
        if used > last:
            raise ValueError(
                f"this record of meter {meter_number} ends at token {last}, but numbers up to {used} were used with"
                " these keys: it is an older copy, or another station sells with the same keys; use the newest record,"
                f" or continue after number {used} with: wattpurse meter skip {meter_number}"
            )
        with Transaction(self._database):
            self.learn(meter_number, last + 1)
        if not self._marks.claim(meter_number, last + 1):
            raise ValueError(f"another station is selling to meter {meter_number} with the same keys; try again")
        return last + 1

    def skip(self, meter_number: int) -> range:
        """Continue after the highest number used with these keys. Return the numbers that are skipped."""
        last = self._last(meter_number)
        used = self._marks.of(meter_number)
        with Transaction(self._database):
            self.learn(meter_number, used)
        return range(last + 1, used + 1)

    def learn(self, meter_number: int, sequence: int) -> None:
        """Note that a number is used. The caller opens the transaction."""
        self._database.execute(
            "UPDATE meters SET last_sequence = max(last_sequence, ?) WHERE number = ?", (sequence, meter_number)
        )

    def _last(self, meter_number: int) -> int:
        row = self._database.execute("SELECT last_sequence FROM meters WHERE number = ?", (meter_number,)).fetchone()
        return row["last_sequence"]

    def _refuse_to_lose_the_oldest(self, meter_number: int, sequence: int) -> None:
        """Raise ValueError if the oldest outstanding token would fall out of the meter's window."""
        oldest = self._database.execute(
            "SELECT sequence, coalesce(name, card) AS card FROM tokens LEFT JOIN cards ON uid = card"
            " WHERE tokens.meter = ? AND state IN (?, ?) ORDER BY sequence LIMIT 1",
            (meter_number, *OUTSTANDING),
        ).fetchone()
        if oldest is not None and sequence - oldest["sequence"] >= TOKEN_WINDOW:
            card = oldest["card"]
            made_for = f"made for card {card}" if card else "given out as hex"
            remedy = "enter it at the meter again"
            if card:
                remedy = f"put it on a card that can be tapped there with: wattpurse card replace {card} NEW"
            raise ValueError(
                f"token {oldest['sequence']} of meter {meter_number}, {made_for}, is not known to be redeemed and would"
                f" be lost behind {TOKEN_WINDOW} newer ones; read a card that has been at the meter since, or {remedy},"
                f" or forfeit it with: wattpurse meter forfeit {meter_number} {oldest['sequence']}"
            )
