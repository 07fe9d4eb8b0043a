"""Give MIFARE Classic cards their keys and access conditions: a new card's, or new ones in place of older ones.

Only the station does this, so it is no part of a meter's image. Sections are those of the NXP data sheet MF1S50YYX.
"""

from collections.abc import Callable

from wattpurse.cards import purse
from wattpurse.cards.classic import SECTORS, ClassicKeys, ClassicSession
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.mfrc522 import Mfrc522

# Access conditions C1 C2 C3 (section 8.7).
READ_BOTH_WRITE_B = 0b100
READ_BOTH_WRITE_BOTH = 0b000
TRAILER_TRANSPORT = 0b001
TRAILER_WRITE_B = 0b011

# The conditions of the three data blocks of a sector, and of its trailer.
Conditions = tuple[int, int, int, int]

TRANSPORT_KEY = b"\xff" * 6
_TRANSPORT_CONDITIONS = (READ_BOTH_WRITE_BOTH, READ_BOTH_WRITE_BOTH, READ_BOTH_WRITE_BOTH, TRAILER_TRANSPORT)
_SECTOR_SIZE = 48


def access_of_sector(sector: int) -> Conditions:
    """Return the access conditions of a sector: both keys read, key A writes statements, key B writes everything."""
    first_statement = purse.layout_of("classic-1k").statement_offsets[0]
    holds_orders = (sector - SECTORS[0]) * _SECTOR_SIZE < first_statement
    data = READ_BOTH_WRITE_B if holds_orders else READ_BOTH_WRITE_BOTH
    return data, data, data, TRAILER_WRITE_B


def access_bits(block0: int, block1: int, block2: int, trailer: int) -> bytes:
    """Return the four access bytes of a sector trailer for conditions C1 C2 C3 as numbers 0 to 7 (section 8.7.1)."""
    c1 = c2 = c3 = 0
    for block, condition in enumerate((block0, block1, block2, trailer)):
        c1 |= (condition >> 2 & 1) << block
        c2 |= (condition >> 1 & 1) << block
        c3 |= (condition & 1) << block
    return bytes(((15 - c2) << 4 | 15 - c1, c1 << 4 | 15 - c3, c3 << 4 | c2, 0x69))


async def format_classic(
    reader: Mfrc522,
    identity: CardIdentity,
    keys: ClassicKeys,
    access: Callable[[int], Conditions] = access_of_sector,
) -> None:
    """Give all sectors of a card in transport state their keys; `access(sector)` returns the access conditions.

    A key is proved before the access bits that rely on it are set. A second call with the same keys finishes a format
    that was cut short. Raises CardError if a sector accepts neither the new key nor the transport key, or has other
    access conditions already.
    """
    session = ClassicSession(reader, identity)
    for sector in SECTORS:
        await _format_sector(session, sector, keys, access_bits(*access(sector)))


async def rekey_classic(
    reader: Mfrc522,
    identity: CardIdentity,
    keys: ClassicKeys,
    older: ClassicKeys,
    access: Callable[[int], Conditions] = access_of_sector,
) -> None:
    """Give all sectors of a formatted card `keys` in place of `older`. The content of the card stays.

    A second call with the same keys finishes a change that was cut short, even if a key was torn between its old and
    its new bytes. Raises CardError ("refused") for a sector that neither set of keys opens.
    """
    session = ClassicSession(reader, identity)
    for sector in SECTORS:
        await _rekey_sector(session, sector, keys, older, access_bits(*access(sector)))


async def _format_sector(session: ClassicSession, sector: int, keys: ClassicKeys, final_bits: bytes) -> None:
    trailer = sector * 4 + 3
    key_b = _key_b(keys)
    transport_bits = access_bits(*_TRANSPORT_CONDITIONS)
    if not await _accepts(session, sector, keys.key_a):
        await session.authenticate(sector, TRANSPORT_KEY, False)
        await session.write(trailer, keys.key_a + transport_bits + key_b)
        await session.authenticate(sector, keys.key_a, False)
    found = bytes(await session.read(trailer))
    if found[6:9] == final_bits[:3]:
        return
    if found[6:9] != transport_bits[:3]:
        raise CardError("changed")
    # In transport state key B can be read, so it can be proved too.
    if found[10:] != key_b:
        await session.write(trailer, keys.key_a + transport_bits + key_b)
        if bytes(await session.read(trailer))[10:] != key_b:
            raise CardError("changed")
    await session.write(trailer, keys.key_a + final_bits + key_b)
    await session.authenticate(sector, keys.key_a, False)


async def _rekey_sector(
    session: ClassicSession, sector: int, keys: ClassicKeys, older: ClassicKeys, bits: bytes
) -> None:
    key_b, older_b = _key_b(keys), _key_b(older)
    if await _accepts(session, sector, key_b, True) and await _accepts(session, sector, keys.key_a):
        return
    for torn_at in range(len(key_b) + 1):
        if await _accepts(session, sector, key_b[:torn_at] + older_b[torn_at:], True):
            await session.write(sector * 4 + 3, keys.key_a + bits + key_b)
            await session.authenticate(sector, keys.key_a, False)
            await session.authenticate(sector, key_b, True)
            return
    raise CardError("refused")


async def _accepts(session: ClassicSession, sector: int, key: bytes, is_b: bool = False) -> bool:
    try:
        await session.authenticate(sector, key, is_b)
    except CardError:
        await session.select_again()
        return False
    return True


def _key_b(keys: ClassicKeys) -> bytes:
    """Return key B. Raises ValueError for keys without one."""
    if keys.key_b is None:
        raise ValueError("formatting a card needs key B")
    return keys.key_b
