"""Notes of the time: power cuts give away no more than the outages and ten minutes, with any clock chip."""

import unittest

from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import clock_rules
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.ledger_records import STANDING
from wattpurse.core.records import events
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.services.timekeeping import PERIOD_MS

DAY_S = 86_400
ALLOWED_S = 600


class NotesTest(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.bench.ledger.change(lambda account: setattr(account, "contract", contracts.Term))
        self.begun_us = self.bench.clock.now_us

    @property
    def account(self):
        return self.bench.ledger.account

    def _live(self, seconds, step_ms=500):
        """Let the meter work so long, with a look at the chip every minute."""
        for step in range(int(seconds * 1000) // step_ms):
            self.bench.clock.advance_us(step_ms * 1000)
            if step * step_ms % PERIOD_MS == PERIOD_MS - step_ms:
                self.bench.timekeeper.follow_chip()
            self.bench.metering.step()

    def _outage(self, seconds):
        self.bench.rtc.power_lost()
        self.bench.clock.advance_us(seconds * 1_000_000)
        self.bench.rtc.power_restored()
        self.bench.restart()

    def _behind_s(self):
        """Return how far the meter's clock is behind the true time."""
        return helpers.START_S + self.bench.clock.now_us // 1_000_000 - self.bench.timekeeper.now_s()


class TestALostClock(NotesTest):
    def test_a_cell_that_has_just_failed_gives_away_the_outage_alone(self):
        for hours in (1, 6):
            self.setUp()
            self._live(60)
            self.bench.rtc.battery = False
            self._live(hours * 3_600, 10_000)
            self._outage(600)
            self.assertFalse(self.bench.timekeeper.trusted)
            self.assertTrue(-ALLOWED_S <= self._behind_s() <= 600, self._behind_s())

    def test_a_paid_hour_ends_although_mains_fail_every_nine_minutes(self):
        self.bench.rtc.battery = False
        now_s = self.bench.timekeeper.now_s()
        self.bench.ledger.set_number(STANDING, "term_until_s", now_s + 3_600, now_s)
        cuts = 0
        while self.bench.timekeeper.now_s() < self.account.standing["term_until_s"]:
            self._live(565)
            self._outage(5)
            cuts += 1
        ran_s = self.bench.clock.now_us // 1_000_000
        self.assertTrue(ran_s <= 3_600 + 570 + 5 * cuts, ran_s)
        self.assertTrue(ran_s >= 3_600 * 7 // 8 - 600, ran_s)

    def test_many_quick_cuts_give_no_time_away_and_cost_a_quarter_of_the_time_at_most(self):
        self.bench.rtc.battery = False
        for run_s in (1, 2, 5, 20, 90):
            self._outage(1)
            before_s = self._behind_s()
            cuts = 30
            for _ in range(cuts):
                self._live(run_s)
                self._outage(1)
            given_s = self._behind_s() - before_s
            self.assertTrue(given_s <= cuts + 1, (run_s, given_s))
            self.assertTrue(given_s >= -cuts * (clock_rules.FIRST_NOTE_S + run_s // 4), (run_s, given_s))

    def test_one_cut_costs_a_lost_clock_a_minute_at_most(self):
        self.bench.rtc.battery = False
        self._outage(5)
        for run_s in (100, 1_000, 9_000):
            before_s = self._behind_s()
            self._live(run_s)
            self._outage(5)
            self.assertTrue(-clock_rules.LOST_NOTE_S <= self._behind_s() - before_s <= 6)

    def test_a_chip_that_stands_still_gives_away_ten_minutes_in_all(self):
        for run_s in (4, 30, 55, 200):
            self.setUp()
            self._live(5)
            self.bench.bus.detach(helpers.ADDRESS)
            self.bench.bus.attach(helpers.ADDRESS, _StandingChip(self.bench.rtc))
            for _ in range(40):
                self._live(run_s)
                self.bench.restart()
            self.assertTrue(self._behind_s() <= ALLOWED_S, (run_s, self._behind_s()))

    def test_setting_the_clock_notes_the_time_at_once(self):
        self.bench.rtc.battery = False
        self._outage(60)
        utc_s = self.bench.timekeeper.now_s() + 5_000
        sealed = helpers.seal(1, token.CLOCK, utc_s)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CONSOLE), outcome.ACCEPTED)
        self._outage(5)
        self.assertTrue(self.bench.timekeeper.now_s() >= utc_s)


class TestALeap(NotesTest):
    def test_a_flipped_year_bit_charges_no_day_and_is_not_believed_at_later_starts(self):
        self.bench.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidMoney))
        before = self.account.charged_day, self.account.money.charged
        self.bench.rtc.corrupt(6, self.bench.rtc.registers[6] ^ 1)
        for _ in range(3):
            self._outage(5)
            self._live(200)
            self.assertFalse(self.bench.timekeeper.trusted)
            self.assertTrue(abs(self._behind_s()) < 100)
        self.assertEqual((self.account.charged_day, self.account.money.charged), before)

    def test_a_leap_while_the_meter_runs_is_not_believed_at_the_next_start_either(self):
        self.bench.rtc.corrupt(4, self.bench.rtc.registers[4] ^ 0x10)  # ten days
        self._live(200)
        self.assertFalse(self.bench.timekeeper.trusted)
        self.assertEqual(self.bench.events_of(events.CLOCK_DOUBTED), [0])
        self._outage(5)
        self.assertFalse(self.bench.timekeeper.trusted)
        self.assertTrue(abs(self._behind_s()) < 100)
        utc_s = self.bench.timekeeper.now_s() + 60
        self.bench.teller.redeem(helpers.seal(1, token.CLOCK, utc_s), carrier.CONSOLE)
        self._outage(5)
        self.assertTrue(self.bench.timekeeper.trusted)

    def test_an_outage_of_a_month_is_believed_and_a_longer_one_waits_for_a_person(self):
        for days, is_believed in ((30, True), (32, False)):
            self.setUp()
            day = self.account.charged_day
            self._outage(days * DAY_S)
            self._live(2)
            self.assertEqual(self.bench.timekeeper.trusted, is_believed)
            self.assertEqual(self.account.charged_day - day, days if is_believed else 0)
        utc_s = helpers.START_S + self.bench.clock.now_us // 1_000_000
        self.bench.teller.redeem(helpers.seal(1, token.CLOCK, utc_s), carrier.CONSOLE)
        self.assertEqual(self.account.charged_day - day, 32)


class TestWear(NotesTest):
    def test_a_trusted_clock_is_noted_every_ten_minutes_and_a_lost_one_every_minute(self):
        for is_lost, most in ((False, 7), (True, 62)):
            self.setUp()
            if is_lost:
                self.bench.rtc.battery = False
                self._outage(5)
            self._live(7_200, 10_000)
            programs = self.bench.flash.programs
            self._live(3_600, 1_000)
            self.assertTrue(0 < self.bench.flash.programs - programs <= 2 * most, is_lost)

    def test_a_hundred_runs_without_energy_erase_nothing_of_the_ledger(self):
        for run_s, has_battery, most in ((2, True, 0), (2, False, 6), (10, True, 16), (10, False, 20), (90, True, 42)):
            self.setUp()
            self.bench.rtc.battery = has_battery
            self._outage(5)
            before = list(self.bench.flash.erases)
            for _ in range(100):
                self._live(run_s)
                self._outage(5)
            worn = [after - earlier for earlier, after in zip(before, self.bench.flash.erases)]
            first = helpers.TIMES_RING[0]
            self.assertEqual(sum(worn[:first]), 0, (run_s, has_battery))
            self.assertTrue(sum(worn[first:]) <= most, (run_s, has_battery, worn))

    def test_a_note_of_the_log_ends_when_the_clock_is_moved(self):
        self.bench.rtc.battery = False
        for _ in range(5):
            self._live(30)
            self._outage(5)
        back_s = self.bench.timekeeper.now_s() - 100
        sealed = helpers.seal(1, token.CLOCK_BACK, back_s)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CONSOLE), outcome.ACCEPTED)
        self._outage(5)
        self.assertTrue(back_s <= self.bench.timekeeper.now_s() <= back_s + 10)

    def test_a_time_log_that_fails_leaves_the_notes_to_the_ledger(self):
        first, sectors = helpers.TIMES_RING
        self.bench.rtc.battery = False
        self._outage(5)
        self.bench.flash.faults.bad_sectors.update(range(first, first + 2 * sectors))
        self._live(30)
        self.assertTrue(self.bench.stores.times.failed)
        self.assertTrue(self.bench.stores.records_failed)
        now_s = self.bench.timekeeper.now_s()
        self._outage(5)
        self.assertTrue(now_s <= self.bench.timekeeper.now_s() <= now_s + 10)

    def test_the_last_second_of_the_clock_is_noted_and_then_no_more(self):
        self.bench.timekeeper.set(LATEST_S - 20)
        self.bench.ledger.change(lambda account: _begin_at(account, LATEST_S - 20))
        self._live(60)
        programs = self.bench.flash.programs
        self._live(120)
        self.assertEqual(self.bench.flash.programs, programs)
        self.assertEqual(self.account.time_s, LATEST_S)


class _StandingChip:
    """A clock chip that answers and stands still."""

    def __init__(self, chip):
        chip.select(0)
        self._registers = bytes(chip.registers)
        self._pointer = 0

    def answers(self):
        return True

    def select(self, register):
        self._pointer = register

    def read_byte(self):
        self._pointer += 1
        return self._registers[self._pointer - 1]

    def write_byte(self, value):
        self._pointer += 1


def _begin_at(account, time_s):
    """Put an account into another year, as if it had been commissioned then."""
    account.time_s = time_s
    account.day = account.charged_day = account.tariff.zone.day(time_s)
    account.enter_context()


if __name__ == "__main__":
    unittest.main()
