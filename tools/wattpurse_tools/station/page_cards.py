"""Proof of an NTAG's memory before the station sells on the card.

Some copies answer as an NTAG216 and have the memory of a smaller card. Beyond its end they refuse, or they begin again
at page 0, so that a statement would overwrite the orders. The proof only reads.
"""

from typing import TYPE_CHECKING

from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.mfrc522 import Mfrc522

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

# The user memory of an NTAG as it is delivered (NTAG213/215/216 data sheet, clause 8.5): an empty NDEF message.
_DELIVERED = {
    "ntag213": bytes.fromhex("0103a00c340300fe"),
    "ntag215": bytes.fromhex("0300fe00"),
    "ntag216": bytes.fromhex("0300fe00"),
}

_READ = 0x30
_READ_BYTES = 16
_PAGE_BYTES = 4
_TIMEOUT_US = 5000

# The last user page, and pages near which a smaller card would show its UID again: pages 16 and 20 (the Ultralights),
# 41 and 45 (NTAG213), 128 (an address of few bits), 135 (NTAG215).
_PAGES_TO_READ = {"ntag213": (39, 17, 32), "ntag215": (129, 17, 42, 128), "ntag216": (225, 17, 42, 128, 132)}


def is_unused(kind: str, content: bytes | bytearray) -> bool:
    """Return True if the user memory of a card is empty, or as the maker delivers it."""
    return not any(content) or content.rstrip(b"\0") == _DELIVERED.get(kind, b"").rstrip(b"\0")


async def prove_pages(driver: Mfrc522, identity: CardIdentity, memory: "Memory") -> None:
    """Raise ValueError if the memory ends too early. Raise CardError if the card does not answer, or ReaderError."""
    for page in _PAGES_TO_READ.get(memory.kind, ()):
        if await _begins_again(driver, identity, page):
            raise ValueError(f"the card calls itself {memory.kind} and has less memory: take another card")


async def _begins_again(driver: Mfrc522, identity: CardIdentity, page: int) -> bool:
    """Return True if the UID is in the pages from `page` on, or if the card refuses to read them."""
    try:
        data = bytes(await driver.exchange(bytes((_READ, page)), _READ_BYTES, _TIMEOUT_US))
    except CardError as error:
        if error.reason != "refused":
            raise
        return True
    pages = [data[start : start + _PAGE_BYTES] for start in range(0, _READ_BYTES, _PAGE_BYTES)]
    return identity.uid[3:7] in pages or any(shown[:3] == identity.uid[:3] for shown in pages)
