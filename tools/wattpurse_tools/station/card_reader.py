"""The station's card reader: the meter's own card modules, over the model of the reader chip or over a real reader."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from boards.host.cards.iso14443a import Card
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import iso_dep
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.money.key_card import CardContent
from wattpurse_tools.refusals import Failure, Refusal, Words
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic
from wattpurse_tools.station.page_cards import prove_pages

if TYPE_CHECKING:
    from wattpurse.cards.desfire import Transport
    from wattpurse.cards.memory import Memory

Result = TypeVar("Result")
AnswerDesfire = Callable[[str, bytes], tuple[bytes, CardContent | bytes | None]]
Step = Callable[["Memory"], Coroutine[None, None, Result]]
Action = Callable[[CardIdentity], Coroutine[None, None, Result]]

REASONS = {
    "silent": Words("it left the reader"),
    "refused": Words("it is locked with other keys than those of this vault"),
    "changed": Words("it does not keep the data written to it"),
    "unknown": Words("it is of no kind that holds tokens, or no key card of this site"),
    "spent": Words("it has less money than this sale has loaded"),
    "voided": Words("it shows that this sale was taken back before"),
    "downgraded": Words("it hides the secure messaging that it has; use another reader, and tell the manager"),
    "full": Words("it cannot hold so much money"),
    "garbled": Words("its answers are not whole, or prove nothing; lay it flat on the reader"),
}


def unusable(error: CardError, words: Mapping[str, str] | None = None) -> Failure:
    """Return the failure of a card in words. `words` take the place of those of REASONS."""
    known = REASONS | dict(words or {})
    return Failure("the card cannot be used: %(reason)s", reason=known.get(error.reason, error.reason))


class CardKeys(Protocol):
    """The vault, as a reader uses it."""

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        ...

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        ...


class Identifier(Protocol):
    """The vault, as it asks a card with a random UID for the real one."""

    def identify_desfire(self) -> tuple[str, bytes]:
        """Begin a dialog whose result is the UID."""
        ...

    def answer_desfire(self, dialog: str, answer: bytes) -> tuple[bytes, CardContent | bytes | None]:
        """Give the card's answer to a dialog. Return the next command and None, or an empty command and the result."""
        ...


class AnyCard(Protocol):
    """A card that a reader works on: a model of one, or the card that lies on a real reader."""

    @property
    def kind(self) -> str:
        """The kind of card, one of purse.KINDS."""
        ...

    @property
    def uid(self) -> bytes:
        """The card's UID."""
        ...


class Antenna(Protocol):
    """A driver with a card before it. `driver` stands where a meter has its Mfrc522."""

    @property
    def driver(self) -> Mfrc522:
        """The driver."""
        ...

    def insert(self, card: AnyCard) -> None:
        """Bring a card before the driver, or begin the work on the one that lies there."""
        ...

    def remove(self, card: AnyCard) -> None:
        """End the work on a card."""
        ...

    def run(self, step: Coroutine[None, None, Result]) -> Result:
        """Run a coroutine of the driver to its end, and return its result."""
        ...

    async def link(self, identity: CardIdentity) -> "Transport":
        """Return the way to a selected card of ISO/IEC 14443-4, for its commands."""
        ...

    async def uid_of(self, identity: CardIdentity) -> bytes:
        """Return the UID of a selected card, the real one if it shows a random one."""
        ...


class ModelAntenna:
    """The model of the reader chip with its driver, for models of cards. `model` is the chip."""

    def __init__(self) -> None:
        self._clock = VirtualClock()
        self.model = Mfrc522Model(self._clock)
        self.driver = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self._clock)

    def insert(self, card: AnyCard) -> None:
        """Bring a model of a card into the field."""
        self.model.field.insert(cast(Card, card))

    def remove(self, card: AnyCard) -> None:
        """Take it away."""
        self.model.field.remove(cast(Card, card))

    def run(self, step: Coroutine[None, None, Result]) -> Result:
        """Run a coroutine in virtual time, and return its result."""
        return self._clock.run(step)

    async def link(self, identity: CardIdentity) -> "Transport":
        """Return the way to a selected card of ISO/IEC 14443-4."""
        return await iso_dep.activate(self.driver, identity, self._clock)

    async def uid_of(self, identity: CardIdentity) -> bytes:
        """Return the UID that the card shows."""
        return identity.uid


