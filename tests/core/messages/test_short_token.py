"""Tokens of twenty digits: amounts, typing errors, issuers, windows and tenants."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.messages import short_token, token
from wattpurse.core.money.token_windows import number_of
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

METER = 40_001_234
METER_KEY = bytes(range(16))
TENANT = 17
EURO = 1_000_000
DAY_S = 86_400


def pair_of(issuer=0, meter_key=METER_KEY):
    return keys.short_token_keys(aes, keys.issuer_key(aes, meter_key, issuer))


def seal(count, kind=token.CREDIT_MONEY, amount=20 * EURO, issuer=0, tenant=TENANT, meter=METER):
    return short_token.seal_digits(aes, pair_of(issuer), meter, number_of(issuer, count), kind, amount, tenant)


def opened(digits, newest=0, issuer=0, tenant=TENANT, meter=METER, meter_key=METER_KEY):
    return short_token.open_digits(aes, pair_of(issuer, meter_key), meter, newest, tenant, digits)


def with_check(digits):
    """Return digits whose nineteen first were altered, with the check digit that fits."""
    return digits[:-1] + short_token.check_digit(digits[:-1])


class TestDigits(unittest.TestCase):
    def test_a_token_has_its_number_kind_and_amount(self):
        for kind, amount in (
            (token.CREDIT_MONEY, 12_340_000),
            (token.CREDIT_ENERGY, 50 * 10**6),
            (token.DAYS, 30 * DAY_S),
        ):
            one = opened(seal(5, kind, amount))
            self.assertEqual((one.sequence, one.kind, one.fields(), one.tenant), (5, kind, (amount,), TENANT))

    def test_the_digits_never_change_with_a_release_of_the_firmware(self):
        self.assertEqual(seal(5), "86557788526797718246")
        self.assertEqual(seal(70_000, token.DAYS, 30 * DAY_S, 2), "35887207957466147226")

    def test_a_reissue_has_the_same_digits(self):
        self.assertEqual(seal(9, amount=150 * EURO), seal(9, amount=150 * EURO))

    def test_every_wrong_digit_and_every_swap_of_neighbours_is_a_typing_error(self):
        for count in range(1, 6):
            digits = seal(count)
            self.assertTrue(short_token.is_whole(digits))
            for place in range(20):
                for wrong in "0123456789":
                    altered = digits[:place] + wrong + digits[place + 1 :]
                    self.assertEqual(short_token.is_whole(altered), altered == digits)
                swapped = digits[:place] + digits[place + 1 : place + 2] + digits[place] + digits[place + 2 :]
                self.assertEqual(short_token.is_whole(swapped), swapped == digits)

    def test_other_text_is_no_token(self):
        for text in ("", "1", seal(1)[:-1], seal(1) + "0", seal(1)[:-1] + "x", " " * 20, "\u0661" * 20):
            self.assertFalse(short_token.is_whole(text))


class TestAuthenticity(unittest.TestCase):
    def assert_broken(self, *arguments, **circumstances):
        with self.assertRaises(SealBroken):
            opened(*arguments, **circumstances)

    def test_another_meter_opens_nothing(self):
        self.assert_broken(seal(1), meter=METER + 1)
        self.assert_broken(seal(1), meter_key=bytes(16))

    def test_the_next_tenant_opens_nothing(self):
        self.assert_broken(seal(1), tenant=TENANT + 1)

    def test_another_issuer_opens_nothing(self):
        self.assert_broken(seal(1, issuer=3), issuer=2)
        self.assertEqual(opened(seal(1, issuer=3), issuer=3).sequence, number_of(3, 1))

    def test_every_altered_digit_with_its_check_digit_opens_nothing(self):
        digits = seal(1)
        for place in range(19):
            for wrong in "0123456789":
                altered = with_check(digits[:place] + wrong + digits[place + 1 :])
                if altered != digits:
                    self.assert_broken(altered, issuer=short_token.issuer_of_digits(altered))

    def test_the_highest_digits_are_no_token(self):
        self.assert_broken(with_check("9" * 20), issuer=15)


class TestWindow(unittest.TestCase):
    def test_the_window_of_the_meter_gives_the_whole_number(self):
        for newest, count in ((0, 1), (0, 256), (63, 1), (1000, 937), (1000, 1192), ((1 << 28) - 1, (1 << 28) - 1)):
            self.assertEqual(opened(seal(count), newest).sequence, count)

    def test_an_older_token_opens_as_the_used_one_that_it_is(self):
        self.assertEqual(opened(seal(936), 1000).sequence, 936)
        self.assertEqual(opened(seal(681), 1000).sequence, 681)

    def test_a_token_too_far_ahead_or_behind_is_not_taken_for_another(self):
        for newest, count in ((0, 257), (1000, 1193), (1000, 680)):
            with self.assertRaises(SealBroken):
                opened(seal(count), newest)


class TestAmounts(unittest.TestCase):
    def test_the_nearest_amounts_are_named(self):
        for amount, below, above in (
            (99_990_000, 99_990_000, 99_990_000),
            (123_450_000, 123_400_000, 123_500_000),
            (5_000, None, 10_000),
            (9_999_999_999_999, 9_999_000_000_000, None),
            (9_999_000_000_000, 9_999_000_000_000, 9_999_000_000_000),
            (99_995_000, 99_990_000, 100_000_000),
            (0, None, 10_000),
        ):
            self.assertEqual(short_token.nearest(token.CREDIT_MONEY, amount), (below, above))
        self.assertEqual(short_token.nearest(token.DAYS, 10**9), (9999 * DAY_S, None))

    def test_an_amount_between_is_refused(self):
        for amount in (0, -10_000, 1, 123_450_000, 99_990_000_000_000):
            with self.assertRaises(ValueError):
                seal(1, amount=amount)

    def test_other_kinds_have_no_digits(self):
        with self.assertRaises(ValueError):
            seal(1, token.DEBT)
        with self.assertRaises(ValueError):
            short_token.nearest(token.REFUND, 5)
