"""The card on a real reader, in the place of a card folder.

A card has the name that it was made with, from the record. A card that the record does not have takes any name. The
reader is held for a step as a whole, so no other program comes between reading and writing. Nothing is saved at the
end: the card has each block when it is written, and a write that was broken off leaves the older box readable.
"""

import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse.cards.classic import ClassicMemory
from wattpurse.cards.iso14443 import SAK_ISO14443_4, SAK_ULTRALIGHT, CardError, CardIdentity
from wattpurse.cards.memory import CLASSIC_SAKS
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.cards.ultralight import open_pages
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.refusals import Failure, Refusal, Words
from wattpurse_tools.station.card_reader import AnyCard, Identifier, converse, unusable

if TYPE_CHECKING:
    from wattpurse.cards.desfire import Transport

Result = TypeVar("Result")
UidOf = Callable[[CardIdentity], Coroutine[None, None, bytes]]

_LOOK_S = 0.3
_DESFIRE_STATUS = 0x91
_NO_KIND = Words("it is of no kind that holds tokens")
# The words of a card whose kind is asked for: nobody has tried its keys yet.
KINDLESS = {"refused": _NO_KIND, "unknown": _NO_KIND}


class RealDriver(Protocol):
    """The driver of a real reader: the calls of the purse's code, and the hold of the station on the reader.

    While it `is_kept`, no other program gets the reader.
    """

    is_kept: bool

    async def start(self) -> None:
        """Begin anew with the card that lies on the reader now."""
        ...

    async def find_card(self) -> CardIdentity | None:
        """Return the identity of the card on the reader, or None."""
        ...

    def transceive(self, apdu: bytes) -> bytes:
        """Return the answer of a card of ISO/IEC 14443-4 to an APDU, with its status."""
        ...

    def close(self) -> None:
        """Let other programs have the reader."""
        ...


@dataclass(frozen=True)
class ReaderCard:
    """The card that lies on a real reader."""

    kind: str
    uid: bytes


@dataclass(frozen=True)
class Patience:
    """The time to wait for a card, and the way to ask for it."""

    wait_s: float = 0.0
    say: Callable[[str], None] = print


class WrappedCommands:
    """Native commands of a DESFire card in APDUs (ISO 7816-4, class 0x90), as readers of a computer want them."""

    def __init__(self, transmit: Callable[[bytes], bytes]) -> None:
        self._transmit = transmit

    async def transceive(self, command: bytes, meanwhile: Callable[[], object] | None = None) -> bytes:
        """Return the answer to a native command: its status first. Raise CardError for other answers."""
        if meanwhile is not None:
            meanwhile()
        data = command[1:]
        length = bytes((len(data),)) if data else b""
        answer = self._transmit(b"\x90" + command[:1] + b"\x00\x00" + length + data + b"\x00")
        if len(answer) < 2 or answer[-2] != _DESFIRE_STATUS:
            raise CardError("unknown")
        return answer[-1:] + answer[:-2]


