"""Moves of the clock: nothing is gained and nothing is lost by them; what a person may do without a token."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core.money import clock_rules, standing
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.core.tariffs.tariff import Tariff

DAY_S = 86_400
NOON_S = samples.NEW_YEAR_S + 40 * DAY_S + 43_200
ENDS = [name for name in standing.names() if name.endswith("_until_s") and name != "clock_until_s"]
SECTORS = 6


class ClockTest(unittest.TestCase):
    def setUp(self):
        self.flash = FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(1))
        self.ledger = Ledger(self.flash, 0, SECTORS)
        tariff = samples.flat_tariff(standing_charge_microunits=330_001)
        self.ledger.create(samples.new_account(tariff, contract=contracts.PrepaidMoney))
        self.ledger.advance(NOON_S, 0)

    @property
    def account(self):
        return self.ledger.account

    def _set(self, name, value):
        self.ledger.set_number(1, name, value, self.account.time_s)

    def _reopened(self):
        ledger = Ledger(self.flash, 0, SECTORS)
        ledger.open()
        return ledger


class TestRemainingTimes(ClockTest):
    def test_every_end_keeps_its_distance_whichever_way_the_clock_moves(self):
        self.assertTrue(len(ENDS) >= 4)
        for name in ENDS:
            self._set(name, NOON_S + 5 * DAY_S)
        for move_s in (-300 * DAY_S, -DAY_S, -1, 1, 7_200, 40 * DAY_S, 900 * DAY_S):
            now_s = self.account.time_s
            left = [self.account.standing[name] - now_s for name in ENDS]
            self.ledger.set_clock(now_s, now_s + move_s)
            for account in (self.account, self._reopened().account):
                self.assertEqual(account.time_s, now_s + move_s)
                self.assertEqual([account.standing[name] - account.time_s for name in ENDS], left, move_s)

    def test_an_end_that_has_passed_does_not_come_back_and_none_that_never_was(self):
        self._set("term_until_s", NOON_S - 10)
        self.ledger.set_clock(NOON_S, NOON_S - 5 * DAY_S)
        self.assertEqual(self.account.standing["term_until_s"], NOON_S - 5 * DAY_S - 10)
        self.assertEqual(self.account.standing["permit_until_s"], 0)

    def test_no_end_passes_the_last_time_that_is_stored(self):
        self._set("term_until_s", LATEST_S - 10)
        self.ledger.set_clock(NOON_S, NOON_S + DAY_S)
        self.assertEqual(self.account.standing["term_until_s"], LATEST_S)

    def test_days_ahead_are_charged_once_and_a_waiting_tariff_takes_over_on_its_day(self):
        following = samples.flat_tariff(
            version=2, activation_s=NOON_S + 2 * DAY_S, standing_charge_microunits=1_000_000
        )
        self.ledger.change(lambda account: setattr(account, "pending_tariff", Tariff(following)))
        charged = self.account.money.charged
        self.ledger.set_clock(NOON_S, NOON_S + 4 * DAY_S)
        self.assertEqual(self.account.money.charged - charged, 2 * 330_001 + 2 * 1_000_000)
        self.assertEqual(self.account.tariff.version, 2)
        self.ledger.set_clock(self.account.time_s, NOON_S)
        self.ledger.advance(NOON_S + 4 * DAY_S, 0)
        self.assertEqual(self.account.money.charged - charged, 2 * 330_001 + 2 * 1_000_000)
        self.assertEqual(self._reopened().account.money.charged, self.account.money.charged)

    def test_a_move_and_its_token_are_one_snapshot(self):
        self._set("term_until_s", NOON_S + DAY_S)
        self.ledger.set_clock(NOON_S, NOON_S - 7_200, sequence=5)
        account = self._reopened().account
        self.assertTrue(account.token_is_used(5))
        self.assertEqual(account.standing["term_until_s"], NOON_S + DAY_S - 7_200)
        with self.assertRaises(ValueError):
            self.ledger.set_clock(account.time_s, NOON_S, sequence=5)


class TestDailyShares(ClockTest):
    def _use(self):
        self.ledger.advance(self.account.time_s + 60, 3_200)

    def test_a_day_that_is_entered_again_gives_no_second_share(self):
        self._use()
        self.assertEqual(self.account.day_mwh, samples.KWH)
        for back_s in (13 * 3_600, 3 * DAY_S):
            now_s = self.account.time_s
            self.ledger.set_clock(now_s, now_s - back_s)
            self.ledger.advance(now_s, 0)
            self.assertEqual(self.account.day_mwh, samples.KWH, back_s)
        self.ledger.advance(self.account.time_s + DAY_S, 0)
        self.assertEqual(self.account.day_mwh, 0)

    def test_a_clock_that_was_months_ahead_gives_shares_again_from_the_next_day_on(self):
        self.ledger.advance(NOON_S + 400 * DAY_S, 0)
        self._use()
        self.ledger.set_clock(self.account.time_s, NOON_S)
        self.assertEqual(self.account.day_mwh, samples.KWH)
        charged = self.account.money.charged
        for day in range(1, 4):
            self.ledger.advance(NOON_S + day * DAY_S, 0)
            self.assertEqual(self.account.day_mwh, 0)
            self._use()
        now_s = self.account.time_s
        self.ledger.set_clock(now_s, now_s - DAY_S)
        self.ledger.advance(now_s, 0)
        self.assertEqual(self.account.day_mwh, samples.KWH)
        self.assertEqual(self.account.money.charged - charged, 3 * 250_000)


class TestByHand(ClockTest):
    def _move(self, now_s, move_s, is_trusted=True, recorded_s=0):
        counted_s = clock_rules.seconds_by_hand(self.account, now_s, now_s + move_s, is_trusted, recorded_s)
        self.ledger.set_clock(now_s, now_s + move_s, counted_s=counted_s)

    def test_a_trusted_clock_moves_by_a_quarter_of_an_hour_a_day_in_all_even_over_restarts(self):
        self._move(NOON_S, 600)
        self._move(NOON_S + 600, -200)
        self.ledger = self._reopened()
        for move_s in (101, -101, DAY_S, -DAY_S):
            with self.assertRaises(ValueError) as raised:
                self._move(NOON_S + 400, move_s)
            self.assertIn("wattpurse token METER clock", str(raised.exception))
            self.assertIn("100 s are left", str(raised.exception))
        self._move(NOON_S + 400, 100)
        self.ledger.advance(NOON_S + DAY_S, 0)
        self._move(NOON_S + DAY_S, -900)

    def test_an_untrusted_clock_goes_ahead_by_any_time_and_back_as_little_as_a_trusted_one(self):
        self._move(NOON_S, 100 * DAY_S, is_trusted=False)
        now_s = NOON_S + 100 * DAY_S
        with self.assertRaises(ValueError):
            self._move(now_s, -901, is_trusted=False)
        self._move(now_s, -900, is_trusted=False)
        with self.assertRaises(ValueError):
            self._move(now_s - 900, -1, is_trusted=False)
        self._move(now_s - 900, 3 * DAY_S, is_trusted=False)

    def test_nobody_goes_behind_the_newest_record(self):
        for is_trusted in (False, True):
            with self.assertRaises(ValueError) as raised:
                self._move(NOON_S, -61, is_trusted, NOON_S - 60)
            self.assertIn("record of a later time", str(raised.exception))
        self._move(NOON_S, -60, recorded_s=NOON_S - 60)

    def test_a_note_of_the_time_and_a_move_are_no_records_that_stand_in_the_way(self):
        self._set("tenant", 5)
        self.ledger.advance(NOON_S + 500, 0)
        self.ledger.note_time(60)
        self.ledger.set_clock(NOON_S + 500, NOON_S + 800)
        self.ledger.settle_clock()
        self.assertEqual(self.ledger.recorded_s, NOON_S)


if __name__ == "__main__":
    unittest.main()
