"""What a key card says: the money on it, its price and its free allowance, sealed for that card by keys of its site.

    header, 8 bytes in clear: mark u8 = 0x4B, period u8, number of the period u16, version u32
    payload, 32 bytes, sealed (see `sealing`): loaded u48, spent u48, price u32, allowance u32, used u32, user u32, 0

Little-endian; 48 bytes in all, one sector of a Classic card. `loaded` is all that was ever put on the card, which only
the station adds to; `spent` is all that was ever taken off it, which only meters add to; both never fall, and the
balance is their difference. So a top-up and a deduction that know nothing of each other lose nothing. The version grows
with every writing. One that was torn away may be sealed twice, which tells whoever copies both that they are alike,
nothing more.
"""

import struct
from binascii import crc32

from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, seal, unseal
from wattpurse.core.tariffs.calendar import month_index

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

MARK = 0x4B
HEADER_SIZE = 8
SIZE = HEADER_SIZE + 2 * BLOCK + TAG_SIZE

NO_ALLOWANCE = 0
DAY = 1
WEEK = 2
MONTH = 3
PERIODS = ("none", "day", "week", "month")

BY_TARIFF = (1 << 32) - 1
PRICE_LIMIT = BY_TARIFF - 1
ALLOWANCE_LIMIT_MWH = (1 << 32) - 1
AMOUNT_LIMIT = (1 << 47) - 1
VERSION_LIMIT = (1 << 31) - 1

_HEADER = "<BBHI"
_PAYLOAD = "<IHIHIIII"
_MONDAY = 3  # 1970-01-01 was a Thursday


class CardContent:
    """What is on a card, or should be.

    version: grows with every writing. loaded, spent: micro-units. price: micro-units per kWh, or BY_TARIFF where the
    meter's tariff says it. allowance_mwh: free in each `period` (NO_ALLOWANCE, DAY, WEEK, MONTH), of which used_mwh
    are used in the one with `period_number`. user: whose card it is, a number.
    """

    def __init__(
        self,
        version: int,
        loaded: int,
        spent: int,
        price: int,
        allowance: tuple,
        user: int,
    ) -> None:
        self.version = version
        self.loaded = loaded
        self.spent = spent
        self.price = price
        self.allowance_mwh, self.period, self.period_number, self.used_mwh = allowance
        self.user = user

    @property
    def balance(self) -> int:
        """Micro-units left on the card; below zero where more was used than was on it."""
        return self.loaded - self.spent

    @property
    def is_plausible(self) -> bool:
        """False for what no life of a card leads to: what is counted on from there would not fit."""
        return self.version <= VERSION_LIMIT and max(self.loaded, self.spent) <= AMOUNT_LIMIT

    def says_the_same(self, other: "CardContent") -> bool:
        """True if both tell the same money, price and user; what is used of the allowance runs on between writings."""
        return (
            (self.version, self.loaded, self.spent) == (other.version, other.loaded, other.spent)
            and (self.price, self.allowance_mwh, self.period) == (other.price, other.allowance_mwh, other.period)
            and self.user == other.user
        )


def card_number(uid: bytes) -> int:
    """The number, 32 bits, by which a meter knows a card."""
    return crc32(uid)


def period_number(period: int, day: int) -> int:
    """The number of the period that local day `day` (since 1970) falls in."""
    if period == DAY:
        return day
    if period == WEEK:
        return (day + _MONDAY) // 7
    return month_index(day) if period == MONTH else 0


def split48(value: int) -> tuple:
    """A u48 as `struct` takes it: its lower 32 bits and its upper 16."""
    return value & 0xFFFFFFFF, value >> 32


def join48(low: int, high: int) -> int:
    """The other way round."""
    return high << 32 | low


def seal_content(aes: "Aes", keys: "KeyPair", content: CardContent) -> bytes:
    """The sealed record of a card, SIZE bytes; `keys` are keys.key_card_keys of that card."""
    header = struct.pack(_HEADER, MARK, content.period, content.period_number, content.version)
    payload = struct.pack(
        _PAYLOAD,
        *split48(content.loaded),
        *split48(content.spent),
        content.price,
        content.allowance_mwh,
        content.used_mwh,
        content.user,
    )
    return seal(aes, keys, header, payload + bytes(2 * BLOCK - len(payload)))


def read_version(data: bytes) -> int | None:
    """The version that a record claims, not yet proven; None if it is no such record."""
    if len(data) < SIZE or data[0] != MARK or data[1] >= len(PERIODS):
        return None
    return struct.unpack_from(_HEADER, data)[3]


def open_content(aes: "Aes", keys: "KeyPair", data: bytes) -> CardContent:
    """What a sealed record says, proven authentic. Raises sealing.SealBroken if it is not."""
    payload = unseal(aes, keys, HEADER_SIZE, bytes(data[:SIZE]))
    _, period, number, version = struct.unpack_from(_HEADER, data)
    fields = struct.unpack_from(_PAYLOAD, payload)
    loaded, spent = join48(*fields[0:2]), join48(*fields[2:4])
    price, allowance_mwh, used_mwh, user = fields[4:]
    return CardContent(version, loaded, spent, price, (allowance_mwh, period, number, used_mwh), user)
