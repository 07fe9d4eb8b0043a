"""Tokens: short sealed instructions to one meter, each redeemed once, whichever carrier brings them.

    header, 12 bytes in clear: format u8 = 1, key version u8, payload blocks u8, 0, meter number u32, sequence u32
    payload, sealed (see `sealing`): kind u8, body length u16, body, zeros
    tag, 8 bytes

Little-endian throughout. A credit token is 36 bytes. The station numbers the tokens of each meter from 1 up.
"""

import struct

from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken, seal, sealed_size, unseal

FORMAT = 1
HEADER_SIZE = 12
CREDIT_TOKEN_SIZE = HEADER_SIZE + BLOCK + TAG_SIZE
BODY_LIMIT = 1040

CREDIT_MONEY = 1
CREDIT_ENERGY = 2
CONTRACT = 3
TARIFF = 4
CLOCK = 5
CLEAR_TAMPER = 6
TERM = 7
DAYS = 8
DISPENSE = 9
REFUND = 10
CLEAR = 11
TENANT = 12
DEBT = 13
PERMIT = 14
SWITCH = 15
SHORTAGE = 16
METER_KEY = 17
SITE_KEY = 18

_HEADER = "<BBBBII"
_PAYLOAD_HEAD = "<BH"
_BODY_LAYOUTS = {
    CREDIT_MONEY: "<q",  # micro-units
    CREDIT_ENERGY: "<q",  # mWh
    CONTRACT: "<B",  # code
    CLOCK: "<I",  # UTC seconds
    CLEAR_TAMPER: "<",
    TERM: "<Bq",  # place, value
    DAYS: "<I",  # seconds of a term
    DISPENSE: "<qqI",  # mWh, mWh a day at most, seconds of validity
    REFUND: "<Bq",  # unit, amount; 0: all that is left
    CLEAR: "<",
    TENANT: "<I",  # number
    DEBT: "<q",  # micro-units more, or less
    PERMIT: "<I",  # UTC seconds until which supply is permitted
    SWITCH: "<B",  # 1 open, 0 as the contract says
    SHORTAGE: "<B",  # level
    METER_KEY: "<B16s",  # key version, key
    SITE_KEY: "<B16s",
}


class Token:
    """An instruction as it was sealed: `sequence`, `kind`, `body` (bytes)."""

    def __init__(self, sequence: int, kind: int, body: bytes) -> None:
        self.sequence = sequence
        self.kind = kind
        self.body = body

    def fields(self) -> tuple:
        """The numbers in the body. Raises ValueError where the body is not what the kind calls for."""
        layout = _BODY_LAYOUTS.get(self.kind)
        if layout is None or len(self.body) != struct.calcsize(layout):
            raise ValueError("the token's body does not fit its kind")
        return struct.unpack(layout, self.body)


def make(kind: int, *fields) -> tuple:
    """`(kind, body)` of a token with these numbers; for a TARIFF the one field is the table's bytes."""
    if kind == TARIFF:
        return kind, bytes(fields[0])
    return kind, struct.pack(_BODY_LAYOUTS[kind], *fields)


def seal_token(aes, keys, key_version: int, meter_number: int, sequence: int, kind: int, body: bytes) -> bytes:
    """The sealed token. Raises ValueError for a body too long or a number out of range."""
    if len(body) > BODY_LIMIT or not 1 <= sequence < 1 << 32 or not 0 <= meter_number < 1 << 32:
        raise ValueError("no such token can be made")
    payload = struct.pack(_PAYLOAD_HEAD, kind, len(body)) + body
    blocks = (len(payload) + BLOCK - 1) // BLOCK
    header = struct.pack(_HEADER, FORMAT, key_version, blocks, 0, meter_number, sequence)
    return seal(aes, keys, header, payload)


def sealed_token_size(body: bytes) -> int:
    """Bytes of the sealed token that has this body."""
    return sealed_size(HEADER_SIZE, struct.calcsize(_PAYLOAD_HEAD) + len(body))


def read_header(data: bytes) -> tuple | None:
    """`(meter number, sequence, whole size)` as the header claims, not yet proven; None if it is no token's header."""
    if len(data) < HEADER_SIZE:
        return None
    form, _, blocks, zero, meter_number, sequence = struct.unpack_from(_HEADER, data)
    if form != FORMAT or zero != 0 or blocks == 0 or sequence == 0:
        return None
    return meter_number, sequence, HEADER_SIZE + blocks * BLOCK + TAG_SIZE


def key_version(data: bytes) -> int:
    """The version of the meter key that the token in `data`, which has a header, says that it is sealed under."""
    return data[1]


def open_token(aes, keys, data: bytes) -> Token:
    """The token in `data`, proven authentic. Raises sealing.SealBroken if it is not."""
    header = read_header(data)
    if header is None or header[2] != len(data):
        raise SealBroken("no token")
    payload = unseal(aes, keys, HEADER_SIZE, data)
    kind, length = struct.unpack_from(_PAYLOAD_HEAD, payload)
    start = struct.calcsize(_PAYLOAD_HEAD)
    if start + length > len(payload):
        raise SealBroken("wrong body length")
    return Token(header[1], kind, payload[start : start + length])
