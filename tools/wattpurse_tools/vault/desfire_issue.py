"""Commands that make a DESFire card: applications, files and keys (MF3ICD81 data sheet, sections 8.4 and 8.5).

Only the vault makes cards: no meter has this module.
"""

import struct

from wattpurse.cards.desfire import ENCIPHERED, Desfire
from wattpurse.cards.desfire_ev2 import Session as Ev2Session
from wattpurse.cards.desfire_session import checksum
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK

_CREATE_APPLICATION = 0xCA
_CREATE_STANDARD_FILE = 0xCD
_CREATE_BACKUP_FILE = 0xCB
_CREATE_VALUE_FILE = 0xCC
_CHANGE_KEY = 0xC4
_CHANGE_KEY_SETTINGS = 0x54
_AES_KEYS = 0x80

NEVER = 0xF
FREE = 0xE


async def create_application(card: Desfire, identifier: int, settings: int, key_count: int) -> None:
    """Create an application with `key_count` AES keys of zeros."""
    tail = bytes((settings, _AES_KEYS | key_count))
    await card.command(bytes((_CREATE_APPLICATION,)) + identifier.to_bytes(3, "little") + tail)


async def create_standard_file(card: Desfire, file: int, mode: int, rights: int, size: int) -> None:
    """Create a file of `size` bytes whose writes are valid at once; see `rights_of`."""
    await card.command(struct.pack("<BBBH", _CREATE_STANDARD_FILE, file, mode, rights) + size.to_bytes(3, "little"))


async def create_backup_file(card: Desfire, file: int, mode: int, rights: int, size: int) -> None:
    """Create a file of `size` bytes whose writes are valid at their commit."""
    await card.command(struct.pack("<BBBH", _CREATE_BACKUP_FILE, file, mode, rights) + size.to_bytes(3, "little"))


async def create_value_file(
    card: Desfire, file: int, mode: int, rights: int, limits: tuple[int, int], value: int
) -> None:
    """Create a value between two limits, without limited credit and without a free GetValue."""
    await card.command(struct.pack("<BBBHiiiB", _CREATE_VALUE_FILE, file, mode, rights, *limits, value, 0))


async def change_key(card: Desfire, number: int, version: int, new: bytes, old: bytes | None = None) -> None:
    """Change a key. Give `old`, the key in force, unless it is the authenticated key itself."""
    session = card.session
    if session is None:
        raise CardError("refused")
    if isinstance(session, Ev2Session):
        return await _change_key_ev2(card, session, bytes((_CHANGE_KEY, number)), bytes((version,)), new, old)
    head = bytes((_CHANGE_KEY, number))
    data = new if old is None else bytes([new[place] ^ old[place] for place in range(BLOCK)])
    data += bytes((version,))
    data += checksum(head + data)
    if old is not None:
        data += checksum(new)
    sent = head + session.encipher_checked(data)
    if old is not None:
        await card.finish(sent)
    else:
        await card.exchange(sent)  # the authentication has ended with its key
        card.session = None


async def _change_key_ev2(
    card: Desfire, session: Ev2Session, head: bytes, version: bytes, new: bytes, old: bytes | None
) -> None:
    """Change a key in a session of EV2 (AN12196, section 6.16)."""
    if old is not None:
        mixed = bytes([new[place] ^ old[place] for place in range(BLOCK)])
        await card.change(head, mixed + version + checksum(new), ENCIPHERED)
        return
    sent = head + session.encipher(new + version)
    await card.exchange(sent + session.sign(sent))  # the authentication has ended with its key
    card.session = None


async def change_key_settings(card: Desfire, settings: int) -> None:
    """Change the key settings of the application or of the card. Needs an authentication with its master key."""
    await card.change(bytes((_CHANGE_KEY_SETTINGS,)), bytes((settings,)), ENCIPHERED)


def rights_of(read: int, write: int, both: int, change: int) -> int:
    """Return the access rights of a file: four key numbers, FREE or NEVER."""
    return read << 12 | write << 8 | both << 4 | change
