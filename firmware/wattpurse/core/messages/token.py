"""Tokens: short sealed instructions to one meter. A meter redeems each token once, over any carrier.

    header, 12 bytes in clear: format u8 = 1, key version u8, payload blocks u8, 0, meter number u32, sequence u32
    payload, sealed (see `sealing`): kind u8, body length u16, body, zeros
    tag, 8 bytes

Integers are little-endian. A credit token has 36 bytes. The station numbers the tokens of each meter from 1 up.

`KINDS` is the one table of all kinds of token. A new kind takes a row here, its effect in `services.token_effects` and
its order reader in the station's `token_orders`. `tests/services/test_token_kinds.py` and
`tests/tools/station/test_token_orders.py` fail if one of the three is missing.
"""

import struct

from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken, seal, sealed_size, unseal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

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

# The last column of KINDS. The first four give the customer something.
MONEY = "money"
ENERGY = "energy"
ENERGY_AND_TIME = "energy and time"
TIME = "time"
RECEIPT = "receipt"  # the token takes credit out of the meter, and the meter writes a receipt of it
KEY = "key"
NO_BENEFIT = ""  # the token changes a rule or the state of the meter

# code, name at the station's command line, layout of the body (None: the body is one field of bytes), the fields,
# code of the event that it leaves, words of that event, words in the top-up log, benefit.
# Literals alone: MicroPython then keeps the table in flash, and none of it on the heap.
KINDS = (
    (1, "money", "<q", ("amount_microunits",), 9, "money credited", "money credited", "money"),
    (2, "energy", "<q", ("amount_mwh",), 29, "energy credited", "energy credited", "energy"),
    (3, "contract", "<B", ("contract_code",), 21, "contract changed", "contract changed", ""),
    (4, "tariff", None, ("table",), 18, "tariff accepted", "tariff accepted", ""),
    (5, "clock", "<I", ("utc_s",), 7, "clock set", "clock set", ""),
    (6, "clear-tamper", "<", (), 15, "tamper cleared", "tamper cleared", ""),
    (7, "term", "<Bq", ("place", "value"), 22, "term changed", "term changed", ""),
    (8, "days", "<I", ("duration_s",), 30, "term paid until", "days bought", "time"),
    (
        9,
        "dispense",
        "<qqI",
        ("energy_mwh", "daily_limit_mwh", "duration_s"),
        31,
        "contract of kWh and days accepted",
        "dispenser filled",
        "energy and time",
    ),
    # An amount of 0 takes all that is left.
    (10, "refund", "<Bq", ("unit", "amount"), 32, "credit taken back", "credit taken back", "receipt"),
    (11, "clear", "<", (), 33, "credit and debt cleared", "credit cleared", "receipt"),
    (12, "tenant", "<I", ("tenant",), 34, "tenant changed", "tenant changed", "receipt"),
    # An amount below zero takes debt off.
    (13, "debt", "<q", ("amount_microunits",), 35, "debt is now", "debt changed", ""),
    (14, "permit", "<I", ("until_s",), 36, "supply permitted until", "supply permitted", ""),
    (15, "switch", "<B", ("is_open",), 37, "load switch ordered", "switch ordered", ""),
    (16, "shortage", "<B", ("level",), 38, "shortage level", "shortage level", ""),
    (17, "meter-key", "<B16s", ("version", "key"), 24, "keys changed", "meter key changed", "key"),
    (18, "site-key", "<B16s", ("version", "key"), 24, "keys changed", "site key changed", "key"),
)

# Columns of KINDS.
_NAME = 1
_LAYOUT = 2
_EVENT = 4
_EVENT_WORDS = 5
_WORDS = 6
_BENEFIT = 7

_HEADER = "<BBBBII"
_PAYLOAD_HEAD = "<BH"


