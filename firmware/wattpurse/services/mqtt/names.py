"""Look-up of the broker's name, without waiting in place: `getaddrinfo` holds the loop until the server answers.

One question for an IPv4 address to one name server, as RFC 1035 describes it. The answer is a hint like everything on
the network: a wrong one leads to a broker without the right certificate or password.
"""

import struct

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Clock
    from wattpurse.services.mqtt.sockets import Datagrams

PORT = 53
TIMEOUT_MS = 3_000
TRIES = 2

_POLL_MS = 50
_SIZE = 512
_HEADER = ">HHHHHH"
_HEADER_SIZE = 12
_ASKS = 0x0100
_ANSWERS = 0x8000
_CODE = 0x000F
_A_IN = b"\0\x01\0\x01"
_POINTER = 0xC0
_LONGEST_LABEL = 63


def is_numeric(host: str) -> bool:
    """Return True for an IPv4 address in numbers."""
    parts = host.split(".")
    return len(parts) == 4 and all([part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts])


async def look_up(
    host: str, server: str, clock: "Clock", identifier: int, open_datagrams: "Callable[[str, int], Datagrams]"
) -> str:
    """Return the address of `host`. Raise OSError if `server` does not answer in time, or knows no address."""
    question = encode_question(host, identifier)
    datagrams = open_datagrams(server, PORT)
    try:
        for _ in range(TRIES):
            datagrams.send(question)
            began_ms = clock.ticks_ms()
            while clock.ticks_diff(clock.ticks_ms(), began_ms) < TIMEOUT_MS:
                await clock.sleep_ms(_POLL_MS)
                answer = datagrams.receive(_SIZE)
                address = None if answer is None else decode_answer(answer, question)
                if address is not None:
                    return address
    finally:
        datagrams.close()
    raise OSError(f"the name server {server} does not answer")


def encode_question(host: str, identifier: int) -> bytes:
    """Return the question for the address of `host`. Raise OSError if it is no name."""
    out = bytearray(struct.pack(_HEADER, identifier, _ASKS, 1, 0, 0, 0))
    for label in host.split("."):
        if not 0 < len(label) <= _LONGEST_LABEL:
            raise OSError(f"{host} is no name")
        out.append(len(label))
        out.extend(label.encode())
    out.append(0)
    return bytes(out) + _A_IN


def decode_answer(data: bytes, question: bytes) -> str | None:
    """Return the first address in the answer to `question`, or None for other bytes. Raise OSError if there is none."""
    size = len(question)
    if len(data) < size or data[:2] != question[:2] or data[_HEADER_SIZE:size] != question[_HEADER_SIZE:]:
        return None
    _, flags, _, count, _, _ = struct.unpack_from(_HEADER, data)
    if not flags & _ANSWERS:
        return None
    if flags & _CODE == 0:
        place = size
        for _ in range(min(count, 16)):
            place = _after_name(data, place)
            if place + 10 > len(data):
                break
            length = data[place + 8] << 8 | data[place + 9]
            if data[place : place + 4] == _A_IN and length == 4 and place + 14 <= len(data):
                return ".".join([str(part) for part in data[place + 10 : place + 14]])
            place += 10 + length
    raise OSError("the name server knows no address of the broker")


def _after_name(data: bytes, place: int) -> int:
    """Return the place behind a name. A name that never ends leads behind the data."""
    while place < len(data):
        length = data[place]
        if length >= _POINTER:
            return place + 2
        place += 1 + length
        if length == 0:
            return place
    return len(data)
