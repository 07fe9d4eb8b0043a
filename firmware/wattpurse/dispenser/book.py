"""The book of a dispensing unit: its sales, token numbers and credit, in a journal of the same code as a meter's.

A sale is in the book before its token is on a card. It is owed to that card until the token was read back there. A
unit that was cut off finishes it onto the same card, with the same token, and it is never made twice.

The state is the unit's key, the newest issue of the system card, the sum and number that the office has settled, the
sales behind that one, the sales that are owed to a card, and the newest token count of each meter. The credit that is
left is `allowed` less the settled sum and the sales behind it. Counts, sales and the settled sum are on the system card
too. The higher count holds, and sales that the card has and the flash has not are taken over, so that an older image of
either does not sell a number twice. If both are old, only the office can find it, when the sales come home.

Records, at most 27 bytes:

    SALE      number u24, meter u32, count u28 and product u4, paid u24, credit u32, owner u32, card u32 (see `Sale`)
    DONE      number u24: the token is on the card
    ISSUE     issue u16, time u32, allowed u48, settled number u32, settled sum u48
    COUNT     meter u32, count u32
    TAKEN     number u24, meter u32, count u24, paid u24, time u16, issue u16: a sale that only the card had
    TIME      u32

Money is in units of the currency's last decimal.
"""

import struct

from wattpurse.core.journal.journal import Journal
from wattpurse.core.money.key_card import join48, split48
from wattpurse.dispenser.system_card import COUNT_LIMIT, CardSale, time_code

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.dispenser.system_card import SystemRecord
    from wattpurse.hal import Flash

RING = 8
SALES_LIMIT = 64
OWED_LIMIT = 8
METERS_LIMIT = 128
KEY_SIZE = 16

_SALE_RECORD = 1
_DONE_RECORD = 2
_ISSUE_RECORD = 3
_COUNT_RECORD = 4
_TAKEN_RECORD = 5
_TIME_RECORD = 6

_SALE = "<HBIIHBIII"
_DONE = "<HB"
_ISSUE = "<HIIHIIH"
_COUNT = "<II"
_TAKEN = "<HBIHBHBHH"
_TIME = "<I"

_FORMAT = 1
_HEAD = "<BB16sHIIHIIHBBB"
_HEAD_SIZE = struct.calcsize(_HEAD)
_COUNT_BITS = 28
_COUNT_MASK = (1 << _COUNT_BITS) - 1
_NUMBER_LIMIT = (1 << 24) - 1


class Sale:
    """A sale: its `number`, the `meter` and its token `count`, `product`, money `paid`, `credit`, `owner`, `card`.

    `counted` is (count, product). `credit` is money in units, or energy in mWh. `owner` is the tenant, and the key
    version from bit 24 on. `card` is the number of the card that the token is for (`key_card.card_number`).
    """

    def __init__(self, number: int, meter: int, counted: tuple, paid: int, credit: int, owner: int, card: int) -> None:
        self.number = number
        self.meter = meter
        self.count, self.product = counted
        self.paid = paid
        self.credit = credit
        self.owner = owner
        self.card = card

    def pack(self) -> bytes:
        """Return the record of the sale."""
        return struct.pack(
            _SALE,
            *_split24(self.number),
            self.meter,
            self.count | self.product << _COUNT_BITS,
            *_split24(self.paid),
            self.credit,
            self.owner,
            self.card,
        )

    @classmethod
    def unpack(cls, data: bytes, position: int = 0) -> "Sale":
        """Return the sale of a record."""
        low, high, meter, counted, paid_low, paid_high, credit, owner, card = struct.unpack_from(_SALE, data, position)
        counts = counted & _COUNT_MASK, counted >> _COUNT_BITS
        return cls(low | high << 16, meter, counts, paid_low | paid_high << 16, credit, owner, card)


