"""Every outcome has its words, and every outcome that the display shows by a code has its own code."""

import unittest

from wattpurse.core import outcome

NUMBERS = [value for name, value in outcome.__dict__.items() if isinstance(value, int) and name.upper() == name]


class TestOutcome(unittest.TestCase):
    def test_every_number_has_words_of_its_own(self):
        self.assertEqual(sorted(NUMBERS), list(range(len(outcome.all_outcomes()))))
        words = [outcome.text(number) for number in NUMBERS]
        self.assertEqual(len(set(words)), len(words))
        self.assertTrue(all(words))

    def test_codes_fit_six_digits_and_none_is_used_twice(self):
        codes = [outcome.display_code(number) for number in NUMBERS]
        shown = [code for code in codes if code]
        self.assertEqual(len(set(shown)), len(shown))
        for code in shown:
            self.assertLessEqual(len(code), 6)

    def test_only_where_credit_is_shown_there_is_no_code(self):
        silent = [number for number in NUMBERS if not outcome.display_code(number)]
        self.assertEqual(sorted(silent), [outcome.ACCEPTED, outcome.NO_NEWS])


if __name__ == "__main__":
    unittest.main()
