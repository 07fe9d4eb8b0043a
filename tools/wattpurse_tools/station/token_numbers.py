"""The token numbers of each meter that this station, as one issuer, has used. Every number is used once, in order.

A number is not used while it would push an outstanding token out of the meter's window: that token would be lost.
"""

import sqlite3

from wattpurse.core.money.token_windows import WINDOW, count_of, issuer_of, number_of, number_text
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import OUTSTANDING
from wattpurse_tools.station.sequence_marks import SequenceMarks


class TokenNumbers:
    """The token numbers in one station's database, and the marks beside its keys."""

    def __init__(self, database: sqlite3.Connection, marks: SequenceMarks, issuer: int) -> None:
        self._issuer = issuer
        self._database = database
        self._marks = marks

    def use_next(self, meter_number: int) -> int:
        """Use the next count of this issuer and return its token number.

        The record is written before the marks. If the program stops between the two, the record is ahead, and selling
        continues. Raise ValueError if an older token would be lost, or if the record is behind the marks.
        """
        last = self._last(meter_number)
        following = number_of(self._issuer, last + 1)
        self._refuse_to_lose_the_oldest(meter_number, following)
        used = self._marks.of(meter_number)
        if used > last:
            raise ValueError(
                f"this record of meter {meter_number} ends at token {last}, but numbers up to {used} were used with"
                " these keys: it is an older copy, or another station sells with the same keys; use the newest record,"
                f" or continue after number {used} with: wattpurse meter skip {meter_number}"
            )
        with Transaction(self._database):
            self.learn(meter_number, following)
        if not self._marks.claim(meter_number, last + 1):
            raise ValueError(f"another station is selling to meter {meter_number} with the same keys; try again")
        return following

    def skip(self, meter_number: int) -> range:
        """Continue after the highest number used with these keys. Return the numbers that are skipped."""
        last = self._last(meter_number)
        used = self._marks.of(meter_number)
        with Transaction(self._database):
            self.learn(meter_number, number_of(self._issuer, used))
        return range(last + 1, used + 1)

    def learn(self, meter_number: int, sequence: int) -> None:
        """Note that a token number is used, of this issuer or another. The caller opens the transaction."""
        issuer, count = issuer_of(sequence), count_of(sequence)
        if issuer == self._issuer:
            self._database.execute(
                "UPDATE meters SET last_sequence = max(last_sequence, ?) WHERE number = ?", (count, meter_number)
            )
        elif count:
            self._database.execute(
                "INSERT INTO other_issuers VALUES (?, ?, ?)"
                " ON CONFLICT (meter, issuer) DO UPDATE SET count = max(count, excluded.count)",
                (meter_number, issuer, count),
            )

    def newest(self, meter_number: int) -> list[int]:
        """Return the newest known token number of each issuer that has sold to a meter."""
        others = self._database.execute(
            "SELECT issuer, count FROM other_issuers WHERE meter = ? ORDER BY issuer", (meter_number,)
        )
        last = self._last(meter_number)
        newest = [number_of(self._issuer, last)] if last else []
        return newest + [number_of(row["issuer"], row["count"]) for row in others]

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
        if oldest is not None and sequence - oldest["sequence"] >= WINDOW:
            card, number = oldest["card"], number_text(oldest["sequence"])
            made_for = f"made for card {card}" if card else "given out as hex or digits"
            remedy = "enter it at the meter again"
            if card:
                remedy = f"put it on a card that can be tapped there with: wattpurse card replace {card} NEW"
            raise ValueError(
                f"token {number} of meter {meter_number}, {made_for}, is not known to be redeemed and would be"
                f" lost behind {WINDOW} newer ones; read a card that has been at the meter since, or {remedy},"
                f" or forfeit it with: wattpurse meter forfeit {meter_number} {number}"
            )
