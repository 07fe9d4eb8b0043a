"""Key cards on DESFire at the reader: activated, shown to the slot, and put to sleep again.

The card desk imports this module when it meets the first card of ISO/IEC 14443-4 under the contract key-card: a meter
without such cards has no memory for them. A bank card or a phone is activated once. It has no application of the site,
and is left alone for the rest of its visit.
"""

from wattpurse.cards import iso_dep
from wattpurse.cards.desfire import Desfire
from wattpurse.cards.desfire_key_card import DesfireKeyCard
from wattpurse.cards.iso14443 import CardError

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

        Raises CardError or ReaderError. The error is CardError("unknown") if the card hears no command of a DESFire
        card at all.
        """
        link = iso_dep.IsoDepCard(self._reader, identity, self._clock)
        card = None

        def prepare() -> None:
            nonlocal card
            card = DesfireKeyCard(Desfire(link, self._aes, self._random_bytes), self._aes, identity.uid)

        try:
            await link.activate(prepare)
            await self._clock.sleep_ms(0)
            result = await self._show(link, identity.uid, card)
            await self._clock.sleep_ms(0)
        except CardError:
            await link.deselect()  # an active card would answer the commands to the next one
            raise
        await link.deselect()
        return result

    async def _show(self, link: "iso_dep.IsoDepCard", uid: bytes, card: "DesfireKeyCard | None") -> int:
        try:
            return await self._key_slot.take(uid, None, card)
        except CardError:
            if link.has_answered:
                raise
            raise CardError("unknown")
