"""The ledger under power cuts: the recovered account is the acknowledged one, with or without the write in progress."""

import struct
import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.money import account_image
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.ledger import Ledger, LedgerMismatch
from wattpurse.core.money.ledger_records import NUMBER, STANDING, TERMS
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.tariff import Tariff

SECTORS = 5


def new_flash(seed=1):
    return FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(seed))


def new_ledger(flash, account=None):
    ledger = Ledger(flash, 0, SECTORS)
    ledger.create(account or samples.new_account())
    return ledger


def reopened(flash):
    ledger = Ledger(flash, 0, SECTORS)
    ledger.open()
    return ledger


class TestLedger(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.ledger = new_ledger(self.flash, samples.new_account(samples.day_and_night_tariff()))
        self.now_s = samples.NEW_YEAR_S

    def _live(self, seconds, pulses):
        self.now_s += seconds
        self.ledger.advance(self.now_s, pulses)

    def test_the_recovered_account_equals_the_former(self):
        self.ledger.credit(3, contracts.MONEY, 50_000_000, 1, self.now_s)
        for step in range(500):
            self._live(1_700, step % 9)
        again = reopened(self.flash)
        again.advance(self.now_s, 0)
        self.assertEqual(account_image.pack(again.account), account_image.pack(self.ledger.account))
        self.assertEqual(self.ledger.account.pulses_total, sum(step % 9 for step in range(500)))

    def test_blank_flash_is_said_to_be_blank(self):
        with self.assertRaises(JournalBlank):
            Ledger(new_flash(), 0, SECTORS).open()

    def test_a_token_is_redeemed_once_across_restarts(self):
        self.assertEqual(self.ledger.credit(9, contracts.MONEY, 5, 1, self.now_s), 5)
        for ledger in (self.ledger, reopened(self.flash)):
            with self.assertRaises(ValueError):
                ledger.credit(9, contracts.MONEY, 5, 2, self.now_s)
            with self.assertRaises(ValueError):
                ledger.redeem(9, 4, 2, self.now_s)
            self.assertEqual(ledger.account.money.balance, 5)

    def test_the_day_that_begins_with_a_tariff_is_charged_by_it(self):
        midnight_s = samples.NEW_YEAR_S + 86_400
        ledger = new_ledger(new_flash(), samples.new_account(samples.flat_tariff(standing_charge_microunits=1)))
        following = samples.flat_tariff(version=2, activation_s=midnight_s, standing_charge_microunits=1_000)

        def announce(account):
            account.pending_tariff = Tariff(following)

        ledger.change(announce)
        ledger.advance(midnight_s, 0)
        self.assertEqual(ledger.account.money.charged, 1_000)

    def test_days_without_power_are_charged_by_the_tariff_they_began_under(self):
        following = samples.flat_tariff(
            version=2, activation_s=samples.NEW_YEAR_S + 4 * 86_400, standing_charge_microunits=1_000
        )
        ledger = new_ledger(new_flash(), samples.new_account(samples.flat_tariff(standing_charge_microunits=1)))
        ledger.change(lambda account: setattr(account, "pending_tariff", Tariff(following)))
        ledger.advance(samples.NEW_YEAR_S + 10 * 86_400, 0)
        self.assertEqual(ledger.account.money.charged, 3 * 1 + 7 * 1_000)

    def test_so_they_are_where_power_returns_in_the_very_second_of_the_new_tariff(self):
        activation_s = samples.NEW_YEAR_S + 4 * 86_400
        following = samples.flat_tariff(version=2, activation_s=activation_s, standing_charge_microunits=1_000)
        ledger = new_ledger(new_flash(), samples.new_account(samples.flat_tariff(standing_charge_microunits=1)))
        ledger.change(lambda account: setattr(account, "pending_tariff", Tariff(following)))
        ledger.advance(activation_s, 0)
        self.assertEqual(ledger.account.money.charged, 3 * 1 + 1_000)

    def test_a_clock_set_back_over_a_month_end_closes_no_month_twice(self):
        self._live(31 * 86_400 + 60, 3_200)
        self.ledger.set_clock(self.now_s, self.now_s - 120)
        self.ledger.advance(self.now_s + 60, 320)
        registers = self.ledger.account.registers
        self.assertEqual([month.index for month in registers.closed_months], [2026 * 12])
        self.assertEqual(registers.month.index, 2026 * 12 + 1)

    def test_pulses_below_a_step_are_not_lost_with_a_record_that_fails(self):
        self.ledger.change(lambda account: account.calibrate(100_000, 1))
        self._live(1, 24)
        self.flash.faults.bad_sectors.update(range(2 * SECTORS))
        with self.assertRaises(OSError):
            self.ledger.redeem(5, 4, 1, self.now_s)
        self.flash.faults.bad_sectors.clear()
        self.ledger.redeem(5, 4, 1, self.now_s)
        self.assertEqual(self.ledger.account.pulses_total, 24)

    def test_reading_late_shares_pulses_out_over_the_rates(self):
        self._live(5 * 3600 - 1800, 0)
        self.assertEqual(self.ledger.account.rate, 0)
        self._live(3600, 3200)
        self.assertEqual(self.ledger.account.rate, 1)
        self.assertEqual(self.ledger.account.registers.rate_mwh[:2], [500_000, 500_000])

    def test_a_pending_tariff_takes_over_at_its_second(self):
        later_s = self.now_s + 7_200
        dear = Tariff(samples.flat_tariff(version=9, activation_s=later_s, rates=(("DEAR", (9_000_000,), ()),)))
        self.ledger.change(lambda account: setattr(account, "pending_tariff", dear))
        self._live(7_199, 10)
        self.assertEqual(self.ledger.account.tariff.version, 2)
        again = reopened(self.flash)
        again.advance(later_s, 0)
        self.assertEqual(again.account.tariff.version, 9)
        self.assertIsNone(again.account.pending_tariff)
        self.assertEqual(reopened(self.flash).account.tariff.version, 9)

    def test_a_tariff_that_takes_over_on_the_way_does_not_stop_the_clock(self):
        later_s = self.now_s + 7_200
        dear = Tariff(samples.flat_tariff(version=9, activation_s=later_s))
        self.ledger.change(lambda account: setattr(account, "pending_tariff", dear))
        self._live(10_000, 5)
        self.assertEqual(self.ledger.account.tariff.version, 9)
        self.assertEqual(self.ledger.account.time_s, self.now_s)

    def test_days_without_power_cost_their_standing_charge_on_return(self):
        self._live(40 * 86_400, 0)
        self.assertEqual(self.ledger.account.money.charged, 40 * 330_001)
        self.assertEqual(len(self.ledger.account.registers.closed_months), 1)

    def test_a_clock_gone_back_charges_on_and_closes_nothing(self):
        self._live(40 * 86_400, 100)
        charged = self.ledger.account.money.charged
        self.ledger.advance(self.now_s - 86_400 * 39, 0)
        self.assertEqual(self.ledger.account.money.charged, charged)
        self.assertEqual(self.ledger.account.time_s, self.now_s)

    def test_setting_the_clock_back_repeats_no_day(self):
        self._live(70 * 86_400, 0)
        self.ledger.set_clock(self.now_s, self.now_s - 60 * 86_400)
        self.assertEqual(self.ledger.account.registers.month.index, 2026 * 12)
        self.ledger.advance(self.now_s, 0)
        self.assertEqual(self.ledger.account.money.charged, 70 * 330_001)
        self.ledger.advance(self.now_s + 86_400, 0)
        self.assertEqual(self.ledger.account.money.charged, 71 * 330_001)

    def test_a_leap_of_the_clock_that_cannot_be_is_refused(self):
        before = account_image.pack(self.ledger.account)
        with self.assertRaises(ValueError):
            self.ledger.advance(self.now_s + 30 * 366 * 86_400, 5)
        self.assertEqual(account_image.pack(self.ledger.account), before)

    def test_a_change_that_fails_changes_nothing(self):
        before = account_image.pack(self.ledger.account)

        def alter(account):
            account.money.bought = 99
            account.calibrate(0, 1)

        with self.assertRaises(ValueError):
            self.ledger.change(alter)
        self.assertEqual(account_image.pack(self.ledger.account), before)

    def test_pulses_below_a_step_are_charged_at_the_rate_they_came_in(self):
        self.ledger.change(lambda account: account.calibrate(100_000, 1))
        self._live(5 * 3600 - 1, 24)
        self.assertEqual(self.ledger.account.pulses_total, 0)
        self._live(2, 0)
        self.assertEqual(self.ledger.account.registers.rate_mwh[:2], [240, 0])

    def test_records_that_lead_nowhere_are_refused_and_nothing_is_written(self):
        for kind, payload in (
            (1, struct.pack("<IIB", self.now_s, 0, 7)),
            (1, struct.pack("<IIB", 0xFFFFFFFF, 0, 1)),
            (2, struct.pack("<III", self.now_s, 0, 0xFFFFFFFF)),
            (3, struct.pack("<IIBBqq", self.now_s, 5, 0, 1, 100, 99)),
            (60, b""),
        ):
            self.setUp()
            self.ledger._journal.append(kind, payload)
            before = bytes(self.flash.memory)
            with self.assertRaises(LedgerMismatch):
                reopened(self.flash)
            self.assertEqual(bytes(self.flash.memory), before)

    def test_fast_pulses_are_tallied_in_steps_of_a_quarter_watt_hour(self):
        self.ledger.change(lambda account: account.calibrate(1_000_000, 1))
        before = self.flash.programs
        self._live(1, 2_499)
        self.assertEqual(self.ledger.account.pulses_total, 2_250)
        self.assertEqual(reopened(self.flash).account.registers.total_mwh, 2_250)
        self.assertTrue(self.flash.programs - before < 40)

    def test_a_time_that_was_noted_is_known_after_a_power_cut_and_changes_nothing_else(self):
        self.ledger.change(lambda account: account.calibrate(100_000, 1))
        self._live(600, 24)
        self.assertTrue(reopened(self.flash).account.time_s < self.now_s)
        self.ledger = reopened(self.flash)
        self.ledger.advance(self.now_s, 24)
        self.ledger.note_time(60)
        again = reopened(self.flash).account
        self.assertEqual((again.time_s, again.pulses_total, again.rate), (self.now_s, 24, 0))
        self.assertEqual(again.standing["clock_until_s"], self.now_s + 60)

    def test_balances_always_add_up(self):
        self.ledger.credit(1, contracts.MONEY, 10_000_001, 1, self.now_s)
        for step in range(300):
            self._live(900, step % 50)
        money = self.ledger.account.money
        self.assertEqual(money.bought, money.charged + money.balance)
        self.assertEqual(money.bought, 10_000_001)


class TestPowerCuts(unittest.TestCase):
    """A power cut at every flash operation of a busy period; the steps are small, so that each is one decision."""

    def _steps(self):
        tariff = Tariff(samples.flat_tariff(version=5, activation_s=samples.NEW_YEAR_S + 90_000))
        yield lambda ledger, now_s: ledger.change(lambda account: setattr(account, "pending_tariff", tariff))
        for number in range(1, 30):
            yield lambda ledger, now_s, number=number: ledger.credit(number, contracts.MONEY, 1000 + number, 1, now_s)
            yield lambda ledger, now_s, number=number: ledger.advance(now_s, number % 5)
            yield lambda ledger, now_s: ledger.advance(now_s, 1)
            yield lambda ledger, now_s, number=number: ledger.redeem(30 + number, 4, 1, now_s)

    def _run(self, flash, ledger, acknowledged):
        now_s = samples.NEW_YEAR_S
        for step in self._steps():
            now_s += 3_600
            step(ledger, now_s)
            account = ledger.account
            acknowledged.append(
                (account.money.bought, account.pulses_total, account.tokens.top(), account.tokens.window())
            )

    def _cut_during(self, operation, tariff_data, act):
        """Return the ledger after a cut at the `operation`-th flash operation of `act`, or None if there was no cut."""
        flash = new_flash()
        ledger = new_ledger(flash, samples.new_account(tariff_data))
        ledger.advance(samples.NEW_YEAR_S + 23 * 3600, 1)
        flash.faults.plan_cut(operation, 1000)
        try:
            act(ledger)
        except PowerCut:
            return reopened(flash)

    def _until_no_cut(self, tariff_data, act):
        found = []
        while not found or found[-1] is not None:
            found.append(self._cut_during(len(found) + 1, tariff_data, act))
        return found[:-1]

    def test_a_day_never_begins_at_the_rate_of_the_day_before(self):
        midnight_s = samples.NEW_YEAR_S + 86_400
        rates = (("DAY", (500_000,), ()), ("NIGHT", (100_000,), ()))
        tariff_data = samples.flat_tariff(rates=rates, day_types=(((0, 1), (7 * 60, 0)),))
        for ledger in self._until_no_cut(tariff_data, lambda ledger: ledger.advance(midnight_s + 5, 3)):
            ledger.advance(midnight_s + 60, 0)
            self.assertEqual(ledger.account.rate, 1)

    def test_a_change_of_rate_outlives_a_cut_in_the_roll_before_it(self):
        evening_s = samples.NEW_YEAR_S + 23 * 3600 + 1800
        rates = (("DAY", (500_000,), ()), ("NIGHT", (100_000,), ()))
        tariff_data = samples.flat_tariff(rates=rates, day_types=(((0, 0), (23 * 60 + 30, 1)),))

        def fill_the_log_and_go_on(ledger):
            number = 1
            while ledger._journal.free_slots:
                ledger.redeem(number, 4, 1, evening_s - 60)
                number += 1
            ledger.advance(evening_s, 0)

        for ledger in self._until_no_cut(tariff_data, fill_the_log_and_go_on):
            ledger.advance(evening_s + 60, 0)
            self.assertEqual(ledger.account.rate, 1)

    def test_a_tariff_never_takes_over_with_the_rate_of_the_old_one(self):
        later_s = samples.NEW_YEAR_S + 23 * 3600 + 60
        flat = Tariff(samples.flat_tariff(version=9, activation_s=later_s))
        two_rates = samples.flat_tariff(
            rates=(("A", (1,), ()), ("B", (2,), ())), day_types=(((0, 0), (60, 1)),), zone=Zone(0)
        )

        def act(ledger):
            ledger.change(lambda account: setattr(account, "pending_tariff", flat))
            ledger.advance(later_s + 5, 3)

        for ledger in self._until_no_cut(two_rates, act):
            ledger.advance(later_s + 60, 5)
            self.assertTrue(ledger.account.rate < ledger.account.tariff.rate_count)

    def test_every_acknowledged_change_is_there(self):
        complete = []
        self._run(None, new_ledger(new_flash(), samples.new_account(samples.day_and_night_tariff())), complete)
        operation = 1
        while self._cut_at(operation, complete):
            operation += 1
        self.assertTrue(operation > 200)

    def _cut_at(self, operation, complete):
        flash = new_flash(operation)
        ledger = new_ledger(flash, samples.new_account(samples.day_and_night_tariff()))
        flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        acknowledged = [(0, 0, 0, 0)]
        try:
            self._run(flash, ledger, acknowledged)
        except PowerCut:
            pass
        else:
            return False
        account = reopened(flash).account
        known = acknowledged[-1]
        following = complete[len(acknowledged) - 1]
        self.assertTrue(account.money.bought in (known[0], following[0]), operation)
        self.assertTrue(known[1] <= account.pulses_total <= following[1], operation)
        self.assertTrue((account.tokens.top(), account.tokens.window()) in (known[2:], following[2:]), operation)
        redeemed = [number for number in range(1, 30) if account.token_is_used(number)]
        self.assertEqual(account.money.bought, sum(1000 + number for number in redeemed), operation)
        return True


class TestNumbers(unittest.TestCase):
    """Each term and each standing number is one record, with the token that asked for it."""

    def setUp(self):
        self.flash = new_flash()
        self.ledger = new_ledger(self.flash)
        self.now_s = samples.NEW_YEAR_S

    def test_they_come_back(self):
        self.ledger.set_number(TERMS, "daily_limit_mwh", 5_000_000, self.now_s)
        self.ledger.set_number(STANDING, "term_until_s", self.now_s + 60, self.now_s, 4, 1)
        self.ledger.set_number(STANDING, "term_until_s", self.now_s + 90, self.now_s, 5, 1)
        for account in (self.ledger.account, reopened(self.flash).account):
            self.assertEqual(account.terms["daily_limit_mwh"], 5_000_000)
            self.assertEqual(account.standing["term_until_s"], self.now_s + 90)
            self.assertEqual([account.token_is_used(number) for number in (3, 4, 5, 6)], [False, True, True, False])

    def test_impossible_changes_are_refused_and_nothing_is_written(self):
        self.ledger.set_number(STANDING, "tenant", 1, self.now_s, 4, 1)
        before = bytes(self.flash.memory)
        for holder, name, value, sequence in (
            (STANDING, "tenant", 2, 4),
            (STANDING, "tenant", -1, 5),
            (STANDING, "daily_limit_mwh", 1, 5),
            (TERMS, "tax_permyriad", 10_001, 5),
        ):
            with self.assertRaises(ValueError):
                self.ledger.set_number(holder, name, value, self.now_s, sequence, 1)
        with self.assertRaises(LedgerMismatch):
            self.ledger.set_number(2, "tenant", 1, self.now_s)
        self.assertEqual(bytes(self.flash.memory), before)

    def test_pulses_below_a_step_are_charged_before_the_number_holds(self):
        self.ledger.change(lambda account: account.calibrate(100_000, 1))
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidEnergy))
        self.ledger.advance(self.now_s + 1, 24)
        self.assertEqual(self.ledger.account.day_mwh, 0)
        self.ledger.set_number(TERMS, "daily_limit_mwh", 100, self.now_s + 1)
        for account in (self.ledger.account, reopened(self.flash).account):
            self.assertEqual((account.day_mwh, account.energy.charged, account.pulses_total), (240, 240, 24))

    def test_a_record_that_names_no_number_is_refused_and_nothing_is_written(self):
        for holder, place, value in ((2, 0, 0), (TERMS, 200, 0), (STANDING, 200, 0), (STANDING, 3, 2)):
            self.setUp()
            payload = struct.pack("<IIIBBBq", self.now_s, 0, 7, 1, holder, place, value)
            self.ledger._journal.append(NUMBER, payload)
            before = bytes(self.flash.memory)
            with self.assertRaises((LedgerMismatch, ValueError)):
                reopened(self.flash)
            self.assertEqual(bytes(self.flash.memory), before)

    def test_power_cut_at_any_flash_operation_leaves_number_and_token_or_neither(self):
        """Cut power in a log that is nearly full, so that it has to roll on the way."""
        operation = 1
        while self._cut_at(operation):
            operation += 1
        self.assertTrue(operation > 20, operation)

    def _cut_at(self, operation):
        flash = new_flash(operation)
        ledger = new_ledger(flash)
        before = 0
        while ledger._journal.free_slots > 3:
            before += 1
            ledger.redeem(before, 4, 1, self.now_s)
        flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        acknowledged = before
        try:
            for number in range(before + 1, before + 8):
                ledger.set_number(STANDING, "permit_until_s", number, self.now_s, number, 1)
                acknowledged = number
        except PowerCut:
            pass
        else:
            return False
        account = reopened(flash).account
        self.assertIn(account.tokens.top(), (acknowledged, acknowledged + 1), operation)
        expected = account.tokens.top() if account.tokens.top() > before else 0
        self.assertEqual(account.standing["permit_until_s"], expected, operation)
        return True


if __name__ == "__main__":
    unittest.main()
