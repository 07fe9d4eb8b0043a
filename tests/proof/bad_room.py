"""A bad line to the room: a board that lies although it has the key, somebody at the wires, and a meter that is none.

The hostile board keeps the rules of frames and tags, as a tenant can who has opened the board, and lies in everything
inside: cards, boxes, claims, results, sizes. Somebody at the wires has no key: frames are changed, repeated, recorded
and sent again. The good orders hold tokens that are redeemed already, so no lie may bring credit. Last, bytes of
anybody go to a board in the room, which has to serve its meter afterwards.
"""

import asyncio
import random as randoms
import struct

from boards.host.cards.classic import ClassicCard
from boards.host.chips.aes import aes
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.room_line import RoomLineModel
from boards.host.room import RoomHardware
from tests.proof.campaign import BROKEN_RULES, DOUBLED, ESCAPES, HANGS, Broken
from tests.proof.mutation import mutated
from tests.proof.small_meter import METER_NUMBER, SmallMeter, seal
from tests.services.desk_bench import DeskBoard, parts_of_desk
from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.cards.reader_link import ReaderLink
from wattpurse.cards.room_link import RoomLink
from wattpurse.cards.room_reader import RoomReader
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room, token
from wattpurse.core.messages.reader_session import Answerer
from wattpurse.core.money import account_image
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.seals.wire_seal import ANSWER, NONCE_SIZE, REQUEST, TAG_SIZE, WireSeal
from wattpurse.services.card_desk import CardDesk

NAME = "bad-room"
ABOUT = "lies and damage on the line to the room"
SHORT_CASES = 4
LONG_CASES = 10_110  # a case has 99 inputs

_LOOKS = 40
_BYTES = 60
_SEQUENCE = 5
_IDENTITY = b"room no. 1"
_KEY = b"pairing key 0001"
_UID = b"\x11\x22\x33\x44"
_LONGEST_LOOK_S = 60
_SAKS = (0x00, 0x08, 0x88, 0x20, 0x28)
_STATUSES = (frames.OK, frames.OK, frames.OK, frames.NOTHING, 0x10, 0x12, 0x15, 0x16, 0x20, 0x30, 0x32, 0x42, 0xFF)


def run_case(seed: int, tally):
    """Let one meter look at a hostile board, and one board hear a hostile meter."""
    random = randoms.Random(f"{NAME} {seed}")
    _Victim(random, tally).look_often()
    _hear_anybody(random, tally)


class _Victim:
    """A meter whose card desk looks through a line at a hostile board."""

    def __init__(self, random, tally):
        self._random = random
        self._tally = tally
        meter = self._meter = SmallMeter(random)
        if random.random() < 0.5:
            meter.ledger.change(lambda account: setattr(account, "contract", KeyCard))
        self._orders = [_credit(sequence) for sequence in range(1, _SEQUENCE + 1)]
        for sealed in self._orders:
            meter.teller.redeem(sealed, 1)
        clock = meter.clock
        self._line = RoomLineModel(clock, RandomBits(random.randrange(1, 2**30)))
        self._line.noise = random.choice((0, 0, 0, 100, 2_000))
        wire = ReaderLink(self._line.end(), clock, lambda: random.randrange(2**32))
        link = RoomLink(wire, clock, aes, random.randbytes, _IDENTITY, _KEY)
        self._reader = RoomReader(link)
        self._peer = _HostileBoard(random, self._line.end(), self._orders)
        self._outcomes = []
        board = DeskBoard(self._reader, clock)
        self._desk = CardDesk(show_outcome=self._outcomes.append, **parts_of_desk(board, meter))
        self._desk.use(self._reader, 2_000)

    def look_often(self):
        """Look through the line, and judge the account after each look."""
        before = account_image.pack(self._meter.ledger.account)
        try:
            self._meter.clock.run(self._looks(before))
        except (ValueError, IndexError, KeyError, TypeError, struct.error, UnicodeError) as error:
            raise Broken(ESCAPES, f"{error!r} after {self._peer.told!r}")

    async def _looks(self, before):
        asyncio.create_task(self._peer.run())
        clock = self._meter.clock
        for _ in range(_LOOKS):
            begun_us = clock.now_us
            await self._desk.serve_one_look()
            if clock.now_us - begun_us > _LONGEST_LOOK_S * 1_000_000:
                raise Broken(HANGS, f"a look of {(clock.now_us - begun_us) // 1_000_000} s")
            await clock.sleep_ms(self._desk.pause_ms)
            self._tally.cases += 1
            self._tally.faults += 1
            if account_image.pack(self._meter.ledger.account) != before:
                raise Broken(DOUBLED, f"the account changed after {self._peer.told!r}")
        for result in self._outcomes:
            self._tally.add(f"outcome_{result}")


