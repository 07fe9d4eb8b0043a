"""Messages between a meter and its room reader, in the frames of `reader_frames`.

The meter asks. KEYED begins a session with tags (`core.seals.wire_seal`), SEALED carries every other request. PAIR
gives a board its key. A board takes a PAIR only while it has no key, or after its button was held while it got power.

    kind    content of the request                          content of the answer
    PAIR    pairing key 16                                  -
    KEYED   nonce 8                                         nonce 8, tag 8 of an empty ANSWER of the kind KEYED
    SEALED  kind u8, content, tag 8                         press u8, content, tag 8 over status, press and content

    kinds inside SEALED
    PANEL   flags u8; with SEGMENTS six bytes from left to right, brightness u8 and half period in
            us u8; with SOUND count u8 and each duration of the pattern in units of 10 ms u8
    LOOK    flags u8                                        identity of the card; status NOTHING if there is none
    SELECT  identity of the card                            -
    OPEN    -                                               kind of the memory, as text; NOTHING if unknown
    ORDERS  flags u8, keys                                  order box, as a result; status NOTHING if there is none
    CLAIMS  -                                               of each statement: number u16, place u8, size u16
    READ    flags u8, offset u16, count u16, keys           the bytes, as a result
    MORE    offset u16                                      the result of the request before, from `offset` on
    BEGIN   offset u16, size u16, bytes                     - ; the board begins to write what is there
    GO_ON   offset u16, bytes                               -
    END     -                                               - ; status once all is written and read back
    FRAME   reply length u8, timeout in 100 us u16, frame   the reply. Length 0: acknowledged, 255: any length

    result: size u16, and as much of it as an answer holds
    order box: place u8, kind u8, version u8, meter number u32, content

ORDERS, CLAIMS and the group BEGIN, GO_ON, END are functions of `cards.purse` that the board runs next to the card: the
line then carries four exchanges for a tap in place of a hundred frames. After ORDERS the board looks for the claims at
once, while the meter redeems. It writes while the meter sends.

Keys are an encrypted block: a count u8, and up to two keys A of the sectors of a MIFARE Classic card, the newest first.
They are there with the flag WITH_KEYS, which opens the memory of the selected card before the work.
"""

import struct

from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.seals.wire_seal import TAG_SIZE

PAIR = 0x20
KEYED = 0x21
SEALED = 0x22

PANEL = 0x30
LOOK = 0x31
SELECT = 0x32
OPEN = 0x33
READ = 0x34
ORDERS = 0x35
CLAIMS = 0x36
MORE = 0x37
BEGIN = 0x38
GO_ON = 0x39
END = 0x3A
FRAME = 0x3B

# Status of an answer beside those of `reader_frames`.
NOT_AUTHENTIC = 0x40
NOT_NOW = 0x41
DISPLAY_FAILED = 0x42

# Flags of PANEL: its contents. REST lets the chip of the card reader sleep.
SEGMENTS = 1
DARK = 2
SOUND = 4
REST = 8

# Flags of LOOK: acts before the look.
RESTART = 1
POWER_UP = 2
HALT = 4
WAKE = 8

# Flag of READ and ORDERS.
WITH_KEYS = 1

NO_PRESS = 0
SHORT_PRESS = 1
LONG_PRESS = 2

SOUND_UNIT_MS = 10
SOUNDS_LIMIT = 16
FIFO_SIZE = 64
ANY_LENGTH = 255
KEYS_SIZE = 16
KEY_SIZE = 6
MOST_KEYS = 2

# Bytes in one message, beside its own numbers. The first part of a write is short: the board begins with it.
RESULT_LIMIT = frames.CONTENT_LIMIT - TAG_SIZE - 3
PART_LIMIT = 96
FIRST_PART = 32
# The longest statement of a card, and the longest read.
LONGEST_WRITE = 248

