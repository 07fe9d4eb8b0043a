"""Whatever memory card was found, as one linear memory.

A memory has `kind`, `capacity` (bytes for the user), `unit` (bytes that are written at once),
`async read(offset, buffer)`, `async write(offset, data)` and, to go on after a CardError, `async select_again()`.
"""

from wattpurse.cards.classic import ClassicMemory
from wattpurse.cards.iso14443 import SAK_MIFARE_CLASSIC_1K, SAK_ULTRALIGHT
from wattpurse.cards.ultralight import open_pages

# The first Classic cards of Infineon set the highest bit as well.
_CLASSIC_SAKS = (SAK_MIFARE_CLASSIC_1K, 0x80 | SAK_MIFARE_CLASSIC_1K)


async def open_card(reader, identity, key_of_uid):
    """The memory of the selected card, or None if its kind is not known or there is no key for it.

    `key_of_uid(uid)` gives the `classic.ClassicKeys` of a Classic card, or None; other cards need none.
    Raises CardError or ReaderError.
    """
    if identity.sak in _CLASSIC_SAKS:
        keys = key_of_uid(identity.uid)
        return None if keys is None else ClassicMemory(reader, identity, keys)
    if identity.sak == SAK_ULTRALIGHT:
        return await open_pages(reader, identity)
    return None
