"""Tokens: short sealed instructions to one meter. A meter redeems each token once, over any carrier.

    header, 12 bytes in clear: format u8 = 2, key version u8, payload blocks u8, zeros at the end of the payload u8,
        meter number u32, token number u32 (see `money.token_windows`)
    payload, sealed (see `sealing`): kind u8, tenant u24, token number of the order before it u32, body, zeros
    tag, 8 bytes

Integers are little-endian. A credit token has 36 bytes.

The token number names the issuer. Each issuer seals under a key of its own for each meter (`seals.keys.issuer_key`).
Some kinds are for the office alone. A token of a personal kind names its tenant, and a meter with another tenant
refuses it. A token may name the order that must be redeemed before it, so that nobody takes a credit and leaves the
debt or the tariff that was sold with it.

`KINDS` is the one table of all kinds of token. A new kind takes a row here, its effect in `services.token_effects` and
its order reader in the station's `token_orders`. `tests/services/test_token_kinds.py` and
`tests/tools/station/test_token_orders.py` fail if one of the three is missing.
"""

import struct

from wattpurse.core.money.token_windows import count_of
from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken, seal, sealed_size, unseal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

FORMAT = 2
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
REVOKE = 19
CLOCK_BACK = 20

TENANT_LIMIT = (1 << 24) - 1

# The last column of KINDS. The first four give the customer something.
MONEY = "money"
ENERGY = "energy"
ENERGY_AND_TIME = "energy and time"
TIME = "time"
RECEIPT = "receipt"  # the token takes credit out of the meter, and the meter writes a receipt of it
KEY = "key"
NO_BENEFIT = ""  # the token changes a rule or the state of the meter

# code, name at the station's command line, layout of the body (None: the body is one field of bytes), the fields,
# code of the event that it leaves, words of that event, words in the top-up log, personal (it belongs to a tenant),
# office (no other issuer may make it), benefit.
# Literals alone: MicroPython then keeps the table in flash, and none of it on the heap.
KINDS = (
    (1, "money", "<q", ("amount_microunits",), 9, "money credited", "money credited", True, False, "money"),
    (2, "energy", "<q", ("amount_mwh",), 29, "energy credited", "energy credited", True, False, "energy"),
    (3, "contract", "<B", ("contract_code",), 21, "contract changed", "contract changed", True, True, ""),
    (4, "tariff", None, ("table",), 18, "tariff accepted", "tariff accepted", False, True, ""),
    (5, "clock", "<I", ("utc_s",), 7, "clock set", "clock set", False, True, ""),
    (6, "clear-tamper", "<", (), 15, "tamper cleared", "tamper cleared", False, True, ""),
    (7, "term", "<Bq", ("place", "value"), 22, "term changed", "term changed", True, True, ""),
    (8, "days", "<I", ("duration_s",), 30, "term paid until", "days bought", True, False, "time"),
    (
        9,
        "dispense",
        "<qqI",
        ("energy_mwh", "daily_limit_mwh", "duration_s"),
        31,
        "contract of kWh and days accepted",
        "dispenser filled",
        True,
        False,
        "energy and time",
    ),
    # An amount of 0 takes all that is left. The receipt names the card, so that it is paid out there alone.
    (
        10,
        "refund",
        "<BqI",
        ("unit", "amount", "card"),
        32,
        "credit taken back",
        "credit taken back",
        True,
        False,
        "receipt",
    ),
    (11, "clear", "<I", ("card",), 33, "credit and debt cleared", "credit cleared", True, False, "receipt"),
    (12, "tenant", "<II", ("tenant", "card"), 34, "tenant changed", "tenant changed", True, True, "receipt"),
    # An amount below zero takes debt off.
    (13, "debt", "<q", ("amount_microunits",), 35, "debt is now", "debt changed", True, True, ""),
    (14, "permit", "<I", ("until_s",), 36, "supply permitted until", "supply permitted", True, False, ""),
    (15, "switch", "<B", ("is_open",), 37, "load switch ordered", "switch ordered", False, True, ""),
    (16, "shortage", "<BI", ("level", "until_s"), 38, "shortage level", "shortage level", False, True, ""),
    (17, "meter-key", "<B16s", ("version", "key"), 24, "keys changed", "meter key changed", False, True, "key"),
    (18, "site-key", "<B16s", ("version", "key"), 24, "keys changed", "site key changed", False, True, "key"),
    (19, "revoke", "<B", ("issuer",), 43, "issuer revoked", "issuer revoked", False, True, ""),
    (20, "clock-back", "<I", ("utc_s",), 7, "clock set", "clock set back", False, True, ""),
)

