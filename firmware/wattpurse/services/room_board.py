"""The program of the board in the room: it serves card reader, display, button and buzzer to the meter.

The meter decides everything. The board believes requests with a tag alone (`core.seals.wire_seal`), under the key that
its pairing gave it. While no meter speaks, the display says so: supply may be off for that reason, or end soon.

A request comes again if its answer was lost. It is executed once (`core.messages.reader_session`).
"""

import asyncio

from wattpurse.cards import purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room
from wattpurse.core.messages.reader_session import Answerer
from wattpurse.core.seals.wire_seal import ANSWER, KEY_SIZE, NONCE_SIZE, REQUEST, TAG_SIZE, WireSeal
from wattpurse.drivers.button import LONG
from wattpurse.drivers.led_display import DIGITS, LONGEST_HALF_PERIOD_US, SHORTEST_HALF_PERIOD_US
from wattpurse.drivers.segments import render

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Protocol

    from wattpurse.cards.memory import Memory
    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.cards.reader_link import Line
    from wattpurse.drivers.button import Button
    from wattpurse.drivers.buzzer import Buzzer
    from wattpurse.drivers.room_digits import RoomDigits
    from wattpurse.hal import Aes, Clock

    class Feedable(Protocol):
        """A watchdog."""

        def feed(self) -> None: ...

    class PairingStore(Protocol):
        """The place of the pairing key, which outlives a loss of power."""

        def read(self) -> "bytes | None": ...

        def write(self, __key: bytes) -> None: ...

    class Board(Protocol):
        """The devices of the board in the room. `is_held` is True if the button was held while power came."""

        @property
        def clock(self) -> Clock: ...

        @property
        def aes(self) -> Aes: ...

        @property
        def unique_id(self) -> bytes: ...

        @property
        def reader(self) -> Mfrc522: ...

        @property
        def display(self) -> RoomDigits: ...

        @property
        def button(self) -> Button: ...

        @property
        def buzzer(self) -> Buzzer: ...

        @property
        def line(self) -> Line: ...

        @property
        def pairing(self) -> PairingStore: ...

        @property
        def watchdog(self) -> Feedable: ...

        @property
        def is_held(self) -> bool: ...

        def random_bytes(self, __count: int) -> bytes: ...


NO_METER_MS = 3_000
PAIRING_MS = 600_000  # for so long a board whose button was held takes another key
NO_METER = "E 50"
NOT_BELIEVED = "E 51"
UNPAIRED = "PAIr"

_LOOK_MS = 500
_LINE_MS = 1_000
_QUIET_MS = 10
_PRESS_MS = 1_000
_CARDS_REST_MS = 2_000
_FIELD_OFF_MS = 5  # a card without a field for so long begins anew (ISO/IEC 14443-3, 5.2.4)
_PRESSES_KEPT = 4
_PART_MS = 1_000
_PART_LOOK_MS = 2