class _HostileBoard:
    """A board with the right key that lies. Now and then it breaks the rules of frames and tags as well."""

    def __init__(self, random, end, orders):
        self.told = None
        self._random = random
        self._end = end
        self._orders = orders
        self._answerer = Answerer(frames.ROOM_READER, _IDENTITY)
        self._seal = None
        self._recorded = [b"\x6d"]
        self._tells_truth = random.random() < 0.5

    async def run(self):
        """Answer for ever."""
        reader = frames.FrameReader()
        while True:
            data = await self._end.read(1_000)
            reader.feed(data)
            while True:
                request = reader.take(not data)
                if request is None:
                    break
                answer = self._answerer.reply_to(request)
                if answer is None:
                    answer = self._answerer.answer(request, *self._lie(request))
                await self._end.write(self._spoiled(answer))

    def _lie(self, request):
        if request.kind == room.KEYED:
            nonce = self._random.randbytes(NONCE_SIZE)
            self._seal = WireSeal(aes, _KEY, bytes(request.payload), nonce)
            return frames.OK, 0, nonce + self._seal.tag(ANSWER, room.KEYED, b"")
        if request.kind != room.SEALED or self._seal is None:
            return self._random.choice(_STATUSES), 0, self._random.randbytes(self._random.randrange(20))
        kind, place = request.payload[0], len(request.payload) - TAG_SIZE
        self._seal.count += 1
        self._seal.is_authentic(REQUEST, kind, request.payload[1:place], request.payload[place:])
        status, content = self._content(kind)
        self.told = kind, status, content
        content = bytes((self._random.choice((0, 0, 0, 1, 2, 255)),)) + content
        return status, self._random.randrange(256), content + self._seal.tag(ANSWER, kind, bytes((status,)) + content)

    def _content(self, kind):
        """Return `(status, content)`: mostly of the right form, so that the lie gets further."""
        random = self._random
        if random.random() < 0.15:
            return random.choice(_STATUSES), random.randbytes(random.randrange(room.RESULT_LIMIT))
        if kind == room.LOOK:
            uid = random.choice((_UID, _UID, random.randbytes(random.choice((4, 7, 10)))))
            content = frames.card(uid, random.choice(_SAKS), b"\x44\x00")
        elif kind == room.OPEN:
            content = random.choice(purse.KINDS).encode()
        elif kind == room.ORDERS:
            content = self._result(self._box())
        elif kind == room.CLAIMS:
            rows = [(random.randrange(2**16), random.randrange(3), random.choice((8, 208, 300, 2**16 - 1)))] * 2
            content = room.claims(rows[: random.randrange(3)])
        elif kind in (room.READ, room.MORE):
            content = self._result(random.randbytes(random.choice((0, 16, 96, 100))))
        else:
            content = b""
        if random.random() < 0.2:
            content = mutated(random, content, [self._box(), b"\x00" * 20])[: room.RESULT_LIMIT]
        status = frames.OK if random.random() < 0.9 else random.choice(_STATUSES)
        return status, content

    def _box(self):
        random = self._random
        content = b"".join(random.choices(self._orders, k=random.randrange(2)))
        if random.random() < 0.5:
            content = mutated(random, content, self._orders)
        kind = random.choice((purse.CUSTOMER, purse.CUSTOMER, purse.DATA, purse.SERVICE, purse.KEY_CARD, 0, 200))
        number = random.choice((METER_NUMBER, METER_NUMBER, 0, 96, 2**32 - 1))
        return room.box(random.randrange(2), kind, random.randrange(256), number, content)[: room.RESULT_LIMIT]

    def _result(self, data):
        size = len(data) if self._random.random() < 0.9 else self._random.randrange(2**16)
        return room.offset(size) + data

    def _spoiled(self, answer):
        """Return the bytes for the wires: often the answer."""
        random = self._random
        draw = random.random()
        self._recorded = [answer] + self._recorded[:20]
        if self._tells_truth or draw < 0.8:
            return answer
        if draw < 0.85:
            return random.choice(self._recorded)
        if draw < 0.9:
            return answer + random.choice(self._recorded)
        if draw < 0.95:
            return random.randbytes(random.randrange(1, 300))
        return mutated(random, answer, self._recorded)