class BookRefused(Exception):
    """The book does not take a step: `reason` is a short word for the display."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Book:
    """The book on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`."""

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._forget()

    def _forget(self) -> None:
        self.issuer = 0
        self.key = bytes(KEY_SIZE)
        self.issue = 0
        self.time_s = 0
        self.allowed = 0
        self.settled_sale = 0
        self.settled_sum = 0
        self.sales: list = []
        self.owed: list = []
        self.counts: dict = {}

    @property
    def last_sale(self) -> int:
        """The number of the newest sale."""
        return self.settled_sale + len(self.sales)

    @property
    def sold(self) -> int:
        """The money of all sales since the unit was new."""
        return self.settled_sum + sum([sale.paid for sale in self.sales])

    @property
    def left(self) -> int:
        """The money for which the unit may still sell."""
        return self.allowed - self.sold

    def open(self) -> None:
        """Recover the book, and make a state firm that a power cut left doubtful.

        Raise ring.JournalBlank, slots.JournalUnreadable, ValueError or OSError.
        """
        self._forget()
        snapshot, entries = self._journal.recover()
        self._load(snapshot)
        for kind, payload in entries:
            self._apply(kind, payload)
        self._journal.make_firm()

    def create(self, issuer: int, key: bytes) -> None:
        """Begin the book of a new unit in blank flash. Raise ValueError if the flash is not blank.

        A creation that power cut off is made anew: nothing was sold yet.
        """
        if self._journal.opened:
            raise ValueError("this unit is set up already")
        if self._journal.is_without_log():
            self._journal.erase()
        self._forget()
        self.issuer, self.key = issuer, key
        self._journal.create()
        self._journal.mark_firm()

    def next_count(self, meter: int) -> int:
        """Return the token count of the next sale to a meter."""
        return self.counts.get(meter, 0) + 1

    def owed_to(self, card: int) -> "Sale | None":
        """Return the oldest sale that is owed to a card, or None."""
        for sale in self.owed:
            if sale.card == card:
                return sale
        return None

    def sell(self, sale: Sale) -> None:
        """Write a sale, durable on return. It is owed to its card then. Raise BookRefused or OSError."""
        self.refuse_sale(sale.paid)
        if sale.number != self.last_sale + 1:
            raise BookRefused("number")
        self._refuse_count(sale)
        self._write(_SALE_RECORD, sale.pack())

    def refuse_sale(self, paid: int) -> None:
        """Raise BookRefused if a sale over this money cannot be made now."""
        if not 0 < paid <= self.left:
            raise BookRefused("no credit left")
        if len(self.sales) >= SALES_LIMIT or self.last_sale >= _NUMBER_LIMIT:
            raise BookRefused("report first")
        if len(self.owed) >= OWED_LIMIT:
            raise BookRefused("cards owed")

    def done(self, sale: Sale) -> None:
        """Note that the token of a sale is on its card."""
        self._write(_DONE_RECORD, struct.pack(_DONE, *_split24(sale.number)))

    def raise_count(self, meter: int, count: int) -> None:
        """Continue behind a count that a card or a statement knows. A lower one changes nothing."""
        if count > self.counts.get(meter, 0) and (meter in self.counts or len(self.counts) < METERS_LIMIT):
            self._write(_COUNT_RECORD, struct.pack(_COUNT, meter, count))

    def note_time(self, time_s: int) -> None:
        """Raise the lower bound of the time."""
        if time_s > self.time_s:
            self._write(_TIME_RECORD, struct.pack(_TIME, time_s))

    def accept(self, record: "SystemRecord", on_card: list) -> None:
        """Take over an authentic record of the office and the sales in the blocks of its card.

        Raise BookRefused, with no change, for an older issue, or if card and book contradict each other.
        """
        self._refuse(record, on_card)
        if record.issue > self.issue:
            sums = split48(record.allowed) + (record.settled_sale,) + split48(record.settled_sum)
            self._write(_ISSUE_RECORD, struct.pack(_ISSUE, record.issue, record.made_s, *sums))
        for one in record.meters:
            self.raise_count(one.number, one.count)
        for sale in on_card:
            if sale.number > self.last_sale:
                self._write(
                    _TAKEN_RECORD,
                    struct.pack(
                        _TAKEN,
                        *_split24(sale.number),
                        sale.meter,
                        *_split24(sale.count),
                        *_split24(sale.paid),
                        sale.time_code,
                        sale.issue,
                    ),
                )

    def sales_behind(self, settled_sale: int) -> list:
        """Return the sales behind the one that a card calls settled, as its blocks have them."""
        return [sale for sale in self.sales if sale.number > settled_sale]

    def _refuse_count(self, sale: Sale) -> None:
        if sale.count != self.next_count(sale.meter) or sale.count > COUNT_LIMIT:
            raise BookRefused("number")
        if sale.meter not in self.counts and len(self.counts) >= METERS_LIMIT:
            raise BookRefused("too many meters")

    def _refuse(self, record: "SystemRecord", on_card: list) -> None:
        if record.issuer != self.issuer:
            raise BookRefused("other unit")
        if record.issue < self.issue:
            raise BookRefused("old card")
        if record.settled_sale < self.settled_sale or record.settled_sum < self.settled_sum:
            raise BookRefused("sums differ")
        settled = [sale for sale in self.sales if sale.number <= record.settled_sale]
        is_whole = self.settled_sale + len(settled) == record.settled_sale
        if is_whole and self.settled_sum + sum([sale.paid for sale in settled]) != record.settled_sum:
            raise BookRefused("sums differ")
        known = {sale.number: sale for sale in self.sales}
        expected = record.settled_sale + 1
        for sale in on_card:
            if sale.number != expected:
                raise BookRefused("sales differ")
            expected += 1
            if sale.number in known and known[sale.number].facts() != sale.facts():
                raise BookRefused("sales differ")
        if expected - 1 - record.settled_sale > SALES_LIMIT:
            raise BookRefused("sales differ")

    def _write(self, kind: int, payload: bytes) -> None:
        """Write a record that every start finds, and apply it."""
        self._journal.append_firmly(kind, payload)
        self._apply(kind, payload)

    def _apply(self, kind: int, payload: bytes) -> None:
        if kind == _SALE_RECORD:
            self._apply_sale(Sale.unpack(payload))
        elif kind == _DONE_RECORD:
            low, high = struct.unpack_from(_DONE, payload)
            self.owed = [sale for sale in self.owed if sale.number != low | high << 16]
        elif kind == _ISSUE_RECORD:
            self._apply_issue(struct.unpack_from(_ISSUE, payload))
        elif kind == _COUNT_RECORD:
            self._raise(*struct.unpack_from(_COUNT, payload))
        elif kind == _TAKEN_RECORD:
            low, high, meter, count, count_top, paid, paid_top, code, issue = struct.unpack_from(_TAKEN, payload)
            count, paid = count | count_top << 16, paid | paid_top << 16
            self.sales.append(CardSale(low | high << 16, meter, count, paid, code, issue))
            self._raise(meter, count)
        elif kind == _TIME_RECORD:
            self.time_s = max(self.time_s, struct.unpack_from(_TIME, payload)[0])

    def _apply_sale(self, sale: Sale) -> None:
        self.sales.append(CardSale(sale.number, sale.meter, sale.count, sale.paid, time_code(self.time_s), self.issue))
        self.owed.append(sale)
        self._raise(sale.meter, sale.count)

    def _apply_issue(self, fields: tuple) -> None:
        self.issue = fields[0]
        self.time_s = max(self.time_s, fields[1])
        self.allowed = max(self.allowed, join48(*fields[2:4]))
        self.settled_sale = fields[4]
        self.settled_sum = join48(*fields[5:7])
        self.sales = [sale for sale in self.sales if sale.number > self.settled_sale]

    def _raise(self, meter: int, count: int) -> None:
        self.counts[meter] = max(self.counts.get(meter, 0), count)

    def _snapshot(self) -> bytes:
        out = struct.pack(
            _HEAD,
            _FORMAT,
            self.issuer,
            self.key,
            self.issue,
            self.time_s,
            *split48(self.allowed),
            self.settled_sale,
            *split48(self.settled_sum),
            len(self.sales),
            len(self.owed),
            len(self.counts),
        )
        parts = [out]
        for sale in self.sales:
            parts.append(
                struct.pack(
                    _TAKEN,
                    *_split24(sale.number),
                    sale.meter,
                    *_split24(sale.count),
                    *_split24(sale.paid),
                    sale.time_code,
                    sale.issue,
                )
            )
        for sale in self.owed:
            parts.append(sale.pack())
        for meter in sorted(self.counts):
            parts.append(struct.pack(_COUNT, meter, self.counts[meter]))
        return b"".join(parts)

    def _load(self, data: bytes) -> None:
        if len(data) < _HEAD_SIZE or data[0] != _FORMAT:
            raise ValueError("the book has a format that is not known")
        fields = struct.unpack_from(_HEAD, data)
        _, self.issuer, self.key, self.issue, self.time_s = fields[:5]
        self.allowed = join48(*fields[5:7])
        self.settled_sale = fields[7]
        self.settled_sum = join48(*fields[8:10])
        sales, owed, counts = fields[10:]
        sizes = struct.calcsize(_TAKEN), struct.calcsize(_SALE), struct.calcsize(_COUNT)
        if len(data) != _HEAD_SIZE + sales * sizes[0] + owed * sizes[1] + counts * sizes[2]:
            raise ValueError("the book ends early")
        at = _HEAD_SIZE
        for _ in range(sales):
            self._apply(_TAKEN_RECORD, data[at : at + sizes[0]])
            at += sizes[0]
        for _ in range(owed):
            self.owed.append(Sale.unpack(data, at))
            at += sizes[1]
        for _ in range(counts):
            self._raise(*struct.unpack_from(_COUNT, data, at))
            at += sizes[2]


def _split24(value: int) -> tuple:
    return value & 0xFFFF, value >> 16
