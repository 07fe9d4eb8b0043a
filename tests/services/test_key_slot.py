"""Key cards in the slot, with the real reader driver, desk and ledger: the card that pays, deductions, the end.

Each test is a meter of the contract key-card at a desk; time is virtual, energy comes straight into the ledger.
"""

import unittest

from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from tests.samples import KWH
from tests.services.desk_bench import AMOUNT, METER, SITE_KEY, DeskBench, Station, key_content, sealed
from wattpurse.cards import key_card as key_cards
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import key_card, supply
from wattpurse.core.money.circumstances import UNUSABLE, USABLE, Circumstances
from wattpurse.core.records import events
from wattpurse.services.key_slot import SHORTEST_GRACE_MS

PRICE = 300_000
STEP = 10_000
PULSES = 3_200  # a kWh
OTHER_UID = b"\x04\x99\x66\x77\x11\x98\xaa"


class SlotTest(DeskBench, unittest.TestCase):
    def setUp(self):
        self.station = Station()
        self.new_meter()
        self.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))

    def restart(self):
        """Restart after a power cut: everything in memory is new."""
        self.model.power_cut()
        self.ledger.open()
        self.new_desk(Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock))

    @property
    def cards(self):
        return self.ledger.account.cards

    def use(self, pulses):
        self.ledger.advance(self.timekeeper.now_s(), pulses)

    def reason(self):
        """Return the reason of supply, after its consequences were journalled."""
        circumstances = Circumstances(self.timekeeper.now_s())
        circumstances.card = self.slot.card()
        for name, value in supply.latches(self.ledger.account, circumstances):
            self.ledger.set_number(1, name, value, circumstances.now_s)
        return supply.decide(self.ledger.account, supply.ON, circumstances)

    def wait(self, duration_ms):
        for _ in range(duration_ms // 250):
            self.look()
            self.reason()

    def insert(self, card):
        self.field.insert(card)
        self.look()

    def show_empty_cards(self, count):
        """Let so many genuine cards come and go, on which nothing was ever loaded."""
        for number in range(count):
            card = self.station.new_key_card("ntag213", key_content(0), OTHER_UID[:6] + bytes((number,)))
            self.insert(card)
            self.field.remove(card)
            self.wait(1_000)

    def balance_on(self, card):
        self.field.remove(card)
        return self.station.key_card(card).balance


class TestPaying(SlotTest):
    def test_a_card_of_every_kind_pays_by_its_own_price(self):
        for kind in key_cards.KINDS:
            self.setUp()
            card = self.station.new_key_card(kind, key_content())
            self.assertEqual(self.reason(), supply.NO_CARD)
            self.insert(card)
            self.assertEqual((self.outcomes, self.reason()), ([outcome.ACCEPTED], supply.ON))
            self.use(PULSES)
            self.look()
            self.assertEqual(self.ledger.account.credit_balance(), AMOUNT - PRICE)
            self.assertEqual(self.balance_on(card), AMOUNT - PRICE)
            self.assertEqual(self.model.violations, [])

    def test_the_garbage_of_a_payment_is_collected_behind_it_and_before_another_attempt(self):
        self.clock.run(self.desk._tidy_up())
        self.rests.clear()
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.clock.run(self.desk._tidy_up())
        self.assertEqual(self.rests, [True])
        self.look()
        self.clock.run(self.desk._tidy_up())
        self.assertEqual(self.rests, [True, False])
        self.use(PULSES)
        card.program = lambda *_: None
        self.look()
        self.assertEqual(self.rests, [True, False, True, True])
        self.assertTrue(self.desk._has_littered)

    def test_the_meters_own_money_stays_as_it_was(self):
        self.ledger.credit(1, contracts.MONEY, 5_000_000, 0, self.timekeeper.now_s())
        self.insert(self.station.new_key_card("ntag213", key_content()))
        self.use(PULSES)
        money = self.ledger.account.money
        self.assertEqual((money.balance, money.charged), (5_000_000, PRICE))

    def test_it_is_written_when_a_step_is_owed_and_not_before(self):
        card = self.station.new_key_card("classic-1k", key_content())
        self.insert(card)
        writes = card.writes
        step_pulses = STEP * PULSES // PRICE
        self.use(step_pulses)
        self.look(3)
        self.assertEqual(card.writes, writes)
        self.use(1)
        self.look(3)
        self.assertEqual(card.writes, writes + 3)
        self.assertEqual(self.balance_on(card), AMOUNT - self.cards.newest.spent)

    def test_supply_ends_with_the_last_of_it_and_the_card_says_so(self):
        card = self.station.new_key_card("ntag213", key_content(5_000))
        self.insert(card)
        self.use(PULSES // 60)
        self.assertEqual(self.reason(), supply.ON)
        self.use(2)
        self.assertEqual(self.reason(), supply.NO_CREDIT)
        self.look()
        self.assertTrue(-STEP < self.balance_on(card) <= 0)

    def test_a_card_whose_price_is_zero_needs_no_money(self):
        card = self.station.new_key_card("ntag213", key_content(0, price=0))
        self.insert(card)
        self.use(PULSES)
        self.look()
        self.assertEqual((self.reason(), self.balance_on(card)), (supply.ON, 0))

    def test_a_card_can_leave_its_price_to_the_tariff(self):
        self.insert(self.station.new_key_card("ntag213", key_content(price=key_card.BY_TARIFF)))
        self.use(PULSES)
        self.assertEqual(self.ledger.account.credit_balance(), AMOUNT - 250_000)

    def test_energy_without_a_card_is_the_meters_own(self):
        self.use(PULSES)
        self.assertEqual(self.ledger.account.money.balance, -250_000)


class TestAllowance(SlotTest):
    def test_it_comes_first_and_is_whole_again_each_day(self):
        card = self.station.new_key_card("classic-1k", key_content(AMOUNT, PRICE, KWH, key_card.DAY))
        self.insert(card)
        self.use(PULSES)
        self.look()
        self.assertEqual((self.balance_on(card), self.station.key_card(card).used_mwh), (AMOUNT, KWH))
        self.insert(card)
        self.use(PULSES)
        self.look()
        self.assertEqual(self.balance_on(card), AMOUNT - PRICE)
        self.clock.advance_us(86_400 * 1_000_000)
        self.insert(card)
        self.use(0)
        self.use(PULSES)
        self.look()
        self.assertEqual((self.balance_on(card), self.station.key_card(card).used_mwh), (AMOUNT - PRICE, KWH))

    def test_it_gives_supply_without_money_and_then_no_more(self):
        self.insert(self.station.new_key_card("ntag213", key_content(0, PRICE, KWH, key_card.MONTH)))
        self.assertEqual(self.reason(), supply.ON)
        self.use(PULSES)
        self.assertEqual(self.reason(), supply.NO_CREDIT)


class TestPresence(SlotTest):
    def test_supply_outlasts_the_card_by_the_grace(self):
        self.ledger.account.terms.set("card_grace_s", 3)
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.field.remove(card)
        self.wait(2_000)
        self.assertEqual(self.reason(), supply.ON)
        self.wait(1_250)
        self.assertEqual((self.reason(), self.ledger.account.standing["card_in"]), (supply.NO_CARD, 0))

    def test_a_card_that_comes_back_within_the_grace_goes_on(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.field.remove(card)
        self.wait(3_000)
        self.field.insert(card)
        self.wait(10_000)
        self.assertEqual(self.reason(), supply.ON)

    def test_no_grace_is_shorter_than_looking_takes(self):
        self.ledger.account.terms.set("card_grace_s", 0)
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.wait(2_000)
        self.assertEqual(self.reason(), supply.ON)
        self.field.remove(card)
        self.clock.advance_us(SHORTEST_GRACE_MS * 1000)
        self.assertEqual(self.reason(), supply.NO_CARD)

    def test_a_dead_reader_ends_supply_after_the_grace_and_is_told(self):
        self.insert(self.station.new_key_card("ntag213", key_content()))
        self.model.faults.kill_spi()
        self.look(2)
        self.assertEqual(self.reason(), supply.ON)
        self.clock.advance_us(5_000_000)
        self.assertEqual((self.slot.card(), self.reason()), (UNUSABLE, supply.CARD_UNREADABLE))

    def test_a_desk_that_hangs_ends_it_as_well(self):
        self.insert(self.station.new_key_card("ntag213", key_content()))
        self.clock.advance_us(6_000_000)
        self.assertEqual(self.reason(), supply.NO_CARD)

    def test_a_card_that_takes_no_writing_is_unusable_after_the_grace(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        card.program = lambda *_: None
        self.use(PULSES)
        self.wait(6_000)
        self.assertEqual(self.reason(), supply.CARD_UNREADABLE)
        self.assertEqual(self.balance_on(card), AMOUNT)
        self.assertEqual(self.cards.newest.pending, PRICE)

    def test_a_card_of_another_kind_with_its_uid_is_unusable(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.field.remove(card)
        other = UltralightCard("ntag216", card.uid)
        other.command = lambda data: card.answer(b"\x00\x04\x07\x02\x01\x00\x99\x03") if data == b"\x60" else None
        self.field.insert(other)
        self.use(PULSES)
        self.look(2)
        self.assertEqual(self.cards.newest.owed, PRICE)
        self.wait(6_000)
        self.assertEqual(self.reason(), supply.CARD_UNREADABLE)

    def test_other_cards_are_served_while_it_is_in(self):
        self.insert(self.station.new_key_card("ntag213", key_content()))
        token_card = self.station.new_card("classic-1k", sealed(), meter=METER)
        self.field.insert(token_card)
        self.look(2)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED, outcome.ACCEPTED])
        self.assertEqual((self.ledger.account.money.balance, self.slot.card()), (AMOUNT, USABLE))

    def test_a_second_key_card_waits_until_the_first_is_gone(self):
        first = self.station.new_key_card("classic-1k", key_content(user=1))
        second = self.station.new_key_card("ntag213", key_content(user=2))
        self.insert(first)
        self.field.insert(second)
        self.wait(1_000)
        self.assertEqual(self.cards.user, 1)
        self.field.remove(first)
        self.wait(1_000)
        self.assertEqual((self.cards.user, self.reason()), (2, supply.ON))

    def test_at_another_contract_it_is_not_for_this_meter(self):
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidMoney))
        card = self.station.new_key_card("ntag213", key_content())
        self.assertEqual(self.tap(card), [outcome.NOT_THIS_METER])


class TestTwoCards(SlotTest):
    def test_each_pays_for_itself_and_what_it_owes_waits_for_it(self):
        first = self.station.new_key_card("classic-1k", key_content(price=PRICE))
        second = self.station.new_key_card("ntag213", key_content(price=2 * PRICE))
        for _ in range(3):
            for card in (first, second):
                self.insert(card)
                self.use(PULSES // 100)  # less than a step of the first
                self.field.remove(card)
                self.wait(1_000)
        self.insert(first)
        self.use(PULSES)
        self.look()
        self.assertEqual(self.balance_on(first), AMOUNT - PRICE - 3 * PRICE // 100)
        self.wait(1_000)
        self.insert(second)
        self.use(PULSES)
        self.look()
        self.assertEqual(self.balance_on(second), AMOUNT - 2 * PRICE - 6 * PRICE // 100)

    def test_what_is_owed_is_deducted_at_first_sight(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.field.remove(card)
        self.use(PULSES)
        self.insert(card)
        self.assertEqual(self.balance_on(card), AMOUNT - PRICE)

    def test_what_a_card_owes_waits_for_it_while_eight_others_come(self):
        first = self.station.new_key_card("ntag213", key_content())
        self.insert(first)
        self.use(PULSES // 100)
        self.field.remove(first)
        self.wait(1_000)
        self.show_empty_cards(8)
        self.assertEqual((len(self.cards.known), self.cards.left), (8, PRICE // 100))
        self.restart()
        self.insert(first)
        self.assertEqual((self.cards.newest.owed, self.cards.left), (PRICE // 100, 0))
        self.use(PULSES)
        self.look()
        self.assertEqual(self.balance_on(first), AMOUNT - PRICE - PRICE // 100)


class TestRollback(SlotTest):
    def test_a_saved_image_spends_once_whatever_number_of_empty_cards_comes_between(self):
        card = self.station.new_key_card("ntag213", key_content(1_000_000))
        image = card.image()
        taken = 0
        for turn in range(4):
            copy = from_image(image) if turn else card
            self.insert(copy)
            for _ in range(5):
                if self.reason() == supply.ON:
                    self.use(PULSES)
                    self.look()
            taken += 1_000_000 - self.balance_on(copy)
            self.wait(6_000)
            self.show_empty_cards(8)
        self.assertEqual(taken, 1_200_000)  # the fourth kWh was on its way when supply ended
        self.assertEqual(self.ledger.account.money.charged, 1_200_000)
        refusals = [event for event in self.events.recent(99) if event.code == events.CARD_REFUSED]
        self.assertEqual([refusals[0].number], [key_card.card_number(card.uid)])
        self.assertEqual(self.outcomes.count(outcome.UNREADABLE), 3)

    def test_an_image_of_one_writing_before_is_owed_again_after_many_cards(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        image = card.image()
        self.use(PULSES)
        self.look()
        self.field.remove(card)
        self.wait(1_000)
        self.show_empty_cards(9)
        old = from_image(image)
        self.insert(old)
        self.assertEqual(self.balance_on(old), AMOUNT - PRICE)

    def test_a_register_that_cannot_be_written_stops_no_card_and_raises_the_alarm(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.use(PULSES)
        self.look()
        self.field.remove(card)
        self.wait(1_000)
        self.flash.faults.bad_sectors.update(range(32, 40))
        self.show_empty_cards(9)
        self.assertTrue(self.stores.records_failed)
        self.insert(card)
        self.assertEqual(self.reason(), supply.ON)

    def test_an_older_image_is_refused_and_noted_once(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.use(PULSES)
        self.look()
        old = from_image(card.image())
        for _ in range(2):
            self.use(PULSES)
            self.look()
        self.field.remove(card)
        self.wait(6_000)
        self.outcomes.clear()
        self.field.insert(old)
        self.wait(3_000)
        self.assertEqual((self.outcomes, self.reason()), ([outcome.UNREADABLE], supply.CARD_UNREADABLE))
        self.assertEqual([event.code for event in self.events.recent(20)].count(events.CARD_REFUSED), 1)
        self.field.remove(old)
        self.wait(1_000)
        self.insert(card)
        self.assertEqual(self.reason(), supply.ON)

    def test_two_of_them_that_lie_there_together_are_one_event_and_the_next_one_counts_the_other(self):
        old = []
        for kind, uid in (("classic-1k", None), ("ntag213", OTHER_UID)):
            card = self.station.new_key_card(kind, key_content(), uid)
            self.insert(card)
            old.append(from_image(card.image()))
            for _ in range(3):
                later = from_image(card.image())
                self.use(PULSES)
                self.look()
            self.use(PULSES)
            self.look()
            self.field.remove(card)
            self.wait(1_000)
        for card in old:
            self.field.insert(card)
        self.wait(3_000)
        for card in old:
            self.field.remove(card)
        self.wait(1_000)
        self.clock.advance_us(3_600_000_000)
        self.insert(later)
        noted = [event.left_out for event in self.events.recent(50) if event.code == events.CARD_REFUSED]
        self.assertEqual(noted, [1, 0])

    def test_an_image_from_just_before_is_brought_up_to_date(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        old = from_image(card.image())
        self.use(PULSES)
        self.look()
        self.field.remove(card)
        self.wait(1_000)
        self.insert(old)
        self.assertEqual(self.balance_on(old), AMOUNT - PRICE)

    def test_a_card_written_under_the_site_key_before_is_taken_and_renewed(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.settings.set_all((("old_site_key", SITE_KEY), ("site_key", b"site key 0000002")))
        self.insert(card)
        self.assertEqual(self.reason(), supply.ON)
        for _ in range(2):
            self.use(PULSES)
            self.look()
        self.field.remove(card)
        self.assertIsNone(self.station.key_card(card))

    def test_a_card_that_somebody_changed_is_unusable(self):
        card = self.station.new_key_card("ntag213", key_content())
        card.memory[16 + 48 + 20] ^= 1
        card.memory[16 + 96 + 20] ^= 1
        self.insert(card)
        self.assertEqual((self.outcomes, self.reason()), ([outcome.UNREADABLE], supply.CARD_UNREADABLE))


class TestTopUp(SlotTest):
    def test_a_top_up_between_two_visits_counts_once(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.use(PULSES)
        self.look()
        self.field.remove(card)
        self.wait(1_000)
        self.station.top_up_key_card(card, AMOUNT)
        self.insert(card)
        self.assertEqual(self.ledger.account.credit_balance(), 2 * AMOUNT - PRICE)

    def test_one_that_nobody_saw_the_card_leave_for_is_not_written_over(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        self.field.remove(card)
        self.station.top_up_key_card(card, AMOUNT)
        self.field.insert(card)
        self.use(PULSES)
        self.look(2)
        self.assertEqual(self.balance_on(card), 2 * AMOUNT - PRICE)

    def test_one_that_came_over_a_deduction_which_did_not_reach_the_card_loses_neither(self):
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        program, card.program = card.program, lambda *_: None
        self.use(PULSES)
        self.look(2)
        card.program = program
        self.field.remove(card)
        self.wait(1_000)
        self.assertEqual(self.station.key_card(card).balance, AMOUNT)
        self.station.top_up_key_card(card, AMOUNT)
        self.insert(card)
        self.look()
        self.assertEqual(self.balance_on(card), 2 * AMOUNT - PRICE)


class TestForged(SlotTest):
    """An attacker that broke open one meter has the site's key, and can write any content on a card."""

    def test_numbers_that_no_card_can_have_are_refused_and_the_ledger_stays_readable(self):
        largest = (1 << 48) - 1
        for version, loaded, spent in (
            (1, largest, 0),
            (1, largest, largest - AMOUNT),
            (1, key_card.AMOUNT_LIMIT, largest),
            ((1 << 32) - 1, AMOUNT, 0),
        ):
            self.setUp()
            content = key_content(loaded)
            content.version, content.spent = version, spent
            self.insert(self.station.new_key_card("ntag213", content))
            self.use(PULSES)
            self.look(3)
            self.assertEqual((self.outcomes, self.reason()), ([outcome.UNREADABLE], supply.CARD_UNREADABLE))
            self.assertEqual(len([one for one in self.events.recent(9) if one.code == events.CARD_REFUSED]), 1)
            self.restart()

    def test_the_largest_that_it_can_have_is_taken_and_leads_nowhere_else(self):
        content = key_content(key_card.AMOUNT_LIMIT)
        content.version, content.spent = (1 << 31) - 1, key_card.AMOUNT_LIMIT - AMOUNT
        card = self.station.new_key_card("ntag213", content)
        self.insert(card)
        self.use(PULSES * (AMOUNT // PRICE + 1))
        self.look(3)
        self.assertEqual(self.reason(), supply.NO_CREDIT)
        self.restart()
        self.assertTrue(self.balance_on(card) < 0)


class TestPower(SlotTest):
    def test_an_unfinished_writing_is_finished_after_a_restart_and_deducted_once(self):
        card = self.station.new_key_card("classic-1k", key_content())
        self.insert(card)
        program, card.program = card.program, lambda *_: None
        self.use(PULSES)
        self.look()
        card.program = program
        self.restart()
        self.assertEqual(self.reason(), supply.NO_CARD)
        self.look()
        self.assertEqual(self.reason(), supply.ON)
        self.assertEqual(self.balance_on(card), AMOUNT - PRICE)


if __name__ == "__main__":
    unittest.main()