def _hear_anybody(random, tally):
    """Let a board in the room hear bytes of anybody. It executes none of them, and serves its meter afterwards."""
    meter = SmallMeter(random)
    clock = meter.clock
    line = RoomLineModel(clock, RandomBits(random.randrange(1, 2**30)))
    board = RoomHardware(clock, line, _IDENTITY)
    board.pairing.key = _KEY
    card = ClassicCard(_UID)
    board.reader.field.insert(card)
    image = card.image()
    stranger = line.end()
    wire = ReaderLink(line.end(), clock, lambda: random.randrange(2**32))
    reader = RoomReader(RoomLink(wire, clock, aes, random.randbytes, _IDENTITY, _KEY))

    async def all_of_it():
        asyncio.create_task(board.run())
        session = random.randrange(2**32)
        heard = [frames.frame(frames.HELLO, session & 0xFF, 0, frames.hello(session))]
        for sequence in range(1, _BYTES):
            await stranger.write(_bytes_of_anybody(random, session, sequence, heard))
            await clock.sleep_ms(random.choice((2, 20, 50)))
            await stranger.read(0)
            tally.cases += 1
            tally.faults += 1
        await clock.sleep_ms(1_000)
        if board.pairing.key != _KEY or card.image() != image:
            raise Broken(BROKEN_RULES, "a stranger at the wires has paired the board, or has written a card")
        try:
            return await reader.find_card()
        except (CardError, ReaderError) as error:
            raise Broken(BROKEN_RULES, f"the board does not serve its meter any more: {error!r}")

    try:
        found = clock.run(all_of_it())
    except (ValueError, IndexError, KeyError, TypeError, struct.error) as error:
        raise Broken(ESCAPES, f"{error!r} in the board")
    if found is None or found.uid != _UID:
        raise Broken(BROKEN_RULES, "the board does not see the card any more")


def _bytes_of_anybody(random, session, sequence, heard):
    """Return random bytes, or a frame of the right form without the right tag."""
    draw = random.random()
    if sequence == 1:
        return heard[0]
    if draw < 0.2:
        return random.randbytes(random.randrange(1, 200))
    if draw < 0.3:
        return mutated(random, random.choice(heard), heard)
    kind = random.choice((room.SEALED, room.SEALED, room.KEYED, room.PAIR, frames.STEPS, frames.FIND, 0xA2, 0x99))
    payload = random.randbytes(random.choice((0, 1, 8, 9, 16, 30, frames.PAYLOAD_LIMIT)))
    if random.random() < 0.5 and payload:
        payload = bytes((random.choice((room.LOOK, room.ORDERS, room.BEGIN, room.PANEL)),)) + payload[1:]
    one = frames.frame(kind, session & 0xFF, sequence, payload)
    heard.append(one)
    return one


def _credit(sequence):
    return seal(sequence, token.CREDIT_MONEY, 1_000_000 + sequence)