# Columns of KINDS.
_NAME = 1
_LAYOUT = 2
_EVENT = 4
_EVENT_WORDS = 5
_WORDS = 6
_PERSONAL = 7
_OFFICE = 8
_BENEFIT = 9

_HEADER = "<BBBBII"
_PADDING_AT = 3
_PAYLOAD_HEAD = "<II"  # kind and tenant, order before
_TENANT_SHIFT = 8


class Token:
    """One opened instruction: `sequence` (its token number), `kind`, `body` (bytes), `tenant`, `after`.

    `after` is the number of the token that must be redeemed before it, or 0.
    """

    def __init__(self, sequence: int, kind: int, body: bytes, tenant: int = 0, after: int = 0) -> None:
        self.sequence = sequence
        self.kind = kind
        self.body = body
        self.tenant = tenant
        self.after = after

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


def is_personal(kind: int) -> bool:
    """Return True if a token of this kind belongs to a tenant."""
    return _row(kind)[_PERSONAL]


def is_for_office(kind: int) -> bool:
    """Return True if only the office may make a token of this kind."""
    return _row(kind)[_OFFICE]


def seal_token(
    aes: "Aes",
    keys: "KeyPair",
    key_version: int,
    meter_number: int,
    sequence: int,
    kind: int,
    body: bytes,
    tenant: int = 0,
    after: int = 0,
) -> bytes:
    """Return the sealed token. `keys` are those of the issuer in `sequence`.

    Raise ValueError if the body is too long or a number is out of range.
    """
    if len(body) > BODY_LIMIT or not count_of(sequence) or not 0 <= sequence < 1 << 32:
        raise ValueError("the token's body is too long, or its number is out of range")
    if not (0 <= meter_number < 1 << 32 and 0 <= tenant <= TENANT_LIMIT and 0 <= after < 1 << 32):
        raise ValueError("the token's meter number, tenant or order before it is out of range")
    payload = struct.pack(_PAYLOAD_HEAD, kind | tenant << _TENANT_SHIFT, after) + body
    padding = -len(payload) % BLOCK
    blocks = (len(payload) + padding) // BLOCK
    header = struct.pack(_HEADER, FORMAT, key_version, blocks, padding, meter_number, sequence)
    return seal(aes, keys, header, payload)


def sealed_token_size(body: bytes) -> int:
    """Return the size in bytes of the sealed token with this body."""
    return sealed_size(HEADER_SIZE, struct.calcsize(_PAYLOAD_HEAD) + len(body))


def read_header(data: bytes) -> tuple | None:
    """Return `(meter number, sequence, whole size)` from the header, not yet proven. Return None for no token."""
    if len(data) < HEADER_SIZE:
        return None
    form, _, blocks, padding, meter_number, sequence = struct.unpack_from(_HEADER, data)
    if form != FORMAT or padding >= BLOCK or blocks == 0 or not count_of(sequence):
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
    head_size, end = struct.calcsize(_PAYLOAD_HEAD), len(payload) - data[_PADDING_AT]
    if end < head_size:
        raise SealBroken("wrong body length")
    kind_and_tenant, after = struct.unpack_from(_PAYLOAD_HEAD, payload)
    kind, tenant = kind_and_tenant & 0xFF, kind_and_tenant >> _TENANT_SHIFT
    return Token(header[1], kind, payload[head_size:end], tenant, after)


def _row(kind: int) -> tuple:
    """Return the row of the kind in KINDS. An unknown kind has a row without layout, event and benefit."""
    for row in KINDS:
        if row[0] == kind:
            return row
    return kind, "", None, (), 0, None, f"token of kind {kind}", False, False, NO_BENEFIT