_RANGE = "<BHH"
RANGE_SIZE = 5
_FRAME = "<BH"
FRAME_SIZE = 3
_TIMEOUT_UNIT_US = 100
TIMEOUT_LIMIT_US = 3_000_000  # the timer of the reader chip ends a little later
_OFFSET = "<H"
OFFSET_SIZE = 2
_BEGIN = "<HH"
BEGIN_SIZE = 4
_BOX = "<BBBI"
_CLAIM = "<HBH"
_CLAIM_SIZE = 5


def range_of(flags: int, offset: int, count: int) -> bytes:
    """Return the begin of a READ."""
    return struct.pack(_RANGE, flags, offset, count)


def read_range(content: bytes) -> tuple | None:
    """Return `(flags, offset, count)` of a READ, or None if it is malformed."""
    return struct.unpack_from(_RANGE, content) if len(content) >= RANGE_SIZE else None


def frame(reply_length: int, timeout_us: int, data: bytes) -> bytes:
    """Return the content of FRAME."""
    return struct.pack(_FRAME, reply_length, -(-timeout_us // _TIMEOUT_UNIT_US)) + data


def read_frame(content: bytes) -> tuple | None:
    """Return `(reply length, timeout in us, frame)`, or None if the request is malformed or goes beyond a limit."""
    if not FRAME_SIZE < len(content) <= FRAME_SIZE + FIFO_SIZE:
        return None
    reply_length, timeout = struct.unpack_from(_FRAME, content)
    timeout_us = timeout * _TIMEOUT_UNIT_US
    if (reply_length > FIFO_SIZE and reply_length != ANY_LENGTH) or not 0 < timeout_us <= TIMEOUT_LIMIT_US:
        return None
    return reply_length, timeout_us, content[FRAME_SIZE:]


def offset(number: int) -> bytes:
    """Return an offset, or the size of a result."""
    return struct.pack(_OFFSET, number)


def read_offset(content: bytes) -> int | None:
    """Return the offset that a content begins with, or None if it is malformed."""
    return struct.unpack_from(_OFFSET, content)[0] if len(content) >= OFFSET_SIZE else None


def begin(place: int, size: int) -> bytes:
    """Return the begin of a BEGIN."""
    return struct.pack(_BEGIN, place, size)


def read_begin(content: bytes) -> tuple | None:
    """Return `(offset, size)` of a BEGIN, or None if it is malformed."""
    return struct.unpack_from(_BEGIN, content) if len(content) >= BEGIN_SIZE else None


def box(place: int, kind: int, version: int, meter_number: int, content: bytes) -> bytes:
    """Return an order box."""
    return struct.pack(_BOX, place, kind, version, meter_number) + content


def read_box(content: bytes) -> tuple | None:
    """Return `(place, kind, version, meter number, content)`, or None if the answer is malformed."""
    size = struct.calcsize(_BOX)
    return struct.unpack_from(_BOX, content) + (bytes(content[size:]),) if len(content) >= size else None


def claims(found: list) -> bytes:
    """Return the answer to CLAIMS for rows of `(number, place, size)`."""
    return b"".join([struct.pack(_CLAIM, *one) for one in found])


def read_claims(content: bytes) -> list | None:
    """Return the rows of `(number, place, size)`, or None if the answer is malformed."""
    if len(content) % _CLAIM_SIZE or len(content) > 2 * _CLAIM_SIZE:
        return None
    rows = [struct.unpack_from(_CLAIM, content, start) for start in range(0, len(content), _CLAIM_SIZE)]
    return rows if all([place < 2 for _, place, _ in rows]) else None


def keys(keys_a: list) -> bytes:
    """Return the block of keys, in clear."""
    block = bytes((len(keys_a),)) + b"".join(keys_a)
    return block + bytes(KEYS_SIZE - len(block))


def read_keys(block: bytes) -> list | None:
    """Return the keys A of a block in clear, or None if it has none or too many."""
    count = block[0]
    if not 1 <= count <= MOST_KEYS:
        return None
    return [block[1 + KEY_SIZE * place : 1 + KEY_SIZE * (place + 1)] for place in range(count)]
