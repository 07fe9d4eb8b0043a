"""Amounts of money as people read and type them."""

import unittest

from wattpurse.core.currency import Currency, currency_of, decimal_text, exact_decimal_text, parse_decimal

EUR = Currency("EUR", 2)
JPY = Currency("JPY", 0)
KWD = Currency("KWD", 3)


class TestText(unittest.TestCase):
    def test_decimal_text_is_rounded_down(self):
        for millionths, decimals, text in (
            (0, 2, "0.00"),
            (12_345_678, 2, "12.34"),
            (12_345_678, 6, "12.345678"),
            (12_999_999, 0, "12"),
            (50_000, 2, "0.05"),
            (9_999, 2, "0.00"),
            (-1, 2, "-0.01"),
            (-1_500_000, 2, "-1.50"),
            (-1_000_000, 0, "-1"),
            (10**15 + 5, 6, "1000000000.000005"),
        ):
            with self.subTest(millionths=millionths, decimals=decimals):
                self.assertEqual(decimal_text(millionths, decimals), text)

    def test_exact_decimal_text_adds_decimals_as_needed(self):
        for millionths, decimals, text in (
            (0, 0, "0"),
            (1_000_000_000, 0, "1000"),
            (1_000_000, 2, "1.00"),
            (1_250_000, 1, "1.25"),
            (1, 2, "0.000001"),
            (-1, 0, "-0.000001"),
            (-7_660_000, 2, "-7.66"),
        ):
            with self.subTest(millionths=millionths, decimals=decimals):
                self.assertEqual(exact_decimal_text(millionths, decimals), text)

    def test_text_has_the_decimals_and_the_code_of_the_currency(self):
        for currency, text in ((EUR, "1000.23 EUR"), (JPY, "1000 JPY"), (KWD, "1000.234 KWD")):
            self.assertEqual(currency.text(1_000_234_567), text)

    def test_exact_text_keeps_every_digit(self):
        for currency, text in ((EUR, "1000.2345 EUR"), (JPY, "1000.2345 JPY"), (KWD, "1000.2345 KWD")):
            self.assertEqual(currency.exact_text(1_000_234_500), text)
        self.assertEqual(JPY.exact_text(1_000_000_000), "1000 JPY")

    def test_shown_units_change_with_the_last_decimal(self):
        for currency, units in ((EUR, 100_023), (JPY, 1000), (KWD, 1_000_234)):
            self.assertEqual(currency.shown_units(1_000_234_567), units)
        self.assertEqual(EUR.shown_units(-1), -1)


class TestParse(unittest.TestCase):
    def test_amount_is_read_exactly(self):
        for currency, text, microunits in (
            (EUR, "20", 20_000_000),
            (EUR, "20.00", 20_000_000),
            (EUR, "0.5", 500_000),
            (EUR, "20.050000000", 20_050_000),
            (EUR, "20.05 EUR", 20_050_000),
            (JPY, "1000", 1_000_000_000),
            (JPY, "1000.0", 1_000_000_000),
            (KWD, "0.001", 1000),
            (KWD, "999999999999.999", 999_999_999_999_999_000),
        ):
            with self.subTest(text=text):
                self.assertEqual(currency.parse(text), microunits)

    def test_other_text_is_refused(self):
        for text in (
            "", " ", ".", "5.", ".5", "-1", "+1", "1,5", "1e3", "0x1", " 1", "1 ", "1_000", "twenty", "1.2.3", "1.-2",
            "1234567890123", "\u0661", "20.00 JPY", "20.00EUR", "EUR", " EUR", "20.00 EUR EUR",
        ):  # fmt: skip
            with self.subTest(text=text):
                self.assert_refused(EUR, text, "write a number above zero, such as 20.00")

    def test_more_decimals_than_the_currency_has_are_refused(self):
        self.assert_refused(EUR, "20.001", "at most 2 decimals")
        self.assert_refused(JPY, "0.5", "write a whole number")
        self.assert_refused(KWD, "0.0001", "at most 3 decimals")

    def test_example_in_the_refusal_fits_the_currency(self):
        self.assert_refused(JPY, "x", "write a number above zero, such as 20")
        with self.assertRaises(ValueError):
            parse_decimal("20.0000001", 6)

    def assert_refused(self, currency, text, reason):
        try:
            currency.parse(text)
        except ValueError as error:
            self.assertIn(reason, str(error))
        else:
            self.fail(f"{text!r} was read")


class TestEquality(unittest.TestCase):
    def test_currencies_are_equal_by_code_and_decimals(self):
        self.assertEqual(currency_of({"currency": "JPY", "decimals": 0, "version": 7}), JPY)
        self.assertEqual(len({EUR, Currency("EUR", 2), Currency("EUR", 3), JPY}), 3)
        self.assertNotEqual(EUR, "EUR")
        self.assertEqual(repr(KWD), "Currency('KWD', 3)")


if __name__ == "__main__":
    unittest.main()
