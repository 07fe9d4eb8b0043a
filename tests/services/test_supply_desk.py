"""The supply desk: a decision is journalled before it takes effect, and the button agrees to the current offer."""

import unittest

from boards.host.chips.power import PowerCut
from tests import samples
from tests.services import helpers
from wattpurse.core.money import account_image, supply, warning
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED
from wattpurse.core.records import events
from wattpurse.services.supply_desk import SupplyDesk

DAY_S = 86_400


class Stores:
    """The members of the stores that a supply desk uses."""

    def __init__(self, bench):
        self.fault = supply.ON
        self.ledger = bench.ledger
        self.settings = bench.settings
        self.events = bench.events
        self.load_profile = self
        self.mean_daily_of_unit = {}

    def mean_daily(self, unit):
        return self.mean_daily_of_unit.get(unit)


class DeskTest(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self._open_desk()

    def _open_desk(self):
        self.stores = Stores(self.bench)
        self.desk = SupplyDesk(self.stores, Circumstances(), self.bench.timekeeper)

    def _restart(self):
        self.bench.restart()
        self._open_desk()

    @property
    def standing(self):
        return self.bench.ledger.account.standing

    def _set(self, name, value, holder=STANDING):
        self.bench.ledger.set_number(holder, name, value, self.bench.timekeeper.now_s())

    def _become(self, contract):
        self.bench.ledger.change(lambda account: setattr(account, "contract", contract))

    def _wait(self, seconds):
        self.bench.clock.advance_us(seconds * 1_000_000)
        self.bench.metering.step()


class TestJudging(DeskTest):
    def test_a_term_that_ends_is_noted_once_and_its_renewal_too(self):
        self._become(contracts.Term)
        self._set("term_until_s", self.bench.timekeeper.now_s() + 5)
        self.assertEqual((self.desk.judge(), self.standing["cut_off"]), (supply.ON, 0))
        self._wait(5)
        self.assertEqual((self.desk.judge(), self.standing["cut_off"]), (supply.EXPIRED, 1))
        self.assertEqual(self.desk.judge(), supply.EXPIRED)  # notes the opening
        programs = self.bench.flash.programs
        self.assertEqual(self.desk.judge(), supply.EXPIRED)
        self.assertEqual(self.bench.flash.programs, programs)
        self._restart()
        self.assertEqual((self.desk.judge(), self.standing["cut_off"]), (supply.EXPIRED, 1))
        self._set("term_until_s", self.bench.timekeeper.now_s() + 5)
        self.assertEqual((self.desk.judge(), self.standing["cut_off"]), (supply.ON, 0))

    def test_a_day_that_has_had_its_share_is_not_cut_off_for_want_of_credit(self):
        self._become(contracts.Dispenser)
        self._set("daily_limit_mwh", samples.KWH, TERMS)
        self._set("dispenser_until_s", self.bench.timekeeper.now_s() + 3 * DAY_S)
        self.bench.ledger.change(lambda account: setattr(account.energy, "bought", 2 * samples.KWH))
        self._wait(1)
        self.bench.ledger.advance(self.bench.timekeeper.now_s(), 3_200)
        self.assertEqual((self.desk.judge(), self.standing["cut_off"]), (supply.DAILY_LIMIT, 0))
        self._wait(DAY_S)
        self.assertEqual(self.desk.judge(), supply.ON)

    def test_deciding_alone_writes_nothing(self):
        self._become(contracts.Term)
        before = account_image.pack(self.bench.ledger.account)
        programs = self.bench.flash.programs
        self.assertEqual(self.desk.decide(), supply.EXPIRED)
        self.assertEqual(account_image.pack(self.bench.ledger.account), before)
        self.assertEqual(self.bench.flash.programs, programs)

    def test_a_fault_or_a_missing_account_is_told_and_nothing_written(self):
        self.stores.fault = supply.FAULT
        programs = self.bench.flash.programs
        self.assertEqual(self.desk.judge(), supply.FAULT)
        self.bench.ledger.close()
        self.stores.fault = supply.LEDGER_UNREADABLE
        self.assertEqual(self.desk.judge(), supply.LEDGER_UNREADABLE)
        self.assertEqual(self.desk.warning_grade(), warning.NONE)
        self.assertFalse(self.desk.press())
        self.assertEqual(self.bench.flash.programs, programs)

    def test_a_ledger_that_cannot_be_written_is_said(self):
        self._become(contracts.Term)
        self.bench.flash.faults.bad_sectors.update(range(helpers.SECTORS))
        with self.assertRaises(OSError):
            self.desk.judge()


class TestOftenOpened(DeskTest):
    """Somebody opens and closes the switch all the time, by a card, an order or otherwise."""

    def setUp(self):
        super().setUp()
        self._become(contracts.Managed)
        self._set("permit_until_s", self.bench.timekeeper.now_s() + 10 * DAY_S)
        self._restart()
        self.desk.judge()

    def _open(self):
        """Open by an order, let it close again, and return the reason that holds then."""
        self.standing.set("ordered_open", 1)
        self.assertEqual(self.desk.judge(), supply.ORDERED_OFF)
        self.standing.set("ordered_open", 0)
        return self.desk.judge()

    def _open_often(self, times):
        return [self._open() for _ in range(times)]

    def test_opening_never_waits_and_the_seventh_closing_does(self):
        self.assertEqual(self._open_often(7), [supply.ON] * 6 + [supply.RESTING])
        self.assertEqual(self.desk.rest_s, 10)
        self._wait(9)
        self.assertEqual((self.desk.judge(), self.desk.rest_s), (supply.RESTING, 1))
        self._wait(1)
        self.assertEqual((self.desk.judge(), self.desk.rest_s), (supply.ON, 0))
        self.assertEqual(self._open(), supply.RESTING)
        self.assertEqual(self.desk.rest_s, 20)

    def test_pulling_the_fuse_neither_ends_the_wait_nor_forgets_the_openings(self):
        self._open_often(7)
        self._restart()
        self.assertEqual(self.desk.judge(), supply.RESTING)
        self._wait(10)
        self.assertEqual(self.desk.judge(), supply.ON)
        self._restart()
        self.desk.judge()
        self.assertEqual(self._open(), supply.RESTING)
        self.assertEqual(self.desk.rest_s, 20)

    def test_an_order_during_the_wait_opens_nothing_and_counts_as_nothing(self):
        self._open_often(40)
        self.assertEqual(self.desk.rest_s, 10)

    def test_a_card_that_is_taken_while_the_fuse_is_out_counts_as_an_opening(self):
        for _ in range(7):
            self.bench.events.note(events.SUPPLY, 0, self.bench.timekeeper.now_s(), supply.ON)
            self._restart()
            self.standing.set("ordered_open", 1)
            self.assertEqual(self.desk.judge(), supply.ORDERED_OFF)
            self.standing.set("ordered_open", 0)
            reason = self.desk.judge()
        self.assertEqual(reason, supply.RESTING)

    def test_a_start_without_supply_after_one_without_supply_writes_nothing(self):
        self._set("ordered_open", 1)
        self.bench.events.note(events.SUPPLY, 0, self.bench.timekeeper.now_s(), supply.ORDERED_OFF)
        self._restart()
        programs = self.bench.flash.programs
        for _ in range(3):
            self.desk.judge()
        self.assertEqual(self.bench.flash.programs, programs)

    def test_a_clock_that_is_set_back_keeps_nobody_waiting(self):
        self._open_often(7)
        self.bench.timekeeper.set(self.bench.timekeeper.now_s() - 5 * DAY_S)
        self.assertEqual((self.desk.judge(), self.desk.rest_s), (supply.ON, 0))

    def test_a_tamper_and_a_press_come_before_the_wait(self):
        self._open_often(7)
        self.standing.set("unconfirmed", 1)
        self.assertEqual(self.desk.judge(), supply.UNCONFIRMED)


class TestPowerTrips(DeskTest):
    def test_the_ledger_keeps_the_series_and_the_time_of_its_trips(self):
        began_s = self.bench.timekeeper.now_s()
        self.desk.trip(1)
        self._wait(100)
        self.desk.trip(2)
        self._restart()
        trips = [self.standing[name] for name in ("power_trips", "power_series_s", "power_trip_s", "tripped")]
        self.assertEqual(trips, [2, began_s, began_s + 100, 0])
        self.desk.trip(0)
        self.assertEqual((self.standing["power_trips"], self.standing["tripped"]), (0, 1))


class TestPressing(DeskTest):
    def setUp(self):
        super().setUp()
        self._become(contracts.Term)
        self._set("confirm_closing", 1, TERMS)
        self.desk.judge()
        self._set("term_until_s", self.bench.timekeeper.now_s() + DAY_S)

    def test_after_a_renewal_supply_waits_for_the_button_where_the_terms_say_so(self):
        self.assertEqual(self.desk.judge(), supply.UNCONFIRMED)
        self._restart()
        self.assertEqual(self.desk.judge(), supply.UNCONFIRMED)
        self.assertTrue(self.desk.press())
        self.assertEqual(self.desk.judge(), supply.ON)
        self._restart()
        self.assertEqual(self.desk.judge(), supply.ON)
        self.assertFalse(self.desk.press())
        self.assertEqual(self.bench.events_of(events.AGREED), [self.standing.place("unconfirmed")])

    def test_emergency_credit_is_offered_by_what_holds_at_the_press_whatever_was_judged_before(self):
        self._set("confirm_closing", 0, TERMS)
        self._set("emergency_microunits", 5_000_000, TERMS)
        self._become(contracts.PrepaidMoney)
        self.bench.ledger.change(lambda account: setattr(account.money, "bought", 1))
        self.assertTrue(self.standing["cut_off"])
        self.assertFalse(self.desk.press())
        self.assertEqual(self.desk.judge(), supply.ON)
        self.bench.ledger.change(lambda account: account.money.spend(1))
        self.assertFalse(self.standing["cut_off"])
        self.assertTrue(self.desk.press())
        self.assertEqual(self.standing["emergency_money"], EMERGENCY_ACCEPTED)

    def test_power_cut_at_any_flash_operation_never_forgets_that_someone_has_to_press(self):
        image = bytes(self.bench.flash.memory)
        operation = 1
        while self._is_cut(image, operation):
            operation += 1
        self.assertTrue(operation > 4, operation)

    def _is_cut(self, image, operation):
        self.bench = helpers.Bench(image, seed=operation)
        self._open_desk()
        self.bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            self.desk.judge()
        except PowerCut:
            pass
        else:
            return False
        self._restart()
        self.assertEqual(self.desk.judge(), supply.UNCONFIRMED, operation)
        return True


class TestWarning(DeskTest):
    def test_days_left_are_those_of_what_is_left(self):
        self.stores.mean_daily_of_unit = {contracts.MONEY: 2_000_000, contracts.ENERGY: 3 * samples.KWH}
        for contract, left in (
            (contracts.PrepaidMoney, 5),
            (contracts.PrepaidEnergy, 7),
            (contracts.Dispenser, 7),
            (contracts.Term, None),
            (contracts.Managed, None),
            (contracts.SettledAccount, None),
        ):
            self._become(contract)
            self.bench.ledger.change(lambda account: setattr(account.money, "bought", 11_000_000))
            self.bench.ledger.change(lambda account: setattr(account.energy, "bought", 23 * samples.KWH))
            self.assertEqual(self.desk.days_left(), left, contract.name)
        self._set("account_limit_microunits", 30_000_000, TERMS)
        self.assertEqual(self.desk.days_left(), 20)

    def test_without_use_credit_lasts_for_ever_and_before_the_first_day_nobody_knows(self):
        self._become(contracts.PrepaidMoney)
        self.bench.ledger.change(lambda account: setattr(account.money, "bought", 11_000_000))
        self.assertIsNone(self.desk.days_left())
        self.stores.mean_daily_of_unit = {contracts.MONEY: 0}
        self.assertEqual(self.desk.days_left(), 9999)

    def test_it_follows_the_clock_and_the_contract(self):
        self._become(contracts.Term)
        self._set("term_until_s", self.bench.timekeeper.now_s() + 3 * DAY_S + 10)
        self.assertEqual(self.desk.warning_grade(), warning.NONE)
        self._wait(10)
        self.assertEqual(self.desk.warning_grade(), warning.LOW)
        self._wait(2 * DAY_S)
        self.assertEqual(self.desk.warning_grade(), warning.VERY_LOW)
        self._become(contracts.SettledAccount)
        self.assertEqual(self.desk.warning_grade(), warning.NONE)


if __name__ == "__main__":
    unittest.main()
