"""The purse: the layout of a card's boxes, and how a reader tells a whole box from a torn one.

Only the station writes order boxes, and only the meter writes statement boxes: neither can tear a box of the other. If
there is room, each box has two copies. A write replaces the older or damaged copy.

    order box: mark u8 = 0x4F, kind u8, version u8, content length in words of 4 bytes u8, meter number u32,
        CRC-32 u32 over all of the box but itself, then the content: sealed tokens (core.messages.token) one behind the
        other, or the service pass (core.messages.service_pass) of a service card, whose meter number is 0 and whose
        meters are in the pass; the boxes of a key card and of a system card are empty, and their records stand
        elsewhere (cards.key_card, dispenser.system_card)
    statement box: a sealed statement (core.messages.statement)

An operator's card has the operator's pass in place of the service pass. A data card has tokens for many meters
(data_card).

Numbers are little-endian. The CRC finds torn boxes only; the seals inside prove the content. MIFARE Classic cards let
key A read everything and write statements, and let key B write everything. The pages of all other cards are open to
everybody near them.

A copied card adds no credit, and a refund cannot be collected twice: refunded credit is not on the card. The card only
shows a statement, whose receipt names meter and token. The station books each receipt once, from any number of copies.
"""

import struct
from binascii import crc32

from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.messages import statement, token
from wattpurse.core.seals import keys as key_derivation
from wattpurse.core.seals.cmac import Derivation
from wattpurse.core.seals.sealing import SealBroken, sealed_size

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.memory import Memory
    from wattpurse.cards.room_reader import RoomMemory
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

CUSTOMER = 1
SERVICE = 2
OPERATOR = 3
DATA = 4
KEY_CARD = 5
SYSTEM = 6

HEAD_SIZE = 12

_MARK = 0x4F
_HEAD = "<BBBBI"
_CRC = "<I"
_WORD = 4
# One frame brings at least so many bytes from any card.
_FIRST_READ = 16


class Layout:
    """The places of the boxes on a kind of card: offsets and size of order boxes and of statement boxes."""

    def __init__(self, order_offsets: tuple, order_size: int, statement_offsets: tuple, statement_size: int) -> None:
        self.order_offsets = order_offsets
        self.order_size = order_size
        self.statement_offsets = statement_offsets
        self.statement_size = statement_size

    @property
    def content_size(self) -> int:
        """Bytes of tokens that an order box holds."""
        return self.order_size - HEAD_SIZE


_LAYOUTS = {
    "classic-1k": ((0, 144), 144, (288, 496), 208),
    "ntag213": ((0,), 48, (48, 96), 48),
    "ntag215": ((0, 120), 120, (240, 368), 128),
    "ntag216": ((0, 192), 192, (384, 632), 248),
    "ultralight": ((0,), 48, (), 0),
}
KINDS = ("classic-1k", "ntag213", "ntag215", "ntag216", "ultralight")


class OrderBox:
    """One order box that was read: `place` (0 or 1), `kind`, `version`, `meter_number`, `content` (bytes)."""

    def __init__(self, place: int, kind: int, version: int, meter_number: int, content: bytes) -> None:
        self.place = place
        self.kind = kind
        self.version = version
        self.meter_number = meter_number
        self.content = content


def layout_of(kind: str) -> Layout:
    """Return the layout of a kind of card, one of KINDS."""
    return Layout(*_LAYOUTS[kind])


def classic_keys_of(
    aes: "Aes", site_key: bytes, is_station: bool, older_of: "Callable[[bytes], ClassicKeys] | None" = None
) -> "Callable[[bytes], ClassicKeys]":
    """Return a function from a UID to its ClassicKeys. The station writes with key B, a meter uses key A alone.

    A meter's function remembers the keys of the last card. `older_of` is such a function for the previous site key,
    whose keys a card may still have.
    """

    def older(uid: bytes) -> "Callable[[], ClassicKeys] | None":
        return None if older_of is None else lambda: older_of(uid)

    if is_station:
        return lambda uid: ClassicKeys(*key_derivation.classic_keys(aes, site_key, uid), older=older(uid))
    site = Derivation(aes, site_key)
    last_uid, last_keys = None, None

    def keys_of(uid: bytes) -> "ClassicKeys":
        nonlocal last_uid, last_keys
        if uid != last_uid:
            last_uid = uid
            last_keys = ClassicKeys(key_derivation.classic_key_a(site, uid), None, False, older(uid))
        return last_keys

    return keys_of


def split_tokens(content: bytes) -> list:
    """Return the sealed tokens in an order box. Data that is no token comes last, in one piece."""
    tokens = []
    while content:
        header = token.read_header(content)
        size = len(content) if header is None else min(header[2], len(content))
        tokens.append(content[:size])
        content = content[size:]
    return tokens


async def read_orders(memory: "Memory") -> OrderBox | None:
    """Return the newest whole order box of the card, or None. Raises CardError or ReaderError."""
    far: RoomMemory | None = getattr(memory, "far", None)
    if far is not None:
        return await far.read_orders()
    layout = layout_of(memory.kind)
    starts = []
    for place in range(len(layout.order_offsets)):
        start = bytearray(_FIRST_READ)
        await memory.read(layout.order_offsets[place], start)
        if _is_order_head(start, layout):
            starts.append((place, start))
    if len(starts) == 2 and 0 < (starts[1][1][2] - starts[0][1][2]) & 0xFF < 0x80:
        starts.reverse()
    for place, start in starts:
        box = await _read_order_box(memory, layout, place, start)
        if box is not None:
            return box
    return None


