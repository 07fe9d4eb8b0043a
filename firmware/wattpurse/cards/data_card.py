"""The data card of a walk-round: brings tokens to many meters and takes their statements back, where no network does.

The order box has the layout of `purse`, in its two copies, and only the station writes it. Its tokens are for the
meters that they name. In place of a meter number stands the size of a statement slot. The room for statements is
divided into slots of that size: short slots hold the head of a statement, from more meters; full slots hold more detail
of fewer meters. The station blanks the slots that it has read.

A meter writes into a free slot, proves it, and only then blanks its older statement. If no slot is free, it writes over
its own. The first bytes mark a slot as taken: they are blanked first and written last. A meter never writes over the
statement of another meter: a card without a free slot is full.
"""

from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.messages import statement, token
from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import sealed_size

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.memory import Memory

KINDS = ("classic-1k", "ntag216")

SHORT_SLOT = 48
FULL_SLOT = 96

_ENDS = {"classic-1k": 720, "ntag216": 888}


class Claim:
    """Data that begins like a statement: `slot`, `number`, `meter_number`, `data` (bytes)."""

    def __init__(self, slot: int, number: int, meter_number: int, data: bytes) -> None:
        self.slot = slot
        self.number = number
        self.meter_number = meter_number
        self.data = data


def slots_of(kind: str, slot_size: int) -> range:
    """Return the offsets of the statement slots on a kind of card: an empty range for an unknown kind or size."""
    if kind not in _ENDS or slot_size not in (SHORT_SLOT, FULL_SLOT):
        return range(0)
    first = purse.layout_of(kind).statement_offsets[0]
    return range(first, _ENDS[kind] - slot_size + 1, slot_size)


def tokens_for(content: bytes, meter_number: int) -> list:
    """Return the sealed tokens for one meter from the content of an order box."""
    tokens = []
    for sealed in purse.split_tokens(content):
        header = token.read_header(sealed)
        if header is not None and header[0] == meter_number:
            tokens.append(sealed)
    return tokens


def capacity_of(slot_size: int) -> int:
    """Return the largest payload, in bytes, of a statement in a slot."""
    room = slot_size - sealed_size(statement.HEADER_SIZE, 0)
    return room - room % BLOCK


async def read_claims(memory: "Memory", slot_size: int) -> list:
    """Return everything on the card that begins like a statement, as Claims. Raises CardError or ReaderError."""
    claims = []
    for offset in slots_of(memory.kind, slot_size):
        data = bytearray(slot_size)
        await memory.read(offset, data)
        header = statement.read_header(data)
        if header is not None and header[2] <= slot_size:
            claims.append(Claim(offset, header[0], header[1], bytes(data[: header[2]])))
    return claims


async def write_statement(
    memory: "Memory", meter_number: int, slot_size: int, seal: "Callable[[int, int], bytes]"
) -> None:
    """Write a statement into a slot, and read it back.

    `seal(number, capacity)` returns the sealed statement. Raises CardError ("full") if every slot holds the statement
    of another meter, CardError ("changed") if the card reads back something else, CardError or ReaderError.
    """
    claims = await read_claims(memory, slot_size)
    own = [claim for claim in claims if claim.meter_number == meter_number]
    offset = _place_for(memory, slot_size, claims, own)
    sealed = seal(_newest_number(claims) + 1, capacity_of(slot_size))
    await blank(memory, [claim.slot for claim in own if claim.slot == offset])
    await purse.write_and_verify(memory, offset + memory.unit, sealed[memory.unit :])
    await purse.write_and_verify(memory, offset, sealed[: memory.unit])
    await blank(memory, [claim.slot for claim in own if claim.slot != offset])


async def blank(memory: "Memory", offsets: "list[int]") -> None:
    """Free slots by blanking their first bytes. Raises CardError or ReaderError."""
    for offset in offsets:
        await memory.write(offset, bytes(memory.unit))


def _place_for(memory: "Memory", slot_size: int, claims: "list[Claim]", own: "list[Claim]") -> int:
    taken = [claim.slot for claim in claims]
    for offset in slots_of(memory.kind, slot_size):
        if offset not in taken:
            return offset
    if not own:
        raise CardError("full")
    return own[0].slot


def _newest_number(claims: "list[Claim]") -> int:
    """Return the newest number, in the order of 16-bit numbers that wrap."""
    newest = 0
    for place, claim in enumerate(claims):
        if place == 0 or 0 < (claim.number - newest) & 0xFFFF < 0x8000:
            newest = claim.number
    return newest
