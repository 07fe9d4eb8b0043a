"""The reader of a meter of the proof: its own, or one in the room behind a wire with noise and cuts.

`model` is the chip in whose field the cards are. `take` begins a life of the meter's processor, and of the board in the
room, which has its power from the meter. `look` runs one look of a desk.
"""

import asyncio

from boards.host.chips.aes import aes
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.room_line import RoomLineModel
from boards.host.room import RoomHardware
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.cards.reader_link import ReaderLink
from wattpurse.cards.room_link import RoomLink
from wattpurse.cards.room_reader import RoomReader

WIRE_FAULTS = ("wire cut", "wire cut for long", "wire noise")

_IDENTITY = b"room no. 1"
_PAIRING_KEY = b"pairing key 0001"
_BEGIN_MS = 20
_BRIEF_MS = (1, 400)
_LONG_MS = (1_000, 8_000)
_NOISE = (300, 3_000, 20_000)


class OwnReader:
    """The reader on the meter itself."""

    # After a trouble of the reader the meter tries again within so many looks.
    looks_to_recover = 0

    def __init__(self, clock):
        self._clock = clock
        self.model = Mfrc522Model(clock)

    def take(self):
        """Return the driver of a processor that starts."""
        model = self.model
        return Mfrc522(model.spi, model.select, model.reset, model.irq, self._clock)

    def look(self, desk):
        """Look once for cards."""
        self._clock.run(desk.serve_one_look())

    def power_cut(self):
        """Take the power away."""
        self.model.power_cut()
        self._clock.abandon()

    def heal(self):
        """End all troubles."""

    def close(self):
        """End the life of the processor."""


class RoomOverWire:
    """A reader in the room, and its wire. The board's program lives between the looks too."""

    looks_to_recover = 20

    def __init__(self, clock, random):
        self._clock = clock
        self._random = random
        self.line = _Line(clock, RandomBits(random.randrange(1, 2**30)))
        self._room = RoomHardware(clock, self.line, _IDENTITY, random.randrange(1, 2**30))
        self._room.pairing.key = _PAIRING_KEY
        self.model = self._room.reader
        self._end = None
        self._loop = None

    def take(self):
        """Return the reader of a processor that starts, with the board in the room."""
        self._forget_loop()
        self._room.start()
        if self._end is not None:
            self.line.disconnect(self._end)
        self._end = self.line.end()
        wire = ReaderLink(self._end, self._clock, lambda: self._random.randrange(2**32))
        link = RoomLink(wire, self._clock, aes, self._random.randbytes, _IDENTITY, _PAIRING_KEY)
        return RoomReader(link)

    def look(self, desk):
        """Look once for cards, with the board's program beside it."""
        if self._loop is None:
            self._clock.start(self._begin())
            self._clock.resume()
            self._loop = self._clock._program._loop
        self._loop.run_until_complete(desk.serve_one_look())

    def power_cut(self):
        """Take the power away from meter and board."""
        self._forget_loop()
        self.model.power_cut()

    def plan(self, fault, piece):
        """Plan a fault of the wire, at a place of the `piece`-th frame from now."""
        random = self._random
        if fault == "wire noise":
            self.line.noise = random.choice(_NOISE)
            return
        duration_ms = random.randrange(*(_LONG_MS if fault == "wire cut for long" else _BRIEF_MS))
        self.line.plan_cut(piece, random.random(), duration_ms)

    def heal(self):
        """End all troubles of the wire."""
        self.line.noise = 0
        self.line.forget_cut()
        self.line.mend()

    def close(self):
        """End the life of the processors."""
        self._forget_loop()

    def _forget_loop(self):
        self._clock.abandon()
        self._loop = None

    async def _begin(self):
        program = self._room.program
        if program is not None:
            self._program = asyncio.create_task(program.run())
        await self._clock.sleep_ms(_BEGIN_MS)


class _Line(RoomLineModel):
    """The wire. `pieces` counts the frames of both ends, `cuts` the cuts that came about."""

    pieces = 0
    cuts = 0
    _planned = None

    def plan_cut(self, piece, share, duration_ms):
        """Cut the wire when a `share` of the `piece`-th frame from now (1: the next) has passed."""
        self._planned = self.pieces + piece, share, duration_ms * 1000

    def forget_cut(self):
        """Forget the planned cut."""
        self._planned = None

    def send(self, end, data):
        super().send(end, data)
        self.pieces += 1
        piece, share, duration_us = self._planned or (0, 0, 0)
        if piece == self.pieces:
            begun_us = max(self._clock.now_us, end.sent_us - round(len(data) * self._byte_us))
            cut_us = begun_us + round(share * len(data) * self._byte_us)
            self._clock.call_at_us(cut_us, self._cut_now)
            self._clock.call_at_us(cut_us + duration_us, self.mend)

    def _cut_now(self):
        self.cuts += 1
        self.cut()
