"""The clock in daily life: a cell that has gone flat, a flipped bit, a clerk and a technician who set the time."""

import unittest

from tests.samples import KWH
from tests.stories.story import ContractStory
from wattpurse.core.messages import statement, token
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.core.text import time_text

HOUR_S = 3_600
PLACE_OF_YEAR = 6


class ClockStory(ContractStory):
    """A story that knows the true time: the world's own."""

    def behind_s(self) -> int:
        """Return how far the meter's clock is behind the true time."""
        return self.world.now_s() - self.world.meter.timekeeper.now_s()

    def shows_alarm(self) -> bool:
        """Return True if the statements tell of the clock."""
        return bool(self.world.meter.statements.alarms() & statement.ALARM_CLOCK)

    def set_clock(self, utc_s) -> str:
        """Return the console's answer to somebody with the PIN who sets the clock."""
        self.type("login 135790")
        answer = "\n".join(self.world.type_line("clock set " + time_text(utc_s, self.account.tariff.zone) + " sure"))
        self.type("logout")
        return answer

    def type_token(self, kind, *fields):
        """Type a token of the station."""
        self.type("token " + self.seal(kind, *fields).hex())


class TestTheFlatCell(ClockStory):
    """The clock chip runs while there is mains, and forgets the time with every outage."""

    contract = "term"

    def test_the_first_outage_after_six_hours_gives_away_itself_and_no_more(self):
        self.tap(self.new_card(self.seal(token.DAYS, DAY_S)))
        self.world.hardware.rtc.battery = False
        self.quiet(6 * HOUR_S)
        self.assertFalse(self.shows_alarm())
        self.outage(600)
        self.world.run_for(70)
        self.assertTrue(self.shows_alarm())
        self.assertTrue(-600 <= self.behind_s() <= 605, self.behind_s())

    def test_an_hour_that_was_paid_ends_although_the_mains_fail_every_nine_minutes(self):
        self.tap(self.new_card(self.seal(token.DAYS, HOUR_S)))
        self.world.hardware.rtc.battery = False
        began_s, cuts = self.world.now_s(), 0
        while self.is_lit():
            self.quiet(565)
            self.outage(5)
            cuts += 1
            self.assertTrue(cuts < 12)
        lit_s = self.world.now_s() - began_s
        self.assertTrue(HOUR_S * 3 // 4 < lit_s <= HOUR_S + 10 * cuts + 600, lit_s)

    def test_setting_the_clock_right_takes_no_paid_time(self):
        self.tap(self.new_card(self.seal(token.DAYS, 2 * DAY_S)))
        self.world.hardware.rtc.battery = False
        self.outage(DAY_S)
        left_s = self.account.standing["term_until_s"] - self.world.meter.timekeeper.now_s()
        self.assertIn("the clock is", self.set_clock(self.world.now_s()))
        self.world.run_for(1)
        self.assertFalse(self.shows_alarm())
        gone_s = left_s - (self.account.standing["term_until_s"] - self.world.meter.timekeeper.now_s())
        self.assertTrue(0 <= gone_s <= 5, gone_s)


class TestAFlippedBit(ClockStory):
    """One bit of the year flips in the clock chip while the mains are off."""

    def test_no_day_is_charged_until_a_person_confirms_and_setting_the_clock_right_is_free(self):
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 100_000_000)))
        charged = self.account.money.charged
        rtc = self.world.hardware.rtc
        rtc.corrupt(PLACE_OF_YEAR, rtc.registers[PLACE_OF_YEAR] ^ 1)
        self.outage(5)
        self.world.run_for(130)
        self.assertTrue(self.shows_alarm())
        self.assertTrue(abs(self.behind_s()) <= 10)
        self.assertIn("the clock is", self.set_clock(self.world.now_s() + 60))
        self.world.run_for(1)
        self.assertFalse(self.shows_alarm())
        self.assertTrue(self.account.money.charged - charged < 100_000)
        self.assertTrue(self.is_lit())

    def test_the_days_of_a_long_outage_are_charged_once_it_is_confirmed(self):
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 100_000_000)))
        day = self.account.charged_day
        self.outage(40 * DAY_S)
        self.assertTrue(self.shows_alarm())
        self.assertEqual(self.account.charged_day, day)
        self.assertIn("the clock is", self.set_clock(self.world.now_s()))
        self.assertEqual(self.account.charged_day, day + 40)


class TestTheTechnicianWithThePin(ClockStory):
    """He may correct a clock by some minutes. More needs a token of the station."""

    contract = "dispenser"

    def test_a_paid_day_stays_a_day_and_a_daily_share_comes_once(self):
        self.type_token(token.DISPENSE, 20 * KWH, 2 * KWH, DAY_S)
        until_s = self.account.standing["dispenser_until_s"]
        self.quiet(HOUR_S + 60)
        self.assertFalse(self.is_lit())
        for back_s in (300 * DAY_S, DAY_S, HOUR_S):
            answer = self.set_clock(self.world.now_s() - back_s)
            self.assertIn("refused", answer)
            self.assertIn("wattpurse token METER clock", answer)
        self.type_token(token.CLOCK_BACK, self.world.now_s() - DAY_S)
        self.assertEqual(self.account.standing["dispenser_until_s"] - until_s + DAY_S in (-1, 0, 1), True)
        before_s = self.account.time_s
        midnight_s = self.account.tariff.zone.day_start_s(self.account.day + 1)
        self.quiet(midnight_s + 60 - before_s)
        self.assertFalse(self.is_lit())


if __name__ == "__main__":
    unittest.main()
