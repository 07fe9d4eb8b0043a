"""The key card as it lies in the slot: where its record is written, in two copies, one of which is always whole.

An order box (see `purse`) without content and of the kind KEY_CARD marks the card. The record (core.money.key_card) has
two copies in the place of the statements. On a Classic card each copy has a sector of its own, which meters may write.
A write replaces the older or damaged copy.
"""

from wattpurse.cards import purse
from wattpurse.core.money import key_card
from wattpurse.core.seals.sealing import SealBroken

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable

    from wattpurse.cards.memory import Memory
    from wattpurse.core.money.key_card import CardContent
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

KINDS = ("classic-1k", "ntag213", "ntag215", "ntag216")

_CLASSIC_OFFSETS = (288, 336)


async def read(memory: "Memory", aes: "Aes", pairs: "Iterable[KeyPair]") -> tuple:
    """Return `(place, content)` of the newest record that is authentic under one of `pairs`, or `(0, None)`.

    `pairs` are keys.key_card_keys. Raises CardError or ReaderError.
    """
    for _, place, data in await read_copies(memory):
        for pair in pairs:
            try:
                return place, key_card.open_content(aes, pair, data)
            except SealBroken:
                pass  # torn, or sealed with other keys: the other copy decides
    return 0, None


async def read_copies(memory: "Memory") -> list:
    """Return `(version, place, data)` of all data that begins like a record, not yet proven, the newest first.

    Raises CardError or ReaderError.
    """
    claims = []
    for place, offset in enumerate(_offsets_of(memory.kind)):
        data = bytearray(key_card.SIZE)
        await memory.read(offset, data)
        version = key_card.read_version(data)
        if version is not None:
            claims.append((version, place, data))
    claims.sort(reverse=True)
    return claims


async def write(memory: "Memory", aes: "Aes", pair: "KeyPair", place: int, content: "CardContent") -> None:
    """Write the record over the copy at `place` and read it back.

    Raises CardError ("changed") if the card reads back something else, CardError or ReaderError.
    """
    await write_sealed(memory, place, key_card.seal_content(aes, pair, content))


async def write_sealed(memory: "Memory", place: int, sealed: bytes) -> None:
    """Write a sealed record over the copy at `place` and read it back. Raises as `write` does."""
    await purse.write_and_verify(memory, _offsets_of(memory.kind)[place], sealed)


def _offsets_of(kind: str) -> tuple:
    if kind == "classic-1k":
        return _CLASSIC_OFFSETS
    return purse.layout_of(kind).statement_offsets
