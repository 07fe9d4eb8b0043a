"""ISO/IEC 14443-4 (ISO-DEP): commands to a selected card, and its answers, in blocks that survive loss and damage.

Clauses, rules A to E and rules 1 to 13 are those of ISO/IEC 14443-4:2008. The card gets each command once: this side
never repeats an I-block unless the card has told by R(ACK) that it lacks it (rule 6). After a CardError nobody knows
whether the card has executed the last command, and `transceive` refuses until `select_again`.

CID and NAD are not used: one card at a time is activated. The rate stays at 106 kbit/s, and no PPS is sent: faster
rates need other analog settings of the reader, which nobody has measured on a board.

Works on any `Reader`, as `mfrc522.Mfrc522` is.

    async exchange_block(frame, timeout_us, meanwhile)  send a frame with CRC_A, return the answer, of any length
    async select_again(identity)                        wake and select a card that is known

`meanwhile()` is work that costs no time while a frame is on the air. It must not raise.
"""

from wattpurse.cards.iso14443 import CardError
from wattpurse.core.constant import const

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.hal import Clock

    class Reader(Protocol):
        """A reader that selects cards and exchanges frames of any length up to 64 bytes, CRC_A included."""

        async def exchange_block(
            self, frame: bytes, timeout_us: int, meanwhile: "Callable[[], object] | None"
        ) -> "bytes | memoryview": ...

        async def select_again(self, identity: CardIdentity) -> None: ...


# The bytes of the longest answer to a command: 256 of data, and two of status (ISO/IEC 7816-4).
LONGEST_ANSWER = const(258)
# No command of a purse takes a card so long. A card that asks for more is given up.
LONGEST_EXCHANGE_MS = const(2000)

_RATS = const(0xE0)
# FSDI 5 stands for frames of 64 bytes (table 1), the size of the reader's FIFO. The CID is 0 (clause 5.1).
_FSDI_AND_CID = const(0x50)
_LONGEST_FRAME = const(64)
_PROLOGUE_AND_CRC = const(3)
_FRAME_SIZES = b"\x10\x18\x20\x28\x30\x40"  # FSC by FSCI (table 1); larger ones are cut to the FIFO

_HAS_TA = const(0x10)
_HAS_TB = const(0x20)
_HAS_TC = const(0x40)
_DEFAULT_FSCI = const(2)
_DEFAULT_FWI = const(4)
_RESERVED_FWI = const(15)
_LONGEST_SFGI = const(10)

# 65,536 carrier periods, 4,833 us (clauses 5.1 and 8.1), and 450 us for the first bits of the answer.
_ACTIVATION_TIMEOUT_US = const(5300)
# 4,096 carrier periods, the unit of frame waiting time (clause 7.2), and 384 more for start-up guard time (5.2.5).
_FWT_UNIT_US = const(303)
_SFGT_UNIT_US = const(331)
# 49,152 carrier periods, which a reader waits in addition (clause 7.2).
_FWT_DELTA_US = const(3625)
_LONGEST_FWT_US = const(4_949_000)

_I_BLOCK = const(0x02)
_HEADS = (b"\x02", b"\x03")  # heads of I-blocks without chaining, by number
_CHAINING = const(0x10)
_ACK = const(0xA2)
_NAK = const(0xB2)
_WTX = const(0xF2)
_LONGEST_WTXM = const(59)
_DESELECT = b"\xc2"

_REPEATS = const(2)
_GONE = "silent"
_GARBLED = "garbled"


async def activate(reader: "Reader", identity: "CardIdentity", clock: "Clock") -> "IsoDepCard":
    """Activate the card that `reader` has selected (RATS, clause 5). Raises CardError or ReaderError."""
    card = IsoDepCard(reader, identity, clock)
    await card.activate()
    return card


