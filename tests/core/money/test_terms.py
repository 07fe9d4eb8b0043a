"""Terms: named, within ranges, and readable from snapshots that have fewer of them."""

import struct
import unittest

from wattpurse.core.money import terms
from wattpurse.core.money.terms import Terms


class TestTerms(unittest.TestCase):
    def test_defaults_and_changes_come_back(self):
        changed = Terms()
        changed.set("low_credit_mwh", 123)
        again, position = Terms.unpack(b"x" + changed.pack(), 1)
        self.assertEqual(position, 1 + len(changed.pack()))
        self.assertEqual(again["low_credit_mwh"], 123)
        self.assertEqual(again["credit_limit_mwh"], terms.NO_LIMIT)

    def test_unknown_names_and_values_out_of_range_are_refused(self):
        for name, value in (("colour", 1), ("credit_limit_mwh", -1), ("credit_limit_mwh", 10**15 + 1)):
            with self.assertRaises(ValueError):
                Terms().set(name, value)

    def test_only_what_was_changed_takes_room(self):
        self.assertEqual(Terms().pack(), b"\x80")
        changed = Terms()
        changed.set("low_credit_mwh", 123)
        self.assertEqual(len(changed.pack()), 10)

    def test_bytes_that_no_terms_gave_are_refused(self):
        last = len(terms.names())
        wrong = (struct.pack("<BBq", 1, last, 0), struct.pack("<BBq", 1, 0, -1))
        for data in (b"", b"\x01", b"\x01\x00" + bytes(6)) + wrong:
            with self.assertRaises(ValueError):
                Terms.unpack(data, 0)

    def test_terms_of_version_0_1_are_read(self):
        again, position = Terms.unpack_format_1(b"x" + struct.pack("<B4q", 4, 1, 2, 3, 4), 1)
        self.assertEqual(position, 34)
        self.assertEqual([again[name] for name in terms.names()[:4]], [1, 2, 3, 4])
        self.assertEqual(again["tax_permyriad"], 0)
        with self.assertRaises(ValueError):
            Terms.unpack_format_1(struct.pack("<B3q", 3, 1, 2, 3), 0)


if __name__ == "__main__":
    unittest.main()
