"""Varints: numbers that are put are taken again, alone and together."""

import unittest

from wattpurse.core.journal import varint

NUMBERS = (0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 252_000_000, (1 << 32) - 1, 1 << 62, (1 << 70) - 1)


class TestVarint(unittest.TestCase):
    def test_numbers_are_taken_as_they_were_put(self):
        data = bytearray(b"\xff")
        varint.put_all(data, NUMBERS)
        self.assertEqual(varint.take_all(data, 1, len(NUMBERS)), (list(NUMBERS), len(data)))
        position = 1
        for number in NUMBERS:
            value, position = varint.take(data, position)
            self.assertEqual(value, number)
        self.assertEqual(position, len(data))

    def test_no_numbers_take_nothing(self):
        self.assertEqual(varint.take_all(b"", 0, 0), ([], 0))

    def test_a_number_that_runs_past_the_end_is_refused(self):
        for number in NUMBERS:
            data = bytearray()
            varint.put(data, number)
            for size in range(len(data)):
                with self.assertRaises(ValueError):
                    varint.take_all(bytes(data[:size]), 0, 1)
                with self.assertRaises(ValueError):
                    varint.take(bytes(data[:size]), 0)

    def test_a_number_of_too_many_bytes_is_refused(self):
        data = b"\xff" * 10 + b"\x01"
        with self.assertRaises(ValueError):
            varint.take_all(data, 0, 1)
        with self.assertRaises(ValueError):
            varint.take(data, 0)

    def test_a_sign_goes_and_comes(self):
        for number in (0, 1, -1, 63, -64, 1 << 62, -(1 << 62)):
            self.assertEqual(varint.unzigzag(varint.zigzag(number)), number)


if __name__ == "__main__":
    unittest.main()
