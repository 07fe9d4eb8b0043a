"""Steps: the work at a selected card that one request asks for, so that the line costs one round trip for all of it.

    request: steps, one behind the other
    step: operation u4 (low) and repeats u4 (high), timeout u16 in 100 us, length u8 of the reply, length u8 of the
        frame, frame
    answer: number of steps done u8, replies of the steps done, one behind the other

A step with repeats is done so many times more, and the second byte of its frame is one more each time: READ of some
blocks in a row. Each repeat counts as a step, and has a reply. The steps end at the first one that fails, and the
status of the answer is its failure. The operations are those of `mfrc522.Mfrc522`; the frame of AUTHENTICATE has no
reply, and neither has that of ACKNOWLEDGED. The reply to a BLOCK of ISO/IEC 14443-4 has any length up to the one that
the step names, and stands behind its own length u8.
"""

import struct

from wattpurse.core.messages.reader_frames import CONTENT_LIMIT, PAYLOAD_LIMIT

AUTHENTICATE = 1
EXCHANGE = 2
ACKNOWLEDGED = 3
BLOCK = 4

FRAME_LIMIT = 64  # the FIFO of the reader chip
STEPS_LIMIT = 24
TIMEOUT_LIMIT_US = 3_000_000  # the timer of the reader chip ends a little later
TOTAL_TIMEOUT_LIMIT_US = 5_000_000  # a watchdog of 8 s may watch the board

_STEP = "<BHBB"
_HEAD_SIZE = 5
_TIMEOUT_UNIT_US = 100
_AUTHENTICATE_SIZE = 12
_LONGEST_BLOCK = 62  # the CRC of the reply passes through the FIFO too

# Stands for a reply of its own length among the lengths of `read_replies`.
OWN_LENGTH = -1


class Step:
    """One operation at the card. `repeats` is counted down while it is done."""

    def __init__(self, operation: int, frame: "bytes | bytearray", timeout_us: int, reply_length: int) -> None:
        self.operation = operation
        self.frame = frame
        self.timeout_us = timeout_us
        self.reply_length = reply_length


def step(
    operation: int, frame: "bytes | bytearray | memoryview", timeout_us: int, reply_length: int = 0, repeats: int = 0
) -> bytes:
    """Return one step of a request."""
    timeout = -(-timeout_us // _TIMEOUT_UNIT_US)
    return struct.pack(_STEP, operation | repeats << 4, timeout, reply_length, len(frame)) + bytes(frame)


def read_steps(content: bytes) -> list | None:
    """Return every `Step` of a request with its repeats, or None if the request is malformed or goes beyond a limit."""
    steps, place, time_us, replies = [], 0, 0, 1
    while place < len(content):
        if len(content) - place < _HEAD_SIZE:
            return None
        operation, timeout, reply_length, length = struct.unpack_from(_STEP, content, place)
        place += _HEAD_SIZE
        frame = content[place : place + length]
        place += length
        repeats = operation >> 4
        one = Step(operation & 0x0F, frame, timeout * _TIMEOUT_UNIT_US, reply_length)
        if len(frame) != length or not _is_good(one, repeats):
            return None
        time_us += one.timeout_us * (1 + repeats)
        replies += (reply_length + (one.operation == BLOCK)) * (1 + repeats)
        steps.append(one)
        for count in range(1, repeats + 1):
            again = frame[:1] + bytes((frame[1] + count & 0xFF,)) + frame[2:]
            steps.append(Step(one.operation, again, one.timeout_us, reply_length))
    if not steps or len(steps) > STEPS_LIMIT or replies > CONTENT_LIMIT or time_us > TOTAL_TIMEOUT_LIMIT_US:
        return None
    return steps


def timeout_us_of(content: bytes) -> int:
    """Return the sum of the timeouts of a well-formed request."""
    return sum([one.timeout_us for one in read_steps(content) or ()])


def read_replies(content: bytes, lengths: "list | tuple") -> list | None:
    """Return the replies of the steps that were done, or None if the answer does not fit `lengths` of all steps."""
    if not content or content[0] > len(lengths):
        return None
    replies, place = [], 1
    for length in lengths[: content[0]]:
        if length == OWN_LENGTH:
            if place == len(content):
                return None
            length = content[place]
            if length > _LONGEST_BLOCK:
                return None
            place += 1
        replies.append(content[place : place + length])
        place += length
    return replies if place == len(content) <= PAYLOAD_LIMIT else None


def _is_good(one: Step, repeats: int) -> bool:
    if not 1 <= len(one.frame) <= FRAME_LIMIT or not 0 < one.timeout_us <= TIMEOUT_LIMIT_US:
        return False
    if repeats and len(one.frame) < 2:
        return False
    if one.operation == EXCHANGE:
        return 1 <= one.reply_length <= FRAME_LIMIT
    if one.operation == BLOCK:
        return 1 <= one.reply_length <= _LONGEST_BLOCK and not repeats
    if one.operation == AUTHENTICATE:
        return len(one.frame) == _AUTHENTICATE_SIZE and not repeats and not one.reply_length
    return one.operation == ACKNOWLEDGED and not one.reply_length
