"""The station's card reader: the meter's own driver and cards, over the model of the reader chip."""

from boards.host.chips.aes import aes
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic

_REASONS = {
    "silent": "it left the reader",
    "refused": "it is locked with other keys than those of this key file",
    "changed": "it does not keep what is written",
}


class CardReader:
    """One reader, for cards of any version of the site's keys; `model` is its chip."""

    def __init__(self, site_keys) -> None:
        self._clock = VirtualClock()
        self.model = Mfrc522Model(self._clock)
        self._driver = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self._clock)
        self._site_keys = site_keys
        self._keys_of_uid = None
        for key_set in reversed(site_keys.newest_first):
            self._keys_of_uid = purse.classic_keys_of(aes, key_set.site_key, True, self._keys_of_uid)

    def work(self, card, step):
        """Put `card` on the reader and give back the result of the coroutine `step(memory)`.

        Raises OSError that says why if the card cannot be read or written, ValueError for a kind that is not known.
        """
        return self._with_card(card, lambda identity: self._open(identity, step))

    def format(self, card, key_version: int) -> None:
        """Give a new card the keys of a version and the access rights that its kind calls for.

        Raises OSError as `work` does.
        """
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._format(identity, key_version))

    def rekey(self, card, key_version: int) -> None:
        """Give a card the keys of a version in place of any other, wherever that was cut short before.

        Raises OSError as `work` does.
        """
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._rekey(identity, key_version))

    def _with_card(self, card, action):
        self.model.field.insert(card)
        try:
            return self._clock.run(self._found(action))
        except CardError as error:
            raise OSError("the card cannot be used: " + _REASONS.get(error.reason, error.reason)) from error
        finally:
            self.model.field.remove(card)

    async def _found(self, action):
        await self._driver.start()
        identity = await self._driver.find_card()
        if identity is None:
            raise CardError("silent")
        return await action(identity)

    async def _open(self, identity, step):
        memory = await open_card(self._driver, identity, self._keys_of_uid)
        if memory is None:
            raise ValueError("this kind of card is not known")
        return await step(memory)

    async def _format(self, identity, key_version) -> None:
        keys = self._keys_of(identity, key_version)
        await format_classic(self._driver, identity, keys)

    async def _rekey(self, identity, key_version):
        keys = self._keys_of(identity, key_version)
        for key_set in self._site_keys.newest_first:
            older = self._keys_of(identity, key_set.key_version)
            try:
                return await rekey_classic(self._driver, identity, keys, older)
            except CardError as error:
                if error.reason != "refused":
                    raise
        raise CardError("refused")

    def _keys_of(self, identity, key_version):
        return purse.classic_keys_of(aes, self._site_keys.version(key_version).site_key, True)(identity.uid)
