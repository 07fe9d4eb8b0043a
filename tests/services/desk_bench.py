"""A card desk on a bench: reader model, driver, teller and ledger of one meter, and a station that writes its cards."""

from boards.host.cards.classic import ClassicCard
from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.flash import FlashModel
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.cards import desfire_bench
from tests.cards.formatted_card import format_card
from tests.samples import NEW_YEAR_S, new_account
from tests.services.small_stores import SmallStores
from wattpurse.cards import key_card as key_cards
from wattpurse.cards import purse
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.messages import token
from wattpurse.core.money import key_card
from wattpurse.core.seals import keys
from wattpurse.services.card_desk import PERIOD_MS, CardDesk
from wattpurse.services.key_slot import KeySlot
from wattpurse.services.statements import Statements
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper

METER = 1002
VENDING_KEY = b"vending key 0001"
SITE_KEY = b"site key 0000001"
METER_KEY = keys.meter_key(aes, VENDING_KEY, METER)
CLASSIC_UID = b"\x11\x22\x33\x44"
PAGES_UID = b"\x04\x55\x66\x77\x11\x99\xaa"
AMOUNT = 20_000_000
SECTORS = 48


def sealed(sequence=1, amount=AMOUNT, meter=METER):
    pair = keys.token_keys(aes, keys.meter_key(aes, VENDING_KEY, meter))
    return token.seal_token(aes, pair, 1, meter, sequence, *token.make(token.CREDIT_MONEY, amount))


class TimeSource:
    """A clock chip's driver that is always right."""

    def __init__(self, clock):
        self._clock = clock

    def read(self):
        return NEW_YEAR_S + 3600 + self._clock.now_us // 1_000_000


class Station:
    """Writes and reads cards as the vending station does, with a reader of its own."""

    def __init__(self):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)

    def on_card(self, card, action):
        """Return the result of `action(memory)` with the card on the reader."""
        self.model.field.insert(card)
        try:
            return self.clock.run(self._opened(action))
        finally:
            self.model.field.remove(card)

    async def _opened(self, action):
        await self.reader.start()
        identity = await self.reader.find_card()
        return await action(await open_card(self.reader, identity, purse.classic_keys_of(aes, SITE_KEY, True)))

    def write(self, card, content, kind=purse.CUSTOMER, meter=METER):
        self.on_card(card, lambda memory: purse.write_orders(memory, kind, meter, content))

    def new_card(self, kind, content=b"", order_kind=purse.CUSTOMER, meter=METER):
        if kind == "classic-1k":
            card = ClassicCard(CLASSIC_UID)
            format_card(card, SITE_KEY)
        else:
            card = UltralightCard(kind, PAGES_UID)
        self.write(card, content, order_kind, meter)
        return card

    def new_key_card(self, kind, content, uid=None):
        if kind == DESFIRE:
            return desfire_bench.key_card_chip(content, SITE_KEY, VENDING_KEY, uid or PAGES_UID)
        card = ClassicCard(uid or CLASSIC_UID) if kind == "classic-1k" else UltralightCard(kind, uid or PAGES_UID)
        if kind == "classic-1k":
            format_card(card, SITE_KEY)
        self.write(card, b"", purse.KEY_CARD, 0)
        self.write_key_card(card, content)
        return card

    def write_key_card(self, card, content):
        """Write the record as the station does: over the older copy."""
        pair = keys.key_card_keys(aes, SITE_KEY, card.uid)

        async def write(memory):
            place, _ = await key_cards.read(memory, aes, (pair,))
            await key_cards.write(memory, aes, pair, 1 - place, content)

        self.on_card(card, write)

    def key_card(self, card):
        """Return the content of the key card, or None."""
        if card.kind == DESFIRE:
            return desfire_bench.content_of(card.desfire)
        pair = keys.key_card_keys(aes, SITE_KEY, card.uid)
        return self.on_card(card, lambda memory: key_cards.read(memory, aes, (pair,)))[1]

    def top_up_key_card(self, card, amount):
        if card.kind == DESFIRE:
            return desfire_bench.load(card.desfire, amount)
        content = self.key_card(card)
        content.loaded += amount
        content.version += 1
        self.write_key_card(card, content)

    def statement(self, card):
        pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), card.uid)
        return self.on_card(card, lambda memory: purse.read_statement(memory, aes, pair))


