"""A dispensing unit on a bench: reader model, driver, book in flash, and an office that writes its cards."""

from boards.host.cards.classic import ClassicCard
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.flash import FlashModel
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.cards.formatted_card import format_card
from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.seals import dispenser_keys, keys
from wattpurse.dispenser import system_card
from wattpurse.dispenser.book import Book
from wattpurse.dispenser.unit import Unit

ISSUER = 3
VENDING_KEY = b"vending key 0001"
SITE_KEY = b"site key 0000001"
UNIT_KEY = dispenser_keys.dispenser_key(aes, VENDING_KEY, ISSUER)
METER = 1002
ENERGY_METER = 1003
TENANT = 77
PRICE = 350_000
MADE_S = 1_790_000_000
EXPIRES_S = MADE_S + 90 * 86_400
ALLOWED = 100_000
SYSTEM_UID = b"\x04\x55\x66\x77\x11\x99\xaa"
PAGES_UID = b"\x04\x55\x66\x77\x11\x99\xbb"
CLASSIC_UID = b"\x11\x22\x33\x44"
SECTORS = 4


def sold_meter(number, product=system_card.PRODUCT_MONEY, count=0):
    key_of_meter = keys.meter_key(aes, VENDING_KEY, number)
    issuer_key = keys.issuer_key(aes, key_of_meter, ISSUER)
    return system_card.SoldMeter(number, TENANT, 1, count, product, issuer_key, keys.statement_key(aes, key_of_meter))


def record(issue=1, allowed=ALLOWED, settled=(0, 0), meters=None, most=50_000, expires_s=EXPIRES_S):
    """Return a record of the office. `settled` is (sum, sale)."""
    if meters is None:
        meters = [sold_meter(METER), sold_meter(ENERGY_METER, 1)]
    money = "EUR", 2, (PRICE, 0, 0)
    return system_card.SystemRecord(
        ISSUER, issue, (MADE_S, expires_s), (allowed, settled[0], settled[1], most), money, SITE_KEY, meters
    )


class Bench:
    """One unit. `unit` is its present life, on `flash`, which survives it."""

    def __init__(self, seed=1, key=UNIT_KEY, site_key=SITE_KEY):
        self.key = key
        self.site_key = site_key
        self.clock = VirtualClock()
        self.flash = FlashModel(self.clock, 2 * SECTORS, RandomBits(seed))
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.book = Book(self.flash, 0, SECTORS)
        self.book.create(ISSUER, key)
        self.unit = Unit(aes, self.book)

    def restart(self):
        """Begin another life of the unit on the same flash."""
        self.book = Book(self.flash, 0, SECTORS)
        self.book.open()
        self.unit = Unit(aes, self.book)

    def on_card(self, card, action):
        """Return the result of `action(memory)` with the card on the reader. The site key is that of the station."""
        if card not in self.model.field.cards:
            self.model.field.insert(card)
        try:
            return self.clock.run(self._opened(action))
        finally:
            if card in self.model.field.cards:
                self.model.field.remove(card)

    async def _opened(self, action):
        await self.reader.recover()
        identity = await self.reader.find_card()
        if identity is None:
            raise CardError("silent")
        return await action(await open_card(self.reader, identity, purse.classic_keys_of(aes, self.site_key, True)))

    # The office's side

    def system_card(self, content=None, uid=SYSTEM_UID):
        card = UltralightCard("ntag216", uid)
        self.write_record(card, content or record())
        return card

    def write_record(self, card, content):
        sealed = system_card.seal_record(aes, dispenser_keys.system_card_keys(aes, self.key, card.uid), content)
        self.on_card(card, lambda memory: system_card.write_record(memory, sealed))

    def sales_on(self, card):
        """Return the facts of all sales in the blocks of a system card."""
        pair = dispenser_keys.system_sales_keys(aes, self.key, card.uid)

        async def blocks_of(memory):
            return await system_card.read_blocks(memory, len(await system_card.read_record(memory)))

        blocks = self.on_card(card, blocks_of)
        return [sale.facts() for block in blocks if any(block) for sale in system_card.open_sales(aes, pair, block)]

    def customer(self, kind="ntag215", meter=METER, uid=None, content=b""):
        if kind == "classic-1k":
            card = ClassicCard(uid or CLASSIC_UID)
            format_card(card, SITE_KEY)
        else:
            card = UltralightCard(kind, uid or PAGES_UID)
        self.on_card(card, lambda memory: purse.write_orders(memory, purse.CUSTOMER, meter, content))
        return card

    def tokens_on(self, card):
        box = self.on_card(card, purse.read_orders)
        return purse.split_tokens(box.content)

    # The unit's side

    def open_with(self, card):
        self.on_card(card, lambda memory: self.unit.take_system_card(memory, card.uid))

    def sell(self, card, paid):
        """Sell to a card, or finish a sale that is owed to it. Return the sale."""

        async def steps(memory):
            read = await self.unit.read_customer(memory, card.uid)
            owed = self.book.owed_to(read.number)
            if owed is not None:
                await self.unit.finish(memory, read, owed)
                return owed
            sale = self.unit.plan(read, paid)
            await self.unit.sell(memory, read, sale)
            return sale

        return self.on_card(card, steps)
