"""Key cards pulled out, garbled and written back, and power cuts, at every frame and flash operation of a payment.

A case is a meter of the contract key-card, two cards with prices and allowances of their own, and some minutes. In
these the cards arrive and leave, pay, are topped up, and now and then are replaced by an older image of themselves. The
second card is often a DESFire card, of which nobody can make an image. The reader of every fourth sweep is in the room,
and every second fault there is one of its wire: cut at any place of a frame, for long, or noisy.
Now and then so many other cards pass through the slot that the account's list has no place for the two. One fault or
two fall on a frame or a flash operation of one look. A book notes the sum loaded on each card, and for each
charge the card that has to pay it. At no time may a card have paid more than its charges. At the end, for each card,
the sum paid and the sum that the meter still claims are exactly its charges. Without a card, supply is on no longer
than the grace.
"""

import random as randoms

from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.images import from_image
from boards.host.chips.power import PowerCut
from tests import samples
from tests.proof import frame_faults
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import START_S, SmallMeter
from tests.proof.tap_readers import WIRE_FAULTS, OwnReader, RoomOverWire
from tests.services.desk_bench import METER, METER_KEY, SITE_KEY, DeskBoard, Station, parts_of_desk
from wattpurse.cards import key_card as cards_on_reader
from wattpurse.core.money import key_card, supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.money.ledger_records import STANDING
from wattpurse.services.card_desk import PERIOD_MS, CardDesk
from wattpurse.services.key_slot import SHORTEST_GRACE_MS

NAME = "key-cards"
ABOUT = "key card pulled, garbled or rolled back and meter cut off at every frame and flash operation of a payment"
SHORT_CASES = 120
LONG_CASES = 5_000

_FAULTS = (
    "none",
    "lift",
    "lift in write",
    "silence",
    "flip to card",
    "flip from card",
    "cut",
    "flash cut",
    "lift and flash cut",
    "hang",
    "brown-out",
)
_UIDS = (b"\x11\x22\x33\x44", b"\x04\x99\x66\x77\x11\x98\xaa")
_STEPS = (3_000, 10_000)
_STEP_MWH = 10_000
_PRICES = (0, 120_000, 300_000, 999_999)
_MOST_PULSES = 600
_ROUNDS = 7
_FRAMES_OF_A_LOOK = 24
_PIECES_OF_A_LOOK = 20
_SWEEPS_OF_A_ROOM = 4
_FLASH_OPERATIONS_OF_A_LOOK = 10
_PASSERS_BY = 12


def run_case(seed: int, tally):
    """Play two cards, one meter and one fault."""
    random = randoms.Random(f"{NAME} {seed}")
    fault = _FAULTS[seed % len(_FAULTS)]
    sweep = seed // len(_FAULTS)
    in_room = sweep % _SWEEPS_OF_A_ROOM == _SWEEPS_OF_A_ROOM - 1
    story = _Story(random, tally, in_room)
    faulty_round = random.randrange(1, _ROUNDS)
    try:
        for number in range(_ROUNDS):
            if number == faulty_round:
                story.spoil(fault, sweep)
            story.live_a_round()
        story.end()
    finally:
        story.close()
    tally.cases += 1
    tally.add("readers_in_the_room", in_room)


class _Held:
    """One card of the book: the sum loaded, the charges, the free energy, and the part of it unknown to the card."""

    def __init__(self, card, content):
        self.card = card
        self.loaded = content.loaded
        self.content = content
        self.to_pay = 0
        self.free_mwh = 0
        self.forgettable_mwh = 0
        self.since_look = 0
        self.since_look_mwh = 0
        self.images = []


