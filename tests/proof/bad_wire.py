"""Bad bytes on the wire between a computer or a meter and a reader board, in both directions.

Strangers write to a reader board: noise, frames damaged, cut and joined, and well-formed frames with any session,
sequence and content. A hostile board answers the station: with noise, damaged answers, and answers of the right form
with any status and content. Nothing escapes, everything ends in bounded time, the watchdog of the board stays fed, and
the next honest program reads the card.
"""

import random as randoms

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.ultralight import UltralightCard
from tests.proof.campaign import BROKEN_RULES, HANGS, LOST, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.services.reader_bench import IDENTITY, ReaderBench
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import LONGEST_BLOCK, ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps
from wattpurse.core.messages.reader_session import Asker
from wattpurse.services.reader_board import ReaderBoard

NAME = "bad-wire"
ABOUT = "bytes between computer and reader board: noise, bad frames, hostile requests and answers"
SHORT_CASES = 10
LONG_CASES = 5_000

_BATCH = 200
_HEAP_LIMIT = 64 * 1024
_WATCHDOG_US = 8_000_000
_LONGEST_REQUEST_US = 6_000_000
_LONGEST_CALL_US = 30_000_000  # four attempts of the longest request
_LONGEST_WAIT_MS = 12_000
_HONEST_NONCE = 0x6A09E600  # no stranger has it, as none guesses 32 random bits: a greeting changed in one byte is far
_UID = b"\x11\x22\x33\x44"
_NTAG_UID = b"\x04\x55\x66\x77\x88\x99\xaa"
_KEYS = ClassicKeys(TRANSPORT_KEY, TRANSPORT_KEY, write_with_b=False)
_KINDS = (*range(9), 0x1F, 0x20, 0x81, 0x87, 0xFF)
_STATUSES = (0, 1, 2, 0x0F, *range(0x10, 0x17), 0x20, 0x30, 0x31, 0x32, 0xFF)


def run_case(seed: int, tally):
    """Let strangers write a batch to a board, and let a hostile board answer a batch of calls."""
    random = randoms.Random(f"{NAME} {seed}")
    _write_to_board(random, tally)
    _answer_station(random, tally)
    if seed % 5 == 0:
        bench = _board(random)
        flood = [random.randbytes(random.randrange(1, 4_000)) for _ in range(20)]
        bound_heap(tally, _HEAP_LIMIT, lambda words: bench.run(_strange(bench, words)), flood)


def _board(random):
    """Return a bench with a reader board, and in most cases a card on it."""
    bench = ReaderBench()
    board = ReaderBoard(bench.asked, bench.near, bench.clock, bench, lambda level: None, frames.DESK_READER, IDENTITY)
    bench._serve = lambda: _timed(bench, board)
    bench.longest_request_us = 0
    bench.card = ClassicCard(_UID) if random.random() < 0.7 else UltralightCard("ntag213", _NTAG_UID)
    if random.random() < 0.8:
        bench.model.field.insert(bench.card)
    return bench


