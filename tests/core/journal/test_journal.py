"""The journal against a plain list: after any cut the acknowledged entries are there, and no others."""

import struct
import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.core.journal.owner import Owner
from wattpurse.core.journal import slots
from wattpurse.core.journal.journal import Journal
from wattpurse.core.journal.ring import SECTOR_SIZE, JournalBlank
from wattpurse.core.journal.slots import JournalUnreadable

SECTORS = 4


def new_flash(seed=1):
    return FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(seed))


def play(owner, operations):
    """Perform `operations`: positive numbers are records, negative ones steps; return how many were acknowledged."""
    for done, operation in enumerate(operations):
        try:
            if operation > 0:
                owner.record(operation)
            else:
                owner.count(-operation)
        except PowerCut:
            return done
    return len(operations)


def totals(operations):
    numbers = [operation for operation in operations if operation > 0]
    return numbers, -sum(operation for operation in operations if operation < 0)


class TestJournal(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.owner = Owner(self.flash, SECTORS)

    def _recovered(self):
        owner = Owner(self.flash, SECTORS)
        owner.recover()
        return owner

    def test_a_blank_ring_is_said_to_be_blank(self):
        with self.assertRaises(JournalBlank):
            self.owner.journal.recover()

    def test_it_is_created_only_in_a_blank_ring(self):
        self.owner.journal.create()
        with self.assertRaises(ValueError):
            Owner(self.flash, SECTORS).journal.create()

    def test_records_and_steps_come_back_in_order_over_many_rolls(self):
        self.owner.journal.create()
        operations = [7, -3, -40, 8, -1000, 9, -1] * 60
        self.assertEqual(play(self.owner, operations), len(operations))
        again = self._recovered()
        numbers, steps = totals(operations)
        self.assertEqual(again.steps, steps)
        self.assertEqual(again.numbers[-100:], numbers[-100:])
        self.assertTrue(again.journal.sequence > SECTORS)

    def test_history_gives_the_records_that_are_still_in_the_ring(self):
        self.owner.journal.create()
        for number in range(1, 700):
            self.owner.record(number)
        kept = [struct.unpack_from("<I", payload)[0] for kind, payload, _ in self.owner.journal.history() if kind == 1]
        self.assertEqual(kept, list(range(699, 699 - len(kept), -1)))
        recovered = self._recovered().journal.history()
        again = [struct.unpack_from("<I", payload)[0] for kind, payload, _ in recovered if kind == 1]
        self.assertEqual(again, kept[: len(again)])
        self.assertTrue(len(again) > 200)
        self.assertTrue(len(kept) > 200)

    def test_wear_is_even(self):
        self.owner.journal.create()
        for number in range(1, 20_000):
            self.owner.record(number)
        self.assertTrue(max(self.flash.erases) - min(self.flash.erases) <= 1)

    def test_bad_input_is_refused_before_anything_is_written(self):
        self.owner.journal.create()
        for kind, payload in ((0, b""), (101, b""), (1, bytes(28))):
            with self.assertRaises(ValueError):
                self.owner.journal.append(kind, payload)
        self.owner.record(5)
        self.assertEqual(self._recovered().numbers, [5])


class TestPowerCuts(unittest.TestCase):
    OPERATIONS = [11, -1, -2, -33, 12, -224, -7, 13] * 9

    def _cut_and_recover(self, at, depth, damage):
        """Cut at flash operation `at`, recover, and compare the result with the acknowledged operations."""
        flash = new_flash(at + depth)
        owner = Owner(flash, SECTORS)
        owner.journal.create()
        flash.faults.plan_cut(at, depth, damage)
        done = play(owner, self.OPERATIONS)
        again = self._recover_with_cuts(flash, at, depth, damage)
        numbers, steps = totals(self.OPERATIONS[:done])
        more_numbers, more_steps = totals(self.OPERATIONS[: done + 1])
        self.assertTrue(again.numbers[-20:] in (numbers[-20:], more_numbers[-20:]), (at, depth, damage))
        self.assertTrue(steps <= again.steps <= more_steps, (at, depth, damage, steps, again.steps, more_steps))
        again.record(99)
        final = Owner(flash, SECTORS)
        final.recover()
        self.assertEqual((final.numbers[-20:], final.steps), (again.numbers[-20:], again.steps))
        return done < len(self.OPERATIONS)

    def _recover_with_cuts(self, flash, at, depth, damage):
        """Recover through two further cuts during the recovery itself."""
        for further in (1 + at % 7, 1 + at % 3):
            flash.faults.plan_cut(further, 1000 - depth, damage)
            try:
                Owner(flash, SECTORS).recover()
            except PowerCut:
                pass
        flash.faults.operations_to_cut = None
        owner = Owner(flash, SECTORS)
        owner.recover()
        return owner

    def test_every_operation_at_several_depths(self):
        for damage in ("none", "page"):
            for depth in (0, 100, 500, 900, 1000):
                at = 1
                while self._cut_and_recover(at, depth, damage):
                    at += 1 if depth == 500 else 5
                self.assertTrue(at > 100)


class TestDamage(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.owner = Owner(self.flash, SECTORS)
        self.owner.journal.create()
        play(self.owner, [1, -5, 2, -6, 3])

    def _recovered(self):
        owner = Owner(self.flash, SECTORS)
        owner.recover()
        return owner

    def _flip(self, copy, offset, bit=0):
        self.flash.memory[copy * SECTORS * SECTOR_SIZE + offset] ^= 1 << bit

    def test_any_flipped_byte_in_one_copy_changes_nothing(self):
        for copy in (0, 1):
            for offset in range(0, 256 + 6 * slots.SLOT_SIZE):
                self._flip(copy, offset, offset % 8)
                again = Owner(self.flash, SECTORS)
                snapshot, entries = again.journal.recover()
                self.assertEqual([kind for kind, _ in entries], [1, None, 1, None, 1], offset)
                self._flip(copy, offset, offset % 8)

    def test_a_slot_erased_in_one_copy_changes_nothing(self):
        for copy in (0, 1):
            for number in range(5):
                start = copy * SECTORS * SECTOR_SIZE + 256 + number * slots.SLOT_SIZE
                before = self.flash.memory[start : start + slots.SLOT_SIZE]
                self.flash.memory[start : start + slots.SLOT_SIZE] = slots.BLANK
                _, entries = Owner(self.flash, SECTORS).journal.recover()
                self.assertEqual([kind or content for kind, content in entries], [1, 5, 1, 6, 1], (copy, number))
                self.flash.memory[start : start + slots.SLOT_SIZE] = before

    def test_a_record_damaged_in_both_copies_is_reported_not_skipped(self):
        for copy in (0, 1):
            self._flip(copy, 256 + 2 * slots.SLOT_SIZE + 3)
        with self.assertRaises(JournalUnreadable):
            self._recovered()

    def test_a_lost_last_record_is_reported_not_taken_for_the_end(self):
        for copy in (0, 1):
            self._flip(copy, 256 + 4 * slots.SLOT_SIZE + 3)
        with self.assertRaises(JournalUnreadable):
            self._recovered()

    def test_a_newest_snapshot_damaged_in_both_copies_never_falls_back_to_an_older_one(self):
        self.owner.journal.roll()
        for copy in (0, 1):
            self._flip(copy, SECTOR_SIZE + 40)
        with self.assertRaises(JournalUnreadable):
            self._recovered()

    def test_a_newest_header_damaged_in_both_copies_is_seen_by_the_log_behind_it(self):
        self.owner.journal.roll()
        self.owner.record(4)
        for copy in (0, 1):
            self._flip(copy, SECTOR_SIZE + 5)
        with self.assertRaises(JournalUnreadable):
            self._recovered()

    def test_noise_is_unreadable_and_is_not_overwritten(self):
        for index in range(len(self.flash.memory)):
            self.flash.memory[index] = index * 7 % 251
        before = bytes(self.flash.memory)
        with self.assertRaises(JournalUnreadable):
            self._recovered()
        self.assertEqual(before, bytes(self.flash.memory))

    def test_a_flash_that_does_not_answer_is_an_error(self):
        self.flash.faults.unreadable = True
        with self.assertRaises(OSError):
            self._recovered()


class TestBadSectors(unittest.TestCase):
    def test_a_sector_that_takes_nothing_any_more_is_passed_over(self):
        self._pass_over(new_flash())

    def test_so_is_a_sector_that_answers_with_an_error(self):
        flash = new_flash()
        flash.faults.bad_sectors_raise = True
        self._pass_over(flash)

    def test_erasing_goes_on_where_it_was_interrupted(self):
        flash = new_flash()
        owner = Owner(flash, SECTORS)
        owner.journal.create()
        for number in range(1, 700):
            owner.record(number)
        flash.faults.plan_cut(4, 0)
        with self.assertRaises(PowerCut):
            owner.journal.erase()
        erases = sum(flash.erases)
        Owner(flash, SECTORS).journal.erase()
        self.assertEqual(sum(flash.erases) - erases, 2 * SECTORS - 3)
        with self.assertRaises(JournalBlank):
            Owner(flash, SECTORS).recover()

    def _pass_over(self, flash):
        owner = Owner(flash, SECTORS)
        owner.journal.create()
        for number in range(1, 2_000):
            if number == 150:
                flash.faults.bad_sectors.add(2)
            if number == 900:
                flash.faults.bad_sectors.add(SECTORS + 1)
            owner.record(number)
            owner.count(1)
            owner.journal.prepare()
        again = Owner(flash, SECTORS)
        again.recover()
        self.assertEqual((again.numbers[-50:], again.steps), (owner.numbers[-50:], owner.steps))

    def test_a_ring_worn_out_altogether_says_so(self):
        flash = new_flash()
        owner = Owner(flash, SECTORS)
        owner.journal.create()
        flash.faults.bad_sectors.update(range(2 * SECTORS))
        with self.assertRaises(OSError):
            owner.record(1)


class TestHistory(unittest.TestCase):
    def test_it_is_in_order_though_the_newest_header_is_read_only_at_times(self):
        """Power failed in the header of the first copy; the second still holds the header of the round before."""
        operations = 0
        while True:
            operations += 1
            flash, last = self._full_ring()
            flash.faults.plan_cut(operations, 1000, "none")
            try:
                last.journal.roll()
            except PowerCut:
                log = Journal(flash, 0, SECTORS, 1, bytes)
                log.resume()
                if log.sequence == last.journal.sequence:
                    continue
            break
        self.assertGreater(log.sequence, last.journal.sequence)
        newest = [struct.unpack_from("<I", payload)[0] for _, payload, _ in log.history()]
        flash.memory[(log.sequence - 1) % SECTORS * SECTOR_SIZE] ^= 0xFF
        self.assertEqual(newest, [struct.unpack_from("<I", payload)[0] for _, payload, _ in log.history()])
        self.assertEqual(newest, sorted(newest, reverse=True))
        self.assertEqual(newest[0], last.numbers[-1])

    def test_cuts_in_one_page_of_either_copy_lose_no_record(self):
        """Power fails in the first copy of a page, and at the next record in the second; both damage the page."""
        for seed in range(60):
            flash = new_flash(seed)
            owner = Owner(flash, SECTORS)
            owner.journal.create()
            for number in range(1, 4):
                owner.record(number)
            for operation in (1, 2):
                log = Journal(flash, 0, SECTORS, 1, bytes)
                log.resume()
                flash.faults.plan_cut(operation, 500, "page")
                with self.assertRaises(PowerCut):
                    log.append(1, struct.pack("<I", 0))
            log = Journal(flash, 0, SECTORS, 1, bytes)
            log.resume()
            numbers = [struct.unpack_from("<I", payload)[0] for _, payload, _ in log.history()]
            self.assertEqual([number for number in numbers if number], [3, 2, 1], seed)

    def _full_ring(self):
        """Return a ring that has been filled round once, and whose next record would roll."""
        flash = new_flash()
        owner = Owner(flash, SECTORS)
        owner.journal.create()
        number = 0
        while owner.journal.sequence <= SECTORS or owner.journal.free_slots:
            number += 1
            owner.record(number)
        return flash, owner


if __name__ == "__main__":
    unittest.main()
