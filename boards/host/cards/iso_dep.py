"""The card's side of ISO/IEC 14443-4, with an application behind it: RATS, PPS, blocks, waiting time, DESELECT.

Clauses and rules are those of ISO/IEC 14443-4:2008. The card is strict. It keeps silent after a frame that is damaged,
longer than it takes, too early after the ATS, or against the rules. An I-block is a new command whatever its number
(rule D): a reader that repeats one by itself has its command executed twice. CID and NAD are not modelled: the card
keeps silent after blocks that have them.
"""

from boards.host.cards import iso14443a
from boards.host.chips.mfrc522_radio import FRAME_DELAY_US, card_frame_us, reader_frame_us

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import Answer


# ATS of a DESFire EV1: frames of 64 bytes, rates up to 848 kbit/s, FWI 8, SFGI 1, CID supported, one historical byte.
EV1_ATS = b"\x06\x75\x77\x81\x02\x80"
PROTOCOL = 5

_SAK = 0x20
_FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)  # FSC by FSCI, and FSD by FSDI (table 1)
_UNIT_US = 302  # 4,096 carrier periods
_DEFAULT_FWI = 4
_CRC_SIZE = 2
_WTX = 0xF2
_LONGEST_WTXM = 59


class IsoDepCard(iso14443a.Card):
    """A card with the UID `uid`, or with a random UID of four bytes whenever the field comes, if `uid` is None.

    `application(command)` returns the answer to a command; `executed` has all commands that it got. `work_us` is the
    time of a command. If it does not fit into the frame waiting time, the card asks for more by S(WTX). `extensions`
    is a list of multipliers: the card asks for each of them before its next block. `longest_piece` makes it chain
    shorter answers than the frames demand.
    """

    def __init__(
        self,
        uid: bytes | None,
        application: "Callable[[bytes], bytes]",
        ats: bytes = EV1_ATS,
        atqa: bytes = b"\x44\x03",
        sak: int = _SAK,
        seed: int = 1,
    ) -> None:
        self._draws_uid = uid is None
        super().__init__("iso-dep", b"\x08\x01\x02\x03" if uid is None else uid, atqa, sak, bytearray(), seed)
        self.application = application
        self.ats = ats
        self.executed: list[bytes] = []
        self.work_us = 0
        self.extensions: list[int] = []
        self.longest_piece: int | None = None
        self._parameters = _Parameters(ats)
        self._start_session(16)

    def power_on(self, now_us: int) -> None:
        if self._draws_uid:
            self.rename(bytes((0x08, self.draw(), self.draw(), self.draw())))
        super().power_on(now_us)

    def receive(self, now_us: int, data: bytes, bits: int, intact: bool, session: object) -> "Answer":
        if self.state != PROTOCOL:
            return super().receive(now_us, data, bits, intact, session)
        self.now_us = now_us
        is_early = now_us - reader_frame_us(bits) < self._listens_from_us
        if is_early or session is not None or not intact or bits % 8 or len(data) < 1 + _CRC_SIZE:
            return None
        if len(data) > self._parameters.frame_size or iso14443a.crc_a(data[:-2]) != data[-2:]:
            return None
        return self._take_block(data[:-2])

    def command(self, data: bytes) -> "Answer":
        """Take the first frame after the selection. Only RATS is answered (clause 5.6.1.2)."""
        if data[0] != 0xE0 or len(data) != 2 or data[1] & 0x0F == 0x0F or data[1] >> 4 >= len(_FRAME_SIZES):
            return self.fall_back()
        self._start_session(_FRAME_SIZES[data[1] >> 4])
        self.state = PROTOCOL
        answer = self.answer(self.ats)
        self._listens_from_us = (
            self.now_us + FRAME_DELAY_US + card_frame_us(len(answer[0]) * 8) + self._parameters.guard_us
        )
        return answer

    def refuse(self, code: int) -> "Answer":
        """Keep silent, as a card without NAKs does."""
        return self.fall_back()

    def _start_session(self, longest: int) -> None:
        self._longest_piece = longest - 1 - _CRC_SIZE
        self._number = 1  # rule C
        self._command = b""
        self._answer: bytes | None = None  # the part of the answer that is not sent yet
        self._last: bytes | None = None
        self._is_complete = False
        self._due: list[int] = []
        self._may_change_rate = True
        self._is_deaf = False

    def _take_block(self, block: bytes) -> "Answer":
        head = block[0]
        may_change_rate, self._may_change_rate = self._may_change_rate, False
        if self._is_deaf:
            return None  # the card listens at another rate
        if head & 0xF0 == 0xD0:
            return self._change_rate(block) if may_change_rate else None
        if head & 0xEE == 0x02:
            return self._take_command(block)
        if head & 0xEE == 0xA2 and len(block) == 1:
            return self._take_r_block(head)
        if block == b"\xc2":
            self.state = iso14443a.HALT
            self._woken = True
            return self.answer(block)
        if head == _WTX and len(block) == 2:
            return self._take_extension(block[1])
        return None

    def _change_rate(self, block: bytes) -> "Answer":
        """Answer PPS (clause 5.3). At another rate than 106 kbit/s this card does not hear the reader of the model."""
        if len(block) not in (2, 3) or block[0] != 0xD0 or block[1] != (0x11 if len(block) == 3 else 0x01):
            return None
        rates = block[2] if len(block) == 3 else 0
        to_card, to_reader = rates & 3, rates >> 2 & 3
        able = self._parameters.rates
        if rates > 0x0F or (to_card and not able >> to_card - 1 & 1) or (to_reader and not able >> to_reader + 3 & 1):
            return None
        self._is_deaf = rates != 0
        return self.answer(block[:1])

    def _take_command(self, block: bytes) -> "Answer":
        self._number ^= 1  # rule D
        self._answer = None
        self._command += block[1:]
        self._is_complete = not block[0] & 0x10
        self._plan_extensions()
        if self._is_complete and self.work_us >= self._parameters.waiting_us:
            self._due.append(min(_LONGEST_WTXM, self.work_us // self._parameters.waiting_us + 1))
        return self._go_on()

    def _plan_extensions(self) -> None:
        self._due = self.extensions
        self.extensions = []

    def _go_on(self) -> "Answer":
        """Send the next block, or S(WTX) in its place (rule 9)."""
        if self._due:
            return self._send(bytes((_WTX, self._due.pop(0))))
        if not self._is_complete:
            return self._send(bytes((0xA2 | self._number,)))  # rule 2
        delay_us = 0
        rest = self._answer
        if rest is None:
            command, self._command = self._command, b""
            self.executed.append(command)
            rest = self.application(command)
            delay_us = self.work_us
        longest = self._longest_piece if self.longest_piece is None else min(self.longest_piece, self._longest_piece)
        piece, self._answer = rest[:longest], rest[longest:]
        chaining = 0x10 if self._answer else 0
        return self._send(bytes((0x02 | chaining | self._number,)) + piece, delay_us)  # rule 10

    def _take_extension(self, multiplier: int) -> "Answer":
        """Take the reader's S(WTX), which repeats the multiplier that the card has asked for (rule 3)."""
        return self._go_on() if self._last == bytes((_WTX, multiplier)) else None

    def _take_r_block(self, head: int) -> "Answer":
        is_nak = head & 0x10
        if head & 1 == self._number:
            return None if self._last is None else self.answer(self._last)  # rule 11
        if is_nak:
            return self.answer(bytes((0xA2 | self._number,)))  # rule 12
        if not self._answer:
            return None  # nothing is left to continue
        self._number ^= 1  # rule E
        self._plan_extensions()
        return self._go_on()  # rule 13

    def _send(self, block: bytes, delay_us: int = 0) -> "Answer":
        self._last = block
        return self.answer(block, delay_us)


class _Parameters:
    """The values that an ATS announces (clause 5.2)."""

    def __init__(self, ats: bytes) -> None:
        form = ats[1] if len(ats) > 1 else 0x02
        optional = list(ats[2:])
        self.frame_size = _FRAME_SIZES[min(form & 0x0F, 8)]
        self.rates = optional.pop(0) if form & 0x10 and optional else 0
        timing = optional.pop(0) if form & 0x20 and optional else _DEFAULT_FWI << 4
        waiting = _DEFAULT_FWI if timing >> 4 == 15 else timing >> 4
        self.waiting_us = _UNIT_US << waiting
        self.guard_us = _UNIT_US << (timing & 0x0F) if timing & 0x0F not in (0, 15) else 0
