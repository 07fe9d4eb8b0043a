"""Every kind of token is whole: its row in `token.KINDS`, its effect and the words of its event fit together."""

import struct
import unittest

from wattpurse.core import carrier
from wattpurse.core.messages import token
from wattpurse.core.records import events
from wattpurse.core.records.events import Event
from wattpurse.core.records.top_up_log import TopUp
from wattpurse.services.token_effects import TokenEffects

BENEFITS = (
    token.MONEY,
    token.ENERGY,
    token.ENERGY_AND_TIME,
    token.TIME,
    token.RECEIPT,
    token.KEY,
    token.NO_BENEFIT,
)
# A kind that nobody has finished: `planted` takes one part away from it.
NEW_KIND = (99, "new-kind", "<Bq", ("place", "value"), 199, "new event", "new top-up", False, False, token.NO_BENEFIT)


def shortcomings(kinds, effects) -> list:
    """Return a sentence for each part that a kind in `kinds` lacks, and for each effect without a kind."""
    found = []
    for code, name, layout, fields, event, event_words, words, personal, office, benefit in kinds:
        if not name:
            found.append(f"kind {code} has no name")
        if not _fits(layout, fields):
            found.append(f"kind {code} has no layout that fits its fields")
        if not event or not event_words:
            found.append(f"kind {code} leaves no event with words")
        if not words:
            found.append(f"kind {code} has no words for the top-up log")
        if personal not in (False, True) or office not in (False, True):
            found.append(f"kind {code} does not say whether it is personal, and whether it is for the office alone")
        if benefit not in BENEFITS:
            found.append(f"kind {code} has no known benefit")
        if code not in effects:
            found.append(f"kind {code} has no effect")
    codes = [row[0] for row in kinds]
    found += [f"kind {code} has two rows" for code in codes if codes.count(code) > 1]
    names = [row[1] for row in kinds]
    found += [f"two kinds are called {name}" for name in names if names.count(name) > 1]
    found += [f"the effect of kind {code} has no row" for code in effects if code not in codes]
    return found


def _fits(layout, fields) -> bool:
    """Return True if the layout has as many values as there are fields; without layout there is one field of bytes."""
    if layout is None:
        return len(fields) == 1
    return bool(layout) and len(struct.unpack(layout, bytes(struct.calcsize(layout)))) == len(fields)


def planted(column, value) -> tuple:
    """Return the table with a new kind in it, whose row has `value` in one column."""
    row = list(NEW_KIND)
    row[column] = value
    return token.KINDS + (tuple(row),)


class TestEveryKind(unittest.TestCase):
    def test_every_kind_is_whole(self):
        self.assertEqual(shortcomings(token.KINDS, TokenEffects.EFFECTS), [])

    def test_the_event_of_every_kind_is_told_in_the_words_of_its_row(self):
        for code, _, _, _, event, words, *_ in token.KINDS:
            text = events.text(Event(0, event, carrier.CARD, 0, 0))
            self.assertEqual((code, text), (code, words + ", by card"))

    def test_the_top_up_log_tells_every_kind_in_the_words_of_its_row(self):
        for code, _, _, _, _, _, words, *_ in token.KINDS:
            self.assertEqual(TopUp(0, 1, code, carrier.CARD, 0, 0).text, words)

    def test_no_other_event_has_the_code_of_a_tokens_event(self):
        others = [code for code, _ in events.OTHER_TEXTS]
        for _, _, _, _, event, *_ in token.KINDS:
            self.assertFalse(event in others, event)

    def test_an_order_at_the_console_leaves_the_same_event_as_a_token(self):
        for kind, event in (
            (token.CONTRACT, events.CONTRACT_CHANGED),
            (token.TARIFF, events.TARIFF_SENT),
            (token.CLOCK, events.CLOCK_SET),
            (token.CLOCK_BACK, events.CLOCK_SET),
            (token.CLEAR_TAMPER, events.TAMPER_CLEARED),
            (token.TERM, events.TERM_CHANGED),
            (token.METER_KEY, events.KEYS_CHANGED),
            (token.SITE_KEY, events.KEYS_CHANGED),
        ):
            self.assertEqual(token.event_code(kind), event)

    def test_kinds_with_one_event_have_the_same_words_for_it(self):
        words_of = {}
        for _, _, _, _, event, words, *_ in token.KINDS:
            self.assertEqual(words_of.get(event, words), words)
            words_of[event] = words


class TestHalfDoneKinds(unittest.TestCase):
    """A kind that lacks a part is found."""

    def found(self, kinds):
        effects = dict(TokenEffects.EFFECTS)
        effects[NEW_KIND[0]] = None
        return shortcomings(kinds, effects)

    def test_a_whole_new_kind_is_no_finding(self):
        self.assertEqual(self.found(planted(0, 99)), [])

    def test_a_kind_without_effect(self):
        self.assertEqual(shortcomings(planted(0, 99), TokenEffects.EFFECTS), ["kind 99 has no effect"])

    def test_a_kind_without_name(self):
        self.assertEqual(self.found(planted(1, "")), ["kind 99 has no name"])

    def test_a_kind_without_layout(self):
        for layout in ("", "<B", None):
            self.assertEqual(self.found(planted(2, layout)), ["kind 99 has no layout that fits its fields"])

    def test_a_kind_without_fields(self):
        self.assertEqual(self.found(planted(3, ())), ["kind 99 has no layout that fits its fields"])

    def test_a_kind_without_event(self):
        for column, value in ((4, 0), (5, None), (5, "")):
            self.assertEqual(self.found(planted(column, value)), ["kind 99 leaves no event with words"])

    def test_a_kind_without_words(self):
        self.assertEqual(self.found(planted(6, "")), ["kind 99 has no words for the top-up log"])

    def test_a_kind_that_does_not_say_who_may_make_it(self):
        for column in (7, 8):
            words = "kind 99 does not say whether it is personal, and whether it is for the office alone"
            self.assertEqual(self.found(planted(column, "")), [words])

    def test_a_kind_without_known_benefit(self):
        self.assertEqual(self.found(planted(9, "unheard of")), ["kind 99 has no known benefit"])

    def test_an_effect_without_row(self):
        self.assertEqual(self.found(token.KINDS), ["the effect of kind 99 has no row"])

    def test_a_code_and_a_name_that_another_kind_has(self):
        twice = self.found(planted(0, token.CLOCK))
        self.assertTrue("kind 5 has two rows" in twice, twice)
        self.assertTrue("two kinds are called clock" in self.found(planted(1, "clock")))


if __name__ == "__main__":
    unittest.main()