class ReaderAntenna:
    """A real reader with its driver. The `vault` asks cards with a random UID for the real one."""

    def __init__(self, driver: RealDriver, lock: AbstractContextManager[object]) -> None:
        self.real_driver = driver
        self.driver = cast(Mfrc522, driver)
        self.vault: Identifier | None = None
        self._lock = lock
        self._holds = 0

    def insert(self, card: AnyCard) -> None:
        """Begin the work on the card that lies on the reader."""
        self._lock.__enter__()

    def remove(self, card: AnyCard) -> None:
        """End the work on a card."""
        self._let_go()
        self._lock.__exit__(None, None, None)

    def run(self, step: Coroutine[None, None, Result]) -> Result:
        """Run a coroutine of the driver to its end, and return its result."""
        return run_driver(step)

    async def link(self, identity: CardIdentity) -> "Transport":
        """Return the way to the card of ISO/IEC 14443-4 on the reader."""
        return WrappedCommands(self.real_driver.transceive)

    async def uid_of(self, identity: CardIdentity) -> bytes:
        """Return the UID of a card, the real one if it shows a random one. Raise Failure if nobody can tell it."""
        if not identity.is_random or self.vault is None:
            return identity.uid
        try:
            begun = self.vault.identify_desfire()
            uid = await converse(await self.link(identity), *begun, self.vault.answer_desfire)
        except CardError as error:
            if error.reason in KINDLESS:
                raise Failure(
                    "the card shows a random number, and this site's key does not open it: make it a key card before"
                    " the random number is switched on, or use another card"
                ) from error
            raise
        return uid if isinstance(uid, bytes) else identity.uid

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other programs from the reader for a `with` block. A block inside it does nothing."""
        with self._lock:
            self._holds += 1
            self.real_driver.is_kept = True
            try:
                yield
            finally:
                self._holds -= 1
                self.real_driver.is_kept = self._holds > 0
                self._let_go()

    def _let_go(self) -> None:
        if not self._holds:
            self.real_driver.close()


class ReaderCards:
    """The cards of a reader: the one on it. `name_of` returns the name of a card in the record by its UID, or None.

    `lock` keeps other threads from the reader. It can be taken again by the thread that has it.
    """

    def __init__(
        self,
        driver: RealDriver,
        name_of: Callable[[bytes], str | None],
        patience: Patience | None = None,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self.antenna = ReaderAntenna(driver, threading.RLock() if lock is None else lock)
        self._name_of = name_of
        self._patience = patience or Patience()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other programs from the reader for a `with` block. A block inside it does nothing."""
        with self.antenna.held():
            yield

    def name(self) -> str:
        """Return the name of the card on the reader in the record, or its UID. Raise OSError if there is none."""
        found = self._found()
        if found is None:
            raise Failure("no card lies on the reader")
        return self._name_of(found.uid) or found.uid.hex()

    def exists(self, name: str) -> bool:
        """Return True: the card to work on lies on the reader."""
        return True

    def load(self, name: str) -> ReaderCard:
        """Return the card on the reader. Raise OSError if there is none, ValueError if it has another name."""
        until = time.monotonic() + self._patience.wait_s
        is_asked = False
        while True:
            try:
                return self._lying(name)
            except (OSError, ValueError):
                if time.monotonic() >= until:
                    raise
            if not is_asked:
                self._patience.say(f"lay card {name} on the reader")
                is_asked = True
            time.sleep(_LOOK_S)

    def save(self, name: str, card: AnyCard) -> None:
        """Do nothing: the card has what was written."""

    def _found(self) -> ReaderCard | None:
        """Return the card on the reader, or None."""
        try:
            with self.antenna.held():
                return self.antenna.run(kind_of_card(self.antenna.real_driver, self.antenna.uid_of))
        except CardError as error:
            raise unusable(error, KINDLESS) from error

    def _lying(self, name: str) -> ReaderCard:
        found = self._found()
        if found is None:
            raise Failure("no card lies on the reader; lay card %(card)s there", card=name)
        known = self._name_of(found.uid)
        if known is not None and known != name:
            raise Refusal("card %(card)s lies on the reader, not %(wanted)s", card=known, wanted=name)
        return found


async def kind_of_card(driver: RealDriver, uid_of: UidOf | None = None) -> ReaderCard | None:
    """Return the card on a reader, or None. Raise CardError ("unknown") for a kind that holds no tokens.

    `uid_of(identity)` returns the real UID of a card that shows a random one.
    """
    await driver.start()
    identity = await driver.find_card()
    if identity is None:
        return None
    kind = await kind_of(driver, identity)
    return ReaderCard(kind, identity.uid if uid_of is None else await uid_of(identity))


async def kind_of(driver: RealDriver, identity: CardIdentity) -> str:
    """Return the kind of a card that was found. Raise CardError ("unknown") for a kind that holds no tokens."""
    if identity.sak in CLASSIC_SAKS:
        return ClassicMemory.kind
    if identity.sak == SAK_ISO14443_4:
        return DESFIRE  # the vault finds out whether it is one
    memory = None
    if identity.sak == SAK_ULTRALIGHT:
        memory = await open_pages(cast(Mfrc522, driver), identity)
    if memory is None:
        raise CardError("unknown")
    return memory.kind
