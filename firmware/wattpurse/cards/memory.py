"""A memory card of any known kind, as linear memory: see `Memory`."""

from wattpurse.cards.classic import ClassicMemory
from wattpurse.cards.iso14443 import SAK_MIFARE_CLASSIC_1K, SAK_ULTRALIGHT
from wattpurse.cards.ultralight import open_pages

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.cards.classic import ClassicKeys
    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.cards.mfrc522 import Mfrc522

    class Memory(Protocol):
        """A memory card as linear memory: `capacity` bytes for the user, written in whole units of `unit` bytes.

        After a CardError, `select_again` makes the card usable again.
        """

        kind: str
        capacity: int
        unit: int

        async def read(self, offset: int, buffer: bytearray) -> None: ...

        async def write(self, offset: int, data: bytes) -> None: ...

        async def select_again(self) -> None: ...


# The first Classic cards of Infineon set the highest bit as well. A 4K begins with the sectors of a 1K.
CLASSIC_SAKS = (SAK_MIFARE_CLASSIC_1K, 0x80 | SAK_MIFARE_CLASSIC_1K, 0x18)


async def open_card(
    reader: "Mfrc522", identity: "CardIdentity", key_of_uid: "Callable[[bytes], ClassicKeys | None]"
) -> "Memory | None":
    """Return the memory of the selected card, or None if its kind is unknown or there is no key for it.

    `key_of_uid(uid)` returns the `classic.ClassicKeys` of a Classic card, or None; other cards need none. Raises
    CardError or ReaderError.
    """
    if identity.sak in CLASSIC_SAKS:
        keys = key_of_uid(identity.uid)
        return None if keys is None else ClassicMemory(reader, identity, keys)
    if identity.sak == SAK_ULTRALIGHT:
        return await open_pages(reader, identity)
    return None
