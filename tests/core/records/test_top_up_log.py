"""The top-up log: it has every credit of the ledger once, and power cuts cannot fill it."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.core import carrier
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.messages import token
from wattpurse.core.records.top_up_log import TopUpLog

SECTORS = 4


def always(_sequence):
    return True


class TestTopUps(unittest.TestCase):
    def setUp(self):
        self.flash = FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(1))
        self.log = TopUpLog(self.flash, 0, SECTORS)
        self.log.create()

    def note(self, sequence, amount=5_000_000, balance=7_000_000, kind=token.CREDIT_MONEY):
        self.log.note(kind, sequence, carrier.CARD, 100 + sequence, amount, balance)

    def restart(self):
        self.flash.faults.operations_to_cut = None
        self.log = TopUpLog(self.flash, 0, SECTORS)
        self.log.open()

    def numbers(self, is_used=always):
        return [one.sequence for one in self.log.redeemed(is_used)]

    def test_noted_top_ups_come_back(self):
        self.note(1, 3, -4)
        self.note(2, 10**15, 10**15 + 1, token.CREDIT_ENERGY)
        self.log.note(token.CLOCK, 3, carrier.CONSOLE, 50)
        self.restart()
        found = list(self.log.redeemed(always))
        self.assertEqual(
            [(one.time_s, one.sequence, one.unit, one.carrier, one.amount, one.balance, one.text) for one in found],
            [
                (50, 3, None, carrier.CONSOLE, 0, 0, "clock set"),
                (102, 2, "energy", carrier.CARD, 10**15, 10**15 + 1, "energy credited"),
                (101, 1, "money", carrier.CARD, 3, -4, "money credited"),
            ],
        )

    def test_the_first_token_after_a_start_erases_nothing(self):
        """Check the first token: erases would delay metering."""
        erases = sum(self.flash.erases)
        self.restart()
        self.note(1)
        self.assertEqual(sum(self.flash.erases), erases)

    def test_a_token_noted_again_hides_no_token_between(self):
        """Note the same token twice in one second, as a clock without a battery can do."""
        for sequence, kind in ((1, token.TERM), (2, token.CREDIT_MONEY), (1, token.TERM)):
            self.log.note(kind, sequence, carrier.CARD, 100)
        self.restart()
        self.assertEqual(self.numbers(), [1, 2])

    def test_two_hundred_at_least_are_kept(self):
        for sequence in range(1, 2_000):
            self.note(sequence)
            self.assertTrue(len(self.numbers()) >= min(sequence, 200))
        self.assertEqual(self.numbers()[:200], list(range(1_999, 1_799, -1)))

    def test_starts_write_nothing(self):
        self.note(1)
        programs = self.flash.programs
        for _ in range(500):
            self.restart()
        self.assertEqual(self.flash.programs, programs)

    def test_a_token_that_the_ledger_does_not_have_is_not_shown(self):
        self.note(1)
        self.note(2)
        self.assertEqual(self.numbers(lambda sequence: sequence != 2), [1])

    def test_a_credit_cut_off_and_brought_again_is_shown_once_as_it_was_in_the_end(self):
        self.note(1, 5, 6)
        self.restart()
        self.note(1, 5, 4)
        found = list(self.log.redeemed(always))
        self.assertEqual([(one.sequence, one.balance) for one in found], [(1, 4)])

    def test_cutting_one_top_up_again_and_again_writes_it_once(self):
        self.note(1)
        programs = self.flash.programs
        for _ in range(500):
            self.restart()
            self.note(1)
        self.assertEqual(self.flash.programs, programs)

    def test_no_cut_loses_a_noted_top_up(self):
        for operation in range(1, 60):
            self.setUp()
            self.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
            noted = 0
            try:
                for noted in range(1, 150):
                    self.note(noted)
            except PowerCut:
                pass
            self.restart()
            self.note(1_000)
            found = self.numbers(lambda sequence, last=noted: sequence in (1_000,) or sequence < last)
            self.assertEqual(found, [1_000] + list(range(noted - 1, 0, -1)), operation)

    def test_a_log_that_cannot_be_written_stops_nothing(self):
        self.flash.faults.bad_sectors.update(range(2 * SECTORS))
        self.note(1)
        self.assertTrue(self.log.failed)

    def test_blank_flash_is_said_to_be_blank_and_takes_nothing(self):
        log = TopUpLog(FlashModel(VirtualClock(), 8, RandomBits(1)), 0, SECTORS)
        self.assertRaises(JournalBlank, log.open)
        log.note(token.CLOCK, 3, carrier.CONSOLE, 50)
        self.assertEqual(list(log.redeemed(always)), [])


if __name__ == "__main__":
    unittest.main()
