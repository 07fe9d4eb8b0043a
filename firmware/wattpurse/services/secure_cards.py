"""Key cards on DESFire at the reader: activated, shown to the slot, and put to sleep again.

The card desk imports this module when it meets the first card of ISO/IEC 14443-4 under the contract key-card: a meter
without such cards has no memory for them. A bank card or a phone is activated once. It has no application of the site,
and is left alone for the rest of its visit.
"""

from wattpurse.cards import iso_dep
from wattpurse.cards.desfire import Desfire
from wattpurse.cards.desfire_key_card import DesfireKeyCard

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.hal import Board
    from wattpurse.services.key_slot import KeySlot


class SecureCards:
    """The way from the reader of `board` to `key_slot`, for the card that is selected."""

    def __init__(self, board: "Board", key_slot: "KeySlot") -> None:
        self._reader = board.reader
        self._clock = board.clock
        self._aes = board.aes
        self._random_bytes = board.random_bytes
        self._key_slot = key_slot

    async def take(self, identity: "CardIdentity") -> int:
        """Show the selected card to the slot, and put it to sleep. Return an `outcome`.

        Raises CardError or ReaderError. Then the card may be active, until `select_again` or the end of the look.
        """
        link = await iso_dep.activate(self._reader, identity, self._clock)
        await self._clock.sleep_ms(0)
        desfire = Desfire(link, self._aes, self._random_bytes)
        card = DesfireKeyCard(desfire, self._aes, identity.uid)
        result = await self._key_slot.take(identity.uid, None, card)
        await link.deselect()
        return result

    async def select_again(self, identity: "CardIdentity") -> None:
        """Select the card after an error, in whichever state it is. Raises CardError or ReaderError."""
        await iso_dep.IsoDepCard(self._reader, identity, self._clock).deselect()
        await self._reader.select_again(identity)
