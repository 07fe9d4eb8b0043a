"""A sale onto a customer's card: the plan of it, and the token that goes onto the card.

The token of a sale follows from the sale and the unit's keys alone: sealing it again gives the same bytes. So a sale
that was cut off is finished with the same token, and a meter redeems it once however often it is written.

Tokens that the newest statement on the card proves as redeemed make room. All others stay on the card. Tokens of the
office that ride along on the system card, such as a new tariff, go onto the card in front of the token of a sale.
"""

from wattpurse.cards import purse
from wattpurse.core.currency import MICROUNIT_DIGITS
from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import WINDOW, count_of, issuer_of, number_of
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.dispenser.book import BookRefused, Sale
from wattpurse.dispenser.system_card import PRODUCT_MONEY

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory
    from wattpurse.dispenser.book import Book
    from wattpurse.dispenser.system_card import SoldMeter, SystemRecord
    from wattpurse.hal import Aes

_MILLION = 1_000_000
_VERSION_SHIFT = 24
_TENANT_MASK = (1 << _VERSION_SHIFT) - 1
_CREDIT_LIMIT = (1 << 32) - 1


class CustomerCard:
    """A customer's card that was read: its `uid`, the `meter` of the unit that it is for, its sealed `tokens`.

    `tokens` are those that no statement proves as redeemed. `riding` are tokens of the office that the card shall take
    along if it has room.
    """

    def __init__(self, uid: bytes, meter: "SoldMeter", tokens: list, capacity: int, riding: list) -> None:
        self.uid = uid
        self.meter = meter
        self.tokens = tokens
        self.capacity = capacity
        self.riding = riding

    @property
    def number(self) -> int:
        """The number of the card."""
        return card_number(self.uid)

    def has_room(self, size: int = token.CREDIT_TOKEN_SIZE) -> bool:
        """Return True if a further token of that size fits."""
        return sum([len(one) for one in self.tokens]) + size <= self.capacity

    def take_riding(self) -> None:
        """Take the riding tokens along, as far as they leave room for a credit. A meter redeems them first."""
        for sealed in self.riding:
            if self.has_room(len(sealed) + token.CREDIT_TOKEN_SIZE):
                self.tokens.append(sealed)
        self.riding = []


async def read_customer(aes: "Aes", memory: "Memory", uid: bytes, record: "SystemRecord", book: "Book") -> CustomerCard:
    """Return the customer's card on the reader. The book learns the count and the time that its statement proves.

    Raise BookRefused for another card, CardError or ReaderError.
    """
    box = await purse.read_orders(memory)
    if box is not None and box.kind == purse.KEY_CARD:
        raise BookRefused("key card")  # the office alone loads these: see docs/dispenser.md
    if box is None or box.kind != purse.CUSTOMER:
        raise BookRefused("not a customer's")
    meter = record.meter(box.meter_number)
    if meter is None:
        raise BookRefused("meter not here")
    pair = keys.statement_keys(aes, meter.statement_key, uid)
    statement = await purse.read_statement(memory, aes, pair)
    windows = {}
    if statement is not None and statement["meter_number"] == meter.number:
        windows = statement["windows"]
        if record.issuer in windows:
            book.raise_count(meter.number, windows[record.issuer][0])
        book.note_time(statement["time_s"])
    for sealed in purse.split_tokens(box.content):
        _learn_count(aes, book, record.issuer, meter, sealed)
    waiting = [one for one in purse.split_tokens(box.content) if not _is_redeemed(one, windows)]
    riding = [one for one in purse.split_tokens(record.riding) if _is_for(one, meter.number, windows)]
    riding = [one for one in riding if one not in waiting]
    return CustomerCard(uid, meter, waiting, purse.layout_of(memory.kind).content_size, riding)