class _Story:
    def __init__(self, random, tally, in_room):
        self._random = random
        self._tally = tally
        account = Account(samples.flat_tariff(), 3_200, 1, KeyCard, START_S)
        account.terms.set("card_step_microunits", random.choice(_STEPS))
        account.terms.set("card_step_mwh", _STEP_MWH)
        account.terms.set("card_grace_s", random.choice((0, 2, 5)))
        self._meter = SmallMeter(random, account, METER, METER_KEY, SITE_KEY)
        self._reader = RoomOverWire(self._meter.clock, random) if in_room else OwnReader(self._meter.clock)
        self._in_room = in_room
        self._model = self._reader.model
        self._take_desk()
        self._station = Station()
        self._book = {}
        for user, uid in enumerate(_UIDS, 1):
            kind = "classic-1k" if user == 1 else random.choice((*cards_on_reader.KINDS[1:], DESFIRE, DESFIRE))
            tally.add("desfire_cards", kind == DESFIRE)
            content = key_card.CardContent(
                1,
                random.choice((0, 15_000, 10**6)),
                0,
                random.choice(_PRICES),
                (
                    random.choice((0, 25_000, 10**6)),
                    random.choice((key_card.NO_ALLOWANCE, key_card.DAY, key_card.WEEK, key_card.MONTH)),
                    0,
                    0,
                ),
                user,
            )
            self._book[user] = _Held(self._station.new_key_card(kind, content, uid), content)
        self._own = 0
        self._in = None
        self._gone_us = 0
        self._seen = self._observed()
        self._fault_came = False

    @property
    def _account(self):
        return self._meter.ledger.account

    def live_a_round(self):
        """Insert a card, let it pay for some time, and remove it. Between rounds the station and cheats have it."""
        user = self._random.choice((1, 1, 2))
        held = self._book[user]
        if self._random.random() < 0.3:
            self._top_up(held)
        card = held.card
        is_old = bool(held.images) and self._random.random() < 0.15
        if is_old:
            card = from_image(self._random.choice(held.images))
        if card.kind != DESFIRE:  # nobody can make an image of such a card
            held.images.append(held.card.image())
        before = self._station.key_card(card)
        self._insert(held, card)
        self._pay()
        self._remove()
        if is_old and self._was_taken_up(card, before.version):
            # It is at most one write behind. This image lives on, without the sums loaded since it was made.
            held.card = card
            held.loaded = before.loaded
        self._check_card(user)
        if self._random.random() < 0.3:
            self._let_others_pass()
        if self._random.random() < 0.15:
            self._restart()
        self._let_pass(self._random.choice((0, 1, 3, 26)))
        if self._random.random() < 0.2:
            self._let_pass(26)
            self._meter.clock.advance_us(self._random.choice((3_600, 86_400, 8 * 86_400)) * 1_000_000)
            self._guarded(lambda: self._use(0))

    def spoil(self, fault, sweep):
        """Plan a fault for a frame or flash operation of one of the coming looks."""
        if fault == "none":
            return
        if self._in_room and sweep // _SWEEPS_OF_A_ROOM % 2:
            return self._spoil_wire(sweep)
        frame = 1 + (sweep * 5 + self._random.randrange(5)) % (3 * _FRAMES_OF_A_LOOK)
        bits = tuple(self._random.sample(range(40), self._random.choice((1, 2, 5))))
        frame_faults.plan(self._model, fault, frame, bits, self._random)
        if "flash" in fault:
            depth, damage = self._random.randrange(1001), self._random.choice(("none", "page"))
            self._meter.flash.faults.plan_cut(1 + sweep % (3 * _FLASH_OPERATIONS_OF_A_LOOK), depth, damage)
        self._fault_came = True
        self._tally.faults += 1 + ("and" in fault)
        self._tally.add(fault.replace(" ", "_").replace("-", "_"))

    def _spoil_wire(self, sweep):
        """Plan a fault of the wire to the room for a frame of one of the coming looks."""
        fault = self._random.choice(WIRE_FAULTS)
        self._reader.plan(fault, 1 + (sweep * 3 + self._random.randrange(3 * _PIECES_OF_A_LOOK)))
        self._fault_came = True
        self._tally.faults += 1
        self._tally.add(fault.replace(" ", "_"))

    def close(self):
        """End the life of the meter."""
        if self._in_room:
            self._tally.add("wire_cuts_that_came", self._reader.line.cuts)
        self._reader.close()

    def end(self):
        """Insert every card once more without faults, and check all sums."""
        self._reader.heal()
        self._let_pass(self._reader.looks_to_recover)
        self._meter.flash.faults.operations_to_cut = None
        self._model.field._plan.clear()
        for user, held in self._book.items():
            self._insert(held, held.card)
            self._let_pass(3)
            self._remove()
            self._check_card(user)
            self._let_pass(26)
            self._check_whole(user)
        self._check_account()
        self._meter.start()
        self._check_account()

    def _pay(self):
        """Look some times, with some use before each look."""
        for _ in range(self._random.randrange(2, 7)):
            self._let_pass(1)
            if self._is_on():
                self._guarded(lambda: self._use(self._random.randrange(_MOST_PULSES)))

    def _was_taken_up(self, card, version_before):
        """Return True if the meter has read the card and goes on with it. Its last write may not have reached the card.

        A card that took the place of another between two looks has not been read.
        """
        content = self._station.key_card(card)
        known = self._account.cards.find(key_card.card_number(card.uid))
        if known is None:
            return False
        said = content.version, content.spent
        was_written = content.version > version_before
        return said == (known.version, known.spent) or (was_written and known.is_behind(*said))

    def _is_attended(self):
        """Return True if the last look found the inserted card, and the card was good."""
        return any(visit.is_in_slot and not visit.is_bad and not visit.looks_missed for visit in self._visits())

    def _visits(self):
        uid = self._book[self._in].card.uid if self._in is not None else None
        return [visit for seen, visit in self._desk._visits.items() if seen == uid]

    def _use(self, pulses):
        self._meter.ledger.advance(self._meter.timekeeper.now_s(), pulses)

    def _let_others_pass(self):
        """Let genuine cards of other users pass through the slot, with nothing to pay, until the list is full of them.

        Their numbers are given to the ledger, because a reader would show the same at each of them.
        """
        self._end_grace()
        empty = key_card.CardContent(1, 0, 0, 0, (0, key_card.NO_ALLOWANCE, 0, 0), 0)
        for number in range(self._random.randrange(_PASSERS_BY)):
            self._guarded(lambda number=number: self._meter.ledger.take_card(number, empty, START_S))
        self._tally.add("times_the_list_was_full", self._account.cards.next_to_leave is not None)
        self._end_grace()

    def _end_grace(self):
        """Let so much time pass without energy that the card that was in the slot is gone, for the desk too."""
        self._let_pass(3)
        self._meter.clock.advance_us(26 * PERIOD_MS * 1000)
        self._guarded(self._latch)

    def _let_pass(self, looks):
        """Let the desk look some times, and decide about supply after each look."""
        for _ in range(looks):
            if self._guarded(self._look) and self._is_attended():
                self._book[self._in].since_look = self._book[self._in].since_look_mwh = 0
            self._meter.clock.advance_us(PERIOD_MS * 1000)
            self._guarded(self._latch)
            self._is_on()

    def _look(self):
        self._reader.look(self._desk)

    def _latch(self):
        for name, value in supply.latches(self._account, self._circumstances()):
            self._meter.ledger.set_number(STANDING, name, value, self._meter.timekeeper.now_s())

    def _is_on(self):
        """Return True if supply is on. Without a card it may be on no longer than the grace."""
        is_on = supply.decide(self._account, supply.ON, self._circumstances()) == supply.ON
        grace_us = max(SHORTEST_GRACE_MS, self._account.terms["card_grace_s"] * 1000) * 1000
        if is_on and not self._model.field.cards and self._meter.clock.now_us - self._gone_us > grace_us + 1000:
            raise Broken(BROKEN_RULES, f"supply is on {self._meter.clock.now_us - self._gone_us} us without a card")
        return is_on

    def _circumstances(self):
        circumstances = Circumstances(self._meter.timekeeper.now_s())
        circumstances.card = self._slot.card()
        return circumstances

    def _guarded(self, step):
        """Perform a step, and enter its charges for the card that had to pay. Return False if the power failed."""
        payer = self._payer()
        completed = True
        try:
            step()
        except PowerCut:
            completed = False
            self._restart(payer)
        self._enter(payer)
        self._note_pulled()
        return completed

    def _payer(self):
        user = self._account.cards.user if self._account.standing["card_in"] else None
        return user if user in self._book else None

    def _observed(self):
        account = self._account
        return account.money.charged, account.registers.total_mwh

    def _enter(self, payer):
        charged, total_mwh = self._observed()
        charge, energy_mwh = charged - self._seen[0], total_mwh - self._seen[1]
        self._seen = charged, total_mwh
        if payer is None:
            self._own += charge
            return
        held = self._book[payer]
        held.to_pay += charge
        held.since_look += charge
        held.since_look_mwh += energy_mwh
        if held.content.price and not charge:
            held.free_mwh += energy_mwh

    def _insert(self, held, card):
        self._in = held.content.user
        held.forgettable_mwh += _STEP_MWH + held.since_look_mwh
        self._model.field.insert(card)

    def _remove(self):
        for card in list(self._model.field.cards):
            self._model.field.remove(card)
            self._gone_us = self._meter.clock.now_us
        self._in = None

    def _note_pulled(self):
        """Note that a fault has pulled the card out: at its frame, which was less than a look ago."""
        if self._in is not None and not self._model.field.cards:
            self._in = None
            self._gone_us = self._meter.clock.now_us

    def _top_up(self, held):
        amount = self._random.randrange(1, 10**6)
        self._station.top_up_key_card(held.card, amount)
        held.loaded += amount

    def _restart(self, payer=None):
        self._reader.power_cut()
        self._meter.start_until_it_lasts(self._random, self._tally)
        self._take_desk()

    def _take_desk(self):
        meter = self._meter
        parts = parts_of_desk(DeskBoard(self._reader.take(), meter.clock), meter)
        self._slot = parts["key_slot"]
        self._desk = CardDesk(show_outcome=bool, **parts)

    def _check_card(self, user):
        """Check that the sum loaded is on the card, and that the card has neither paid too much nor fallen behind."""
        held = self._book[user]
        content = self._station.key_card(held.card)
        if content is None:
            raise Broken(LOST, f"card {user} cannot be read any more")
        if content.loaded != held.loaded:
            raise Broken(LOST, f"card {user}: loaded {held.loaded}, the card says {content.loaded}")
        if content.spent > held.to_pay:
            raise Broken(DOUBLED, f"card {user} paid {content.spent} of {held.to_pay}")
        behind = held.to_pay - content.spent
        if not self._fault_came and behind > self._account.terms["card_step_microunits"] + held.since_look:
            raise Broken(BROKEN_RULES, f"card {user} is {behind} behind, {held.since_look} used since the last look")
        self._tally.at_most("behind_microunits", behind)
        free_limit_mwh = held.forgettable_mwh + self._periods(held) * held.content.allowance_mwh
        if held.free_mwh > free_limit_mwh:
            raise Broken(BROKEN_RULES, f"card {user} had {held.free_mwh} mWh free of {free_limit_mwh}")

    def _periods(self, held):
        """Return the largest number of allowance periods that can have begun."""
        if held.content.period == key_card.NO_ALLOWANCE:
            return 0
        zone = self._account.tariff.zone
        first, last = (
            key_card.period_number(held.content.period, zone.day(time_s))
            for time_s in (START_S, self._meter.timekeeper.now_s())
        )
        return last - first + 1

    def _check_whole(self, user):
        """Check at the end that the sum paid and the sum claimed from the card are its charges."""
        held = self._book[user]
        content = self._station.key_card(held.card)
        known = self._account.cards.find(key_card.card_number(held.card.uid))
        owed = 0 if known is None else known.owed
        if content.spent + owed != held.to_pay:
            what = LOST if content.spent + owed < held.to_pay else DOUBLED
            raise Broken(what, f"card {user} paid {content.spent} and owes {owed}, not {held.to_pay} together")
        if owed >= self._account.terms["card_step_microunits"]:
            raise Broken(BROKEN_RULES, f"card {user} still owes {owed}")

    def _check_account(self):
        money = self._account.money
        to_pay = sum(held.to_pay for held in self._book.values())
        if (money.bought, money.balance) != (to_pay, -self._own):
            raise Broken(LOST, f"bought {money.bought}, cards had to pay {to_pay}, balance {money.balance}")
