"""Named numbers: found by name or place, kept to their ranges, and packed only if they differ from the defaults."""

import struct
import unittest

from wattpurse.core.money.named_numbers import NamedNumbers

TABLE = (("hours", 8, 0, 24), ("owed", 0, -(1 << 62), 1 << 62), ("level", 3, 3, 9))
PLACES = {"hours": 0, "owed": 1, "level": 2}


def new_numbers():
    return NamedNumbers(TABLE, PLACES, "number of the test")


class TestNamedNumbers(unittest.TestCase):
    def setUp(self):
        self.numbers = new_numbers()

    def test_they_begin_at_their_defaults(self):
        self.assertEqual([self.numbers[row[0]] for row in TABLE], [8, 0, 3])
        self.assertEqual(self.numbers.changed(), [])

    def test_the_ends_of_a_range_are_inside_it(self):
        for name, _, lowest, highest in TABLE:
            for value in (lowest, highest):
                self.numbers.set(name, value)
                self.assertEqual(self.numbers[name], value)
            for value in (lowest - 1, highest + 1):
                with self.assertRaises(ValueError):
                    self.numbers.set(name, value)
                self.assertEqual(self.numbers[name], highest)

    def test_an_error_lists_the_names_and_the_allowed_range(self):
        for wrong, said in (
            (lambda: self.numbers.set("ours", 1), "no number of the test 'ours'; there are: hours, owed, level"),
            (lambda: self.numbers.set("hours", 25), "hours must be from 0 to 24"),
            (lambda: self.numbers.set_at(3, 1), "no number of the test 3"),
            (lambda: self.numbers.set_at(-1, 1), "no number of the test -1"),
        ):
            try:
                wrong()
            except ValueError as error:
                self.assertEqual(str(error), said)
            else:
                self.fail(said)

    def test_two_of_one_table_know_nothing_of_each_other(self):
        other = new_numbers()
        other.set("hours", 1)
        self.assertEqual(self.numbers["hours"], 8)

    def test_packed_numbers_come_back_from_any_position(self):
        self.numbers.set("owed", -(1 << 62))
        self.numbers.set("level", 9)
        packed = self.numbers.pack()
        self.assertEqual(len(packed), 1 + 9 + 2)
        again = new_numbers()
        self.assertEqual(again.take_packed(b"xy" + packed + b"z", 2), 2 + len(packed))
        self.assertEqual(again.changed(), self.numbers.changed())
        self.assertEqual(again.changed(), [(1, -(1 << 62)), (2, 9)])

    def test_a_number_back_at_its_default_takes_no_room(self):
        self.numbers.set("hours", 9)
        self.numbers.set("hours", 8)
        self.assertEqual(self.numbers.pack(), b"\x80")

    def test_each_number_takes_the_bytes_of_its_range(self):
        rows = (("flag", 0, 0, 1), ("time", 0, 0, (1 << 32) - 1), ("amount", 0, -1, 5))
        numbers = NamedNumbers(rows, {"flag": 0, "time": 1, "amount": 2}, "number")
        for name, size in (("flag", 3), ("time", 8), ("amount", 17)):
            numbers.set(name, 1)
            self.assertEqual(len(numbers.pack()), size)

    def test_numbers_that_older_firmware_packed_in_eight_bytes_each_are_read(self):
        old = struct.pack("<BBqBq", 2, 0, 9, 1, -5)
        self.assertEqual(self.numbers.take_packed(old, 0), len(old))
        self.assertEqual(self.numbers.changed(), [(0, 9), (1, -5)])

    def test_bytes_that_no_numbers_gave_are_refused(self):
        self.numbers.set("hours", 9)
        whole = self.numbers.pack()
        strangers = [struct.pack("<BBq", 1, place, value) for place, value in ((3, 0), (0, 25), (2, 2))]
        strangers += [struct.pack("<BBB", 129, place, value) for place, value in ((3, 0), (0, 25), (2, 2))]
        for data in [whole[:length] for length in range(len(whole))] + strangers:
            with self.assertRaises(ValueError):
                new_numbers().take_packed(data, 0)


if __name__ == "__main__":
    unittest.main()
