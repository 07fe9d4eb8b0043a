"""Slots: records, tallies, and the entry that two copies prove in every state that a cut can leave."""

import unittest

from wattpurse.core.journal import slots
from wattpurse.core.journal.slots import BLANK, SLOT_SIZE, TALLY_STEPS, JournalUnreadable, merge

SEQUENCE = 300
NUMBER = 7


def record(kind=3, payload=b"payload"):
    slot = bytearray(BLANK)
    slots.put_record(slot, kind, payload, SEQUENCE, NUMBER)
    return slot


def tally(steps):
    slot = bytearray(BLANK)
    slots.put_tally(slot, steps, SEQUENCE, NUMBER)
    return slot


def merged(first, second, finished=False):
    return merge(bytearray(first), bytearray(second), SEQUENCE, NUMBER, finished)


class TestRecords(unittest.TestCase):
    def test_a_record_comes_back_with_its_payload_padded(self):
        kind, payload = slots.record_of(record(), SEQUENCE, NUMBER)
        self.assertEqual((kind, payload), (3, b"payload" + bytes(slots.PAYLOAD_SIZE - 7)))

    def test_a_record_counts_only_in_its_own_place(self):
        self.assertIsNone(slots.record_of(record(), SEQUENCE + 1, NUMBER))
        self.assertIsNone(slots.record_of(record(), SEQUENCE, NUMBER + 1))

    def test_no_flipped_bit_passes(self):
        for bit in range(8 * SLOT_SIZE):
            slot = record()
            slot[bit // 8] ^= 1 << bit % 8
            self.assertIsNone(slots.record_of(slot, SEQUENCE, NUMBER))

    def test_kind_and_length_are_checked(self):
        for kind, payload in ((0, b""), (101, b""), (5, bytes(slots.PAYLOAD_SIZE + 1))):
            with self.assertRaises(ValueError):
                slots.put_record(bytearray(SLOT_SIZE), kind, payload, SEQUENCE, NUMBER)

    def test_blank_and_zero_are_no_entries(self):
        for slot in (BLANK, bytes(SLOT_SIZE)):
            self.assertFalse(slots.is_entry(slot, SEQUENCE, NUMBER))


class TestTallies(unittest.TestCase):
    def test_every_count_comes_back_clean(self):
        for steps in range(TALLY_STEPS + 1):
            self.assertEqual(slots.tally_of(tally(steps), SEQUENCE, NUMBER), (steps, True))

    def test_counting_on_only_clears_bits_inside_the_span(self):
        for before in range(0, TALLY_STEPS, 13):
            for after in (before + 1, min(before + 40, TALLY_STEPS)):
                old, new = tally(before) if before else bytearray(BLANK), tally(after)
                start, end = slots.tally_span(before, after)
                for index in range(SLOT_SIZE):
                    self.assertEqual(old[index] & new[index], new[index])
                    if not start <= index < end:
                        self.assertEqual(old[index], new[index])

    def test_a_gap_is_not_clean(self):
        slot = tally(20)
        slot[4 + 4] &= 0xDF
        self.assertEqual(slots.tally_of(slot, SEQUENCE, NUMBER), (20, False))

    def test_a_tally_counts_only_in_its_own_place(self):
        self.assertIsNone(slots.tally_of(tally(9), SEQUENCE + 24, NUMBER))
        self.assertIsNone(slots.tally_of(tally(9), SEQUENCE, NUMBER + 1))


class TestMerge(unittest.TestCase):
    TORN = b"\x03\x70\xff" + bytes(10) + b"\xff" * 19

    def test_whole_copies(self):
        self.assertEqual(merged(record(), record())[0], 3)
        self.assertEqual(merged(tally(9), tally(9)), (None, 9))
        self.assertIsNone(merged(BLANK, BLANK))

    def test_a_record_that_the_cut_left_in_one_copy_counts(self):
        self.assertEqual(merged(record(), BLANK)[0], 3)
        self.assertEqual(merged(record(), self.TORN)[0], 3)
        self.assertEqual(merged(self.TORN, record())[0], 3)
        self.assertEqual(merged(BLANK, record())[0], 3)

    def test_a_record_torn_in_the_first_copy_was_never_acknowledged(self):
        self.assertIsNone(merged(self.TORN, BLANK))

    def test_a_record_damaged_in_both_copies_is_reported(self):
        with self.assertRaises(JournalUnreadable):
            merged(self.TORN, self.TORN)

    def test_of_two_clean_tallies_the_lower_was_acknowledged(self):
        self.assertEqual(merged(tally(10), tally(9)), (None, 9))
        self.assertEqual(merged(tally(9), tally(12)), (None, 9))

    def test_a_torn_tally_gives_way_to_its_clean_copy(self):
        torn = tally(9)
        torn[4 + 20] &= 0xFE
        self.assertEqual(merged(torn, tally(8)), (None, 8))
        self.assertEqual(merged(tally(9), torn), (None, 9))
        self.assertEqual(merged(tally(9), self.TORN), (None, 9))

    def test_a_tally_whose_second_copy_was_never_begun_counts_nothing(self):
        self.assertEqual(merged(tally(1), BLANK), (None, 0))
        self.assertEqual(merged(BLANK, tally(5)), (None, 5))

    def test_a_tally_that_others_followed_counts_though_its_second_copy_is_erased(self):
        self.assertEqual(merged(tally(5), BLANK, True), (None, 5))
        self.assertEqual(merged(BLANK, tally(5), True), (None, 5))
        self.assertIsNone(merged(BLANK, BLANK, True))

    def test_a_tally_torn_in_both_copies_is_reported(self):
        torn = tally(9)
        torn[4 + 20] &= 0xFE
        with self.assertRaises(JournalUnreadable):
            merged(torn, torn)


if __name__ == "__main__":
    unittest.main()