class IsoDepCard:
    """One card that speaks ISO/IEC 14443-4. `historical` are the bytes of its ATS that tell of its maker's choice.

    `has_answered` is True once a command was answered since the card was activated.
    """

    def __init__(self, reader: "Reader", identity: "CardIdentity", clock: "Clock") -> None:
        self.identity = identity
        self.historical = b""
        self.has_answered = False
        self._reader = reader
        self._clock = clock
        self._is_open = False
        self._number = 0
        self._longest_piece = 0
        self._fwt_us = self._first_wait_us = 0
        self._deadline_ms = 0
        self._failure = _GONE
        self._is_guarded = False
        self._guarded_until_us = 0

    async def activate(self, meanwhile: "Callable[[], object] | None" = None) -> None:
        """Send RATS to the selected card, and read its ATS. `meanwhile()` is called while RATS is on the air.

        Raises CardError or ReaderError.
        """
        self._is_open = self.has_answered = self._is_guarded = False
        self._begin()
        request = bytes((_RATS, _FSDI_AND_CID))
        ats = await self._heard(request, _ACTIVATION_TIMEOUT_US, meanwhile)
        if ats is None:  # a card that got no RATS waits for it; one whose ATS was lost is silent (clause 5.6.1)
            ats = await self._heard(request, _ACTIVATION_TIMEOUT_US)
        if ats is None:
            raise CardError(self._failure)
        answered_us = self._clock.ticks_us()
        self._guarded_until_us = self._clock.ticks_add(answered_us, self._parse(bytes(ats)))
        self._is_guarded = True
        self._number = 0  # rule A
        self._is_open = True

    async def select_again(self) -> None:
        """Wake, select and activate the card anew, in any state. Raises CardError or ReaderError."""
        await self.deselect()  # an activated card hears neither WUPA nor RATS
        await self._reader.select_again(self.identity)
        await self.activate()

    async def deselect(self) -> bool:
        """Put the card to sleep (S(DESELECT), clause 8). Return False if it does not answer. Raises ReaderError."""
        self._is_open = False
        if self._is_guarded:
            await self._await_end_of_guard()
        self._begin()
        for _ in range(_REPEATS):  # rule 8
            if await self._heard(_DESELECT, _ACTIVATION_TIMEOUT_US) == _DESELECT:
                return True
        return False

    async def is_present(self) -> bool:
        """Ask the card for a sign of life without a command (R(NAK), clause 7.5.6). Raises ReaderError."""
        if not self._is_open:
            return False
        if self._is_guarded:
            await self._await_end_of_guard()
        self._begin()
        for _ in range(_REPEATS):
            block = await self._heard(bytes((_NAK | self._number,)), self._fwt_us)
            if block is not None and len(block) == 1 and block[0] == _ACK | (self._number ^ 1):  # rule 12
                return True
        return False

    async def transceive(
        self, command: "bytes | bytearray | memoryview", meanwhile: "Callable[[], object] | None" = None
    ) -> bytes:
        """Send a command. Return the whole answer, at most LONGEST_ANSWER bytes.

        `meanwhile()` is called once, while the command is on the air. Raises CardError: "silent" if the card is lost,
        "garbled" if it breaks the protocol. Raises ReaderError.
        """
        if not self._is_open:
            raise CardError(_GONE)
        self._is_open = False
        if self._is_guarded:
            await self._await_end_of_guard()
        clock = self._clock
        self._deadline_ms = clock.ticks_add(clock.ticks_ms(), LONGEST_EXCHANGE_MS)
        if len(command) > self._longest_piece:
            if meanwhile is not None:
                meanwhile()
            block = await self._send(command)
        else:  # nearly all commands are short, and nearly all succeed; on a chip each coroutine on the way costs time
            sent = _HEADS[self._number] + command
            try:
                block = await self._reader.exchange_block(sent, self._first_wait_us, meanwhile)
            except CardError as error:
                self._failure = error.reason
                block = None
            if block is None or block[0] & ~_CHAINING != sent[0]:
                block = await self._go_on(sent, False, block)
            self._number ^= 1  # rule B
        answer = await self._collect(block) if block[0] & _CHAINING else bytes(block[1:])
        self._is_open = self.has_answered = True
        return answer

    async def _await_end_of_guard(self) -> None:
        """Wait until the card hears a block after its ATS (SFGT, clause 5.2.5). Most callers come later anyway."""
        left_us = self._clock.ticks_diff(self._guarded_until_us, self._clock.ticks_us())
        if left_us > 0:
            await self._clock.sleep_ms(left_us // 1000 + 1)
        self._is_guarded = False

    def _begin(self) -> None:
        self._deadline_ms = self._clock.ticks_add(self._clock.ticks_ms(), LONGEST_EXCHANGE_MS)

    def _parse(self, ats: bytes) -> int:
        """Take frame size and frame waiting time from the ATS (clause 5.2). Return the guard time in microseconds.

        Bytes that are absent have their default values, and reserved values are taken as the standard tells.
        """
        if ats[0] != len(ats):
            raise CardError(_GARBLED)
        form = ats[1] if len(ats) > 1 else _DEFAULT_FSCI
        place, guard, waiting = 2, 0, _DEFAULT_FWI
        if form & _HAS_TA:
            place += 1  # the rates that the card can do
        if form & _HAS_TB:
            if place >= len(ats):
                raise CardError(_GARBLED)
            waiting, guard = ats[place] >> 4, ats[place] & 0x0F
            place += 1
        if form & _HAS_TC:
            place += 1  # CID and NAD, which are not used
        if place > len(ats) > 1:
            raise CardError(_GARBLED)
        self.historical = ats[place:]
        size = form & 0x0F
        self._longest_piece = min(_FRAME_SIZES[min(size, 5)], _LONGEST_FRAME) - _PROLOGUE_AND_CRC
        self._fwt_us = (_FWT_UNIT_US << (_DEFAULT_FWI if waiting == _RESERVED_FWI else waiting)) + _FWT_DELTA_US
        self._first_wait_us = min(self._fwt_us, LONGEST_EXCHANGE_MS * 1000)
        if not guard or guard == _RESERVED_FWI:
            return 0
        if guard > _LONGEST_SFGI:
            raise CardError("unknown")
        return _SFGT_UNIT_US << guard

    async def _send(self, command: "bytes | bytearray | memoryview") -> "bytes | memoryview":
        """Send a command in as many I-blocks as it takes. Return the first I-block of the answer."""
        start = 0
        while True:
            end = start + self._longest_piece
            is_chained = end < len(command)
            head = _I_BLOCK | self._number | (_CHAINING if is_chained else 0)
            block = await self._exchange(bytes((head,)) + command[start:end], is_chained)
            self._number ^= 1  # rule B
            if not is_chained:
                return block
            start = end

    async def _collect(self, block: "bytes | memoryview") -> bytes:
        """Return an answer that begins with the chained I-block `block`."""
        answer = bytearray(block[1:])
        while block[0] & _CHAINING:
            if len(block) < 2 or len(answer) > LONGEST_ANSWER:  # a chain of empty blocks would not end
                raise CardError(_GARBLED)
            block = await self._exchange(bytes((_ACK | self._number,)), False)  # rule 2
            self._number ^= 1  # rule B
            answer.extend(block[1:])
        if len(answer) > LONGEST_ANSWER:
            raise CardError(_GARBLED)
        return bytes(answer)

    async def _exchange(self, block: bytes, is_chained: bool) -> "bytes | memoryview":
        """Send `block`. Return the I-block that answers it, or the R(ACK) if `is_chained`, of the current number."""
        return await self._go_on(block, is_chained, await self._heard(block, self._fwt_us))

    async def _go_on(self, block: bytes, is_chained: bool, reply: "bytes | memoryview | None") -> "bytes | memoryview":
        """Return the same as `_exchange` after `block` was sent and `reply` was heard: repeat, ask, and grant time."""
        is_command = not block[0] & 0x80
        recovery = bytes((_NAK | self._number,)) if is_command else block  # rules 4 and 5
        expected = (_ACK if is_chained else _I_BLOCK) | self._number
        failures = 0
        while True:
            frame, timeout_us = recovery, self._fwt_us
            if reply is not None:
                head, size = reply[0], len(reply)
                if is_chained and head == expected and size == 1:
                    return reply  # rule 7
                if not is_chained and head & ~_CHAINING == expected:
                    return reply
                if is_command and size == 1 and head == _ACK | (self._number ^ 1):
                    frame = block  # rule 6
                elif head == _WTX and size == 2 and 0 < reply[1] & 0x3F <= _LONGEST_WTXM:
                    frame = bytes((_WTX, reply[1] & 0x3F))  # rule 3
                    timeout_us = min(self._fwt_us * frame[1], _LONGEST_FWT_US)
            if frame[0] != _WTX:
                failures += 1
                if failures > _REPEATS:
                    raise CardError(_GARBLED if reply is not None else self._failure)
            reply = await self._heard(frame, timeout_us)

    async def _heard(
        self, frame: bytes, timeout_us: int, meanwhile: "Callable[[], object] | None" = None
    ) -> "bytes | memoryview | None":
        """Send a frame. Return the answer, or None if it is missing or damaged. Raises CardError at the deadline."""
        left_ms = self._clock.ticks_diff(self._deadline_ms, self._clock.ticks_ms())
        if left_ms <= 0:
            raise CardError(_GONE)
        try:
            return await self._reader.exchange_block(frame, min(timeout_us, left_ms * 1000), meanwhile)
        except CardError as error:
            self._failure = error.reason
            return None
