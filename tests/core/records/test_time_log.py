"""The time log keeps its newest note through power cuts and on bad flash, and only for one note of the ledger."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.core.records.time_log import TimeLog

SECTORS = 4
BASE_S = 1_000
NOTHING = (0, 0)


def new_flash(seed=1):
    return FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(seed))


class TestTimeLog(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.log = TimeLog(self.flash, 0, SECTORS)

    def reopened(self):
        return TimeLog(self.flash, 0, SECTORS)

    def test_the_newest_note_is_known_at_the_next_start(self):
        self.assertEqual(self.log.newest(BASE_S), NOTHING)
        for number in range(500):
            self.assertTrue(self.log.note(BASE_S, number, number + 2))
            if number % 50 == 7:
                self.log = self.reopened()
            self.assertEqual(self.log.newest(BASE_S), (number, number + 2))

    def test_a_note_holds_for_one_note_of_the_ledger_alone(self):
        self.log.note(BASE_S, 5, 7)
        for log in (self.log, self.reopened()):
            self.assertEqual(log.newest(BASE_S + 1), NOTHING)
            self.assertEqual(log.newest(BASE_S), (5, 7))

    def test_flash_that_takes_nothing_is_reported(self):
        self.flash.faults.bad_sectors.update(range(2 * SECTORS))
        self.assertFalse(self.log.note(BASE_S, 5, 7))
        self.assertTrue(self.log.failed)
        self.assertEqual(self.log.newest(BASE_S), NOTHING)

    def test_content_of_another_kind_is_left_as_it_is(self):
        self.flash.memory[:4096] = bytes(4096)
        before = bytes(self.flash.memory)
        self.assertFalse(self.log.note(BASE_S, 5, 7))
        self.assertTrue(self.log.failed)
        self.assertEqual(bytes(self.flash.memory), before)

    def test_a_cut_at_every_operation_leaves_the_note_before_it_or_the_new_one(self):
        operation = 1
        while self._cut_at(operation):
            operation += 1
        self.assertTrue(operation > 250, operation)

    def _cut_at(self, operation):
        self.flash = new_flash(operation)
        self.log = self.reopened()
        self.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        noted = number = 0
        try:
            for number in range(1, 200):
                self.log.note(BASE_S, number, number + 2)
                noted = number
        except PowerCut:
            pass
        self.flash.faults.operations_to_cut = None
        for _ in range(2):
            time_s, _ = self.reopened().newest(BASE_S)
            self.assertTrue(noted <= time_s <= number, (operation, noted, time_s, number))
            noted = time_s
        return number < 199


if __name__ == "__main__":
    unittest.main()
