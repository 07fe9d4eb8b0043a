"""The numbers of the tokens of each meter: used up one by one, never twice, and never so far ahead that one is lost."""

from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.order import OUTSTANDING


class TokenNumbers:
    """The numbers in one station's database, and the marks beside its keys."""

    def __init__(self, database, marks) -> None:
        self._database = database
        self._marks = marks

    def use_next(self, meter_number: int) -> int:
        """Use up the next number. The record comes before the marks: stopped between the two, it is ahead and goes on.

        Raises ValueError if an older token would be lost, or if this record is behind what was sold with these keys.
        """
        last = self._last(meter_number)
        self._refuse_to_lose_the_oldest(meter_number, last + 1)
        used = self._marks.of(meter_number)
        if used > last:
            raise ValueError(
                f"this record of meter {meter_number} ends at token {last}, but numbers up to {used} were used with"
                " these keys: it is an older copy, or another station sells with the same keys; use the newest record,"
                f" or go on behind them with: wattpurse meter skip {meter_number}"
            )
        with Transaction(self._database):
            self.learn(meter_number, last + 1)
        if not self._marks.claim(meter_number, last + 1):
            raise ValueError(f"another station is selling to meter {meter_number} with the same keys; try again")
        return last + 1

    def skip(self, meter_number: int) -> range:
        """Go on behind all numbers that were used with these keys; those that this record passes over by it."""
        last = self._last(meter_number)
        used = self._marks.of(meter_number)
        with Transaction(self._database):
            self.learn(meter_number, used)
        return range(last + 1, used + 1)

    def learn(self, meter_number: int, sequence: int) -> None:
        """A number is known to be used. Whoever calls opens the transaction."""
        self._database.execute(
            "UPDATE meters SET last_sequence = max(last_sequence, ?) WHERE number = ?", (sequence, meter_number)
        )

    def _last(self, meter_number):
        row = self._database.execute("SELECT last_sequence FROM meters WHERE number = ?", (meter_number,)).fetchone()
        return row["last_sequence"]

    def _refuse_to_lose_the_oldest(self, meter_number, sequence) -> None:
        """A meter takes tokens out of order, but none that lies further back than its window."""
        oldest = self._database.execute(
            "SELECT sequence, coalesce(name, card) AS card FROM tokens LEFT JOIN cards ON uid = card"
            f" WHERE tokens.meter = ? AND state IN {OUTSTANDING} ORDER BY sequence LIMIT 1",
            (meter_number,),
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
                f" or give it up with: wattpurse meter forfeit {meter_number} {oldest['sequence']}"
            )
