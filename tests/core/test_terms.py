"""Terms: named, ranged, and readable from snapshots that knew fewer of them."""

import unittest

from wattpurse.core import terms
from wattpurse.core.terms import Terms


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

    def test_a_snapshot_with_fewer_terms_leaves_the_rest_at_their_defaults(self):
        data = bytearray(Terms().pack())
        data[0] = 1
        again, position = Terms.unpack(bytes(data), 0)
        self.assertEqual(position, 9)
        self.assertEqual(again["low_credit_microunits"], Terms()["low_credit_microunits"])


if __name__ == "__main__":
    unittest.main()
