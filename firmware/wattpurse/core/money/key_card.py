"""The content of a key card: its money, its price and its free allowance, sealed for that card by keys of its site.

    header, 8 bytes in clear: mark u8 = 0x4B, period u8, number of the period u16, version u32
    payload, 32 bytes, sealed (see `sealing`): loaded u48, spent u48, price u32, allowance u32, used u32, user u32, 0

Integers are little-endian; the record has 48 bytes, one sector of a Classic card. `loaded` is the sum of all top-ups:
only the station adds to it. `spent` is the sum of all deductions: only meters add to it. Both never fall, and the
balance is their difference. Therefore a top-up and a deduction that do not know of each other lose nothing. The version
increases with every writing. An interrupted writing may be sealed twice; a copy of both reveals that they are alike,
and nothing more.
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
    """The content of a card.

    version: increases with every writing. loaded, spent: micro-units. price: micro-units per kWh, or BY_TARIFF for the
    price of the meter's tariff. allowance: `(allowance_mwh, period, period_number, used_mwh)`; allowance_mwh is free in
    each `period` (NO_ALLOWANCE, DAY, WEEK, MONTH), and used_mwh of it are used in the period with `period_number`.
    user: the number of the card's user.
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
        """Micro-units left on the card; below zero if more was used than loaded."""
        return self.loaded - self.spent

    @property
    def is_plausible(self) -> bool:
        """False for numbers that no card can reach: later sums would overflow."""
        return self.version <= VERSION_LIMIT and max(self.loaded, self.spent) <= AMOUNT_LIMIT

    def at(self, version: int, spent: int) -> "CardContent":
        """Return the content of this card at another version."""
        allowance = (self.allowance_mwh, self.period, self.period_number, self.used_mwh)
        return CardContent(version, self.loaded, spent, self.price, allowance, self.user)

    def says_the_same(self, other: "CardContent") -> bool:
        """Return True if both have the same money, price and user.

        The used allowance may differ: it changes between writings.
        """
        return (
            (self.version, self.loaded, self.spent) == (other.version, other.loaded, other.spent)
            and (self.price, self.allowance_mwh, self.period) == (other.price, other.allowance_mwh, other.period)
            and self.user == other.user
        )


def card_number(uid: bytes) -> int:
    """Return the number, 32 bits, by which a meter knows a card."""
    return crc32(uid)


def period_number(period: int, day: int) -> int:
    """Return the number of the period of local day `day` (since 1970)."""
    if period == DAY:
        return day
    if period == WEEK:
        return (day + _MONDAY) // 7
    return month_index(day) if period == MONTH else 0


def split48(value: int) -> tuple:
    """Return a u48 for `struct`: its lower 32 bits and its upper 16."""
    return value & 0xFFFFFFFF, value >> 32


def join48(low: int, high: int) -> int:
    """Return the u48 of its lower 32 and its upper 16 bits."""
    return high << 32 | low


def seal_content(aes: "Aes", keys: "KeyPair", content: CardContent) -> bytes:
    """Return the sealed record of a card, SIZE bytes; `keys` are keys.key_card_keys of that card."""
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
    """Return the version in a record, not yet proven, or None for other bytes."""
    if len(data) < SIZE or data[0] != MARK or data[1] >= len(PERIODS):
        return None
    return struct.unpack_from(_HEADER, data)[3]


def open_content(aes: "Aes", keys: "KeyPair", data: bytes) -> CardContent:
    """Return the content of a sealed record, proven authentic. Raise sealing.SealBroken if it is not authentic."""
    payload = unseal(aes, keys, HEADER_SIZE, bytes(data[:SIZE]))
    _, period, number, version = struct.unpack_from(_HEADER, data)
    fields = struct.unpack_from(_PAYLOAD, payload)
    loaded, spent = join48(*fields[0:2]), join48(*fields[2:4])
    price, allowance_mwh, used_mwh, user = fields[4:]
    return CardContent(version, loaded, spent, price, (allowance_mwh, period, number, used_mwh), user)
