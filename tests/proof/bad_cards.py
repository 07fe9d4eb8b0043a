"""Bad cards: images damaged, forged with correct checksums, and spliced, given to the meter's desk and to the station.

The card is a linear memory here; the part `cards` garbles frames. The good images hold tokens that are redeemed
already, so no damage may bring credit.
"""

import random as randoms
import struct
from binascii import crc32

from boards.host.chips.aes import aes
from tests.proof.campaign import BROKEN_RULES, DOUBLED, ESCAPES, HANGS, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.proof.small_meter import METER_KEY, METER_NUMBER, START_S, SmallMeter, seal
from tests.services.desk_bench import DeskBoard, parts_of_desk
from wattpurse.cards import data_card, purse
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.core.messages import statement, token
from wattpurse.core.messages.service_pass import make_service_pass
from wattpurse.core.money import account_image, key_card
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.seals import keys
from wattpurse.services.card_desk import CardDesk

NAME = "bad-cards"
ABOUT = "card images damaged, forged or spliced"
SHORT_CASES = 30
LONG_CASES = 5_000

_BATCH = 200
_HEAP_LIMIT = 64 * 1024
_UID = b"\x04\x55\x66\x77\x11\x99\xaa"
_SIZES = {"classic-1k": (720, 16), "ntag213": (144, 4), "ntag215": (504, 4), "ntag216": (888, 4), "ultralight": (48, 4)}
_SLOT_SIZES = (data_card.SHORT_SLOT, data_card.FULL_SLOT)
_MOST_READS = 200
_SEQUENCE = 7


class LinearCard:
    """The memory of a card, without the card."""

    def __init__(self, kind: str, content: bytes):
        self.kind = kind
        self.capacity, self.unit = _SIZES[kind]
        self.content = bytearray(content[: self.capacity]).ljust(self.capacity, b"\x00")
        self.reads = 0

    async def read(self, offset, buffer):
        """Read as `cards.memory` does. Stop a desk that reads without end."""
        self.reads += 1
        if self.reads > _MOST_READS or offset < 0 or offset + len(buffer) > self.capacity:
            raise Broken(HANGS, f"read {self.reads} at {offset}, {len(buffer)} bytes")
        buffer[:] = self.content[offset : offset + len(buffer)]

    async def write(self, offset, data):
        """Write whole units inside the card."""
        if offset % self.unit or len(data) % self.unit or offset + len(data) > self.capacity:
            raise Broken(BROKEN_RULES, f"written {len(data)} bytes at {offset}")
        self.content[offset : offset + len(data)] = data

    async def select_again(self):
        """Select the card, which is always there."""


class _NoWaiting:
    """A clock for a desk that runs alone."""

    async def sleep_ms(self, _duration_ms):
        """Return at once: no other task runs."""


class _Desk(CardDesk):
    """The desk with the memory of a card in place of the reader."""

    def __init__(self, meter, outcomes):
        super().__init__(show_outcome=outcomes.append, **parts_of_desk(DeskBoard(None, _NoWaiting()), meter))
        self.memory = None

    async def _open(self, _identity):
        return self.memory, await purse.read_orders(self.memory)


def run_case(seed: int, tally):
    """Show a batch of images to one meter."""
    random = randoms.Random(f"{NAME} {seed}")
    meter = SmallMeter(random)
    if random.random() < 0.5:
        meter.ledger.change(lambda account: setattr(account, "contract", KeyCard))
    outcomes = []
    desk = _Desk(meter, outcomes)
    for sequence in range(1, _SEQUENCE + 1):
        meter.teller.redeem(_credit(sequence), 1)
    for _ in range(_BATCH):
        kind = random.choice(purse.KINDS)
        others = [_image(random, kind) for _ in range(2)]
        image = bytearray(mutated(random, others[0], others))
        if random.random() < 0.7:
            _seal_boxes(kind, image)
        _serve_image(meter, desk, kind, image)
        tally.cases += 1
        tally.faults += 1
    for result in outcomes:
        tally.add(f"outcome_{result}")
    bound_heap(tally, _HEAP_LIMIT, _serve_image, meter, desk, kind, image)