async def write_orders(memory: "Memory", kind: int, meter_number: int, content: bytes) -> None:
    """Write the newer order box and read it back; for the station.

    Raises ValueError if the content does not fit or is not whole words, CardError ("changed") if the card reads back
    something else, CardError or ReaderError.
    """
    layout = layout_of(memory.kind)
    if len(content) > layout.content_size or len(content) % _WORD:
        raise ValueError("the card has no room for these tokens")
    newest = await read_orders(memory)
    place, version = 0, 0
    if newest is not None:
        place = (newest.place + 1) % len(layout.order_offsets)
        version = (newest.version + 1) & 0xFF
    head = struct.pack(_HEAD, _MARK, kind, version, len(content) // _WORD, meter_number)
    box = head + struct.pack(_CRC, crc32(content, crc32(head))) + content
    await write_and_verify(memory, layout.order_offsets[place], box)


async def read_statement(memory: "Memory", aes: "Aes", keys: "KeyPair") -> dict | None:
    """Return the newest authentic statement on the card, opened, or None. Raises CardError or ReaderError."""
    for _, place, size in await statement_claims(memory):
        opened = await _open_statement(memory, aes, keys, place, size)
        if opened is not None:
            return opened
    return None


async def read_statement_copies(memory: "Memory") -> list:
    """Return the bytes of all data that begins like a statement, not yet proven, the newest first; for the station.

    Raises CardError or ReaderError.
    """
    copies = []
    for _, place, size in await statement_claims(memory):
        copies.append(bytes(await _statement_data(memory, place, size)))
    return copies


async def write_statement(memory: "Memory", aes: "Aes", keys: "KeyPair", seal: "Callable[[int, int], bytes]") -> None:
    """Write a statement over the older or damaged copy, and read it back.

    `seal(number, capacity)` returns the sealed statement; `keys` are those that it seals with. A card without room for
    statements is left unchanged. Raises CardError ("changed" if the card reads back something else), or ReaderError.
    """
    layout = layout_of(memory.kind)
    if not layout.statement_offsets:
        return
    capacity = layout.statement_size - sealed_size(statement.HEADER_SIZE, 0)
    place, number = 0, 0
    claims = await statement_claims(memory)
    if claims:
        number, place, size = claims[0]
        if statement.is_authentic(aes, keys, await _statement_data(memory, place, size)):
            place = 1 - place
    await write_and_verify(memory, layout.statement_offsets[place], seal(number + 1, capacity - capacity % 16))


def _is_order_head(start: bytearray, layout: "Layout") -> bool:
    return start[0] == _MARK and CUSTOMER <= start[1] <= SYSTEM and start[3] * _WORD <= layout.content_size


async def _read_order_box(memory: "Memory", layout: "Layout", place: int, start: bytearray) -> "OrderBox | None":
    """Return the box that begins with `start`, or None if its CRC is wrong."""
    size = HEAD_SIZE + start[3] * _WORD
    rest = bytearray(max(0, size - _FIRST_READ))
    if rest:
        await memory.read(layout.order_offsets[place] + _FIRST_READ, rest)
    box = bytes(start + rest)[:size]
    _, kind, version, _, meter_number = struct.unpack_from(_HEAD, box)
    (checksum,) = struct.unpack_from(_CRC, box, HEAD_SIZE - 4)
    content = box[HEAD_SIZE:]
    if crc32(content, crc32(box[: HEAD_SIZE - 4])) != checksum:
        return None
    return OrderBox(place, kind, version, meter_number, content)


async def statement_claims(memory: "Memory") -> list:
    """Return `(number, place, size)` of all data that begins like a statement, the newest first."""
    layout = layout_of(memory.kind)
    far: RoomMemory | None = getattr(memory, "far", None)
    if far is not None:  # the board at the other end may lie
        places, size = len(layout.statement_offsets), layout.statement_size
        return [claim for claim in await far.statement_claims() if claim[1] < places and claim[2] <= size]
    claims = []
    for place in range(len(layout.statement_offsets)):
        start = bytearray(statement.HEADER_SIZE)
        await memory.read(layout.statement_offsets[place], start)
        header = statement.read_header(start)
        if header is not None and header[2] <= layout.statement_size:
            claims.append((header[0], place, header[2]))
    if len(claims) == 2 and 0 < (claims[1][0] - claims[0][0]) & 0xFFFF < 0x8000:
        claims.reverse()
    return claims


async def _statement_data(memory: "Memory", place: int, size: int) -> bytearray:
    data = bytearray(size)
    await memory.read(layout_of(memory.kind).statement_offsets[place], data)
    return data


async def _open_statement(memory: "Memory", aes: "Aes", keys: "KeyPair", place: int, size: int) -> dict | None:
    data = await _statement_data(memory, place, size)
    try:
        return statement.open_statement(aes, keys, data)
    except SealBroken:
        return None


async def write_and_verify(memory: "Memory", offset: int, data: bytes) -> None:
    """Write a box, filled up to whole units, and read it back. Raises CardError ("changed"), CardError, ReaderError."""
    data = data + bytes(-len(data) % memory.unit)
    far: RoomMemory | None = getattr(memory, "far", None)
    if far is not None:
        return await far.write_and_verify(offset, data)
    await memory.write(offset, data)
    written = bytearray(len(data))
    await memory.read(offset, written)
    if written != data:
        raise CardError("changed")