class CardReader:
    """One reader, for cards of any version of the site's keys. Without an `antenna` it works on models of cards."""

    def __init__(self, vault: CardKeys, antenna: Antenna | None = None) -> None:
        self._antenna = ModelAntenna() if antenna is None else antenna
        self._driver = self._antenna.driver
        self._vault = vault

    @property
    def model(self) -> Mfrc522Model:
        """The model of the reader chip. Raise ValueError for a real reader."""
        if not isinstance(self._antenna, ModelAntenna):
            raise ValueError("a real reader has no model")
        return self._antenna.model

    def work(self, card: AnyCard, step: Step[Result]) -> Result:
        """Put `card` on the reader, run the coroutine `step(memory)` and return its result.

        Raise OSError, with the reason, if the card cannot be read or written. Raise ValueError for an unknown kind.
        """
        return self._with_card(card, lambda identity: self._open(identity, step))

    def converse(
        self, card: AnyCard, begin: Callable[[], tuple[str, bytes]], answer: AnswerDesfire
    ) -> CardContent | None:
        """Put a DESFire card on the reader, and let the vault talk to it. Return the result of the vault's dialog.

        `begin` begins the dialog, and `answer` is the vault's `answer_desfire`. Raise OSError as `work` does.
        """
        begun = begin()  # the record cannot be asked while the reader works
        return self._with_card(card, lambda identity: self._converse(identity, *begun, answer))

    def prove(self, card: AnyCard) -> None:
        """Raise ValueError if an NTAG has less memory than it claims to have. Raise OSError as `work` does."""
        self._with_card(card, self._prove)

    def format(self, card: AnyCard, key_version: int) -> None:
        """Write the keys of a version and the access conditions to a new card. Raise OSError as `work` does."""
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._format(identity, key_version))

    def rekey(self, card: AnyCard, key_version: int) -> None:
        """Replace the keys of a card, of any version, by those of a version. Raise OSError as `work` does.

        If an earlier call was interrupted, this one finishes it.
        """
        if card.kind == "classic-1k":
            self._with_card(card, lambda identity: self._rekey(identity, key_version))

    def _with_card(self, card: AnyCard, action: Action[Result]) -> Result:
        self._antenna.insert(card)
        try:
            return self._antenna.run(self._found(card.uid, action))
        except CardError as error:
            raise unusable(error) from error
        finally:
            self._antenna.remove(card)

    async def _found(self, uid: bytes, action: Action[Result]) -> Result:
        await self._driver.start()
        identity = await self._driver.find_card()
        if identity is None:
            raise CardError("silent")
        if await self._antenna.uid_of(identity) != uid:
            raise Failure("another card lies on the reader; put the first one back")
        return await action(identity)

    async def _open(self, identity: CardIdentity, step: Step[Result]) -> Result:
        memory = await open_card(self._driver, identity, self._keys_of_uid)
        if memory is None:
            raise Refusal("this kind of card is not known")
        return await step(memory)

    async def _converse(
        self, identity: CardIdentity, dialog: str, command: bytes, tell: AnswerDesfire
    ) -> CardContent | None:
        result = await converse(await self._antenna.link(identity), dialog, command, tell)
        return result if isinstance(result, CardContent) else None

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


async def converse(
    transport: "Transport", dialog: str, command: bytes, tell: AnswerDesfire
) -> CardContent | bytes | None:
    """Bring the commands of a dialog to a card and its answers to the vault. Return the result. Raise CardError."""
    result = None
    while command:
        answer = await transport.transceive(command)
        try:
            command, result = tell(dialog, answer)
        except OSError as error:  # a vault of another process has no CardError
            if str(error) not in REASONS:
                raise
            raise CardError(str(error)) from error
    return result


def _keys_from(vault: CardKeys, uid: bytes, versions: Sequence[int]) -> ClassicKeys:
    """Return a card's keys of the last of `versions`, and behind them those of the ones before."""
    *before, newest = versions
    older = (lambda: _keys_from(vault, uid, before)) if before else None
    return ClassicKeys(*vault.card_keys(uid, newest), older=older)
