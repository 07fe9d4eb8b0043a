"""Bad cards of ISO/IEC 14443-4, and good ones in bad air, through the reader driver on the model of its chip.

A hostile card answers with blocks that are mutated, invented, late, or missing, and its ATS is mutated too. A good card
hears and is heard through air that loses, damages or delays frames. One reader meets all cards of a batch, so that no
card may leave it in a state in which the next one fails.
"""

import random as randoms

from boards.host.cards.iso_dep import EV1_ATS, IsoDepCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from tests.proof.campaign import BROKEN_RULES, DOUBLED, HANGS, Broken
from tests.proof.mutation import bound_heap, mutated
from wattpurse.cards import iso_dep
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.mfrc522 import Mfrc522

NAME = "bad-iso-dep"
ABOUT = "cards of ISO/IEC 14443-4 that break the protocol, and air that loses their frames"
SHORT_CASES = 30
LONG_CASES = 5_000

_BATCH = 200
_HEAP_LIMIT = 64 * 1024
_UID = b"\x04\x55\x66\x77\x88\x99\xaa"
_COMMANDS = 4
_FRAMES_AHEAD = 80
_TYPICAL_ATS = (
    EV1_ATS,
    b"\x05\x78\x80\x70\x02",
    b"\x01",
    b"\x02\x00",
    b"\x03\x25\xe0",
    b"\x0a\x78\x80\xb0\x02\x20\x53\x50\x4b\x00",
)
# The guard time that is granted behind an ATS, two tries of RATS, and the reader's own timeouts beside it.
_LONGEST_ACTIVATION_US = 400_000
_LONGEST_EXCHANGE_US = iso_dep.LONGEST_EXCHANGE_MS * 1000 + 400_000
_DESELECTION_US = 100_000


def _answered(command: bytes) -> bytes:
    """Return an answer whose length and content depend on the command."""
    return bytes([(byte + 1) & 0xFF for byte in command]) * (1 + (command[0] & 1 if command else 0))


class HostileCard(IsoDepCard):
    """A card whose good answers are made wrong by `random`."""

    def __init__(self, random, ats: bytes):
        super().__init__(_UID, _answered, ats)
        self._chance = random

    def _take_block(self, block):
        random = self._chance
        good = super()._take_block(block)
        good = b"" if good is None else good[0][:-2]
        dice = random.random()
        reply = good
        if dice < 0.2:
            reply = mutated(random, good, [b"\xf2\x01", b"\x12" + bytes(61)])
        elif dice < 0.3:
            reply = bytes((0xF2, random.randrange(256)))
        elif dice < 0.4:
            reply = bytes((random.choice((0xA2, 0xA3, 0xB2, 0xB3, 0xC2)),))
        elif dice < 0.45:
            reply = bytes((random.choice((0x02, 0x03, 0x12, 0x13)),)) + random.randbytes(random.randrange(90))
        elif dice < 0.5:
            reply = random.randbytes(random.randrange(90))
        elif dice < 0.55:
            return None
        if not reply:
            return None
        late_us = random.choice((0, 0, 0, 0, 0, 0, 1_000, 5_000, 80_000, 300_000))
        return self.answer(reply, late_us)


class _Bench:
    """A reader with an empty field."""

    def __init__(self):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.clock.run(self.reader.start())


def run_case(seed: int, tally):
    """Bring a batch of cards to one reader, one after the other."""
    random = randoms.Random(f"{NAME} {seed}")
    bench = _Bench()
    for _ in range(_BATCH):
        if random.random() < 0.6:
            ats = random.choice(_TYPICAL_ATS)
            if random.random() < 0.3:
                ats = mutated(random, ats, list(_TYPICAL_ATS))[:80] or b"\x00"
            _meet(bench, random, HostileCard(random, ats), tally, None)
            tally.add("hostile_cards")
        else:
            _meet(
                bench, random, IsoDepCard(_UID, _answered, random.choice(_TYPICAL_ATS[:4])), tally, random.random() / 3
            )
            tally.add("cards_in_bad_air")
        tally.cases += 1
    _meet(bench, random, IsoDepCard(_UID, _answered), tally, 0)
    bound_heap(tally, _HEAP_LIMIT, _exchange_for_heap, bench, random, b"")


