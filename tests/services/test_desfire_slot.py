"""Key cards on DESFire in the slots of meters: every command torn, meters restarted, several meters in turn.

Energy comes straight into the ledgers, and the card's commands go straight to its model. At the end of each run the
money that meters have charged is the money that left the card, to the micro-unit, if the meters have nothing owed.
"""

import unittest

from boards.host.cards.iso_dep import IsoDepCard
from tests.cards.desfire_bench import UID, Numbers, Wire, content_of, key_card, load, take_back
from tests.services.desfire_meter import Meter
from tests.services.desk_bench import AMOUNT, SITE_KEY, VENDING_KEY, DeskBench, Station, key_content
from wattpurse.cards.desfire import BOUNDARY
from wattpurse.cards.desfire_key_card import BEGUN, LOWEST_VALUE, PLACES, STATEMENT_FILE, UNIT, VALUE_FILE
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import key_card as contents
from wattpurse.core.money.circumstances import UNUSABLE, USABLE
from wattpurse.core.money.key_card import card_number

PRICE = 300_000
PULSES = 3_200  # a kWh
STEP_PULSES = 107  # a step of the card


def new_card(content=None):
    return Wire(key_card(content or key_content(), SITE_KEY, VENDING_KEY))


class FlippingWire(Wire):
    """A wire on which somebody flips a bit of the last byte of the answer to command `flipped_at`."""

    flipped_at = None

    async def transceive(self, command, meanwhile=None):
        answer = await super().transceive(command, meanwhile)
        if self.commands == self.flipped_at:
            return answer[:-1] + bytes((answer[-1] ^ 1,))
        return answer


class CommittingWire(Wire):
    """A wire on which somebody sends CommitTransaction in the place of command `committed_at`."""

    committed_at = None

    async def transceive(self, command, meanwhile=None):
        if self.commands + 1 == self.committed_at:
            command = b"\xc7"
        return await super().transceive(command, meanwhile)


