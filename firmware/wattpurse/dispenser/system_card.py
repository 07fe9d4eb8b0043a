"""The system card of a dispensing unit: the office's record on it, and the sales that it takes home.

A system card is an NTAG216. An empty order box (see `cards.purse`) of the kind SYSTEM marks it. Behind that:

    record, from byte 16, sealed (see `core.seals.sealing`) under dispenser_keys.system_card_keys of this card:
        header, 12 bytes in clear: mark u8 = 0x53, format u8 = 1, issuer u8, payload blocks u8, issue u32, size of the
            riding tokens u16, zeros u16
        payload: made u32, expires u32, allowed u48, settled sum u48, settled sale u32, most for one sale u32, currency
            3 letters, decimals u8, three prices u32 (micro-units for a kWh), site key, number of meters u8, then for
            each meter: number u32, tenant u24 and key version u8, count u28 and product u4, issuer key, statement key;
            behind the last one the riding tokens: sealed tokens of the office, such as new tariffs
        tag, 8 bytes
    blocks of sales behind it, 64 bytes each, sealed under dispenser_keys.system_sales_keys of this card:
        header, 8 bytes in clear: mark u8 = 0x44, issuer u4 (upper bits) and number of sales u4, issue u16, number of
            the first sale u32
        payload: up to 4 sales of 12 bytes: meter u32, count u24, paid u24, time u16
        tag, 8 bytes

Integers are little-endian. Money is in units of the currency's last decimal, but for prices. `allowed` and the settled
sum count since the unit was new. They never fall, so an older copy of a card allows nothing that was not allowed
before. Sales are numbered from 1 on, and the blocks hold those behind the settled one without a gap. A block has sales
of one issue of the record, so the office knows the prices. The time has 256 seconds as its unit and wraps after 194
days: it is the first such time after the record was made.

The office alone writes the record, and the unit alone writes blocks. A sale is in the unit's flash before it is in a
block, so a block that was torn is written again from there.
"""

import struct

from wattpurse.cards import purse
from wattpurse.core.money.key_card import join48, split48
from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken, seal, sealed_size, unseal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattpurse.cards.memory import Memory
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

KIND = "ntag216"
RECORD_AT = 16
HEADER_SIZE = 12
METERS_LIMIT = 14
PRODUCT_MONEY = 0
PRICES = 3

BLOCK_SALES = 4
SALES_BLOCK_SIZE = 64
COUNT_LIMIT = (1 << 24) - 1
PAID_LIMIT = (1 << 24) - 1
ISSUE_LIMIT = (1 << 16) - 1
TIME_BITS = 8

_CAPACITY = 888
_MARK = 0x53
_FORMAT = 1
_HEADER = "<BBBBIHH"
_HEAD = "<IIIHIHII3sBIII16sB"
_HEAD_SIZE = struct.calcsize(_HEAD)
_METER = "<III16s16s"
_METER_SIZE = struct.calcsize(_METER)
_VERSION_SHIFT = 24
_PRODUCT_SHIFT = 28

_SALES_MARK = 0x44
_SALES_HEADER = "<BBHI"
_SALES_HEADER_SIZE = struct.calcsize(_SALES_HEADER)
_SALE = "<IHBHBH"
_SALE_SIZE = struct.calcsize(_SALE)
_TIME_MASK = 0xFFFF


class SoldMeter:
    """A meter that the unit sells to: `number`, `tenant`, `key_version`, the newest `count`, `product`, two keys.

    `product` is PRODUCT_MONEY, or 1 to PRICES for energy at that price.
    """

    def __init__(
        self, number: int, tenant: int, key_version: int, count: int, product: int, issuer_key: bytes, statement: bytes
    ) -> None:
        self.number = number
        self.tenant = tenant
        self.key_version = key_version
        self.count = count
        self.product = product
        self.issuer_key = issuer_key
        self.statement_key = statement


class SystemRecord:
    """The office's record. `issuer` and `issue` are in its header, and the rest is sealed.

    `times` are (made_s, expires_s), `credit` is (allowed, settled sum, settled sale, most for one sale), `money` is
    (currency's letters, decimals, prices). `riding` has sealed tokens of the office, one behind the other.
    """

    riding = b""

    def __init__(
        self, issuer: int, issue: int, times: tuple, credit: tuple, money: tuple, site_key: bytes, meters: "Sequence"
    ) -> None:
        self.issuer = issuer
        self.issue = issue
        self.made_s, self.expires_s = times
        self.allowed, self.settled_sum, self.settled_sale, self.most = credit
        self.currency, self.decimals, self.prices = money
        self.site_key = site_key
        self.meters = meters

    def meter(self, number: int) -> "SoldMeter | None":
        """Return the meter with a number, or None."""
        for one in self.meters:
            if one.number == number:
                return one
        return None

    @property
    def sales_capacity(self) -> int:
        """The number of sales for which the card certainly has room."""
        return blocks_of(self.size) * BLOCK_SALES

    @property
    def size(self) -> int:
        """The size of the sealed record."""
        return sealed_size(HEADER_SIZE, _HEAD_SIZE + len(self.meters) * _METER_SIZE + len(self.riding))