def _serve_image(meter, desk, kind, image):
    _serve(meter, desk, LinearCard(kind, image))


def _serve(meter, desk, memory):
    before = account_image.pack(meter.ledger.account)
    image = bytes(memory.content)
    desk.memory = memory
    desk._visits.clear()
    try:
        _finish(desk._serve(CardIdentity(_UID, 0, b"\x44\x00")))
        desk._show_news()
        memory.reads = 0
        _finish(_station_reads(memory))
    except struct.error as error:
        raise Broken(ESCAPES, f"{error!r} for {memory.kind} {image.hex()}")
    if account_image.pack(meter.ledger.account) != before:
        raise Broken(DOUBLED, f"the account changed by {memory.kind} {image.hex()}")


async def _station_reads(memory):
    """Read the same card as the station does."""
    pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), _UID)
    try:
        await purse.read_orders(memory)
        await purse.read_statement(memory, aes, pair)
        for slot_size in _SLOT_SIZES:
            await data_card.read_claims(memory, slot_size)
    except (CardError, ValueError):
        pass


def _finish(coroutine):
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise Broken(HANGS, "the desk waits, although a linear memory answers at once")


def _image(random, kind):
    """Return a whole card: two order boxes and two statements, as far as the kind has room."""
    layout = purse.layout_of(kind)
    content = bytearray(_SIZES[kind][0])
    for version, offset in enumerate(layout.order_offsets):
        box_kind, number, orders = purse.CUSTOMER, METER_NUMBER, _credit(random.randrange(1, _SEQUENCE + 1))
        if random.random() < 0.2:
            box_kind, number = purse.SERVICE, 0
            orders = make_service_pass(aes, _UID, 77, START_S + 10**6, ((METER_NUMBER, METER_KEY),))
        elif random.random() < 0.25:
            box_kind, number = purse.DATA, random.choice(_SLOT_SIZES)
        elif layout.content_size > 72 and random.random() < 0.5:
            orders += _credit(random.randrange(1, _SEQUENCE + 1))
        _put_box(content, offset, box_kind, version, number, orders)
    for number, offset in enumerate(layout.statement_offsets):
        payload = random.randbytes(32)
        sealed = statement.seal_statement(
            aes, keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), _UID), number, METER_NUMBER, payload
        )
        content[offset : offset + len(sealed)] = sealed
    if layout.statement_offsets and random.random() < 0.2:
        _put_key_card(random, kind, content)
    return bytes(content)


def _put_key_card(random, kind, content):
    """Turn the image into a key card of another site. Its records are never authentic here."""
    _put_box(content, 0, purse.KEY_CARD, 0, 0, b"")
    for offset in (288, 336) if kind == "classic-1k" else purse.layout_of(kind).statement_offsets:
        record = key_card.CardContent(random.randrange(9), 10**9, 0, 0, (10**6, random.randrange(4), 0, 0), 1)
        sealed = key_card.seal_content(aes, keys.key_card_keys(aes, bytes(16), _UID), record)
        content[offset : offset + len(sealed)] = sealed


def _credit(sequence):
    return seal(sequence, token.CREDIT_MONEY, 1_000_000 + sequence)


def _put_box(content, offset, kind, version, number, orders):
    head = struct.pack("<BBBBI", 0x4F, kind, version, len(orders) // 4, number)
    box = head + struct.pack("<I", crc32(orders, crc32(head))) + orders
    content[offset : offset + len(box)] = box


def _seal_boxes(kind, image):
    """Correct the checksums of the order boxes for their present contents."""
    for offset in purse.layout_of(kind).order_offsets:
        head = bytes(image[offset : offset + 8])
        if len(head) == 8:
            content = bytes(image[offset + 12 : offset + 12 + head[3] * 4])
            image[offset + 8 : offset + 12] = struct.pack("<I", crc32(content, crc32(head)))
