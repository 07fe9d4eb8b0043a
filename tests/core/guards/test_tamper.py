"""Tamper: kinds that are latched, that open supply, or that are only shown, by the policy of each kind."""

import unittest

from wattpurse.core.guards import tamper
from wattpurse.core.money.terms import TAMPER_ALARM, TAMPER_IGNORED, TAMPER_OPENS

KINDS = (tamper.COVER, tamper.MAGNET, tamper.REVERSE, tamper.OPEN_LOAD)
TERMS = ("tamper_cover", "tamper_magnet", "tamper_reverse", "tamper_open_load")
EVERY_KIND = 15


def policies(*values):
    return dict(zip(TERMS, values))


class TestTamper(unittest.TestCase):
    def test_each_kind_follows_its_own_term(self):
        for place, kind in enumerate(KINDS):
            for policy in (TAMPER_IGNORED, TAMPER_ALARM, TAMPER_OPENS):
                values = [TAMPER_IGNORED] * 4
                values[place] = policy
                terms = policies(*values)
                expected = 0 if policy == TAMPER_IGNORED else kind
                self.assertEqual(tamper.to_latch(EVERY_KIND, 0, terms), expected)
                self.assertEqual(tamper.opens_supply(EVERY_KIND, terms), policy == TAMPER_OPENS)
                self.assertEqual(tamper.raises_alarm(EVERY_KIND, terms), policy != TAMPER_IGNORED)
                self.assertFalse(tamper.opens_supply(EVERY_KIND & ~kind, terms))
                self.assertFalse(tamper.raises_alarm(EVERY_KIND & ~kind, terms))

    def test_a_latched_kind_is_not_latched_again(self):
        terms = policies(1, 1, 2, 2)
        self.assertEqual(tamper.to_latch(tamper.COVER | tamper.REVERSE, tamper.COVER, terms), tamper.REVERSE)
        self.assertEqual(tamper.to_latch(tamper.COVER, EVERY_KIND, terms), 0)
        self.assertEqual(tamper.to_latch(0, 0, terms), 0)

    def test_nothing_latched_opens_nothing(self):
        self.assertFalse(tamper.opens_supply(0, policies(2, 2, 2, 2)))
        self.assertFalse(tamper.raises_alarm(0, policies(2, 2, 2, 2)))

    def test_words(self):
        self.assertEqual(tamper.texts(0), [])
        self.assertEqual(tamper.texts(tamper.MAGNET | tamper.COVER), ["cover opened", "magnet"])
        self.assertEqual(len(tamper.texts(EVERY_KIND)), 4)


if __name__ == "__main__":
    unittest.main()