class Token:
    """One opened instruction: `sequence`, `kind`, `body` (bytes)."""

    def __init__(self, sequence: int, kind: int, body: bytes) -> None:
        self.sequence = sequence
        self.kind = kind
        self.body = body

    def fields(self) -> tuple:
        """Return the numbers in the body. Raise ValueError if the body does not fit the kind."""
        layout = _row(self.kind)[_LAYOUT]
        if layout is None or len(self.body) != struct.calcsize(layout):
            raise ValueError("the token's body does not fit its kind")
        return struct.unpack(layout, self.body)


def make(kind: int, *fields: "int | bytes") -> tuple:
    """Return `(kind, body)` of a token with these fields. A TARIFF has one field: the bytes of the table."""
    layout = _row(kind)[_LAYOUT]
    if layout is None:
        return kind, bytes(fields[0])
    return kind, struct.pack(layout, *fields)


def name(kind: int) -> str:
    """Return the name of the kind at the station's command line."""
    return _row(kind)[_NAME]


def event_code(kind: int) -> int:
    """Return the code of the event that a token of this kind leaves."""
    return _row(kind)[_EVENT]


def event_words(event: int) -> str | None:
    """Return the words of an event that a token leaves, or None for all other events."""
    for row in KINDS:
        if row[_EVENT] == event:
            return row[_EVENT_WORDS]
    return None


def words(kind: int) -> str:
    """Return the words of the top-up log for a token of this kind."""
    return _row(kind)[_WORDS]


def benefit(kind: int) -> str:
    """Return the benefit that a token of this kind brings: the last column of KINDS."""
    return _row(kind)[_BENEFIT]


def seal_token(
    aes: "Aes",
    keys: "KeyPair",
    key_version: int,
    meter_number: int,
    sequence: int,
    kind: int,
    body: bytes,
) -> bytes:
    """Return the sealed token. Raise ValueError if the body is too long or a number is out of range."""
    if len(body) > BODY_LIMIT or not 1 <= sequence < 1 << 32 or not 0 <= meter_number < 1 << 32:
        raise ValueError("the token's body is too long, or its number or meter number is out of range")
    payload = struct.pack(_PAYLOAD_HEAD, kind, len(body)) + body
    blocks = (len(payload) + BLOCK - 1) // BLOCK
    header = struct.pack(_HEADER, FORMAT, key_version, blocks, 0, meter_number, sequence)
    return seal(aes, keys, header, payload)


def sealed_token_size(body: bytes) -> int:
    """Return the size in bytes of the sealed token with this body."""
    return sealed_size(HEADER_SIZE, struct.calcsize(_PAYLOAD_HEAD) + len(body))


def read_header(data: bytes) -> tuple | None:
    """Return `(meter number, sequence, whole size)` from the header, not yet proven. Return None for no token."""
    if len(data) < HEADER_SIZE:
        return None
    form, _, blocks, zero, meter_number, sequence = struct.unpack_from(_HEADER, data)
    if form != FORMAT or zero != 0 or blocks == 0 or sequence == 0:
        return None
    return meter_number, sequence, HEADER_SIZE + blocks * BLOCK + TAG_SIZE


def key_version(data: bytes) -> int:
    """Return the version of the meter key from the header of the token in `data`, not yet proven."""
    return data[1]


def open_token(aes: "Aes", keys: "KeyPair", data: bytes) -> Token:
    """Return the token in `data`, proven authentic. Raise sealing.SealBroken if it is not authentic."""
    header = read_header(data)
    if header is None or header[2] != len(data):
        raise SealBroken("no token")
    payload = unseal(aes, keys, HEADER_SIZE, data)
    kind, length = struct.unpack_from(_PAYLOAD_HEAD, payload)
    start = struct.calcsize(_PAYLOAD_HEAD)
    if start + length > len(payload):
        raise SealBroken("wrong body length")
    return Token(header[1], kind, payload[start : start + length])


def _row(kind: int) -> tuple:
    """Return the row of the kind in KINDS. An unknown kind has a row without layout, event and benefit."""
    for row in KINDS:
        if row[0] == kind:
            return row
    return kind, "", None, (), 0, None, f"token of kind {kind}", NO_BENEFIT
