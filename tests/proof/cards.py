"""Cards torn away, garbled, copied and rewritten, and power cuts, at every frame and flash operation of a tap.

A case is one card, one story around it, and one or two faults during one tap, through the real reader driver on the
chip model. Seeds sweep the kinds of card, and for each kind every fault at every frame. The station's list of its sales
decides. After the faults and one more ordinary tap, every token on a card is redeemed once, nothing else is redeemed,
and no statement ever showed credit that the ledger does not hold. In every sixth sweep the reader is in the room, and
every second fault there is one of its wire, which is cut at any place of any frame, for long, or noisy.
"""

import random as randoms

from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests.proof import frame_faults
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import SmallMeter
from tests.proof.tap_readers import WIRE_FAULTS, OwnReader, RoomOverWire
from tests.services.desk_bench import METER, METER_KEY, SITE_KEY, VENDING_KEY, DeskBoard, Station, parts_of_desk, sealed
from wattpurse.cards import purse
from wattpurse.core.messages import token
from wattpurse.core.seals import keys
from wattpurse.services.card_desk import PERIOD_MS, CardDesk

NAME = "cards"
ABOUT = "card lifted, garbled or copied and meter cut off at every frame and flash operation of a tap"
SHORT_CASES = 500
LONG_CASES = 20_000

_SECOND_UID = b"\x04\x99\x66\x77\x11\x98\xaa"
_OTHER_METER = METER + 1
_FRAME_FAULTS = ("lift", "lift in write", "silence", "flip to card", "flip from card", "cut")
_FAULTS = _FRAME_FAULTS + ("flash cut", "lift and flash cut", "cut and flash cut", "hang", "brown-out")
_LOOKS = 3
_SWEEPS_OF_A_ROOM = 6
_PULSES_OF_A_KWH = 3_200
_PRICE_OF_A_KWH = 250_000