def plan(book: "Book", record: "SystemRecord", card: CustomerCard, paid: int) -> Sale:
    """Return the next sale to a card, over `paid` units of money. Raise BookRefused if it cannot be made."""
    book.refuse_sale(paid)
    if paid > record.most:
        raise BookRefused("too much")
    if not card.has_room():
        raise BookRefused("card is full")
    meter = card.meter
    credit = paid
    if meter.product != PRODUCT_MONEY:
        price = record.prices[meter.product - 1]
        if not price:
            raise BookRefused("no price")
        credit = micro_units(paid, record.decimals) * _MILLION // price
    if not 0 < credit <= _CREDIT_LIMIT:
        raise BookRefused("too little" if credit <= 0 else "too much")
    owner = meter.tenant | meter.key_version << _VERSION_SHIFT
    counted = book.next_count(meter.number), meter.product
    return Sale(book.last_sale + 1, meter.number, counted, paid, credit, owner, card.number)


async def write(aes: "Aes", memory: "Memory", card: CustomerCard, sale: Sale, record: "SystemRecord") -> None:
    """Write the token of a sale onto its card, unless it is there already, and read it back.

    Raise BookRefused if the card has no room any more, CardError or ReaderError.
    """
    sealed = seal(aes, card.meter, sale, record)
    if sealed in card.tokens:
        return
    # A token of the same number that older keys sealed would only take room.
    number = number_of(record.issuer, sale.count)
    card.tokens = [one for one in card.tokens if _number_on(one) != number]
    if not card.has_room():
        raise BookRefused("card is full")
    card.take_riding()
    await purse.write_orders(memory, purse.CUSTOMER, sale.meter, b"".join(card.tokens + [sealed]))


def seal(aes: "Aes", meter: "SoldMeter", sale: Sale, record: "SystemRecord") -> bytes:
    """Return the token of a sale: the same bytes each time."""
    kind, amount = token.CREDIT_ENERGY, sale.credit
    if sale.product == PRODUCT_MONEY:
        kind, amount = token.CREDIT_MONEY, micro_units(sale.credit, record.decimals)
    pair = keys.token_keys(aes, meter.issuer_key)
    number = number_of(record.issuer, sale.count)
    tenant, version = sale.owner & _TENANT_MASK, sale.owner >> _VERSION_SHIFT
    kind, body = token.make(kind, amount)
    return token.seal_token(aes, pair, version, sale.meter, number, kind, body, tenant)


def micro_units(units: int, decimals: int) -> int:
    """Return money in micro-units."""
    return units * 10 ** (MICROUNIT_DIGITS - decimals)


def _learn_count(aes: "Aes", book: "Book", issuer: int, meter: "SoldMeter", sealed: bytes) -> None:
    """Continue behind an authentic token of this unit: an older image of the flash may not know it."""
    header = token.read_header(sealed)
    if header is None or header[0] != meter.number or issuer_of(header[1]) != issuer:
        return
    if count_of(header[1]) <= book.counts.get(meter.number, 0):
        return
    try:
        token.open_token(aes, keys.token_keys(aes, meter.issuer_key), sealed)
    except SealBroken:
        return
    book.raise_count(meter.number, count_of(header[1]))


def _is_for(sealed: bytes, meter: int, windows: dict) -> bool:
    """Return True if a riding token is for a meter, and no statement proves that it is used."""
    header = token.read_header(sealed)
    return header is not None and header[0] == meter and not _is_redeemed(sealed, windows)


def _number_on(sealed: bytes) -> int:
    """Return the token number in a header, or 0 for other data."""
    header = token.read_header(sealed)
    return 0 if header is None else header[1]


def _is_redeemed(sealed: bytes, windows: dict) -> bool:
    """Return True if a statement proves that a token is used: its number is marked, or older than the window."""
    header = token.read_header(sealed)
    if header is None or issuer_of(header[1]) not in windows:
        return header is None
    top, window = windows[issuer_of(header[1])]
    behind = top - count_of(header[1])
    return behind >= WINDOW or (behind >= 0 and bool(window >> behind & 1))
