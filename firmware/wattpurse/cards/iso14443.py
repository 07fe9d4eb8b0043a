"""ISO/IEC 14443-3 type A: find one card among those in the field, select it, put it to sleep.

Works on any `Reader`, as `mfrc522.Mfrc522` is. All frames are for 106 kbit/s.

    use_crc(transmit, receive)                      let the chip add and check CRC_A, or not
    send(frame, timeout_us, framing)                send one frame
    async receive(reply_length)                     receive one frame: return the number of bytes received
    reply, reply_bits, garbled, collision_bit()     content and errors of the last frame received
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Reader(Protocol):
        """A reader for one frame out and one frame back, such as `mfrc522.Mfrc522`.

        After `receive`, `reply` has the bytes of the answer, `reply_bits` the number of bits in its last byte (0: all
        eight), and `garbled` is True after an error of parity, framing or CRC.
        """

        reply: "bytes | memoryview"
        reply_bits: int
        garbled: bool

        def use_crc(self, transmit: bool, receive: bool) -> None: ...

        def send(self, frame: bytes, timeout_us: int, framing: int) -> None: ...

        async def receive(self, reply_length: int) -> int: ...

        def collision_bit(self) -> "int | None": ...


REQA = b"\x26"
WUPA = b"\x52"
HLTA = b"\x50\x00"
SELECT_LEVELS = (0x93, 0x95, 0x97)
CASCADE_TAG = 0x88

# The first byte of a UID of four bytes that the card draws by chance whenever it gets power (clause 6.5.4).
RANDOM_UID = 0x08

SAK_UID_INCOMPLETE = 0x04
SAK_MIFARE_CLASSIC_1K = 0x08
SAK_ISO14443_4 = 0x20
SAK_ULTRALIGHT = 0x00

ACK = 0x0A  # four bits; any other four bits are a NAK (type A memory cards)

SHORT_FRAME_BITS = 7
# Cards answer these frames 91 us after their end (clause 6.2.1.1); the rest of the time is for slow clones.
ANSWER_TIMEOUT_US = 1000

_UID_BITS = 32
_ANTICOLLISION_NVB = 0x20
_SELECT_NVB = 0x70


class CardError(OSError):
    """A card left, refused, or answered data that cannot be trusted. It has to be selected again.

    `reason` is one of "silent", "garbled", "refused", "changed", "full", "unknown", "downgraded".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CardIdentity:
    """The identity that a card reports at its selection: `uid` of 4, 7 or 10 bytes, `sak`, `atqa` (two bytes)."""

    def __init__(self, uid: bytes, sak: int, atqa: bytes) -> None:
        self.uid = uid
        self.sak = sak
        self.atqa = atqa

    @property
    def is_random(self) -> bool:
        """True if the card, as phones and some bank cards do, draws another UID whenever the field comes."""
        return len(self.uid) == 4 and self.uid[0] == RANDOM_UID and self.sak & SAK_ISO14443_4 != 0


async def find(
    reader: "Reader", wake: bool = False, prepare: "Callable[[bytes], None] | None" = None
) -> CardIdentity | None:
    """Look once for a card and select it.

    If there are several, the one whose UID has a 1 at the first difference is selected. REQA reaches cards that are
    idle. With `wake`, WUPA also reaches cards that HLTA put to sleep. An active card treats either command as an error
    and only becomes idle (clause 6.3), so WUPA without an answer is sent once more.

    `prepare(uid)` is called while the card answers its selection: a millisecond of work that depends on the UID costs
    no time there. It is not called while the UID may be incomplete. Raises CardError if something answers that cannot
    be selected.
    """
    atqa = await _request(reader, WUPA if wake else REQA)
    if atqa is None and wake:
        atqa = await _request(reader, WUPA)
    if atqa is None:
        return None
    uid = b""
    for level in SELECT_LEVELS:
        part = await _anticollision(reader, level)
        _send_select(reader, level, part)
        if prepare is not None and part[0] != CASCADE_TAG:
            prepare(uid + part[:4])
        sak = await _selected(reader)
        if not sak & SAK_UID_INCOMPLETE:
            return CardIdentity(uid + part[:4], sak, atqa)
        if part[0] != CASCADE_TAG:
            break
        uid += part[1:4]
    raise CardError("garbled")


async def select_again(reader: "Reader", identity: CardIdentity) -> None:
    """Wake and select the card with this identity, among any other cards. Raises CardError if it is gone."""
    if await _request(reader, WUPA) is None and await _request(reader, WUPA) is None:
        raise CardError("silent")
    parts = _select_parts(identity.uid)
    for level, part in zip(SELECT_LEVELS, parts):
        _send_select(reader, level, part)
        sak = await _selected(reader)
    if sak != identity.sak:
        raise CardError("changed")


