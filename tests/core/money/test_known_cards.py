"""The known key cards: which image is genuine, the debt of a card, and the same state after packing."""

import unittest

from tests.samples import KWH, NEW_YEAR_S, new_account
from wattpurse.core.money import account_image, key_card
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.money.key_card import CardContent, period_number
from wattpurse.core.money.known_cards import REMEMBERED, KnownCard, KnownCards

DAY = 20_454  # 2026-01-01, a Thursday


def content(version=1, spent=0, loaded=10**6, price=300_000, allowance_mwh=0, period=0, number=0, used_mwh=0):
    return CardContent(version, loaded, spent, price, (allowance_mwh, period, number, used_mwh), 7)


def cards_with(number=5, version=4, spent=1_000, owed=0):
    cards = KnownCards()
    cards.meet(number, version, spent, 7)
    cards.take_terms(10**6, 300_000, 0, 0, 0, 0, DAY)
    cards.owe(owed)
    return cards


class TestGenuine(unittest.TestCase):
    def test_a_card_that_is_not_known_is_taken_as_it_is(self):
        self.assertTrue(KnownCards().is_genuine(5, 0, 0))

    def test_a_known_one_may_not_go_back_nor_be_two(self):
        cards = cards_with()
        for version, spent, genuine in ((4, 1_000, True), (3, 1_000, False), (4, 999, False), (4, 1_001, False)):
            self.assertEqual(cards.is_genuine(5, version, spent), genuine)
        for version, spent, genuine in ((5, 1_000, True), (9, 2_000, True), (5, 999, False)):
            self.assertEqual(cards.is_genuine(5, version, spent), genuine)

    def test_while_a_writing_is_not_proved_the_card_may_be_as_before_it(self):
        cards = cards_with(owed=50)
        cards.step(5, 5, 50)
        for version, spent, genuine in (
            (5, 1_050, True),
            (4, 1_000, True),
            (4, 1_001, False),
            (3, 1_000, False),
            (5, 1_000, True),
            (6, 1_000, True),
            (6, 999, False),
        ):
            self.assertEqual(cards.is_genuine(5, version, spent), genuine)

    def test_an_older_image_cannot_be_met(self):
        cards = cards_with()
        with self.assertRaises(ValueError):
            cards.meet(5, 3, 900, 7)


class TestMeeting(unittest.TestCase):
    """A step of 50 was deducted with version 5. The card's next content shows if the deduction reached it."""

    def met(self, version, spent):
        cards = cards_with(owed=50)
        cards.step(5, 5, 50)
        cards.owe(3)
        cards.meet(5, version, spent, 7)
        return cards.newest.owed, cards.newest.version, cards.newest.spent

    def test_it_did(self):
        self.assertEqual(self.met(5, 1_050), (3, 5, 1_050))

    def test_it_did_not(self):
        self.assertEqual(self.met(4, 1_000), (53, 4, 1_000))

    def test_the_station_wrote_in_its_place(self):
        self.assertEqual(self.met(5, 1_000), (53, 5, 1_000))

    def test_another_meter_wrote_in_its_place(self):
        self.assertEqual(self.met(5, 1_200), (53, 5, 1_200))

    def test_another_meter_took_less_than_it_and_more_often(self):
        self.assertEqual(self.met(7, 1_020), (53, 7, 1_020))

    def test_a_deduction_that_another_meter_may_hide_is_not_repeated(self):
        self.assertEqual(self.met(7, 1_090), (3, 7, 1_090))


class TestMemory(unittest.TestCase):
    def test_a_limited_number_is_in_the_list_and_the_debt_of_others_has_left_it(self):
        cards = KnownCards()
        for number in range(REMEMBERED + 3):
            cards.meet(number, 1, 0, 0)
            cards.owe(10 + number)
        self.assertEqual([card.number for card in cards.known], list(range(REMEMBERED + 2, 2, -1)))
        self.assertEqual(cards.left, 10 + 11 + 12)

    def test_a_card_that_comes_back_brings_its_debt_and_drives_out_the_oldest(self):
        cards = KnownCards()
        for number in range(REMEMBERED + 1):
            cards.meet(number, 1, 0, 0)
            cards.owe(10 + number)
        cards.bring_back(KnownCard(0, 1, 0, owed=10))
        self.assertEqual([card.number for card in cards.known], list(range(REMEMBERED, 1, -1)) + [0])
        self.assertEqual(cards.left, 11)
        with self.assertRaises(ValueError):
            cards.bring_back(KnownCard(0, 1, 0))

    def test_a_step_has_to_follow(self):
        cards = cards_with(owed=50)
        for number, version, amount in ((6, 5, 50), (5, 4, 50), (5, 6, 50), (5, 5, 51)):
            with self.assertRaises(ValueError):
                cards.step(number, version, amount)
        with self.assertRaises(ValueError):
            KnownCards().step(5, 1, 0)

    def test_bytes_bring_back_the_same(self):
        cards = cards_with(owed=50)
        cards.step(5, 5, 40)
        cards.meet(6, 2, 77, 9)
        cards.take_terms(2**40, key_card.BY_TARIFF, KWH, key_card.MONTH, 24_000, 5, DAY)
        again, position = KnownCards.unpack(b"xyz" + cards.pack() + b"!", 3)
        self.assertEqual(position, 3 + len(cards.pack()))
        self.assertEqual(again.pack(), cards.pack())
        self.assertEqual(again.known[1].pending, 40)

    def test_bytes_that_end_early_are_refused(self):
        packed = cards_with().pack()
        for end in range(len(packed)):
            with self.assertRaises(ValueError):
                KnownCards.unpack(packed[:end], 0)
        with self.assertRaises(ValueError):
            KnownCards.unpack(bytes((REMEMBERED + 1,)) + bytes(1000), 0)


