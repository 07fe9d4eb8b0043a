"""A commissioned meter in its world, and a station that writes cards for it: the start of scenario tests."""

from boards.host.cards.classic import ClassicCard
from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from boards.host.world.world import FIRST_S, World
from tests.cards import desfire_bench
from tests.cards.formatted_card import format_card
from tests.samples import flat_tariff
from wattpurse.app import Meter
from wattpurse.cards import key_card as key_cards
from wattpurse.cards import purse
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.messages import token
from wattpurse.core.messages.service_pass import make_service_pass
from wattpurse.core.seals import keys

METER = 4711
OTHER_METER = 4712
PIN = "135790"
VENDING_KEY = b"vending key 0001"
SITE_KEY = b"site key 0000001"
METER_KEY = keys.meter_key(aes, VENDING_KEY, METER)


def commissioned_world(
    contract: str = "prepaid-money", load_w: int = 2_000, begin_s: int = FIRST_S, meter: int = METER, tariff=None
) -> World:
    """Return a world whose meter works, without credit yet, in a house with a constant load.

    It begins at `begin_s`. The meter has the number `meter` and the tariff `tariff` (bytes), by default a flat one.
    """
    world = World(Meter, begin_s)
    world.household.constant_w = load_w
    world.household.update()
    world.run_until(lambda: world.meter is not None, 10)
    world.meter.stores.test_flash = lambda by_records: ()  # it takes time, and has tests of its own
    table = flat_tariff() if tariff is None else tariff
    meter_key = keys.meter_key(aes, VENDING_KEY, meter)
    words = ("commission", str(meter), meter_key.hex(), SITE_KEY.hex(), "1000", contract, PIN, table.hex())
    answer = world.type_line(" ".join(words))
    if not answer[0].startswith("commissioned"):
        raise ValueError(answer[0])
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, 10):
        raise ValueError("the meter did not start")
    return world


def copy_of(world: World, seed: int = 1) -> World:
    """Return another world, in which a meter with the same flash has just got power."""
    copy = World(Meter, world.now_s(), True, bytearray(world.hardware.flash.memory), seed)
    copy.household.constant_w = world.household.constant_w
    copy.household.update()
    copy.hardware.relay.contact_closed = world.hardware.relay.contact_closed
    if not copy.run_until(lambda: copy.account is not None, 10):
        raise ValueError("the meter did not start")
    return copy


def sealed(sequence: int, kind: int, *fields, meter: int = METER, tenant: int = 0) -> bytes:
    """Return a token for the meter, as the station seals it."""
    pair = keys.token_keys(aes, keys.meter_key(aes, VENDING_KEY, meter))
    return token.seal_token(aes, pair, 1, meter, sequence, *token.make(kind, *fields), tenant)


def sealed_credit(sequence: int, amount: int, kind: int = token.CREDIT_MONEY) -> bytes:
    """Return a credit token for the meter."""
    return sealed(sequence, kind, amount)


class Station:
    """Writes and reads cards as the vending station does, with a reader of its own."""

    def __init__(self):
        self._clock = VirtualClock()
        self._chip = Mfrc522Model(self._clock)
        chip = self._chip
        self._reader = Mfrc522(chip.spi, chip.select, chip.reset, chip.irq, self._clock)
        self._keys_of_uid = purse.classic_keys_of(aes, SITE_KEY, True)

    def customer_card(self, kind: str, tokens: bytes, meter: int = METER):
        """Return a new card for a customer of the meter, with these sealed tokens on it."""
        is_classic = kind == "classic-1k"
        card = ClassicCard(b"\x11\x22\x33\x44") if is_classic else UltralightCard(kind, b"\x04\x55\x66\x77\x11\x99\xaa")
        if is_classic:
            format_card(card, SITE_KEY)
        self.write(card, tokens, meter)
        return card

    def write(self, card, tokens: bytes, meter: int = METER):
        """Write these sealed tokens onto a customer's card, in place of the old ones."""
        self._with_card(card, self._at_memory(lambda memory: purse.write_orders(memory, purse.CUSTOMER, meter, tokens)))

    def statement(self, card, meter: int = METER) -> dict | None:
        """Return the newest authentic statement on the card."""
        pair = keys.statement_keys(aes, keys.statement_key(aes, keys.meter_key(aes, VENDING_KEY, meter)), card.uid)
        return self._with_card(card, self._at_memory(lambda memory: purse.read_statement(memory, aes, pair)))

    def service_card(self, technician: int, expires_s: int, meters: tuple = (METER,)):
        """Return a technician's card for these meters of the site."""
        card = UltralightCard("ntag213", b"\x04\x55\x66\x77\x11\x99\xab")
        sealed_for = [(number, keys.meter_key(aes, VENDING_KEY, number)) for number in meters]
        content = make_service_pass(aes, card.uid, technician, expires_s, sealed_for)
        self._with_card(card, self._at_memory(lambda memory: purse.write_orders(memory, purse.SERVICE, 0, content)))
        return card

    def key_card(self, kind: str, uid: bytes, content):
        """Return a new key card that says `content` (core.money.key_card.CardContent)."""
        if kind == DESFIRE:
            return desfire_bench.key_card_chip(content, SITE_KEY, VENDING_KEY, uid)
        card = ClassicCard(uid) if kind == "classic-1k" else UltralightCard(kind, uid)
        if kind == "classic-1k":
            format_card(card, SITE_KEY)
        self._with_card(card, self._at_memory(lambda memory: purse.write_orders(memory, purse.KEY_CARD, 0, b"")))
        pair = keys.key_card_keys(aes, SITE_KEY, uid)
        self._with_card(card, self._at_memory(lambda memory: key_cards.write(memory, aes, pair, 0, content)))
        return card

    def on_key_card(self, card):
        """Return the content of a key card."""
        if card.kind == DESFIRE:
            return desfire_bench.content_of(card.desfire)
        pair = keys.key_card_keys(aes, SITE_KEY, card.uid)
        return self._with_card(card, self._at_memory(lambda memory: key_cards.read(memory, aes, (pair,))))[1]

    def _at_memory(self, step):
        async def opened(identity):
            return await step(await open_card(self._reader, identity, self._keys_of_uid))

        return opened

    def _with_card(self, card, action):
        async def main():
            await self._reader.start()
            return await action(await self._reader.find_card())

        self._chip.field.insert(card)
        try:
            return self._clock.run(main())
        finally:
            self._chip.field.remove(card)


def copy_of_card(card, seed: int):
    """Return a copy of the card. `seed` decides the content after a torn write."""
    copy = from_image(card.image())
    copy.seed(seed)
    return copy
