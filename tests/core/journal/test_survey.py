"""Reading a log: repeated records, the doubtful records between them, and unreadable slots."""

import unittest

from wattpurse.core.journal.survey import LOOK_BACK, settled, windows


def log(*numbers, doubtful=()):
    """Return records newest first, from numbers in the order of writing; None is an unreadable slot."""
    return [
        None if number is None else (1, bytes((number,)), 1 if number in doubtful else 2)
        for number in reversed(numbers)
    ]


def numbers_of(records):
    return [payload[0] for _, payload, _ in records]


class TestSettled(unittest.TestCase):
    def test_a_log_without_repetition_is_shown_whole(self):
        self.assertEqual(numbers_of(settled(log(*range(100)))), list(range(99, -1, -1)))

    def test_unreadable_slots_are_left_out(self):
        self.assertEqual(numbers_of(settled(log(1, None, 2, None, None, 3))), [3, 2, 1])

    def test_neighbours_are_one_record(self):
        self.assertEqual(numbers_of(settled(log(1, 2, 2, None, 2, 3))), [3, 2, 1])

    def test_the_doubtful_record_between_two_writings_is_left_out(self):
        self.assertEqual(numbers_of(settled(log(12, 13, 14, 13, 15, doubtful=(14,)))), [15, 13, 12])

    def test_a_record_may_be_written_again_behind_several_doubtful_ones(self):
        self.assertEqual(numbers_of(settled(log(12, 13, 14, 13, 14, None, 13, 15, doubtful=(14,)))), [15, 13, 12])
        self.assertEqual(numbers_of(settled(log(11, 12, 13, 12, 14, 11, 15, doubtful=(12, 13, 14)))), [15, 11])

    def test_an_acknowledged_record_is_never_left_out(self):
        self.assertEqual(numbers_of(settled(log(12, 13, 14, 13, 15))), [15, 13, 14, 13, 12])

    def test_an_equal_record_far_before_is_another_one(self):
        far = log(1, *range(2, 2 + LOOK_BACK), 1)
        self.assertEqual(len(numbers_of(settled(far))), LOOK_BACK + 2)

    def test_the_log_decides_which_records_are_equal(self):
        self.assertEqual(
            numbers_of(settled(log(12, 13, 14, 13, 15, doubtful=(14,)), lambda _window: 0)), [15, 13, 14, 13, 12]
        )


class TestWindows(unittest.TestCase):
    def test_each_window_has_the_same_number_of_whole_records(self):
        lengths = [len(window) for window in windows(log(*range(40)))]
        self.assertEqual(lengths, [LOOK_BACK + 1] * (40 - LOOK_BACK) + list(range(LOOK_BACK, 0, -1)))

    def test_unreadable_slots_do_not_count(self):
        window = next(windows(log(*range(20), *[None] * 10, 20)))
        self.assertEqual(len(window), LOOK_BACK + 11)

    def test_a_window_is_bounded(self):
        self.assertTrue(max([len(window) for window in windows([None] * 1_000)]) < 100)


if __name__ == "__main__":
    unittest.main()