async def halt(reader: "Reader") -> None:
    """Put the selected card to sleep (HLTA, clause 6.4.3). Only WUPA wakes it. A card that obeys stays silent."""
    reader.use_crc(True, True)
    reader.send(HLTA, ANSWER_TIMEOUT_US, 0)
    if await reader.receive(1):
        raise CardError("refused")


async def _request(reader: "Reader", command: bytes) -> bytes | None:
    """Return the ATQA, or None if no card answers. If several cards answer, it has the bits of all of them."""
    reader.use_crc(False, False)
    reader.send(command, ANSWER_TIMEOUT_US, SHORT_FRAME_BITS)
    return bytes(reader.reply) if await reader.receive(2) == 2 else None


async def _anticollision(reader: "Reader", level: int) -> bytes:
    """Return the four UID bytes of this cascade level and their check byte, by the bit frames of clause 6.4.2."""
    reader.use_crc(False, False)
    reader.send(bytes((level, _ANTICOLLISION_NVB)), ANSWER_TIMEOUT_US, 0)
    if not await reader.receive(5):
        raise CardError("silent")
    collision_bit = reader.collision_bit()
    if collision_bit is not None:
        return await _anticollision_of_many(reader, level, collision_bit)
    part = bytes(reader.reply)
    if reader.garbled or reader.reply_bits or len(part) != 5 or not _is_whole(part):
        raise CardError("garbled")
    return part


async def _anticollision_of_many(reader: "Reader", level: int, collision_bit: int) -> bytes:
    """Return the same after a collision at `collision_bit`, by following the cards with a 1 at each collision."""
    frame = bytearray(7)
    frame[0] = level
    known = _take_collision(reader, frame, 0, collision_bit)
    while True:
        whole, partial = known >> 3, known & 7
        frame[1] = _ANTICOLLISION_NVB + (whole << 4) + partial
        sent = bytes(frame[: 2 + whole + (1 if partial else 0)])
        reader.send(sent, ANSWER_TIMEOUT_US, partial << 4 | partial)
        if not await reader.receive(5 - whole):
            raise CardError("silent")
        collision_bit = reader.collision_bit()
        if collision_bit is None:
            _take_answer(reader, frame, whole, partial)
            return bytes(frame[2:])
        known = _take_collision(reader, frame, known, whole * 8 + collision_bit)


def _take_answer(reader: "Reader", frame: bytearray, whole: int, partial: int) -> None:
    if reader.garbled or reader.reply_bits or len(reader.reply) != 5 - whole:
        raise CardError("garbled")
    _merge(frame, reader.reply, whole, partial)
    if not _is_whole(frame[2:]):
        raise CardError("garbled")


def _is_whole(part: bytes | bytearray) -> bool:
    """Return True if the check byte is the XOR of the other four."""
    return part[0] ^ part[1] ^ part[2] ^ part[3] == part[4]


def _take_collision(reader: "Reader", frame: bytearray, known: int, collided: int) -> int:
    """Keep the bits before bit `collided` of the UID, and follow the cards with a 1 there.

    Returns the number of known bits.
    """
    if not known <= collided < _UID_BITS:
        raise CardError("garbled")
    whole, partial = known >> 3, known & 7
    _merge(frame, reader.reply, whole, partial)
    last = 2 + (collided >> 3)
    bit = 1 << (collided & 7)
    frame[last] = frame[last] & (bit - 1) | bit
    return collided + 1


def _merge(frame: bytearray, reply: bytes | memoryview, whole: int, partial: int) -> None:
    """Write `reply` behind the known bits. Its first byte is aligned to continue the last partial byte."""
    first = frame[2 + whole] & ((1 << partial) - 1)
    frame[2 + whole : 2 + whole + len(reply)] = reply
    frame[2 + whole] = frame[2 + whole] >> partial << partial | first


def _send_select(reader: "Reader", level: int, part: bytes | bytearray) -> None:
    reader.use_crc(True, True)
    reader.send(bytes((level, _SELECT_NVB)) + part, ANSWER_TIMEOUT_US, 0)


async def _selected(reader: "Reader") -> int:
    """Return the SAK with which the card answers its selection."""
    count = await reader.receive(1)
    if not count:
        raise CardError("silent")
    if count != 1 or reader.garbled or reader.reply_bits:
        raise CardError("garbled")
    return reader.reply[0]


def _select_parts(uid: bytes) -> list:
    """Return the five bytes that select each cascade level of a known UID (table 7 of the standard)."""
    parts = []
    while len(uid) > 4:
        parts.append(_with_check_byte(bytes((CASCADE_TAG,)) + uid[:3]))
        uid = uid[3:]
    parts.append(_with_check_byte(uid))
    return parts


def _with_check_byte(part: bytes | bytearray) -> bytes:
    return part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],))