class TestAllowance(unittest.TestCase):
    def test_periods_begin_with_the_day_the_monday_and_the_month(self):
        self.assertEqual(period_number(key_card.DAY, DAY), DAY)
        self.assertEqual(period_number(key_card.WEEK, DAY + 3), period_number(key_card.WEEK, DAY))  # Sunday
        self.assertEqual(period_number(key_card.WEEK, DAY + 4), period_number(key_card.WEEK, DAY) + 1)
        self.assertEqual(period_number(key_card.MONTH, DAY), 2026 * 12)
        self.assertEqual(period_number(key_card.MONTH, DAY + 31), 2026 * 12 + 1)

    def test_the_larger_use_of_card_and_meter_counts_in_one_period(self):
        cards = KnownCards()
        cards.meet(5, 1, 0, 7)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY, 100, DAY)
        cards.use_allowance(50)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY, 120, DAY)
        self.assertEqual(cards.used_mwh, 150)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY, 170, DAY)
        self.assertEqual(cards.used_mwh, 170)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY - 1, 900, DAY)
        self.assertEqual(cards.used_mwh, 170)

    def test_another_card_brings_its_own(self):
        cards = KnownCards()
        cards.meet(5, 1, 0, 7)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY, 100, DAY)
        cards.meet(6, 1, 0, 7)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY, 30, DAY)
        self.assertEqual(cards.used_mwh, 30)
        cards.enter_day(DAY + 1)
        self.assertEqual(cards.allowance_left_mwh, KWH)

    def test_a_card_with_equal_terms_waits_for_its_own(self):
        """Cut power between the two records of a card: then its use has to be read again."""
        cards = KnownCards()
        cards.meet(5, 1, 0, 7)
        cards.take_terms(10**6, 0, KWH, key_card.DAY, DAY, 100, DAY)
        cards.meet(6, 1, 0, 7)
        brought = content(1, 0, 10**6, 0, KWH, key_card.DAY, DAY, KWH)
        self.assertFalse(cards.content().says_the_same(brought))
        self.assertFalse(cards.content_before().says_the_same(brought))
        self.assertEqual(cards.allowance_left_mwh, 0)
        cards.take_terms(10**6, 0, KWH, key_card.DAY, DAY, KWH, DAY)
        self.assertTrue(cards.content().says_the_same(brought))
        self.assertEqual(cards.allowance_left_mwh, 0)

    def test_a_clock_that_lags_does_not_renew_it(self):
        cards = KnownCards()
        cards.meet(5, 1, 0, 7)
        cards.take_terms(0, 0, KWH, key_card.DAY, DAY + 2, KWH, DAY)
        cards.enter_day(DAY + 1)
        self.assertEqual(cards.allowance_left_mwh, 0)
        cards.enter_day(DAY + 3)
        self.assertEqual(cards.allowance_left_mwh, KWH)


class TestAccount(unittest.TestCase):
    def test_the_account_keeps_its_cards(self):
        account = new_account(contract=KeyCard)
        account.cards = cards_with(owed=50)
        account.standing.set("card_in", 1)
        account.time_s = NEW_YEAR_S
        again = account_image.unpack(account_image.pack(account))
        self.assertEqual((again.cards.pack(), again.credit_balance()), (account.cards.pack(), 10**6 - 1_000 - 50))

    def test_cards_that_no_meter_can_know_are_not_plausible(self):
        account = new_account(contract=KeyCard)
        account.cards = cards_with()
        account.cards.newest.pending = account.cards.newest.spent + 1
        with self.assertRaises(ValueError):
            account_image.unpack(account_image.pack(account))


if __name__ == "__main__":
    unittest.main()
