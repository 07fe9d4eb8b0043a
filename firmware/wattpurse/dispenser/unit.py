"""The dispensing unit: a session that a system card opens, sales onto cards, and the report onto the system card.

The keys that make credit are in RAM, from the moment when a system card opens the unit until the session ends. The
flash has the unit's own key, which opens system cards and makes no credit. So a stolen unit makes no credit without a
system card, a stolen card makes none without its unit, and the office revokes the issuer at the meters if both are
gone.

Each step is durable before the next: the sale in the book, the token on the card, the note that it is there.
"""

from wattpurse.cards import purse
from wattpurse.core.seals import dispenser_keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.dispenser import card_sale, system_card
from wattpurse.dispenser.book import BookRefused

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory
    from wattpurse.dispenser.book import Book, Sale
    from wattpurse.dispenser.card_sale import CustomerCard
    from wattpurse.dispenser.system_card import SystemRecord
    from wattpurse.hal import Aes


class Unit:
    """The unit that keeps `book`. `record` is that of the system card which opened it, or None while it is closed."""

    def __init__(self, aes: "Aes", book: "Book") -> None:
        self._aes = aes
        self.book = book
        self.record: SystemRecord | None = None

    def close(self) -> None:
        """End the session. The keys are gone from RAM with the record."""
        self.record = None

    async def take_system_card(self, memory: "Memory", uid: bytes) -> None:
        """Open the unit by a system card, and write the sales onto it.

        Raise BookRefused if the card is not the unit's, contradicts the book or has no room for all sales. Raise
        CardError or ReaderError; the unit is open if its record was read.
        """
        self.close()
        record = await self._read_record(memory, uid)
        blocks = await system_card.read_blocks(memory, record.size)
        on_card = self._sales_in(blocks, uid)
        if self.book.time_s >= record.expires_s:
            raise BookRefused("card expired")
        self.book.accept(record, on_card)
        self.record = record
        await self._report(memory, uid, record, blocks)

    async def read_customer(self, memory: "Memory", uid: bytes) -> "CustomerCard":
        """Return the customer's card on the reader. Raise BookRefused, CardError or ReaderError."""
        return await card_sale.read_customer(self._aes, memory, uid, self._opened(), self.book)

    def plan(self, card: "CustomerCard", paid: int) -> "Sale":
        """Return the next sale to a card, over `paid` units of money. Raise BookRefused if it cannot be made."""
        record = self._opened()
        if self.book.time_s >= record.expires_s:
            raise BookRefused("card expired")
        if len(self.book.sales_behind(record.settled_sale)) >= record.sales_capacity:
            raise BookRefused("report first")
        return card_sale.plan(self.book, record, card, paid)

    async def sell(self, memory: "Memory", card: "CustomerCard", sale: "Sale") -> None:
        """Make a sale and write it onto its card. After an exception of the card it is owed to the card."""
        self.book.sell(sale)
        await self.finish(memory, card, sale)

    async def finish(self, memory: "Memory", card: "CustomerCard", sale: "Sale") -> None:
        """Write the token of a sale that is owed to this card."""
        await card_sale.write(self._aes, memory, card, sale, self._opened())
        self.book.done(sale)

    def _opened(self) -> "SystemRecord":
        if self.record is None:
            raise BookRefused("closed")
        return self.record

    async def _read_record(self, memory: "Memory", uid: bytes) -> "SystemRecord":
        box = await purse.read_orders(memory)
        if memory.kind != system_card.KIND or box is None or box.kind != purse.SYSTEM:
            raise BookRefused("no system card")
        data = await system_card.read_record(memory)
        if data is None:
            raise BookRefused("no system card")
        try:
            return system_card.open_record(
                self._aes, dispenser_keys.system_card_keys(self._aes, self.book.key, uid), data
            )
        except SealBroken:
            raise BookRefused("other unit")

    def _sales_in(self, blocks: list, uid: bytes) -> list:
        """Return the sales in the blocks that are whole, up to the first gap. A torn block is written again."""
        pair = dispenser_keys.system_sales_keys(self._aes, self.book.key, uid)
        sales: list = []
        for block in blocks:
            try:
                sales += system_card.open_sales(self._aes, pair, block)
            except SealBroken:
                break
        return sales

    async def _report(self, memory: "Memory", uid: bytes, record: "SystemRecord", blocks: list) -> None:
        pair = dispenser_keys.system_sales_keys(self._aes, self.book.key, uid)
        groups = system_card.blocks_for(self.book.sales_behind(record.settled_sale))
        if len(groups) > len(blocks):
            raise BookRefused("card is full")
        for place, sales in enumerate(groups):
            block = system_card.seal_sales(self._aes, pair, record.issuer, sales)
            if block != blocks[place]:
                await system_card.write_block(memory, record.size, place, block)