class CardSale:
    """A sale as a block has it: `number`, `meter`, `count`, `paid`, `time_code`, and the `issue` of the record."""

    def __init__(self, number: int, meter: int, count: int, paid: int, time_code: int, issue: int) -> None:
        self.number = number
        self.meter = meter
        self.count = count
        self.paid = paid
        self.time_code = time_code
        self.issue = issue

    def facts(self) -> tuple:
        """Return all that two copies of one sale must agree on."""
        return self.number, self.meter, self.count, self.paid, self.time_code, self.issue


def time_code(time_s: int) -> int:
    """Return the time of a sale as a block has it."""
    return time_s >> TIME_BITS & _TIME_MASK


def time_of(code: int, made_s: int) -> int:
    """Return the first time from `made_s` on that has this code, or `made_s` for its own code."""
    ahead = code - (made_s >> TIME_BITS) & _TIME_MASK
    return (made_s >> TIME_BITS) + ahead << TIME_BITS if ahead else made_s


def sales_at(size: int) -> int:
    """Return the offset of the first block of sales behind a record of that size."""
    return RECORD_AT + size


def blocks_of(size: int) -> int:
    """Return the number of blocks of sales behind a record of that size."""
    return (_CAPACITY - sales_at(size)) // SALES_BLOCK_SIZE


def seal_record(aes: "Aes", keys: "KeyPair", record: SystemRecord) -> bytes:
    """Return the sealed record. Raise ValueError if a number is out of range or there are too many meters."""
    if not 0 < record.issue <= ISSUE_LIMIT or len(record.meters) > METERS_LIMIT or len(record.prices) != PRICES:
        raise ValueError("a number of the system card is out of range, or it has too many meters")
    try:
        payload = struct.pack(
            _HEAD,
            record.made_s,
            record.expires_s,
            *split48(record.allowed),
            *split48(record.settled_sum),
            record.settled_sale,
            record.most,
            record.currency.encode(),
            record.decimals,
            *record.prices,
            record.site_key,
            len(record.meters),
        )
    except struct.error as error:
        raise ValueError("a number of the system card is out of range") from error
    for one in record.meters:
        payload += struct.pack(
            _METER,
            one.number,
            one.tenant | one.key_version << _VERSION_SHIFT,
            one.count | one.product << _PRODUCT_SHIFT,
            one.issuer_key,
            one.statement_key,
        )
    payload += record.riding
    blocks = (len(payload) + BLOCK - 1) // BLOCK
    if blocks_of(record.size) <= 0:
        raise ValueError("the system card has no room for the meters, the tokens that ride along and any sale")
    header = struct.pack(_HEADER, _MARK, _FORMAT, record.issuer, blocks, record.issue, len(record.riding), 0)
    return seal(aes, keys, header, payload)


def record_size(start: "bytes | bytearray") -> int:
    """Return the size of the sealed record whose header is `start`, not yet proven, or 0 for no record."""
    mark, form, _, blocks, issue, _, _ = struct.unpack_from(_HEADER, start)
    size = HEADER_SIZE + blocks * BLOCK + TAG_SIZE
    is_record = mark == _MARK and form == _FORMAT and 0 < issue <= ISSUE_LIMIT and blocks * BLOCK >= _HEAD_SIZE
    return size if is_record and RECORD_AT + size <= _CAPACITY else 0