def run_case(seed: int, tally):
    """Play one card, one story and one fault."""
    random = randoms.Random(f"{NAME} {seed}")
    kind = purse.KINDS[seed % len(purse.KINDS)]
    fault = _FAULTS[seed // len(purse.KINDS) % len(_FAULTS)]
    sweep = seed // len(purse.KINDS) // len(_FAULTS)
    in_room = sweep % _SWEEPS_OF_A_ROOM == _SWEEPS_OF_A_ROOM - 1
    story = _Story(random, kind, tally, in_room)
    try:
        story.before()
        if in_room and sweep // _SWEEPS_OF_A_ROOM % 2:
            story.spoil_wire(sweep + random.randrange(100))
        else:
            story.spoil(fault, sweep * 7 + random.randrange(7))
        story.tap_with_fault()
        story.check_statements()
        story.after()
        story.ordinary_taps()
        story.check_all()
    finally:
        story.close()
    tally.cases += 1
    tally.add("readers_in_the_room", in_room)


class _Place:
    """One meter with its desk, and its reader, which may be in the room."""

    def __init__(self, random, number, in_room=False):
        key = keys.meter_key(aes, VENDING_KEY, number)
        self.meter = SmallMeter(random, number=number, meter_key=key, site_key=SITE_KEY)
        self.reader = RoomOverWire(self.meter.clock, random) if in_room else OwnReader(self.meter.clock)
        self.model = self.reader.model
        self.outcomes = []
        self.take_desk()

    @property
    def account(self):
        return self.meter.ledger.account

    def take_desk(self):
        """Make a desk over the present parts of the meter."""
        meter = self.meter
        parts = parts_of_desk(DeskBoard(self.reader.take(), meter.clock), meter)
        self.desk = CardDesk(show_outcome=self.outcomes.append, **parts)

    def look(self, times):
        """Look for cards some times."""
        for _ in range(times):
            self.reader.look(self.desk)
            self.meter.clock.advance_us(PERIOD_MS * 1000)

    def tap(self, cards):
        """Bring cards, serve them, and take them away."""
        for card in cards:
            self.model.field.insert(card)
        self.look(_LOOKS)
        for card in cards:
            self.model.field.remove(card)
        self.look(2)


class _Story:
    """The tokens sold, the cards, and the actions on them."""

    def __init__(self, random, kind, tally, in_room):
        self._random = random
        self._tally = tally
        self._in_room = in_room
        self._place = _Place(random, METER, in_room)
        self._station = Station()
        self._sold = {}
        self._card = self._station.new_card(kind, self._sell())
        self._others = []
        self._old_image = None
        self._at_stake = []
        self._way = random.choice(_WAYS)

    def before(self):
        """Act before the tap with the fault."""
        if self._random.random() < 0.5:
            self._place.tap([self._card])
            self._old_image = self._card.image()
            self._station.write(self._card, self._sell())
        if self._way in ("clone", "clone tapped at once", "clone elsewhere"):
            self._others = [from_image(self._card.image())]
        elif self._way in ("two cards", "swapped"):
            self._others = [UltralightCard("ntag216", _SECOND_UID)]
            self._station.write(self._others[0], self._sell())
        elif self._way == "limit":
            limit = sum(self._sold.values()) + 1
            self._place.meter.ledger.change(lambda account: account.terms.set("credit_limit_microunits", limit))
        if self._way == "clone":
            self._place.tap(self._others)
        self._at_stake = self._tokens_on(self._card)

    def spoil(self, fault, place):
        """Plan the fault for frame or flash operation number `place` of the tap."""
        frames, operations = self._dry_run()
        frame = 1 + place % frames
        bits = tuple(self._random.sample(range(40), self._random.choice((1, 2, 2, 5))))
        frame_faults.plan(self._place.model, fault, frame, bits, self._random)
        if "flash" in fault:
            depth, damage = self._random.randrange(1001), self._random.choice(("none", "page"))
            at = 1 + self._random.randrange(operations) if fault != "flash cut" else 1 + place % operations
            self._place.meter.flash.faults.plan_cut(at, depth, damage)
        self._tally.faults += 1 + ("and" in fault)
        self._tally.add(fault.replace(" ", "_").replace("-", "_"))

    def spoil_wire(self, place):
        """Plan a fault of the wire to the room for frame number `place` of the tap."""
        fault = self._random.choice(WIRE_FAULTS)
        self._place.reader.plan(fault, 1 + place % self._dry_run_of_wire())
        self._tally.faults += 1
        self._tally.add(fault.replace(" ", "_"))

    def close(self):
        """End the life of the meter."""
        if self._in_room:
            self._tally.add("wire_cuts_that_came", self._place.reader.line.cuts)
        self._place.reader.close()

    def tap_with_fault(self):
        """Tap, and start anew if the power failed."""
        place = self._place
        cards = [self._card] + (self._others if self._way in ("two cards", "clone tapped at once") else [])
        try:
            place.tap(cards)
        except PowerCut:
            self._restart()
        place.meter.flash.faults.operations_to_cut = None
        place.model.field._plan.clear()
        for card in list(place.model.field.cards):
            place.model.field.remove(card)
        place.reader.heal()
        place.look(place.reader.looks_to_recover)

    def after(self):
        """Act between the fault and the ordinary tap."""
        if self._way == "old image" and self._old_image is not None:
            restored = from_image(self._old_image)
            self._place.tap([restored])
            self._others = [restored]
        elif self._way == "swapped":
            self._swap_orders()
        elif self._way == "topped up again":
            unredeemed = [data for data in self._tokens_on(self._card) if not self._is_used(data)]
            room = purse.layout_of(self._card.kind).content_size
            content = b"".join(unredeemed) + self._sell()
            self._station.write(self._card, content if len(content) <= room else b"".join(unredeemed))
        elif self._way == "clone elsewhere":
            self._tap_elsewhere()
        elif self._way == "limit":
            self._place.meter.ledger.change(lambda account: account.terms.set("credit_limit_microunits", 0))

    def ordinary_taps(self):
        """Use a kWh, then tap every card once, undisturbed."""
        meter = self._place.meter
        meter.ledger.advance(meter.timekeeper.now_s(), _PULSES_OF_A_KWH)
        for card in [self._card] + self._others:
            self._place.tap([card])

    def check_statements(self):
        """Check that no statement on a card lists a token that the ledger has not redeemed."""
        for card in [self._card] + self._others:
            shown = self._statement(card)
            if shown is None:
                continue
            for sequence in range(max(1, shown["windows"][0][0] - 63), shown["windows"][0][0] + 1):
                redeemed = shown["windows"][0][1] >> shown["windows"][0][0] - sequence & 1
                if redeemed and not self._place.account.token_is_used(sequence):
                    raise Broken(LOST, f"{self._way}: the card says that token {sequence} is redeemed, it is not")

    def check_all(self):
        """Check that the money on cards, in the meter and charged is the money sold, and that every card is correct."""
        account = self._place.account
        redeemed = sum(amount for data, amount in self._sold.items() if self._is_used(data))
        if account.money.bought != redeemed:
            what = DOUBLED if account.money.bought > redeemed else LOST
            raise Broken(what, f"{self._way}: bought {account.money.bought}, tokens redeemed {redeemed}")
        if (account.money.charged, account.money.balance) != (_PRICE_OF_A_KWH, redeemed - _PRICE_OF_A_KWH):
            raise Broken(LOST, f"{self._way}: {redeemed} bought, charged {account.money.charged}")
        for card in [self._card] + self._others:
            left = [data for data in self._tokens_on(card) if data in self._sold and not self._is_used(data)]
            if left:
                raise Broken(
                    LOST, f"{self._way}: {len(left)} tokens are still on the card, outcomes {self._place.outcomes}"
                )
        if not all(self._is_used(data) for data in self._at_stake):
            raise Broken(LOST, f"{self._way}: a token is neither redeemed nor on its card any more")
        shown = self._statement(self._card)
        if shown is not None and shown["balance"] != account.money.balance and self._card not in self._others:
            if not self._others:
                raise Broken(BROKEN_RULES, f"{self._way}: statement {shown['balance']}, meter {account.money.balance}")
        elif shown is None and purse.layout_of(self._card.kind).statement_offsets:
            raise Broken(BROKEN_RULES, f"{self._way}: no statement on the card, outcomes {self._place.outcomes}")
        self._place.meter.start()
        if self._place.account.money.bought != redeemed:
            raise Broken(LOST, f"{self._way}: after a restart bought is {self._place.account.money.bought}")

    def _restart(self):
        place = self._place
        place.reader.power_cut()
        place.meter.start_until_it_lasts(self._random, self._tally)
        place.take_desk()

    def _dry_run(self):
        """Count the frames and flash operations of the tap, on a copy of card and meter with a reader of its own."""
        copy = self._copy()
        before = copy.meter.flash.programs + sum(copy.meter.flash.erases)
        copy.model.field.insert(from_image(self._card.image()))
        copy.look(_LOOKS)
        operations = copy.meter.flash.programs + sum(copy.meter.flash.erases) - before
        return copy.model.field.frames, max(1, operations)

    def _dry_run_of_wire(self):
        """Count the frames on the wire of the tap, on a copy of card, meter and room."""
        copy = self._copy(in_room=True)
        copy.look(1)
        before = copy.reader.line.pieces
        copy.model.field.insert(from_image(self._card.image()))
        copy.look(_LOOKS)
        copy.reader.close()
        return copy.reader.line.pieces - before

    def _copy(self, in_room=False):
        """Return a copy of the meter."""
        copy = _Place(self._random, METER, in_room)
        copy.meter.flash.memory[:] = self._place.meter.flash.memory
        copy.meter.clock.now_us = self._place.meter.clock.now_us
        copy.meter.start()
        copy.take_desk()
        return copy

    def _tap_elsewhere(self):
        """Tap the copied card at another meter of the same site. It buys nothing there."""
        other = _Place(self._random, _OTHER_METER)
        other.tap(self._others)
        if other.account.money.bought or other.account.tokens.top():
            raise Broken(DOUBLED, f"a copied card bought {other.account.money.bought} at another meter")

    def _swap_orders(self):
        """Write the order boxes of one card into the pages of the other. Classic cards need a key for that."""
        other = self._others[0]
        box = self._station.on_card(self._card, purse.read_orders)
        room = purse.layout_of(other.kind).content_size
        mine = self._station.on_card(other, purse.read_orders).content
        self._station.write(other, box.content[:room])
        kept = purse.layout_of(self._card.kind).content_size
        self._station.write(self._card, (box.content + mine)[:kept] if len(box.content + mine) <= kept else box.content)

    def _statement(self, card):
        if not purse.layout_of(card.kind).statement_offsets:
            return None
        pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), card.uid)
        return self._station.on_card(card, lambda memory: purse.read_statement(memory, aes, pair))

    def _tokens_on(self, card):
        return list(purse.split_tokens(self._station.on_card(card, purse.read_orders).content))

    def _is_used(self, data):
        return self._place.account.token_is_used(token.read_header(data)[1])

    def _sell(self):
        """Sell a new token and enter it in the station's list."""
        amount = self._random.randrange(1, 10**8)
        data = sealed(len(self._sold) + 1, amount)
        self._sold[data] = amount
        return data


_WAYS = (
    "plain",
    "two cards",
    "clone",
    "clone tapped at once",
    "clone elsewhere",
    "old image",
    "swapped",
    "topped up again",
    "limit",
)
