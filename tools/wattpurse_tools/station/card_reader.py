"""The station's card reader: the meter's own driver and card modules, with the model of the reader chip."""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from boards.host.cards.iso14443a import Card
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse_tools.refusals import Failure, Refusal, Words
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic
from wattpurse_tools.station.page_cards import prove_pages

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

Result = TypeVar("Result")
Step = Callable[["Memory"], Coroutine[None, None, Result]]
Action = Callable[[CardIdentity], Coroutine[None, None, Result]]

_REASONS = {
    "silent": Words("it left the reader"),
    "refused": Words("it is locked with other keys than those of this vault"),
    "changed": Words("it does not keep the data written to it"),
}


class CardKeys(Protocol):
    """The vault, as a reader uses it."""

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        ...

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        ...


class CardReader:
    """One reader, for cards of any version of the site's keys. `model` is its chip."""

    def __init__(self, vault: CardKeys) -> None:
        self._clock = VirtualClock()
        self.model = Mfrc522Model(self._clock)
        self._driver = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self._clock)
        self._vault = vault

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
            raise Failure(
                "the card cannot be used: %(reason)s", reason=_REASONS.get(error.reason, error.reason)
            ) from error
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
            raise Refusal("this kind of card is not known")
        return await step(memory)

    async def _prove(self, identity: CardIdentity) -> None:
        await self._open(identity, lambda memory: prove_pages(self._driver, identity, memory))

    async def _format(self, identity: CardIdentity, key_version: int) -> None:
        keys = self._keys_of(identity, key_version)
        await format_classic(self._driver, identity, keys)

    async def _rekey(self, identity: CardIdentity, key_version: int) -> None:
        keys = self._keys_of(identity, key_version)
        for older_version in reversed(self._vault.versions):
            older = self._keys_of(identity, older_version)
            try:
                return await rekey_classic(self._driver, identity, keys, older)
            except CardError as error:
                if error.reason != "refused":
                    raise
        raise CardError("refused")

    def _keys_of(self, identity: CardIdentity, key_version: int) -> ClassicKeys:
        return ClassicKeys(*self._vault.card_keys(identity.uid, key_version))

    def _keys_of_uid(self, uid: bytes) -> ClassicKeys:
        """Return a card's keys of all versions, the newest first."""
        return _keys_from(self._vault, uid, self._vault.versions)


def _keys_from(vault: CardKeys, uid: bytes, versions: Sequence[int]) -> ClassicKeys:
    """Return a card's keys of the last of `versions`, and behind them those of the ones before."""
    *before, newest = versions
    older = (lambda: _keys_from(vault, uid, before)) if before else None
    return ClassicKeys(*vault.card_keys(uid, newest), older=older)