class TestPaying(unittest.TestCase):
    def setUp(self):
        self.meter = Meter(1)
        self.wire = new_card()

    def test_a_card_pays_by_its_own_price(self):
        self.assertEqual(self.meter.tap(self.wire), outcome.ACCEPTED)
        self.meter.use(PULSES)
        self.assertEqual(self.meter.tap(self.wire), outcome.ACCEPTED)
        content = content_of(self.wire.card)
        self.assertEqual((content.spent, content.loaded, content.version), (PRICE, AMOUNT, 2))
        self.assertEqual((self.meter.charged, self.meter.owed), (PRICE, 0))

    def test_parts_of_a_unit_are_carried(self):
        """Deduct amounts that are no whole units: the sums are exact, and the value is rounded in favour of nobody."""
        meter, wire = self.meter, new_card(key_content(AMOUNT + 7, price=313_337))
        for pulses in (137, 111, 1, 500, 333, 107, 1009):
            meter.tap(wire)
            meter.use(pulses)
        meter.tap(wire)
        content = content_of(wire.card)
        self.assertEqual(content.spent + meter.owed, meter.charged)
        value = wire.card.applications[0x545057].files[VALUE_FILE].value
        self.assertEqual(value, -((content.spent - content.loaded) // UNIT))
        self.assertTrue(content.spent % UNIT)

    def test_allowance_is_used_first(self):
        wire = new_card(key_content(AMOUNT, PRICE, 1_000_000, contents.DAY))
        self.meter.tap(wire)
        self.meter.use(PULSES)
        self.meter.tap(wire)
        content = content_of(wire.card)
        self.assertEqual((content.spent, content.used_mwh), (0, 1_000_000))

    def test_a_meter_of_another_site_is_refused(self):
        stranger = Meter(2, b"other site key 1")
        self.assertEqual(stranger.tap(self.wire), None)
        self.assertEqual(content_of(self.wire.card).version, 1)

    def test_both_keys_of_a_site_work_while_its_key_changes(self):
        self.meter.settings.set_all((("old_site_key", SITE_KEY), ("site_key", b"site key 0000002")))
        self.assertEqual(self.meter.tap(self.wire), outcome.ACCEPTED)

    def test_a_card_that_may_owe_no_more_is_unusable_and_keeps_its_debt(self):
        wire = new_card(key_content(0))
        self.meter.tap(wire)
        self.meter.use(-LOWEST_VALUE * UNIT // PRICE * PULSES + PULSES)
        self.assertEqual(self.meter.tap(wire), None)
        self.assertEqual(wire.log[-1][1], bytes((BOUNDARY,)))
        self.assertEqual(content_of(wire.card).spent, 0)
        wire.card.applications[0x545057].files[VALUE_FILE].lower -= 10_000
        self.assertEqual(self.meter.tap(wire), outcome.ACCEPTED)
        self.assertEqual(content_of(wire.card).spent, self.meter.charged)

    def test_a_deduction_that_the_ledger_cannot_note_is_not_committed(self):
        def fails(content, now_s):
            raise OSError

        self.meter.tap(self.wire)
        self.meter.use(PULSES)
        self.meter.ledger.step_card = fails
        self.assertEqual(self.meter.tap(self.wire), outcome.LEDGER_FAILED)
        del self.meter.ledger.step_card
        self.assertEqual((content_of(self.wire.card).version, content_of(self.wire.card).spent), (1, 0))
        self.assertEqual(self.meter.owed, PRICE)
        self.assertEqual(self.meter.tap(self.wire), outcome.ACCEPTED)
        self.assertEqual((content_of(self.wire.card).spent, self.meter.owed), (PRICE, 0))

    def test_no_commit_follows_an_answer_that_is_not_the_cards(self):
        """Flip a bit of each answer in turn: the commit comes last, and only after all answers are proved."""
        self.meter.tap(self.wire)
        self.meter.use(PULSES)
        before = self.wire.commands
        self.assertEqual(self.meter.tap(self.wire), outcome.ACCEPTED)
        commands = self.wire.commands - before
        self.assertEqual(self.wire.log[-1][0][:1], b"\xc7")
        for flipped in range(2, commands + 1):  # the first answer has no data
            meter, wire = Meter(1), FlippingWire(new_card().card)
            meter.tap(wire)
            meter.use(PULSES)
            begin = len(wire.log)
            wire.flipped_at = wire.commands + flipped
            self.assertEqual(meter.tap(wire), None)
            is_committed = b"\xc7" in [one[0][:1] for one in wire.log[begin:]]
            self.assertEqual(is_committed, flipped == commands, flipped)
            self.assertEqual(meter.tap(wire), outcome.ACCEPTED)
            self.assertEqual((content_of(wire.card).spent, meter.charged, meter.owed), (PRICE, PRICE, 0))

    def test_a_card_of_nobody_is_refused(self):
        del self.wire.card.applications[0x545057]
        self.assertEqual(self.meter.tap(self.wire), None)


class TestTorn(unittest.TestCase):
    """A card that leaves at any command has paid or has not, and its meter finds out which."""

    def commands_of_a_payment(self):
        meter, wire = Meter(1), new_card()
        meter.tap(wire)
        meter.use(PULSES)
        before = wire.commands
        meter.tap(wire)
        return wire.commands - before

    def each_tear(self):
        for command in range(1, self.commands_of_a_payment() + 1):
            for is_after in (False, True):
                for restarts in (False, True):
                    yield command, is_after, restarts

    def torn(self, command, is_after, restarts):
        """Return a meter whose deduction was torn, and the card."""
        meter, wire = Meter(1), new_card()
        meter.tap(wire)
        meter.use(PULSES)
        wire.tear(command, is_after)
        self.assertEqual(meter.tap(wire), None)
        wire.tear(None, False)
        if restarts:
            meter.restart()
        return meter, wire

    def test_the_next_tap_settles_it(self):
        paid = 0
        for tear in self.each_tear():
            meter, wire = self.torn(*tear)
            content = content_of(wire.card)
            self.assertTrue((content.version, content.spent) in ((1, 0), (2, PRICE)))
            paid += content.spent == PRICE
            self.assertEqual(meter.tap(wire), outcome.ACCEPTED)
            content = content_of(wire.card)
            self.assertEqual((content.spent, content.version, meter.owed), (PRICE, 2, 0), tear)
        self.assertEqual(paid, 2)  # the commit that was carried out and not answered, with a restart and without

    def test_other_meters_in_between_hide_nothing(self):
        """Let others deduct the same amounts, so that neither version nor money spent tells whose they are."""
        for others in (1, 2, PLACES - 1):
            for tear in self.each_tear():
                if others > 2 and tear[0] < self.commands_of_a_payment() - 1:
                    continue
                meter, wire = self.torn(*tear)
                charged = 0
                for number in range(others):
                    other = Meter(10 + number)
                    other.tap(wire)
                    other.use(PULSES)
                    self.assertEqual(other.tap(wire), outcome.ACCEPTED)
                    charged += other.charged
                meter.tap(wire)
                meter.use(PULSES)
                meter.tap(wire)
                content = content_of(wire.card)
                self.assertEqual((content.spent, meter.owed), (charged + meter.charged, 0), tear)

    def test_after_too_many_meters_the_deduction_counts_as_made(self):
        """Deduct nothing twice: the most that can be lost is the one torn deduction."""
        for is_after in (False, True):
            meter, wire = self.torn(self.commands_of_a_payment(), is_after, False)
            charged = 0
            for number in range(PLACES):
                other = Meter(10 + number)
                other.tap(wire)
                other.use(PULSES)
                other.tap(wire)
                charged += other.charged
            meter.tap(wire)
            lost = 0 if is_after else PRICE
            self.assertEqual(content_of(wire.card).spent, charged + meter.charged - lost)

    def test_a_top_up_in_between_hides_nothing(self):
        for tear in self.each_tear():
            meter, wire = self.torn(*tear)
            load(wire.card, 1_000_000)
            meter.tap(wire)
            content = content_of(wire.card)
            self.assertEqual((content.spent, content.loaded, meter.owed), (PRICE, AMOUNT + 1_000_000, 0), tear)

    def test_a_void_in_between_hides_nothing(self):
        """Take back the amount of the torn deduction, so that version and money spent do not tell which it was."""
        for amount in (PRICE, 1_000_050):
            for tear in self.each_tear():
                meter, wire = self.torn(*tear)
                take_back(wire.card, amount)
                meter.tap(wire)
                meter.use(PULSES)
                meter.tap(wire)
                content = content_of(wire.card)
                self.assertEqual((content.spent, meter.charged, meter.owed), (2 * PRICE + amount, 2 * PRICE, 0), tear)

    def test_torn_again_and_again(self):
        """Tear every payment at another command, with two meters in turn. Nothing is lost and nothing doubled."""
        meters, wire = [Meter(1), Meter(2)], new_card()
        numbers = Numbers(77)
        for turn in range(150):
            draw = numbers(4)
            meter = meters[draw[0] & 1]
            wire.tear(1 + draw[1] % 18, bool(draw[2] & 1))
            meter.tap(wire, seed=1000 + turn)
            meter.use(draw[3] + 60)
            if draw[2] & 14 == 0:
                meter.restart()
        wire.tear(None, False)
        for meter in meters:
            meter.use(STEP_PULSES)
            self.assertEqual(meter.tap(wire), outcome.ACCEPTED)
        charged = sum([meter.charged for meter in meters])
        own = sum([meter.ledger.account.money.balance for meter in meters])  # energy before a card was met
        owed = sum([meter.owed for meter in meters])
        self.assertEqual(content_of(wire.card).spent + owed - own, charged)

    def test_a_card_that_is_not_there_any_more_pays_nothing(self):
        meter, wire = Meter(1), new_card()
        meter.tap(wire)
        meter.use(PULSES)
        self.assertEqual(content_of(wire.card).spent, 0)
        self.assertEqual(meter.ledger.known_card(card_number(UID)).owed, PRICE)


class TestCommitOfAStranger(unittest.TestCase):
    """Somebody commits a part of a deduction, on a card that asks for no MAC. Nothing is lost and nothing doubled."""

    FIRST_MONEY = 137  # pulses: their price is no whole unit

    def setUp(self):
        self.parts = 0

    def new_card(self):
        return CommittingWire(new_card(key_content(AMOUNT + 7, price=313_337)).card)

    def partly_committed(self, command, restarts=False):
        """Return a meter and a card after a commit in the place of a command, or None after the last command."""
        meter, wire = Meter(1), self.new_card()
        meter.tap(wire)
        meter.use(self.FIRST_MONEY)
        meter.tap(wire)
        meter.use(PULSES)
        before = wire.commands
        wire.committed_at = before + command
        meter.tap(wire)
        if wire.commands < before + command:
            return None
        wire.committed_at = None
        statement = wire.card.applications[0x545057].files[STATEMENT_FILE].data
        self.parts += statement[11] >= BEGUN
        if restarts:
            meter.restart()
        return meter, wire

    def each_commit(self):
        for restarts in (False, True):
            for command in range(1, 100):
                found = self.partly_committed(command, restarts)
                if found is None:
                    break
                yield found

    def assert_paid(self, wire, meters):
        for meter in meters:
            meter.use(STEP_PULSES)
            self.assertEqual(meter.tap(wire), outcome.ACCEPTED)
            self.assertEqual(meter.owed, 0)
        self.assertEqual(content_of(wire.card).spent, sum([meter.charged for meter in meters]))

    def test_the_next_tap_settles_it(self):
        for meter, wire in self.each_commit():
            self.assertEqual(meter.tap(wire), outcome.ACCEPTED)
            self.assert_paid(wire, [meter])
        self.assertEqual(self.parts, 2 * 2)  # in the places of Debit and of the second WriteData

    def test_another_meter_in_between_hides_nothing(self):
        for knows in (False, True):
            for meter, wire in self.each_commit():
                other = Meter(2)
                other.tap(wire)
                other.use(PULSES + knows)
                self.assertEqual(other.tap(wire), outcome.ACCEPTED)
                self.assert_paid(wire, [meter, other])

    def test_a_meter_that_knows_the_card_takes_it(self):
        for command in range(1, 100):
            found = self.partly_committed(command)
            if found is None:
                break
            meter, wire = found
            other = Meter(2)
            for one in (other, meter, other, meter):
                one.use(STEP_PULSES)
                self.assertEqual(one.tap(wire), outcome.ACCEPTED)
                wire.committed_at = wire.commands + command
                one.use(PULSES)
                one.tap(wire)
                wire.committed_at = None
            self.assert_paid_of_two(wire, meter, other)

    def assert_paid_of_two(self, wire, meter, other):
        for one in (meter, other):
            one.use(STEP_PULSES)
            self.assertEqual(one.tap(wire), outcome.ACCEPTED)
        own = sum([one.ledger.account.money.balance for one in (meter, other)])  # energy before a card was met
        owed = meter.owed + other.owed
        self.assertEqual(content_of(wire.card).spent + owed - own, meter.charged + other.charged)


class TestAtTheReader(DeskBench, unittest.TestCase):
    """The whole way: reader model, ISO/IEC 14443-4, desk and slot."""

    def setUp(self):
        self.station = Station()
        self.new_meter()
        self.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))

    def put(self, card):
        self.field.insert(card)
        self.look()
        return card

    def use(self, pulses):
        self.ledger.advance(self.timekeeper.now_s(), pulses)

    def charge_and_balance(self, card):
        return self.ledger.account.money.charged, AMOUNT - self.station.key_card(card).balance

    def test_a_card_in_its_slot_pays_step_by_step_and_rests_in_between(self):
        card = self.put(self.station.new_key_card("desfire", key_content()))
        self.assertEqual((self.outcomes, self.slot.card()), ([outcome.ACCEPTED], USABLE))
        commands = len(card.executed)
        self.look(4)
        self.assertEqual(len(card.executed), commands)
        for _ in range(3):
            self.use(STEP_PULSES)
            self.look(2)
        self.assertEqual(self.charge_and_balance(card), (3 * 10_031, 3 * 10_031))
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
        self.assertEqual(self.model.violations, [])

    def test_pulled_at_every_frame_of_a_payment(self):
        frame = 0
        while True:
            frame += 1
            self.setUp()
            card = self.put(self.station.new_key_card("desfire", key_content()))
            self.use(PULSES)
            before = self.field.frames
            self.model.faults.lift(frame)
            self.look()
            if self.field.frames - before < frame:
                break
            self.look(4)
            self.put(card)
            self.look(2)
            self.assertEqual(self.charge_and_balance(card), (PRICE, PRICE), frame)
        self.assertTrue(frame > 15)

    def test_a_bank_card_is_tried_once_and_does_no_harm(self):
        bank = IsoDepCard(b"\x04\x11\x22\x33\x44\x55\x66", lambda command: b"\x6d\x00")
        self.put(bank)
        self.assertEqual(self.outcomes, [outcome.UNREADABLE])
        tried = len(bank.executed)
        self.look(5)
        self.assertEqual((len(bank.executed), tried), (3, 3))
        self.field.remove(bank)
        self.look(3)
        card = self.put(self.station.new_key_card("desfire", key_content()))
        self.assertEqual((self.outcomes[-1], self.slot.card()), (outcome.ACCEPTED, USABLE))
        self.field.insert(bank)
        self.use(PULSES)
        self.look(2)
        self.assertEqual(self.charge_and_balance(card), (PRICE, PRICE))

    def test_a_card_with_its_uid_and_without_its_keys_pays_nothing_and_is_not_asked_for_ever(self):
        card = self.put(self.station.new_key_card("desfire", key_content()))
        self.field.remove(card)
        self.look(3)
        copy = self.station.new_key_card("desfire", key_content(), card.uid)
        copy.desfire.applications[0x545057].keys[1] = bytes(16)
        self.outcomes.clear()
        self.put(copy)
        self.look(8)
        self.assertEqual(self.outcomes, [outcome.UNREADABLE])
        self.assertEqual([command[:1] for command in copy.executed].count(b"\xaa"), 3)

    def test_a_copy_that_takes_the_place_of_the_card_ends_supply(self):
        card = self.put(self.station.new_key_card("desfire", key_content()))
        copy = self.station.new_key_card("desfire", key_content(), card.uid)
        copy.desfire.applications[0x545057].keys[1] = bytes(16)
        self.field.remove(card)
        self.field.insert(copy)
        self.use(PULSES)
        self.look(24)
        self.assertEqual(self.slot.card(), UNUSABLE)
        self.assertEqual(self.ledger.account.cards.newest.owed, PRICE)

    def test_at_another_contract_it_is_unreadable_as_every_foreign_card(self):
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidMoney))
        card = self.put(self.station.new_key_card("desfire", key_content()))
        self.assertEqual((self.outcomes, card.executed), ([outcome.UNREADABLE], []))


if __name__ == "__main__":
    unittest.main()