async def _timed(bench, board):
    """Let the board serve, and keep the longest time of a request."""
    while True:
        bench.turn_begun_us, answered = bench.clock.now_us, board.server.answered
        await board.turn()
        requests = max(1, board.server.answered - answered)
        took_us = bench.clock.now_us - bench.turn_begun_us
        bench.longest_request_us = max(bench.longest_request_us, took_us // requests)


def _write_to_board(random, tally):
    bench = _board(random)
    stranger = Asker()
    words = []
    while len(words) < _BATCH // 2:
        words += _visit(random, stranger) if random.random() < 0.2 else [_request(random, len(words))]
    bench.run(_strange(bench, words))
    tally.cases += len(words)
    tally.faults += len(words)
    tally.at_most("longest_hunger_ms", bench.longest_hunger_us // 1000)
    tally.at_most("longest_request_ms", bench.longest_request_us // 1000)
    if bench.longest_hunger_us > _WATCHDOG_US or bench.longest_request_us > _LONGEST_REQUEST_US:
        raise Broken(HANGS, f"a request took {bench.longest_request_us} us, a step {bench.longest_hunger_us} us")
    if bench.run(_read_honestly(bench)) != bytes(48):
        raise Broken(LOST, "a card after strangers reads otherwise")


async def _strange(bench, words):
    """Write, and read the answers until the board is quiet."""
    for word in words:
        await bench.asking.write(word)
        for _ in range(_LONGEST_WAIT_MS // 100):
            if not await bench.asking.read(100):
                break
        else:
            raise Broken(HANGS, f"the board does not stop to answer {word[:64]!r}")
    await bench.clock.sleep_ms(_LONGEST_WAIT_MS)
    busy_us = bench.clock.now_us - bench.turn_begun_us
    if busy_us > _LONGEST_REQUEST_US:
        raise Broken(HANGS, f"the board is busy since {busy_us} us")


async def _read_honestly(bench):
    """Return the data blocks of the first sector of a new card, read by an honest program."""
    if bench.card in bench.model.field.cards:
        bench.model.field.remove(bench.card)
    bench.model.field.insert(ClassicCard(_UID))
    bench.nonce = _HONEST_NONCE
    await bench.reader.recover()
    identity = await bench.reader.find_card()
    if identity is None:
        raise Broken(LOST, "the board sees no card after strangers")
    memory = await open_card(bench.reader, identity, lambda uid: _KEYS)
    buffer = bytearray(48)
    await memory.read(0, buffer)
    return bytes(buffer)


def _visit(random, stranger):
    """Return the requests of a stranger who keeps to session and sequence, and finds the card."""
    words = [stranger.begin(random.randrange(3, 1 << 16)), stranger.request(frames.START)]
    for _ in range(random.randrange(1, 8)):
        if random.random() < 0.4:
            words.append(stranger.request(frames.FIND, frames.find(True, 0)))
        kind = random.choice((frames.STEPS, frames.STEPS, frames.STEPS, frames.FIND, random.choice(_KINDS[2:8])))
        words.append(stranger.request(kind, _content(random, kind)))
    return words


def _request(random, place):
    """Return bytes of a stranger. The numbers are often those of a session that another stranger has begun."""
    way = random.randrange(6)
    if way == 0:
        return random.randbytes(random.choice((1, 2, 5, 40, 129, 300)))
    nonce = random.choice((1, 1, 2, random.randrange(1 << 32)))
    if way == 1 or place % 10 == 0:
        content = (
            mutated(random, frames.hello(nonce), [b"\x01"])[:120] if random.random() < 0.3 else frames.hello(nonce)
        )
        return frames.frame(frames.HELLO, nonce & 0xFF, random.choice((0, 0, 0, 1)), content)
    kind = random.choice((frames.STEPS, frames.STEPS, random.choice(_KINDS)))
    made = frames.frame(
        kind, random.choice((1, 1, 1, 2)), random.choice((place % 10, 1, 2, 255)), _content(random, kind)
    )
    if way == 2:
        return mutated(random, made, [made, bytes(9)])[:600] or b"\x00"
    return made


def _content(random, kind):
    if random.random() < 0.2:
        return random.randbytes(random.choice((0, 1, 3, 7, 60, frames.PAYLOAD_LIMIT)))
    if kind == frames.FIND:
        return frames.find(random.random() < 0.5, random.choice((0, 1, 100, 3_000, 3_001, 65_535)))
    if kind == frames.SELECT:
        return frames.card(random.choice((_UID, b"1234567", b"1234567890")), random.randrange(256), b"\x04\x00")
    if kind != frames.STEPS:
        return bytes(random.randrange(2))
    content = b"".join([_step(random) for _ in range(random.choice((1, 1, 2, 3)))])
    if random.random() < 0.3:
        content = mutated(random, content, [content])
    return content[: frames.PAYLOAD_LIMIT]


def _step(random):
    """Return a step. Often the card does it: READ of some pages in a row, or of blocks behind an authentication."""
    if random.random() < 0.3:
        sector = random.randrange(1, 4)
        frame = bytes((0x60, sector * 4)) + TRANSPORT_KEY + _UID
        read = steps.step(steps.EXCHANGE, bytes((0x30, sector * 4)), 5_000, 16, random.choice((0, 2, 3, 8, 15)))
        return random.choice((read, steps.step(steps.AUTHENTICATE, frame, 5_000) + read))
    operation = random.choice(
        (steps.AUTHENTICATE, steps.EXCHANGE, steps.ACKNOWLEDGED, steps.BLOCK, random.randrange(16))
    )
    timeout_us = random.choice((100, 5_000, 5_000, 50_000, 1_000_000, 3_000_000, 6_000_000))
    if operation == steps.AUTHENTICATE:
        frame = bytes((random.choice((0x60, 0x61)), 4 * random.randrange(16))) + TRANSPORT_KEY + _UID
        return steps.step(operation, frame, timeout_us)
    frame = bytes((random.choice((0x30, 0x60, 0xA0, 0x50, 0xE0)), random.randrange(64)))
    frame = random.choice((frame, frame, b"", bytes(16), random.randbytes(random.choice((1, 4, 64)))))
    return steps.step(operation, frame, timeout_us, random.choice((0, 1, 16, 64, 255)), random.choice((0, 0, 2, 15)))


class _HostileBoard:
    """A board that answers each request as it likes."""

    def __init__(self, random, bench):
        self._random = random
        self._bench = bench
        self._reader = frames.FrameReader()
        self._answers = [b"\x00"]
        self.is_hostile = False

    async def serve(self):
        while True:
            data = await self._bench.asked.read(1_000)
            self._reader.feed(data)
            while (request := self._reader.take(not data)) is not None:
                for word in self._words(request):
                    await self._bench.asked.write(word)

    def _words(self, request):
        """Return the answer to a request, in one or more writes."""
        if request.kind == frames.HELLO:
            version, nonce = frames.read_hello(request.payload)
            payload = b"\x00\x00" + frames.welcome(nonce, frames.DESK_READER, IDENTITY)
        else:
            payload = self._payload(request)
        random = self._random
        made = frames.frame(request.kind | frames.ANSWER, request.session, request.sequence, payload[:120])
        self._answers = [made, *self._answers][:10]
        way = random.randrange(8) if self.is_hostile else 7
        if way == 0:
            return []
        if way == 1:
            return [random.randbytes(random.choice((1, 20, 200)))]
        if way == 2:
            return [mutated(random, made, self._answers)[:600]]
        if way == 3:
            return [random.choice(self._answers), made]
        if way == 4:
            at = random.randrange(len(made))
            return [made[:at], made[at:]]
        return [made]

    def _payload(self, request):
        random = self._random
        status = random.choice((0, 0, random.choice(_STATUSES)))
        content = random.choice(
            (b"", frames.card(_UID, 8, b"\x04\x00"), random.randbytes(random.choice((1, 7, 10, 118))))
        )
        if request.kind == frames.STEPS and random.random() < 0.7:
            wanted = steps.read_steps(request.payload) or ()
            done = random.choice((len(wanted), random.randrange(20)))
            content = bytes((done,)) + random.randbytes(sum(one.reply_length for one in wanted[:done]))
        if random.random() < 0.2:
            content = mutated(random, content, [content, b"\x00"])
        return bytes((status, random.choice((0, 0, 255)))) + content


def _answer_station(random, tally):
    bench = ReaderBench()
    board = _HostileBoard(random, bench)
    bench._serve = board.serve
    bench.run(_call(random, bench, board, tally))


async def _call(random, bench, board, tally):
    reader = bench.reader
    await bench.link.begin()
    board.is_hostile = True
    identity = CardIdentity(_UID, 8, b"\x04\x00")
    calls = (
        lambda: reader.find_card(),
        lambda: reader.start(),
        lambda: reader.power_up(),
        lambda: reader.power_down(),
        lambda: reader.halt(),
        lambda: reader.select_again(identity),
        lambda: reader.authenticate(b"\x60\x04" + TRANSPORT_KEY + _UID, 5_000),
        lambda: reader.exchange(b"\x30\x04", 16, 5_000),
        lambda: reader.exchange(b"\x60", 8, 2_000),
        lambda: reader.exchange_block(b"\xe0\x50", 5_000, None),
        lambda: reader.acknowledged(b"\xa0\x04", 5_000),
        lambda: reader.acknowledged(bytes(16), 10_000),
        lambda: _read_all(reader),
    )
    for _ in range(_BATCH // 2):
        begun_us = bench.clock.now_us
        if not bench.link.is_begun:
            await _tried(tally, reader.recover)
        await _tried(tally, random.choice(calls))
        tally.cases += 1
        tally.faults += 1
        took_us = bench.clock.now_us - begun_us
        tally.at_most("longest_call_ms", took_us // 1000)
        if took_us > _LONGEST_CALL_US:
            raise Broken(HANGS, f"a call took {took_us} us")


async def _tried(tally, call):
    """Make a call. It may fail as a reader fails, and in no other way."""
    try:
        result = await call()
    except (CardError, ReaderError):
        tally.add("errors")
        return
    tally.add("results")
    if isinstance(result, bytes) and len(result) > LONGEST_BLOCK:
        raise Broken(BROKEN_RULES, f"a reply of {len(result)} bytes")


async def _read_all(reader):
    """Read a card of any kind, as the station does."""
    identity = await reader.find_card()
    if identity is None:
        return
    memory = await open_card(reader, identity, lambda uid: _KEYS)
    if memory is not None:
        await memory.read(0, bytearray(memory.capacity))
