"""What the station remembers of key cards: all that was ever loaded on each, and the newest that it wrote or saw there.

Of a card's numbers the station alone counts up what is loaded, and that is in this record before it is on the card.
"""

_COLUMNS = ("price", "allowance_mwh", "period", "user")


class KeyCardRecord:
    """The key cards in one station's database. Each change is a transaction of its own."""

    def __init__(self, database, transaction) -> None:
        self._database = database
        self._transaction = transaction

    def of(self, uid: bytes):
        """The row of a card with uid, loaded, version, spent, price, allowance_mwh, period, user; None if not known."""
        return self._database.execute("SELECT * FROM key_cards WHERE uid = ?", (uid.hex(),)).fetchone()

    def add(self, uid: bytes, content) -> None:
        """A card is known from now on, with what should be on it (key_card.CardContent); none of it is seen yet."""
        with self._transaction():
            self._database.execute(
                "INSERT INTO key_cards VALUES (?, ?, ?, 0, ?, ?, ?, ?)",
                (uid.hex(), content.loaded, content.version - 1, *(getattr(content, name) for name in _COLUMNS)),
            )

    def note(self, uid: bytes, content) -> None:
        """This is on the card: the newest that is known. What another station loaded counts as well."""
        with self._transaction():
            self._database.execute(
                "UPDATE key_cards SET version = ?, spent = ?, loaded = max(loaded, ?) WHERE uid = ?",
                (content.version, content.spent, content.loaded, uid.hex()),
            )

    def load(self, uid: bytes, amount: int, sold_s: int, operator: int | None) -> None:
        """`amount` micro-units more are to be on the card, sold by that operator."""
        with self._transaction():
            self._database.execute("UPDATE key_cards SET loaded = loaded + ? WHERE uid = ?", (amount, uid.hex()))
            sale = (uid.hex(), amount, sold_s, operator)
            self._database.execute("INSERT INTO key_card_sales VALUES (?, ?, ?, ?)", sale)

    def set_terms(self, uid: bytes, price: int, allowance_mwh: int, period: int) -> None:
        """Another price and allowance are to be on the card."""
        with self._transaction():
            self._database.execute(
                "UPDATE key_cards SET price = ?, allowance_mwh = ?, period = ? WHERE uid = ?",
                (price, allowance_mwh, period, uid.hex()),
            )

    def remove(self, uid: bytes) -> None:
        """Forget a card; what was sold on it stays in the list of sales."""
        with self._transaction():
            self._database.execute("DELETE FROM key_cards WHERE uid = ?", (uid.hex(),))
