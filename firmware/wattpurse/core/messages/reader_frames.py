"""Frames between a computer or a meter and a reader board, on a line that carries bytes: USB, UART, RS-485.

    frame: mark u8 = 0x6D, length u8 of the payload, session u8, sequence u8, kind u8, payload, CRC-32 u32 of everything
        between mark and CRC

Integers are little-endian. The CRC is that of IEEE 802.3 (`binascii.crc32`), because every MicroPython has it in C: a
CRC of 16 bits in Python would take longer than two more bytes on the line. One side asks, the other answers each frame
with one frame, and speaks only then. An answer has the session, the sequence and the kind of its request, and the kind
has `ANSWER` set.

    payload of an answer: status u8, notice u8, content

`notice` has bits of the board's own, for example a pressed button. Kinds from `FIRST_BOARD_KIND` on belong to the kind
of board. `reader_session` has the rules of session and sequence, `reader_steps` the work at the card.

    kind    content of the request                          content of the answer
    HELLO   version u8, nonce u32                           version u8, nonce u32, role u8, identity of the board
    START   -                                               version of the reader chip u8
    POWER   1: up, 0: down                                  -
    FIND    wake u8, time to look in ms u16                 identity of the card; status NOTHING if there is none
    SELECT  identity of the card                            -
    HALT    -                                               -
    STEPS   see `reader_steps`                              see `reader_steps`
    identity of a card: SAK u8, ATQA two bytes, UID of 4, 7 or 10 bytes
"""

import struct
from binascii import crc32

VERSION = 1
MARK = 0x6D
HEAD_SIZE = 5
CRC_SIZE = 4
PAYLOAD_LIMIT = 120
FRAME_LIMIT = HEAD_SIZE + PAYLOAD_LIMIT + CRC_SIZE
BUFFER_LIMIT = 2 * FRAME_LIMIT
ANSWER_HEAD_SIZE = 2
CONTENT_LIMIT = PAYLOAD_LIMIT - ANSWER_HEAD_SIZE

ANSWER = 0x80

HELLO = 0x01
START = 0x02
POWER = 0x03
FIND = 0x04
SELECT = 0x05
HALT = 0x06
STEPS = 0x07
FIRST_BOARD_KIND = 0x20

DESK_READER = 1
ROOM_READER = 2

# Status of an answer. CARD_ERRORS are the reasons of `iso14443.CardError`, from FIRST_CARD_ERROR on.
OK = 0
NOTHING = 1
FIRST_CARD_ERROR = 0x10
CARD_ERRORS = ("silent", "garbled", "refused", "changed", "full", "unknown")
READER_FAILED = 0x20  # the content is the reason, as text
NO_SESSION = 0x30
OUT_OF_STEP = 0x31
NOT_UNDERSTOOD = 0x32

_MARK = bytes((MARK,))
_HEAD = "<BBBBB"
_CHECK = "<I"
_HELLO = "<BI"
_WELCOME = "<BIB"
_FIND = "<BH"
_UID_SIZES = (4, 7, 10)


class Frame:
    """One frame: `kind`, `session`, `sequence` and `payload`."""

    def __init__(self, kind: int, session: int, sequence: int, payload: bytes) -> None:
        self.kind = kind
        self.session = session
        self.sequence = sequence
        self.payload = payload


class FrameReader:
    """Finds the frames in the bytes of a line, with a bounded memory. `errors` counts damage.

    After damage it goes on at the next mark, so that a whole frame behind noise is found. Noise may look like the begin
    of a frame. Once the line has been quiet for longer than any gap inside a frame, `take(True)` finds the frames
    behind such a begin.
    """

    def __init__(self) -> None:
        self.errors = 0
        self._data = bytearray()

    @property
    def is_empty(self) -> bool:
        """True if no byte waits for the rest of its frame."""
        return not self._data

    def feed(self, data: "bytes | bytearray | memoryview") -> None:
        """Take bytes from the line. If the buffer overflows, its oldest bytes are dropped."""
        self._data.extend(data)
        if len(self._data) > BUFFER_LIMIT:
            self.errors += 1
            self._data = self._data[-BUFFER_LIMIT:]

    def take(self, is_quiet: bool = False) -> Frame | None:
        """Return the next whole frame, or None. If the line is quiet, a frame without its end is damage."""
        data = self._data
        while data:
            if data[0] != MARK:
                start = data.find(_MARK)
                self.errors += 1
                data = data[start:] if start >= 0 else bytearray()
                continue
            size = HEAD_SIZE + data[1] + CRC_SIZE if len(data) > 1 else FRAME_LIMIT
            if size <= FRAME_LIMIT:
                if len(data) < size:
                    if not is_quiet:
                        break
                else:
                    body = bytes(data[1 : size - CRC_SIZE])
                    if struct.unpack_from(_CHECK, data, size - CRC_SIZE)[0] == crc32(body):
                        self._data = data[size:]
                        return Frame(body[3], body[1], body[2], body[HEAD_SIZE - 1 :])
            self.errors += 1
            data = data[1:]
        self._data = data
        return None


def frame(kind: int, session: int, sequence: int, payload: "bytes | bytearray" = b"") -> bytes:
    """Return a frame as it goes over the line. Raise ValueError if the payload is too long."""
    if len(payload) > PAYLOAD_LIMIT:
        raise ValueError("the payload is longer than a frame")
    body = struct.pack(_HEAD, MARK, len(payload), session, sequence, kind) + payload
    return body + struct.pack(_CHECK, crc32(body[1:]))


def hello(nonce: int) -> bytes:
    """Return the content of a HELLO. A session has its own nonce of 32 bits, and its number is the lowest byte."""
    return struct.pack(_HELLO, VERSION, nonce)


def read_hello(content: bytes) -> tuple | None:
    """Return `(version, nonce)`, or None if the content is malformed. A later version may have more behind them."""
    return struct.unpack_from(_HELLO, content) if len(content) >= struct.calcsize(_HELLO) else None


def welcome(nonce: int, role: int, identity: bytes) -> bytes:
    """Return the content of the answer to HELLO."""
    return struct.pack(_WELCOME, VERSION, nonce, role) + identity


def read_welcome(content: bytes) -> tuple | None:
    """Return `(version, nonce, role, identity)`, or None if the content is malformed."""
    size = struct.calcsize(_WELCOME)
    return struct.unpack_from(_WELCOME, content) + (content[size:],) if len(content) >= size else None


def find(wake: bool, look_ms: int) -> bytes:
    """Return the content of a FIND that looks for `look_ms`, or once if it is 0."""
    return struct.pack(_FIND, wake, look_ms)


def read_find(content: bytes) -> tuple | None:
    """Return `(wake, look_ms)`, or None if the content is malformed."""
    return struct.unpack(_FIND, content) if len(content) == struct.calcsize(_FIND) else None


def card(uid: bytes, sak: int, atqa: bytes) -> bytes:
    """Return the identity of a card as FIND answers it and SELECT names it."""
    return bytes((sak,)) + atqa + uid


def read_card(content: bytes) -> tuple | None:
    """Return `(uid, sak, atqa)`, or None if the content is malformed."""
    return (content[3:], content[0], content[1:3]) if len(content) - 3 in _UID_SIZES else None
