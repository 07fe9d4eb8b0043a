"""Frames: the requests of a phone and the answers of the meter, on a link that carries bytes, such as Bluetooth.

    frame: mark u8 = 0x57, version u4 (high) = 1 and kind u4 (low), sequence u8, length u8 of the payload, offset u16,
        payload, CRC-32 u32 of everything before it

Integers are little-endian. The phone asks, and the meter answers every whole frame with one frame of the same sequence
number. A phone that gets no answer sends its frame again. No frame has an effect of its own: a content is taken when
all of it is there, so a frame may come twice. A link may cut frames and join them. Nothing here is secret, and nothing
is trusted: tokens and statements are sealed.

    from the phone
        BEGIN: subject u8, size u16, CRC-32 u32 of the content that the phone sends. A statement has size 0.
        PART: bytes of the content, from `offset` on
        FETCH: CRC-32 u32 of the answer that the phone wants, from `offset` on
    from the meter
        HAVE: `offset` bytes of the content are there; the phone continues behind them, also after a new connection
        RESULT: subject u8, outcome u8 (see `outcome`), size u16 and CRC-32 u32 of the answer's content
        DATA: bytes of the answer's content, from `offset` on
        REFUSED: reason u8

The content of a statement's answer is its number u32, and behind it the sealed statement.
"""

import struct
from binascii import crc32

MARK = 0x57
VERSION = 1
HEAD_SIZE = 6
CRC_SIZE = 4
PAYLOAD_LIMIT = 234  # a frame is one write at the usual MTU of 247
FRAME_LIMIT = HEAD_SIZE + PAYLOAD_LIMIT + CRC_SIZE
BUFFER_LIMIT = 512
CONTENT_LIMIT = 1_100  # a token has at most 1,076 bytes
NUMBER_SIZE = 4

BEGIN = 1
PART = 2
FETCH = 3
HAVE = 4
RESULT = 5
DATA = 6
REFUSED = 7

STATEMENT = 1
TOKEN = 2

# Reasons of REFUSED.
NOT_UNDERSTOOD = 1
TOO_LONG = 2
BROKEN = 3
GONE = 4
NOT_NOW = 5
_REASONS = (
    "",
    "the meter does not understand the request; its firmware may be of another version",
    "the content is longer than any token",
    "the content did not arrive unchanged",
    "the meter no longer has this answer",
    "the meter cannot make a statement now; look at its display",
)

_HEAD = "<BBBBH"
_BEGIN = "<BHI"
_RESULT = "<BBHI"
_CHECK = "<I"


class Frame:
    """One frame: `kind`, `sequence`, `offset` and `payload`."""

    def __init__(self, kind: int, sequence: int, offset: int, payload: bytes) -> None:
        self.kind = kind
        self.sequence = sequence
        self.offset = offset
        self.payload = payload


class FrameReader:
    """Finds the frames in the bytes of a link, with a bounded memory. `errors` counts damage.

    After an error all bytes are dropped, up to the latest: the sender waits for an answer and sends its frame again.
    """

    def __init__(self) -> None:
        self.errors = 0
        self._data = bytearray()

    def clear(self) -> None:
        """Drop the begin of a frame whose end did not come."""
        self._data = bytearray()

    def feed(self, data: "bytes | bytearray") -> None:
        """Take bytes from the link. Bytes without room are an error."""
        if len(self._data) + len(data) > BUFFER_LIMIT:
            self._drop()
        else:
            self._data.extend(data)

    def take(self) -> Frame | None:
        """Return the next whole frame, or None if there is none yet."""
        data = self._data
        if len(data) < HEAD_SIZE:
            return None
        mark, version_and_kind, sequence, length, offset = struct.unpack_from(_HEAD, data)
        if mark != MARK or version_and_kind >> 4 != VERSION or length > PAYLOAD_LIMIT:
            return self._drop()
        end = HEAD_SIZE + length
        if len(data) < end + CRC_SIZE:
            return None
        body = bytes(data[:end])
        if struct.unpack_from(_CHECK, data, end)[0] != crc32(body):
            return self._drop()
        self._data = data[end + CRC_SIZE :]
        return Frame(version_and_kind & 0x0F, sequence, offset, body[HEAD_SIZE:])

    def _drop(self) -> None:
        self.errors += 1
        self.clear()