def _exchange_for_heap(bench, random, _command):
    card = HostileCard(random, EV1_ATS)
    bench.model.field.insert(card)
    _meet_now(bench, random, card, None, None)


def _meet(bench, random, card, tally, noise: "float | None"):
    """Serve one card. With `noise` 0 everything has to succeed."""
    bench.model.field.insert(card)
    if noise:
        _plan_noise(bench.model, random, noise, tally)
    elif noise is None:
        tally.faults += 1
    _meet_now(bench, random, card, tally, noise)


def _meet_now(bench, random, card, tally, noise):
    try:
        bench.clock.run(_serve(bench, random, card, tally, noise))
    finally:
        bench.model.field._plan.clear()
        bench.model.field.remove(card)
    if bench.model.violations:
        raise Broken(BROKEN_RULES, f"the driver broke the data sheet: {bench.model.violations[:3]}")


async def _serve(bench, random, card, tally, noise):
    reader = bench.reader
    reader.power_down()
    await reader.power_up()
    try:
        identity = await reader.find_card()
        if identity is None:
            raise CardError("silent")
        link = iso_dep.IsoDepCard(reader, identity, bench.clock)
        await _timed(bench, link.activate(), _LONGEST_ACTIVATION_US)
        for _ in range(random.randrange(1, _COMMANDS + 1)):
            await _command(bench, random, card, link, noise)
            if tally is not None:
                tally.add("answers")
            if random.random() < 0.2:
                await _timed(bench, link.is_present(), _LONGEST_EXCHANGE_US)
        if random.random() < 0.5:
            await _timed(bench, link.deselect(), _DESELECTION_US)
    except CardError as error:
        if noise == 0:
            raise Broken(BROKEN_RULES, f"a good card in clean air failed: {error.reason}")
        if tally is not None:
            tally.add("card_errors")


async def _command(bench, random, card, link, noise):
    command = random.randbytes(random.choice((0, 1, 5, 17, 60, 61, 62, 100, 129)))
    before = len(card.executed)
    hostile = noise is None
    try:
        answer = await _timed(bench, link.transceive(command), _LONGEST_EXCHANGE_US)
    finally:
        executed = card.executed[before:]
        if not hostile and executed not in ([], [command]):
            raise Broken(DOUBLED, f"{command.hex()} was executed as {[one.hex() for one in executed]}")
    if len(answer) > iso_dep.LONGEST_ANSWER:
        raise Broken(BROKEN_RULES, f"an answer of {len(answer)} bytes")
    if not hostile and (answer != _answered(command) or executed != [command]):
        raise Broken(BROKEN_RULES, f"{command.hex()} was answered by {answer.hex()}, executed {len(executed)} times")


async def _timed(bench, step, limit_us: int):
    begun_us = bench.clock.now_us
    try:
        return await step
    finally:
        elapsed_us = bench.clock.now_us - begun_us
        if elapsed_us > limit_us:
            raise Broken(HANGS, f"{step.__qualname__} took {elapsed_us} us of virtual time")


def _plan_noise(model, random, noise: float, tally):
    """Plan faults for the frames to come. Damage of one or two bits is always found by parity or CRC."""
    faults = model.faults
    for frame in range(random.randrange(1, 8), _FRAMES_AHEAD):
        if random.random() < noise:
            bit = random.randrange(24)
            bits = random.choice(((bit,), (bit, bit + 1 if bit % 8 < 7 else bit - 1)))
            fault, *arguments = random.choice(
                (
                    (faults.lose,),
                    (faults.silence,),
                    (faults.flip_to_card, bits),
                    (faults.flip_from_card, bits),
                    (faults.delay, random.choice((1_000, 50_000, 90_000))),
                )
            )
            fault(frame, *arguments)
            tally.faults += 1