class RoomBoard:
    """The program on `board`."""

    def __init__(self, board: "Board") -> None:
        self._board = board
        self._clock = board.clock
        self._reader = board.reader
        self._display = board.display
        self._line = board.line
        self._answerer = Answerer(frames.ROOM_READER, board.unique_id)
        self._key = board.pairing.read()
        self._can_pair = self._key is None or board.is_held
        self._seal: WireSeal | None = None
        self._keyed_in = 0
        self._frames = frames.FrameReader()
        self._presses = []
        self._identity: CardIdentity | None = None
        self._memory: Memory | None = None
        self._is_awake = False
        self._is_started = False
        self._begun_ms = self._believed_ms = self._asked_ms = board.clock.ticks_ms()
        self._is_believed = False
        self._was_doubted = False
        self._result = b""
        self._claims: bytes | None = None
        self._write: _Write | None = None
        self._ahead: asyncio.Task | None = None
        self._failed_ahead: OSError | None = None
        self._work = {
            room.LOOK: self._look,
            room.SELECT: self._select,
            room.OPEN: self._open,
            room.ORDERS: self._orders,
            room.CLAIMS: self._claims_found,
            room.READ: self._read,
            room.BEGIN: self._begin,
            room.END: self._end,
            room.FRAME: self._frame,
        }
        self._work_beside = {
            room.PANEL: self._panel,
            room.MORE: self._more,
            room.GO_ON: self._go_on,
        }

    async def run(self) -> None:
        """Serve the meter for ever."""
        asyncio.create_task(self._take_presses())
        asyncio.create_task(self._watch())
        while True:
            await self.serve(_LINE_MS)

    async def serve(self, timeout_ms: int) -> None:
        """Take the bytes of one read, and answer the requests in them."""
        data = await self._line.read(timeout_ms if self._frames.is_empty else _QUIET_MS)
        self._board.watchdog.feed()
        self._frames.feed(data)
        while True:
            request = self._frames.take(not data)
            if request is None:
                return
            answer = self._answerer.reply_to(request)
            if answer is None:
                answer = self._answerer.answer(request, *await self._execute(request))
            if answer:
                await self._line.write(answer)

    async def _execute(self, request: frames.Frame) -> tuple:
        """Return `(status, notice, content)` of the answer to a request."""
        if request.kind == room.SEALED:
            return await self._unsealed(request.payload)
        if request.kind == room.KEYED:
            return self._keyed(request.payload)
        if request.kind == room.PAIR:
            return self._pair(request.payload)
        return frames.NOT_UNDERSTOOD, 0, b""

    def _pair(self, key: bytes) -> tuple:
        if not self._can_pair or len(key) != KEY_SIZE:
            return room.NOT_NOW, 0, b""
        self._board.pairing.write(key)
        self._key = bytes(key)
        self._can_pair = False
        self._seal = None
        return frames.OK, 0, b""

    def _keyed(self, asker_nonce: bytes) -> tuple:
        if self._key is None or len(asker_nonce) != NONCE_SIZE:
            return room.NOT_NOW, 0, b""
        nonce = self._board.random_bytes(NONCE_SIZE)
        self._seal = WireSeal(self._board.aes, self._key, bytes(asker_nonce), nonce)
        self._keyed_in = self._answerer.sessions
        return frames.OK, 0, nonce + self._seal.tag(ANSWER, room.KEYED, b"")

    async def _unsealed(self, payload: bytes) -> tuple:
        """Do the request inside SEALED, if its tag is right. Return the sealed answer."""
        seal = self._seal
        place = len(payload) - TAG_SIZE
        if seal is None or self._keyed_in != self._answerer.sessions or place < 1:
            return self._doubt()
        seal.count += 1
        kind, content = payload[0], payload[1:place]
        if not seal.is_authentic(REQUEST, kind, content, payload[place:]):
            self._seal = None
            return self._doubt()
        self._believed_ms = self._clock.ticks_ms()
        self._is_believed = True
        self._was_doubted = False
        status, answer = await self._done(kind, content)
        answer = bytes((self._presses.pop(0) if self._presses else room.NO_PRESS,)) + answer
        return status, 0, answer + seal.tag(ANSWER, kind, bytes((status,)) + answer)

    def _doubt(self) -> tuple:
        self._was_doubted = True
        return room.NOT_AUTHENTIC, 0, b""

    async def _done(self, kind: int, content: bytes) -> tuple:
        """Return `(status, content)` of the answer to a request that is authentic."""
        try:
            work = self._work_beside.get(kind)
            if work is not None:
                return await work(content)
            work = self._work.get(kind)
            if work is None:
                return frames.NOT_UNDERSTOOD, b""
            self._asked_ms = self._clock.ticks_ms()
            await self._finish_ahead(kind in (room.CLAIMS, room.END))
            return await work(content)
        except CardError as error:
            return frames.FIRST_CARD_ERROR + frames.CARD_ERRORS.index(error.reason), b""
        except ReaderError:
            self._is_started = False
            return frames.READER_FAILED, b""
        except ValueError:
            return frames.NOT_UNDERSTOOD, b""

    # Cards

    async def _look(self, content: bytes) -> tuple:
        if len(content) != 1:
            raise ValueError("flags expected")
        flags = content[0]
        self._identity = self._memory = None
        await self._wake(flags)
        if flags & room.HALT and not flags & (room.RESTART | room.POWER_UP):
            await self._reader.halt()
        identity = await self._reader.find_card(flags & room.WAKE != 0)
        if identity is None:
            self._sleep()
            return frames.NOTHING, b""
        self._identity = identity
        return frames.OK, frames.card(identity.uid, identity.sak, identity.atqa)

    async def _wake(self, flags: int) -> None:
        """Bring the chip into the state that a look needs. Cards that were put to sleep wake with the field."""
        if flags & room.RESTART or not self._is_started:
            await self._reader.recover()
            self._is_started = True
        elif flags & room.POWER_UP or not self._is_awake:
            if self._is_awake:
                self._reader.power_down()
                await self._clock.sleep_ms(_FIELD_OFF_MS)
            await self._reader.power_up()
        self._is_awake = True

    def _sleep(self) -> None:
        if self._is_awake and self._is_started:
            self._is_awake = False
            self._reader.power_down()

    async def _select(self, content: bytes) -> tuple:
        found = frames.read_card(content)
        if found is None:
            raise ValueError("no identity of a card")
        identity = CardIdentity(*found)
        known = self._identity
        if known is None or known.uid != identity.uid:
            self._identity = identity
            self._memory = None
        if self._memory is not None:
            await self._memory.select_again()
        else:
            await self._reader.select_again(identity)
        return frames.OK, b""

    async def _open(self, _content: bytes) -> tuple:
        memory = await self._opened([])
        if memory is None:
            return frames.NOTHING, b""
        return frames.OK, memory.kind.encode()

    async def _orders(self, content: bytes) -> tuple:
        """Read the order box. Then look for the claims of statements already: the meter asks for them next."""
        if not content:
            raise ValueError("no flags")
        memory = await self._memory_for(content[0], content[1:])
        box = await purse.read_orders(memory)
        if box is None:
            return frames.NOTHING, b""
        if box.kind in (purse.CUSTOMER, purse.DATA):
            self._begin_ahead(_claims(memory))
        return self._first_of(room.box(box.place, box.kind, box.version, box.meter_number, box.content))

    async def _claims_found(self, _content: bytes) -> tuple:
        if self._memory is None:
            raise CardError("unknown")
        ahead, self._claims = self._claims, None
        return frames.OK, await _claims(self._memory) if ahead is None else ahead

    async def _read(self, content: bytes) -> tuple:
        asked = room.read_range(content)
        if asked is None:
            raise ValueError("no range")
        flags, offset, count = asked
        memory = await self._memory_for(flags, content[room.RANGE_SIZE :])
        if count > memory.capacity:
            raise ValueError("beyond the card's memory")
        data = bytearray(count)
        await memory.read(offset, data)
        return self._first_of(bytes(data))

    async def _more(self, content: bytes) -> tuple:
        offset = room.read_offset(content)
        if offset is None:
            raise ValueError("no offset")
        return frames.OK, self._result[offset : offset + room.RESULT_LIMIT]

    def _first_of(self, result: bytes) -> tuple:
        """Keep a result, and answer with its first part."""
        self._result = result
        return frames.OK, room.offset(len(result)) + result[: room.RESULT_LIMIT]

    async def _begin(self, content: bytes) -> tuple:
        """Begin to write. The bytes that are missing come with GO_ON, before the card has taken those that are here."""
        asked = room.read_begin(content)
        memory = self._memory
        if asked is None or memory is None:
            raise CardError("unknown")
        offset, size = asked
        data = content[room.BEGIN_SIZE :]
        is_whole = size % memory.unit == 0 == offset % memory.unit and offset + size <= memory.capacity
        if not is_whole or not 0 < len(data) <= size <= room.LONGEST_WRITE:
            raise ValueError("whole units only")
        self._write = write = _Write(memory, self._clock, offset, size, data)
        self._begin_ahead(write.run())
        return frames.OK, b""

    async def _go_on(self, content: bytes) -> tuple:
        offset = room.read_offset(content)
        if self._write is None or offset is None or not self._write.take(offset, content[room.OFFSET_SIZE :]):
            raise ValueError("no write goes on there")
        return frames.OK, b""

    async def _end(self, _content: bytes) -> tuple:
        """Tell the end of a write: `_done` has waited for it."""
        write, self._write = self._write, None
        if write is None or not write.is_over:
            raise CardError("unknown")
        return frames.OK, b""

    async def _memory_for(self, flags: int, hidden: bytes) -> "Memory":
        """Return the memory of the selected card. Open it if the request has keys."""
        if flags & room.WITH_KEYS:
            if len(hidden) != room.KEYS_SIZE or self._seal is None:
                raise ValueError("no keys")
            keys = room.read_keys(self._seal.reveal(hidden))
            if keys is None:
                raise ValueError("no keys")
            await self._opened(keys)
        if self._memory is None:
            raise CardError("unknown")
        return self._memory

    def _begin_ahead(self, work: "Coroutine") -> None:
        """Begin work at the card whose result the meter asks for later."""
        self._ahead = asyncio.create_task(self._run_ahead(work))

    async def _run_ahead(self, work: "Coroutine") -> None:
        try:
            self._claims = await work
        except OSError as error:
            self._failed_ahead = error

    async def _finish_ahead(self, is_asked_for: bool) -> None:
        """Wait for the work that was begun. Raise its failure if the meter asks for its result."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await ahead
        error, self._failed_ahead = self._failed_ahead, None
        if not is_asked_for or error is not None:
            self._claims = self._write = None
        if is_asked_for and error is not None:
            raise error

    async def _opened(self, keys: list) -> "Memory | None":
        """Return the memory of the selected card. `keys` are the keys A of a Classic card, the newest first."""
        if self._identity is None:
            raise CardError("unknown")
        self._memory = None
        classic = None
        for key in reversed(keys):
            classic = _keys(key, classic)
        self._memory = await open_card(self._reader, self._identity, lambda _uid: classic)
        return self._memory

    async def _frame(self, content: bytes) -> tuple:
        """Send one frame to the selected card."""
        asked = room.read_frame(content)
        if asked is None:
            raise ValueError("no frame")
        reply_length, timeout_us, frame = asked
        if reply_length == room.ANY_LENGTH:
            return frames.OK, bytes(await self._reader.exchange_block(frame, timeout_us, None))
        if reply_length:
            return frames.OK, bytes(await self._reader.exchange(frame, reply_length, timeout_us))
        await self._reader.acknowledged(frame, timeout_us)
        return frames.OK, b""

    # Panel

    async def _panel(self, content: bytes) -> tuple:
        if not content:
            raise ValueError("no flags")
        flags, place = content[0], 1
        status = frames.OK
        if flags & room.SEGMENTS:
            place += DIGITS + 2
            status = await self._shown(content[1:place])
        elif flags & room.DARK:
            status = await self._dark()
        if flags & room.SOUND:
            self._sound(content[place:])
        if flags & room.REST:
            self._sleep()
        return status, b""

    async def _shown(self, content: bytes) -> int:
        if len(content) != DIGITS + 2:
            raise ValueError("six digits expected")
        level, half_period_us = content[DIGITS], content[DIGITS + 1]
        if level > 7 or not SHORTEST_HALF_PERIOD_US <= half_period_us <= LONGEST_HALF_PERIOD_US:
            raise ValueError("no brightness or half period")
        display = self._display
        try:
            display.half_period_us = half_period_us
            display.show_anew(content[:DIGITS], level)
            await display.finish()
        except OSError:
            return room.DISPLAY_FAILED
        return frames.OK

    async def _dark(self) -> int:
        try:
            self._display.off()
            await self._display.finish()
        except OSError:
            return room.DISPLAY_FAILED
        return frames.OK

    def _sound(self, content: bytes) -> None:
        if not content or content[0] > room.SOUNDS_LIMIT or len(content) != 1 + content[0]:
            raise ValueError("no pattern")
        if content[0]:
            self._board.buzzer.play(tuple([units * room.SOUND_UNIT_MS for units in content[1:]]))
        else:
            self._board.buzzer.stop()

    async def _take_presses(self) -> None:
        while True:
            press = await self._board.button.wait_press(_PRESS_MS)
            if press is not None and len(self._presses) < _PRESSES_KEPT:
                self._presses.append(room.LONG_PRESS if press == LONG else room.SHORT_PRESS)

    async def _watch(self) -> None:
        """Show on the display that no meter speaks, and let the card reader sleep then."""
        while True:
            await self._clock.sleep_ms(_LOOK_MS)
            now_ms = self._clock.ticks_ms()
            if self._can_pair and self._key is not None:
                self._can_pair = self._clock.ticks_diff(now_ms, self._begun_ms) < PAIRING_MS
            is_idle = self._ahead is None or self._ahead.done()
            if is_idle and self._clock.ticks_diff(now_ms, self._asked_ms) >= _CARDS_REST_MS:
                self._sleep()
                self._asked_ms = now_ms
            if not self._is_believed or self._clock.ticks_diff(now_ms, self._believed_ms) >= NO_METER_MS:
                self._is_believed = False
                self._presses.clear()
                await self._say()

    async def _say(self) -> None:
        """Show why no meter is served."""
        text = NOT_BELIEVED if self._was_doubted else UNPAIRED if self._can_pair else NO_METER
        try:
            self._display.show(render(text))
            await self._display.finish()
        except OSError:
            pass  # without a display nobody reads it


class _Write:
    """A write of `size` bytes at `offset`, of which `data` are here. It goes on as the others come."""

    def __init__(self, memory: "Memory", clock: "Clock", offset: int, size: int, data: bytes) -> None:
        self.is_over = False
        self._memory = memory
        self._clock = clock
        self._offset = offset
        self._size = size
        self._data = bytearray(data)

    def take(self, place: int, data: bytes) -> bool:
        """Take the bytes from `place` on. Return False if they leave a gap, or go beyond the end."""
        if place != len(self._data) or not 0 < len(data) <= self._size - place:
            return False
        self._data.extend(data)
        return True

    async def run(self) -> None:
        """Write all units and read them back. Raises CardError or ReaderError."""
        memory, done, unit = self._memory, 0, self._memory.unit
        waited_ms = 0
        while done < self._size:
            here = len(self._data) // unit * unit
            if here == done:
                if waited_ms >= _PART_MS:
                    raise CardError("unknown")
                waited_ms += _PART_LOOK_MS
                await self._clock.sleep_ms(_PART_LOOK_MS)
                continue
            waited_ms = 0
            await memory.write(self._offset + done, bytes(self._data[done:here]))
            done = here
        written = bytearray(self._size)
        await memory.read(self._offset, written)
        if written != self._data:
            raise CardError("changed")
        self.is_over = True


async def _claims(memory: "Memory") -> bytes:
    return room.claims(await purse.statement_claims(memory))


def _keys(key: bytes, older: "ClassicKeys | None") -> ClassicKeys:
    return ClassicKeys(key, None, False, None if older is None else lambda: older)
