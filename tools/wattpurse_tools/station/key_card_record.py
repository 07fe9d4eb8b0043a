"""The station's record of key cards: the credit loaded on each, and the newest content that was written or read.

Only the station raises the loaded credit. The new amount is in this record before it is on the card.
"""

import sqlite3

from wattpurse.core.money.key_card import CardContent
from wattpurse.core.money.known_cards import STEP_LIMIT
from wattpurse_tools.station.database import Transaction
from wattpurse_tools.station.key_card_terms import KeyCardTerms

_WRITINGS_OF_A_CARD = 1 << 20  # more than the cells of a card take


class KeyCardRecord:
    """The key cards in one station's database. Each change is a transaction of its own.

    A row has uid, loaded, version, spent, price, allowance_mwh, period and user.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def of(self, uid: bytes) -> sqlite3.Row | None:
        """Return the row of a card, or None."""
        return self._database.execute("SELECT * FROM key_cards WHERE uid = ?", (uid.hex(),)).fetchone()

    def add(self, uid: bytes, content: CardContent) -> None:
        """Add a card with the content that is to be written to it."""
        with Transaction(self._database):
            self._database.execute(
                "INSERT INTO key_cards VALUES (?, ?, ?, 0, ?, ?, ?, ?)",
                (
                    uid.hex(),
                    content.loaded,
                    content.version - 1,
                    content.price,
                    content.allowance_mwh,
                    content.period,
                    content.user,
                ),
            )

    def renew(self, uid: bytes, content: CardContent) -> None:
        """Begin an erased card anew, with the price, allowance and user of `content`, and without money.

        Meters remember the numbers that the card had, and refuse lower ones. So both go on above them.
        """
        with Transaction(self._database):
            self._database.execute(
                "UPDATE key_cards SET version = version + ?, spent = max(loaded, spent), loaded = max(loaded, spent),"
                " price = ?, allowance_mwh = ?, period = ?, user = ? WHERE uid = ?",
                (
                    _WRITINGS_OF_A_CARD,
                    content.price,
                    content.allowance_mwh,
                    content.period,
                    content.user,
                    uid.hex(),
                ),
            )

    def note(self, uid: bytes, content: CardContent) -> None:
        """Record the content of a card. Credit that another station loaded counts too."""
        with Transaction(self._database):
            self._database.execute(
                "UPDATE key_cards SET version = ?, spent = ?, loaded = max(loaded, ?) WHERE uid = ?",
                (content.version, content.spent, content.loaded, uid.hex()),
            )

    def load(self, uid: bytes, amount: int, sold_s: int, operator: int | None) -> None:
        """Raise the loaded credit by `amount` micro-units, and list the sale."""
        with Transaction(self._database):
            self._database.execute("UPDATE key_cards SET loaded = loaded + ? WHERE uid = ?", (amount, uid.hex()))
            sale = (uid.hex(), amount, sold_s, operator)
            self._database.execute("INSERT INTO key_card_sales VALUES (?, ?, ?, ?)", sale)

    def set_terms(self, uid: bytes, terms: KeyCardTerms) -> None:
        """Set the price and the allowance."""
        with Transaction(self._database):
            self._database.execute(
                "UPDATE key_cards SET price = ?, allowance_mwh = ?, period = ? WHERE uid = ?",
                (terms.price, terms.allowance_mwh, terms.period, uid.hex()),
            )

    def note_unknown(self, uid: bytes) -> None:
        """Record that a card is erased whose content is not known: a meter may have deducted a step too much."""
        with Transaction(self._database):
            self._database.execute(
                "UPDATE key_cards SET spent = max(loaded, spent) + ? WHERE uid = ?", (STEP_LIMIT, uid.hex())
            )