def key_content(loaded=AMOUNT, price=300_000, allowance_mwh=0, period=key_card.NO_ALLOWANCE, user=12):
    """Return the content of a new key card."""
    return key_card.CardContent(1, loaded, 0, price, (allowance_mwh, period, 0, 0), user)


class DeskBoard:
    """The devices of a board that a card desk uses."""

    def __init__(self, reader, clock, rest=bool):
        self.reader = reader
        self.clock = clock
        self.rest = rest
        self.aes = aes
        self._bits = RandomBits(1)

    def random_bytes(self, count):
        return bytes([self._bits(8) for _ in range(count)])


def parts_of_desk(board, meter, supply_reason=lambda: None):
    """Return the parts of a CardDesk but `show_outcome`. `meter` has stores, timekeeper and teller."""
    stores, timekeeper = meter.stores, meter.timekeeper
    return {
        "board": board,
        "stores": stores,
        "timekeeper": timekeeper,
        "teller": meter.teller,
        "statements": Statements(stores, timekeeper, aes, supply_reason),
        "key_slot": KeySlot(stores, timekeeper, board.clock, aes),
    }


class DeskBench:
    """One meter's card desk. `outcomes` are those that it showed, its statements have `supply_reason`."""

    supply_reason = None

    def new_meter(self, meter_key=METER_KEY, site_key=SITE_KEY, number=METER):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.field = self.model.field
        self.flash = FlashModel(self.clock, SECTORS, RandomBits(1))
        self._build()
        self.settings.create()
        self.settings.set_all((("meter_number", number), ("meter_key", meter_key), ("site_key", site_key)))
        self.events.create()
        self.ledger.create(new_account())
        self._begin()

    def restart(self):
        """Power comes back, without a card on the reader: everything in memory is new."""
        self.clock.abandon()
        self.model.power_cut()
        for card in list(self.field.cards):
            self.field.remove(card)
        self.flash.faults.operations_to_cut = None
        self._build()
        self.ledger.open()
        self.settings.open()
        self.events.open()
        self._begin()

    def _build(self):
        self.stores = SmallStores(self.flash, (0, 4), (8, 4), (16, 8), (40, 4), (32, 4))
        self.settings, self.events, self.ledger = self.stores.settings, self.stores.events, self.stores.ledger
        self.timekeeper = TimeKeeper(TimeSource(self.clock), self.clock)
        self.teller = Teller(self.stores, self.timekeeper, aes)

    def _begin(self):
        self.timekeeper.start(self.ledger.account.time_s, NEW_YEAR_S + 10**8)
        self.teller.take_keys()
        model = self.model
        reader = Mfrc522(model.spi, model.select, model.reset, model.irq, self.clock)
        self.outcomes = []
        self.rests = []
        self.new_desk(reader)

    def new_desk(self, reader):
        parts = parts_of_desk(DeskBoard(reader, self.clock, self.rests.append), self, lambda: self.supply_reason)
        self.slot, self.statements = parts["key_slot"], parts["statements"]
        self.desk = CardDesk(show_outcome=self.outcomes.append, **parts)

    @property
    def balance(self):
        return self.ledger.account.money.balance

    def look(self, times=1):
        for _ in range(times):
            self.clock.run(self.desk.serve_one_look())
            self.clock.advance_us(PERIOD_MS * 1000)

    def tap(self, card):
        """Put the card on the reader for two looks, and return the outcomes shown."""
        self.outcomes.clear()
        self.field.insert(card)
        self.look(2)
        self.field.remove(card)
        self.look(2)
        return list(self.outcomes)
