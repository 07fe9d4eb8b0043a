"""The register of key cards remembers and forgets in the right order, under power cuts and on bad flash too."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.samples import NEW_YEAR_S, new_account
from wattpurse.core.money.card_register import CAPACITY, CardRegister
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.money.key_card import NO_ALLOWANCE, CardContent
from wattpurse.core.money.known_cards import REMEMBERED, KnownCard
from wattpurse.core.money.ledger import Ledger

SECTORS = 4
LEDGER_SECTORS = 5
PULSES = 200
FIRST = 1_000


def new_flash(seed=1, sectors=2 * SECTORS):
    return FlashModel(VirtualClock(), sectors, RandomBits(seed))


class ReadCounter:
    """A flash that counts how often it is read: on a chip that takes nearly all the time of an opening."""

    def __init__(self, flash):
        self._flash = flash
        self.reads = 0
        self.program, self.erase = flash.program, flash.erase

    def read(self, address, buffer):
        self.reads += 1
        self._flash.read(address, buffer)


def facts(card):
    return card.number, card.version, card.spent, card.pending, card.unproved, card.owed


class TestRegister(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.register = CardRegister(self.flash, 0, SECTORS)

    def fill(self, spent=1_000):
        for number in range(FIRST, FIRST + CAPACITY):
            self.register.note(KnownCard(number, 2, spent + number))

    def reopened(self):
        return CardRegister(self.flash, 0, SECTORS)

    def test_nothing_is_read_or_written_before_the_first_card(self):
        self.assertFalse(self.register.prepare())
        self.assertEqual((self.flash.programs, sum(self.flash.erases)), (0, 0))

    def test_a_card_comes_back_with_everything_after_a_restart(self):
        card = KnownCard((1 << 32) - 1, 1 << 31, (1 << 47) + 5, 12_345, 1, 678)
        self.register.note(card)
        self.assertEqual(facts(self.register.find(card.number)), facts(card))
        self.assertEqual(facts(self.reopened().find(card.number)), facts(card))
        self.assertIsNone(self.reopened().find(5))

    def test_the_same_again_writes_nothing(self):
        self.register.note(KnownCard(5, 2, 3))
        programs = self.flash.programs
        self.register.note(KnownCard(5, 2, 3))
        self.assertEqual(self.flash.programs, programs)

    def test_a_number_that_lies_across_two_entries_is_not_found(self):
        self.register.note(KnownCard(0x01010101, 0x02020202, 0x03030303, 0x04040404, 1, 0x05050505))
        self.assertIsNone(self.register.find(0x02010101))
        self.assertIsNone(self.register.find(0x05050505))

    def test_128_cards_are_remembered_with_hundreds_of_changes(self):
        self.fill()
        for turn in range(3, 6):
            for number in range(FIRST, FIRST + CAPACITY):
                self.register.note(KnownCard(number, turn, 5_000 + number))
            self.register.prepare()
        again = self.reopened()
        for number in range(FIRST, FIRST + CAPACITY):
            self.assertEqual(again.find(number).version, 5)
        self.assertEqual(self.register.forgotten, [])

    def test_a_card_of_which_nothing_was_deducted_is_forgotten_first_and_silently(self):
        self.fill()
        self.register.note(KnownCard(1, 9, 0))
        self.assertIsNone(self.register.find(1))
        self.assertEqual(self.register.forgotten, [])

    def test_a_full_register_forgets_the_card_whose_copies_can_take_least_and_says_so(self):
        self.fill()
        self.register.note(KnownCard(1, 2, 10**6))
        self.assertEqual(self.register.forgotten, [(FIRST, 1_000 + FIRST)])
        again = self.reopened()
        self.assertIsNone(again.find(FIRST))
        self.assertEqual(again.find(1).spent, 10**6)
        self.assertEqual(again.find(FIRST + 1).spent, 1_000 + FIRST + 1)

    def test_of_equal_cards_the_oldest_is_forgotten(self):
        for number in range(FIRST, FIRST + CAPACITY):
            self.register.note(KnownCard(number, 2, 7))
        self.register.note(KnownCard(FIRST, 3, 7))
        self.register.note(KnownCard(1, 2, 8))
        self.assertEqual(self.register.forgotten, [(FIRST + 1, 7)])

    def test_a_cut_at_any_operation_loses_no_card_that_was_noted(self):
        for full in (False, True):
            operation = 0
            while True:
                operation += 1
                self.flash = new_flash(operation)
                register = CardRegister(self.flash, 0, SECTORS)
                if full:
                    self.register = register
                    self.fill()
                self.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
                noted = 0
                try:
                    for noted in range(40):
                        register.note(KnownCard(5 + noted % 3, 2 + noted, 10**6 + noted))
                    break
                except PowerCut:
                    self.check_after_cut(noted)
            self.assertTrue(operation > 80, operation)

    def check_after_cut(self, noted):
        self.flash.faults.operations_to_cut = None
        again = self.reopened()
        for last in range(max(0, noted - 3), noted):
            self.assertIn(again.find(5 + last % 3).version, (2 + last, 2 + noted))
        again.note(KnownCard(99, 2, 10**6))
        self.assertFalse(again.failed)
        self.assertEqual(self.reopened().find(99).version, 2)

    def steps_of(self, register):
        """Open a register step by step. Return the number of steps."""
        steps = 0
        while register.open_step():
            steps += 1
        return steps

    def test_no_step_of_an_opening_reads_as_often_as_half_the_ring_has_pages(self):
        for cards in (0, 3, CAPACITY + 60):
            self.setUp()
            for number in range(cards):
                self.register.note(KnownCard(FIRST + number, 2, 1_000 + number))
            flash = ReadCounter(self.flash)
            register = CardRegister(flash, 0, SECTORS)
            is_open = False
            while not is_open:
                before = flash.reads
                is_open = not register.open_step()
                self.assertTrue(flash.reads - before <= 64, (cards, flash.reads - before))
            self.assertFalse(register.failed)
            newest = register.find(FIRST + cards - 1)
            self.assertEqual(None if newest is None else newest.version, 2 if cards else None)

    def test_whoever_needs_it_meanwhile_ends_the_opening_at_once(self):
        for cards in (0, 40):
            self.setUp()
            for number in range(cards):
                self.register.note(KnownCard(FIRST + number, 2, 1_000))
            blank = bytes(self.flash.memory)
            for steps in range(self.steps_of(self.reopened()) + 1):
                self.flash.memory[:] = blank
                again = self.reopened()
                for _ in range(steps):
                    self.assertTrue(again.open_step())
                again.note(KnownCard(5, 7, 10**6))
                self.assertFalse(again.open_step())
                self.assertFalse(again.failed)
                last = self.reopened()
                self.assertEqual(last.find(5).version, 7)
                for number in range(cards):
                    self.assertEqual(last.find(FIRST + number).version, 2)

    def test_a_cut_in_the_midst_of_an_opening_loses_nothing(self):
        openings = 0
        for operation in range(1, 60):
            for second in range(1, 40):
                self.flash = new_flash(operation + 100 * second)
                register = CardRegister(self.flash, 0, SECTORS)
                self.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
                noted = 0
                try:
                    for noted in range(20):
                        register.note(KnownCard(5 + noted % 3, 2 + noted, 10**6 + noted))
                except PowerCut:
                    pass
                self.flash.faults.plan_cut(second, second * 131 % 1001, ("page", "none")[second % 2])
                try:
                    self.steps_of(self.reopened())
                    break
                except PowerCut:
                    openings += 1
                    self.check_after_cut(noted)
        self.assertTrue(openings > 50, openings)

    def test_a_ring_that_cannot_be_read_is_left_as_it_is(self):
        self.register.note(KnownCard(5, 2, 3))
        for sector in (0, SECTORS):
            self.flash.memory[sector * 4096 : sector * 4096 + 8] = bytes(8)
        memory = bytes(self.flash.memory)
        again = self.reopened()
        self.assertIsNone(again.find(5))
        again.note(KnownCard(5, 2, 3))
        self.assertTrue(again.failed)
        self.assertEqual(bytes(self.flash.memory), memory)


class Cards:
    """A ledger and its register on one flash, and all numbers that genuine cards have had."""

    def __init__(self, seed=1):
        self.flash = new_flash(seed, 2 * (SECTORS + LEDGER_SECTORS))
        self._build()
        account = new_account(contract=KeyCard)
        account.time_s = NEW_YEAR_S
        self.ledger.create(account)
        self.numbers = {}

    def restart(self):
        self.flash.faults.operations_to_cut = None
        self._build()
        self.ledger.open()

    def _build(self):
        self.register = CardRegister(self.flash, 0, SECTORS)
        self.ledger = Ledger(self.flash, 2 * SECTORS, LEDGER_SECTORS, self.register)

    def take(self, number, version, spent):
        self.ledger.take_card(number, content(version, spent), NEW_YEAR_S)

    def pay(self, number):
        """Let the genuine card with that number come and pay a step. The card takes the writing."""
        numbers = self.numbers.setdefault(number, [(1, 0)])
        self.take(number, *numbers[-1])
        self.ledger.advance(NEW_YEAR_S, PULSES)
        self.ledger.step_card(self.ledger.account.cards.content_after_step(), NEW_YEAR_S)
        newest = self.ledger.account.cards.newest
        numbers.append((newest.version, newest.spent))


def content(version, spent):
    return CardContent(version, 10**9, spent, 300_000, (0, NO_ALLOWANCE, 0, 0), 7)


class TestWithTheLedger(unittest.TestCase):
    def test_an_older_image_is_refused_after_128_other_cards(self):
        cards = Cards()
        for number in range(FIRST, FIRST + CAPACITY + REMEMBERED):
            cards.pay(number)
            cards.pay(number)
        cards.restart()
        for number in range(FIRST, FIRST + CAPACITY + REMEMBERED):
            self.assertFalse(cards.ledger.card_is_genuine(number, content(1, 0)), number)
            self.assertTrue(cards.ledger.card_is_genuine(number, content(*cards.numbers[number][-1])), number)
        self.assertEqual(cards.register.forgotten, [])

    def test_a_card_that_was_topped_up_meanwhile_is_taken(self):
        cards = Cards()
        for number in range(FIRST, FIRST + 20):
            cards.pay(number)
        version, spent = cards.numbers[FIRST][-1]
        cards.take(FIRST, version + 1, spent)
        self.assertEqual(cards.ledger.account.cards.newest.spent, spent)

    def test_a_top_up_while_many_others_came_leaves_the_debt(self):
        cards = Cards()
        cards.take(FIRST, 1, 0)
        cards.ledger.advance(NEW_YEAR_S, PULSES)
        owed = cards.ledger.account.cards.newest.owed
        for number in range(20):
            cards.take(number, 1, 0)
        cards.take(FIRST, 2, 0)
        self.assertEqual(cards.ledger.account.cards.newest.owed, owed)

    def test_no_cut_lets_an_older_image_in_or_keeps_a_genuine_card_out(self):
        """Cut at every flash operation of a visit that drives one card out of the list and brings another back."""
        operation = 0
        while True:
            operation += 1
            cards = Cards(operation)
            for number in range(FIRST, FIRST + REMEMBERED + 1):
                cards.pay(number)
                cards.pay(number)
            if operation % 2:
                cards.restart()
            cards.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation // 2 % 2])
            try:
                cards.take(FIRST, *cards.numbers[FIRST][-1])
                cards.take(1, 1, 0)
                completed = True
            except PowerCut:
                completed = False
            for _ in range(2):
                cards.restart()
                for number, (first, _, newest) in cards.numbers.items():
                    genuine = [cards.ledger.card_is_genuine(number, content(*numbers)) for numbers in (newest, first)]
                    self.assertEqual(genuine, [True, False], (operation, number))
            cards.take(FIRST, *cards.numbers[FIRST][-1])
            self.assertTrue(cards.ledger.account.is_plausible())
            if completed:
                break
        self.assertTrue(operation > 12, operation)

    def test_a_debt_is_claimed_once_if_the_register_could_not_be_written(self):
        cards = Cards()
        cards.take(FIRST, 1, 0)
        cards.ledger.advance(NEW_YEAR_S, PULSES)
        for number in range(1, 1 + REMEMBERED):
            cards.take(number, 1, 0)
        owed = cards.register.find(FIRST).owed
        self.assertTrue(owed > 0)
        cards.take(FIRST, 1, 0)
        cards.ledger.step_card(cards.ledger.account.cards.content_after_step(), NEW_YEAR_S)
        cards.flash.faults.bad_sectors.update(range(2 * SECTORS))
        for number in range(1, 1 + REMEMBERED):
            cards.take(number, 1, 0)
        cards.restart()
        cards.take(FIRST, 2, owed)
        self.assertEqual(cards.ledger.account.cards.newest.owed, 0)


if __name__ == "__main__":
    unittest.main()
