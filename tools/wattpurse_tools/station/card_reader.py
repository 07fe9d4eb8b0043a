"""The station's card reader: the meter's own driver and card modules, with the model of the reader chip."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

from boards.host.cards.iso14443a import Card
from boards.host.chips.aes import aes
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic
from wattpurse_tools.station.key_file import SiteKeys
from wattpurse_tools.station.page_cards import prove_pages

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

Result = TypeVar("Result")
Step = Callable[["Memory"], Coroutine[None, None, Result]]
Action = Callable[[CardIdentity], Coroutine[None, None, Result]]

_REASONS = {
    "silent": "it left the reader",
    "refused": "it is locked with other keys than those of this key file",
    "changed": "it does not keep the data written to it",
}


class CardReader:
    """One reader, for cards of any version of the site's keys. `model` is its chip."""

    def __init__(self, site_keys: SiteKeys) -> None:
        self._clock = VirtualClock()
        self.model = Mfrc522Model(self._clock)
        self._driver = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self._clock)
        self._site_keys = site_keys
        self._keys_of_uid = _keys_of_all_versions(site_keys)

    def work(self, card: Card, step: Step[Result]) -> Result:
        """Put `card` on the reader, run the coroutine `step(memory)` and return its result.

        Raise OSError, with the reason, if the card cannot be read or written. Raise ValueError for an unknown kind.
        """
        return self._with_card(card, lambda identity: self._open(identity, step))

    def prove(self, card: Card) -> None:
        """Raise ValueError if an NTAG has less memory than it claims to have. Raise OSError as `work` does."""
        self._with_card(card, self._prove)

    def format(self, card: Card, key_version: int) -> None:
        """Write the keys of a version and the access conditions to a new card. Raise OSError as `work` does."""
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._format(identity, key_version))

    def rekey(self, card: Card, key_version: int) -> None:
        """Replace the keys of a card, of any version, by those of a version. Raise OSError as `work` does.

        If an earlier call was interrupted, this one finishes it.
        """
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._rekey(identity, key_version))

    def _with_card(self, card: Card, action: Action[Result]) -> Result:
        self.model.field.insert(card)
        try:
            return self._clock.run(self._found(action))
        except CardError as error:
            raise OSError("the card cannot be used: " + _REASONS.get(error.reason, error.reason)) from error
        finally:
            self.model.field.remove(card)

    async def _found(self, action: Action[Result]) -> Result:
        await self._driver.start()
        identity = await self._driver.find_card()
        if identity is None:
            raise CardError("silent")
        return await action(identity)

    async def _open(self, identity: CardIdentity, step: Step[Result]) -> Result:
        memory = await open_card(self._driver, identity, self._keys_of_uid)
        if memory is None:
            raise ValueError("this kind of card is not known")
        return await step(memory)

    async def _prove(self, identity: CardIdentity) -> None:
        await self._open(identity, lambda memory: prove_pages(self._driver, identity, memory))

    async def _format(self, identity: CardIdentity, key_version: int) -> None:
        keys = self._keys_of(identity, key_version)
        await format_classic(self._driver, identity, keys)

    async def _rekey(self, identity: CardIdentity, key_version: int) -> None:
        keys = self._keys_of(identity, key_version)
        for key_set in self._site_keys.newest_first:
            older = self._keys_of(identity, key_set.key_version)
            try:
                return await rekey_classic(self._driver, identity, keys, older)
            except CardError as error:
                if error.reason != "refused":
                    raise
        raise CardError("refused")

    def _keys_of(self, identity: CardIdentity, key_version: int) -> ClassicKeys:
        return purse.classic_keys_of(aes, self._site_keys.version(key_version).site_key, True)(identity.uid)


def _keys_of_all_versions(site_keys: SiteKeys) -> Callable[[bytes], ClassicKeys]:
    """Return a function that gives a card's keys by its UID, the newest version first."""
    oldest, *newer = reversed(site_keys.newest_first)
    keys_of_uid = purse.classic_keys_of(aes, oldest.site_key, True)
    for key_set in newer:
        keys_of_uid = purse.classic_keys_of(aes, key_set.site_key, True, keys_of_uid)
    return keys_of_uid
