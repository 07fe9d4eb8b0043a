"""Terms: named, within ranges, and readable from snapshots that have fewer of them."""

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
        self.assertEqual(Terms().pack(), b"\x00")
        changed = Terms()
        changed.set("low_credit_mwh", 123)
        self.assertEqual(len(changed.pack()), 4)

    def test_bytes_that_no_terms_gave_are_refused(self):
        last = len(terms.names())
        for data in (b"", b"\x01", b"\x01\x00", b"\x01\x00\x80", bytes((1, last, 0)), bytes((1, 0, 1))):
            with self.assertRaises(ValueError):
                Terms.unpack(data, 0)


if __name__ == "__main__":
    unittest.main()