def open_record(aes: "Aes", keys: "KeyPair", data: bytes) -> SystemRecord:
    """Return the record in `data`, proven authentic. Raise SealBroken if it is not authentic."""
    if len(data) < HEADER_SIZE or record_size(data) != len(data):
        raise SealBroken("no record of a system card")
    payload = unseal(aes, keys, HEADER_SIZE, data)
    _, _, issuer, _, issue, riding, _ = struct.unpack_from(_HEADER, data)
    head = struct.unpack_from(_HEAD, payload)
    rides_at = _HEAD_SIZE + head[-1] * _METER_SIZE
    if head[-1] > METERS_LIMIT or rides_at + riding > len(payload):
        raise SealBroken("wrong number of meters")
    meters = []
    for place in range(head[-1]):
        number, tenant, count, issuer_key, statement = struct.unpack_from(
            _METER, payload, _HEAD_SIZE + place * _METER_SIZE
        )
        meters.append(
            SoldMeter(
                number,
                tenant & (1 << _VERSION_SHIFT) - 1,
                tenant >> _VERSION_SHIFT,
                count & (1 << _PRODUCT_SHIFT) - 1,
                count >> _PRODUCT_SHIFT,
                issuer_key,
                statement,
            )
        )
    credit = join48(*head[2:4]), join48(*head[4:6]), head[6], head[7]
    money = head[8].decode(), head[9], head[10:13]
    record = SystemRecord(issuer, issue, head[0:2], credit, money, head[13], meters)
    record.riding = payload[rides_at : rides_at + riding]
    return record


def blocks_for(sales: "Sequence[CardSale]") -> list:
    """Return the sales in the groups that blocks hold: up to BLOCK_SALES of one issue in each."""
    groups: list = []
    for sale in sales:
        if not groups or len(groups[-1]) == BLOCK_SALES or groups[-1][0].issue != sale.issue:
            groups.append([])
        groups[-1].append(sale)
    return groups


def seal_sales(aes: "Aes", keys: "KeyPair", issuer: int, sales: "Sequence[CardSale]") -> bytes:
    """Return the block, SALES_BLOCK_SIZE bytes, of sales of one issue whose numbers follow each other."""
    header = struct.pack(_SALES_HEADER, _SALES_MARK, issuer << 4 | len(sales), sales[0].issue, sales[0].number)
    payload = b""
    for sale in sales:
        payload += struct.pack(
            _SALE,
            sale.meter,
            sale.count & 0xFFFF,
            sale.count >> 16,
            sale.paid & 0xFFFF,
            sale.paid >> 16,
            sale.time_code,
        )
    return seal(aes, keys, header, payload + bytes(BLOCK_SALES * _SALE_SIZE - len(payload)))


def open_sales(aes: "Aes", keys: "KeyPair", data: bytes) -> list:
    """Return the sales in a block, proven authentic. Raise SealBroken if it is not authentic."""
    if len(data) != SALES_BLOCK_SIZE or data[0] != _SALES_MARK or not 0 < data[1] & 0x0F <= BLOCK_SALES:
        raise SealBroken("no block of sales")
    payload = unseal(aes, keys, _SALES_HEADER_SIZE, data)
    _, _, issue, first = struct.unpack_from(_SALES_HEADER, data)
    sales = []
    for place in range(data[1] & 0x0F):
        meter, count, count_top, paid, paid_top, code = struct.unpack_from(_SALE, payload, place * _SALE_SIZE)
        sales.append(CardSale(first + place, meter, count | count_top << 16, paid | paid_top << 16, code, issue))
    return sales


async def read_record(memory: "Memory") -> bytes | None:
    """Return the sealed record of the card, not yet proven, or None. Raises CardError or ReaderError."""
    start = bytearray(HEADER_SIZE)
    await memory.read(RECORD_AT, start)
    size = record_size(start)
    if not size:
        return None
    data = bytearray(size)
    await memory.read(RECORD_AT, data)
    return bytes(data)


async def read_blocks(memory: "Memory", size: int) -> list:
    """Return the bytes of each block of sales, torn or not. Raises CardError or ReaderError.

    `size` is that of the record in front of them.
    """
    blocks = []
    for place in range(blocks_of(size)):
        data = bytearray(SALES_BLOCK_SIZE)
        await memory.read(sales_at(size) + place * SALES_BLOCK_SIZE, data)
        blocks.append(bytes(data))
    return blocks


async def write_block(memory: "Memory", size: int, place: int, block: bytes) -> None:
    """Write a block of sales and read it back. `size` is that of the record in front of the blocks.

    Raises CardError ("changed") if the card reads back something else, CardError or ReaderError.
    """
    await purse.write_and_verify(memory, sales_at(size) + place * SALES_BLOCK_SIZE, block)


async def write_record(memory: "Memory", sealed: bytes) -> None:
    """Write the record, the blank blocks behind it, and the box that marks the card; for the office.

    The mark comes last: a card that was torn is no system card, and the office writes it again.
    """
    await memory.write(0, bytes(RECORD_AT))
    await purse.write_and_verify(memory, RECORD_AT, sealed + bytes(_CAPACITY - RECORD_AT - len(sealed)))
    await purse.write_orders(memory, purse.SYSTEM, 0, b"")
