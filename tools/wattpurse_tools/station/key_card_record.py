"""The station's record of key cards: the credit loaded on each, and the newest content that was written or read.

Only the station raises the loaded credit. The new amount is in this record before it is on the card.
"""

from django.db.models import F
from django.db.models.functions import Greatest

from wattpurse.core.money.key_card import CardContent
from wattpurse.core.money.known_cards import STEP_LIMIT
from wattpurse_tools.record.models import KeyCard, KeyCardSale
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.rows import Row

_WRITINGS_OF_A_CARD = 1 << 20  # more than the cells of a card take


class KeyCardRecord:
    """The key cards in the record.

    A row has uid, loaded, version, spent, price, allowance_mwh, period and user.
    """

    def of(self, uid: bytes) -> Row | None:
        """Return the row of a card, or None."""
        return KeyCard.objects.filter(uid=uid.hex()).values().first()

    def add(self, uid: bytes, content: CardContent) -> None:
        """Add a card with the content that is to be written to it."""
        KeyCard.objects.create(
            uid=uid.hex(),
            loaded=content.loaded,
            version=content.version - 1,
            spent=0,
            price=content.price,
            allowance_mwh=content.allowance_mwh,
            period=content.period,
            user=content.user,
        )

    def renew(self, uid: bytes, content: CardContent) -> None:
        """Begin an erased card anew, with the price, allowance and user of `content`, and without money.

        Meters remember the numbers that the card had, and refuse lower ones. So both go on above them.
        """
        KeyCard.objects.filter(uid=uid.hex()).update(
            version=F("version") + _WRITINGS_OF_A_CARD,
            spent=Greatest(F("loaded"), F("spent")),
            loaded=Greatest(F("loaded"), F("spent")),
            price=content.price,
            allowance_mwh=content.allowance_mwh,
            period=content.period,
            user=content.user,
        )

    def note(self, uid: bytes, content: CardContent) -> None:
        """Record the content of a card. Credit that another station loaded counts too."""
        KeyCard.objects.filter(uid=uid.hex()).update(
            version=content.version, spent=content.spent, loaded=Greatest(F("loaded"), content.loaded)
        )

    def load(self, uid: bytes, amount: int, sold_s: int, operator: int | None) -> KeyCardSale:
        """Raise the loaded credit by `amount` micro-units, and list the sale. The caller opens the transaction."""
        KeyCard.objects.filter(uid=uid.hex()).update(loaded=F("loaded") + amount)
        return KeyCardSale.objects.create(uid=uid.hex(), amount=amount, sold_s=sold_s, operator=operator)

    def set_terms(self, uid: bytes, terms: KeyCardTerms) -> None:
        """Set the price and the allowance."""
        KeyCard.objects.filter(uid=uid.hex()).update(
            price=terms.price, allowance_mwh=terms.allowance_mwh, period=terms.period
        )

    def note_unknown(self, uid: bytes) -> None:
        """Record that a card is erased whose content is not known: a meter may have deducted a step too much."""
        KeyCard.objects.filter(uid=uid.hex()).update(spent=Greatest(F("loaded"), F("spent")) + STEP_LIMIT)