class Upload:
    """A content that arrives in parts. It survives the loss of a connection, until another one begins."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the content."""
        self.subject = self.size = self.check = 0
        self._content = bytearray()

    @property
    def have(self) -> int:
        """The number of bytes that are there."""
        return len(self._content)

    @property
    def is_whole(self) -> bool:
        """True if all bytes are there."""
        return 0 < self.size == self.have

    def begin(self, subject: int, size: int, check: int) -> None:
        """Begin a content, or go on with it if it is the same as before. Raise ValueError if it has no or much size."""
        if not 0 < size <= CONTENT_LIMIT:
            raise ValueError("the content is empty, or longer than any token")
        if (subject, size, check) != (self.subject, self.size, self.check):
            self.clear()
            self.subject, self.size, self.check = subject, size, check

    def put(self, offset: int, payload: bytes) -> None:
        """Take a part. One that leaves a gap, or that is there already, changes nothing."""
        if offset == self.have and offset + len(payload) <= self.size:
            self._content.extend(payload)

    def take(self) -> bytes | None:
        """Return the whole content and forget it. Return None if its checksum is wrong."""
        content, check = bytes(self._content), self.check
        self.clear()
        return content if crc32(content) == check else None


def frame(kind: int, sequence: int, offset: int = 0, payload: bytes = b"") -> bytes:
    """Return a frame as it goes over the link. Raise ValueError if the payload is too long."""
    if len(payload) > PAYLOAD_LIMIT:
        raise ValueError("the payload is longer than a frame")
    body = struct.pack(_HEAD, MARK, VERSION << 4 | kind, sequence & 0xFF, len(payload), offset) + payload
    return body + struct.pack(_CHECK, crc32(body))


def begin(subject: int, content: bytes = b"") -> bytes:
    """Return the payload of BEGIN for a content that will be sent."""
    return struct.pack(_BEGIN, subject, len(content), crc32(content))


def read_begin(payload: bytes) -> tuple | None:
    """Return `(subject, size, check)` of a BEGIN, or None if it is malformed."""
    return struct.unpack(_BEGIN, payload) if len(payload) == struct.calcsize(_BEGIN) else None


def result(subject: int, outcome: int, content: bytes = b"") -> bytes:
    """Return the payload of RESULT for an answer with this content."""
    return struct.pack(_RESULT, subject, outcome, len(content), crc32(content))


def read_result(payload: bytes) -> tuple | None:
    """Return `(subject, outcome, size, check)` of a RESULT, or None if it is malformed."""
    return struct.unpack(_RESULT, payload) if len(payload) == struct.calcsize(_RESULT) else None


def read_fetch(payload: bytes) -> int | None:
    """Return the checksum in a FETCH, or None if it is malformed."""
    return struct.unpack(_CHECK, payload)[0] if len(payload) == CRC_SIZE else None


def fetch(wanted: int) -> bytes:
    """Return the payload of FETCH for the answer with this checksum."""
    return struct.pack(_CHECK, wanted)


def numbered(number: int, statement: bytes) -> bytes:
    """Return the content of a statement's answer."""
    return struct.pack(_CHECK, number & 0xFFFFFFFF) + statement


def split_number(content: bytes) -> tuple:
    """Return `(number, sealed statement)`. Raise ValueError if the content has no number."""
    if len(content) < NUMBER_SIZE:
        raise ValueError("the answer has no statement")
    return struct.unpack_from(_CHECK, content)[0], content[NUMBER_SIZE:]


def reason_text(reason: int) -> str:
    """Return the reason of REFUSED in words."""
    return _REASONS[reason] if 0 < reason < len(_REASONS) else f"the meter refuses with reason {reason}"
