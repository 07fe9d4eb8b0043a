"""The test of a flash chip, and counting by records on a chip that fails it."""

import unittest

from boards.host.chips.power import PowerCut
from tests.core.journal.test_firmness import created, new_flash, started
from wattpurse.core.journal import flash_test
from wattpurse.core.journal.flash_test import FlashUnfit

TESTED = (0, 3)


def run(test, flash):
    for _ in test(flash, TESTED):
        pass


class TestFlashTest(unittest.TestCase):
    def test_a_sound_chip_passes_and_is_left_erased(self):
        for test in (flash_test.clear_bits, flash_test.program_slots):
            flash = new_flash(3)
            flash.memory[5] = 0
            run(test, flash)
            self.assertEqual(bytes(flash.memory), b"\xff" * len(flash.memory))

    def test_it_clears_every_bit_of_a_page_by_itself(self):
        flash = new_flash(3)
        run(flash_test.clear_bits, flash)
        self.assertTrue(flash.programs >= 2048 + 31 * 32, flash.programs)

    def test_a_chip_that_sets_bits_back_fails_and_can_take_records(self):
        flash = new_flash(3)
        flash.faults.sets_bits_back = True
        with self.assertRaises(FlashUnfit):
            run(flash_test.clear_bits, flash)
        run(flash_test.program_slots, flash)

    def test_a_chip_that_takes_nothing_fails(self):
        for test in (flash_test.clear_bits, flash_test.program_slots):
            flash = new_flash(3)
            flash.faults.bad_sectors.add(3)
            with self.assertRaises(FlashUnfit):
                run(test, flash)


class TestCountingByRecords(unittest.TestCase):
    def test_steps_are_there_after_any_cut_though_the_chip_sets_bits_back(self):
        counts = [1, 40, 3, 700, 2] * 60
        for operation in range(1, 700, 23):
            flash = new_flash(4, operation)
            flash.faults.sets_bits_back = True
            owner = created(flash, 4)
            owner.journal.count_by_records()
            flash.faults.plan_cut(operation, operation * 37 % 1001, "none")
            done = 0
            try:
                for steps in counts:
                    owner.count(steps)
                    done += 1
            except PowerCut:
                pass
            flash.faults.operations_to_cut = None
            steps = started(flash, 4).steps
            self.assertIn(steps, (sum(counts[:done]), sum(counts[: done + 1])))

    def test_both_ways_of_counting_are_read(self):
        flash = new_flash(4)
        owner = created(flash, 4)
        owner.count(30)
        owner.journal.count_by_records()
        owner.count(12)
        self.assertEqual(started(flash, 4).steps, 42)


if __name__ == "__main__":
    unittest.main()
