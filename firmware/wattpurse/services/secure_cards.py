"""Key cards on DESFire at the reader: activated, shown to the slot, and put to sleep again.

The card desk imports this module when it meets the first card of ISO/IEC 14443-4 under the contract key-card: a meter
without such cards has no memory for them. A bank card or a phone is activated once. It has no application of the site,
and is left alone for the rest of its visit.

A card is asked once for its version. One of EV2 or later gets the messaging of EV2. A card that shows a random UID
shows another one at each look, because the field rests in between. So it is asked for the real UID at each look; the
key `identify`, which all cards of a site share, opens that command and nothing else.
"""

from wattpurse.cards import iso_dep
from wattpurse.cards.desfire import Desfire, StatusError, has_ev2
from wattpurse.cards.desfire_key_card import DesfireKeyCard
from wattpurse.cards.iso14443 import CardError
from wattpurse.core import outcome
from wattpurse.services.key_roll import newest_site_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.core.records.settings import Settings
    from wattpurse.hal import Board
    from wattpurse.services.key_slot import KeySlot


class SecureCards:
    """The way from the reader of `board` to `key_slot`, for the card that is selected. `settings` has the site key."""

    def __init__(self, board: "Board", key_slot: "KeySlot", settings: "Settings") -> None:
        self._reader = board.reader
        self._clock = board.clock
        self._aes = board.aes
        self._random_bytes = board.random_bytes
        self._key_slot = key_slot
        self._settings = settings
        self._shown_uid = None  # the UID that the last card showed
        self._real_uid = b""
        self._is_ev2 = False

    async def take(self, identity: "CardIdentity") -> int:
        """Show the selected card to the slot, and put it to sleep. Return an `outcome`.

        Raises CardError or ReaderError. The error is CardError("unknown") if the card hears no command of a DESFire
        card at all.
        """
        link = iso_dep.IsoDepCard(self._reader, identity, self._clock)
        card = None

        def prepare() -> None:
            nonlocal card
            if identity.uid == self._shown_uid:
                card = self._card_behind(link)

        try:
            await link.activate(prepare)
            await self._clock.sleep_ms(0)
            result = await self._show(link, identity, card)
            await self._clock.sleep_ms(0)
        except CardError:
            await link.deselect()  # an active card would answer the commands to the next one
            raise
        await link.deselect()
        return result

    async def _show(self, link: "iso_dep.IsoDepCard", identity: "CardIdentity", card: "DesfireKeyCard | None") -> int:
        try:
            if card is None:
                await self._ask(link, identity)
                if identity.is_random and self._key_slot.sees(self._real_uid):
                    return outcome.ACCEPTED
                card = self._card_behind(link)
            return await self._key_slot.take(self._real_uid, None, card)
        except CardError:
            if link.has_answered:
                raise
            raise CardError("unknown")

    async def _ask(self, link: "iso_dep.IsoDepCard", identity: "CardIdentity") -> None:
        """Ask a card for its version, and one with a random UID for the real one. Raise CardError for other cards."""
        self._shown_uid = None
        if not (identity.is_random and self._is_ev2):  # a card of EV1 refuses the first command of EV2
            try:
                self._is_ev2 = has_ev2(await Desfire(link, self._aes, self._random_bytes).get_version())
            except StatusError:
                raise CardError("unknown")
            await self._clock.sleep_ms(0)  # short answers come so soon that no other task has worked
            await self._import_messaging()
        uid = identity.uid
        if identity.is_random:
            from wattpurse.cards.desfire_identity import uid_of_card

            uid = await uid_of_card(self._commands(link), self._aes, newest_site_keys(self._settings))
        self._real_uid = uid
        self._shown_uid = identity.uid

    def _card_behind(self, link: "iso_dep.IsoDepCard") -> DesfireKeyCard:
        """Return the card that was asked last."""
        return DesfireKeyCard(self._commands(link), self._aes, self._real_uid)

    async def _import_messaging(self) -> None:
        """Import the messaging of the card. That takes milliseconds, and other tasks work before and after it."""
        if self._is_ev2:
            await self._clock.sleep_ms(0)
            import wattpurse.cards.desfire_ev2  # noqa: F401 for `_commands`

            await self._clock.sleep_ms(0)

    def _commands(self, link: "iso_dep.IsoDepCard") -> Desfire:
        if not self._is_ev2:
            return Desfire(link, self._aes, self._random_bytes)
        from wattpurse.cards.desfire_ev2 import DesfireEv2

        return DesfireEv2(link, self._aes, self._random_bytes)
