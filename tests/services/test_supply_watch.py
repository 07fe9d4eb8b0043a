"""The supply watch over the real house, relay and metering: power, its limit, an open switch, waits and tests."""

import asyncio
import unittest

from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.guards import tamper
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.services.guard import Guard
from wattpurse.services.supply_watch import SupplyWatch
from wattpurse.services.switching import Switching

QUIET_LATENESS_MS = 900  # a coil that is pulsed meanwhile must be off within a second


class TestSupplyWatch(unittest.TestCase):
    def setUp(self):
        self._build(1_000)

    def _build(self, impulses):
        self.bench = bench = helpers.Bench(impulses=impulses)
        self.circumstances = Circumstances()
        self.trips = []
        bench.switching = Switching(bench.load_switch, self._decide, bench.events, bench.timekeeper, bench.clock)
        self.guard = Guard((), bench.stores, bench.timekeeper, bench.clock)
        self.watch = SupplyWatch(
            bench.metering, bench.switching, self.guard, bench.ledger, self.circumstances, self._trip, bench.clock
        )
        self.open_pulses = []
        bench.open_wire.listen(self._open_coil_changed)

    def _open_coil_changed(self, level):
        if level:
            self.open_pulses.append(self.bench.clock.now_us // 1_000_000)

    def _decide(self):
        self.circumstances.now_s = self.bench.timekeeper.now_s()
        return supply.decide(self.bench.ledger.account, supply.ON, self.circumstances)

    def _trip(self, series):
        self.trips.append(series)
        if series == 0:
            self.bench.ledger.account.standing.set("tripped", 1)

    def _set(self, **terms):
        for name in terms:
            self.bench.ledger.account.terms.set(name, terms[name])

    def _buy(self, amount=100_000_000):
        sealed = helpers.seal(1, token.CREDIT_MONEY, amount)
        self.assertEqual(self.bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)

    def _live(self, seconds):
        """Run metering, switching and the watch."""
        bench = self.bench

        async def main():
            tasks = [
                asyncio.create_task(bench.metering.run(helpers.no_beat)),
                asyncio.create_task(bench.switching.run(helpers.no_beat)),
                asyncio.create_task(self.watch.run()),
            ]
            await bench.clock.sleep_ms(seconds * 1000)
            for task in tasks:
                task.cancel()

        bench.clock.run(main())

    def _seconds_until_open(self, limit_s):
        for second in range(limit_s):
            if not self.bench.relay.contact_closed:
                return second
            self._live(1)
        return None

    def test_power_is_that_of_the_house(self):
        for impulses in (100, 1_000, 10_000):
            self._build(impulses)
            self._buy()
            self.bench.house.set_load_w(2_300)
            self._live(120)
            self.assertTrue(abs(self.watch.power_w - 2_300) <= 23, (impulses, self.watch.power_w))
            self.bench.house.set_load_w(0)
            self._live(600)
            self.assertTrue(self.watch.power_w <= 36_000 // impulses * 2, (impulses, self.watch.power_w))

    def test_too_much_opens_within_a_minute_and_closes_after_its_time(self):
        self._buy()
        self._set(power_limit_w=2_000, power_reconnect_s=100)
        self.bench.house.set_load_w(2_150)
        self.assertIsNone(self._seconds_until_open(600))
        self.bench.house.set_load_w(4_000)
        seconds = self._seconds_until_open(60)
        self.assertTrue(30 <= seconds <= 52, seconds)
        self.assertEqual(self.bench.switching.reason, supply.POWER_LIMIT)
        self.bench.house.set_load_w(500)
        self._live(97)
        self.assertFalse(self.bench.relay.contact_closed)
        self._live(5)
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertIsNone(self._seconds_until_open(300))
        self.assertEqual(self.trips, [1])
        self.assertEqual(self.bench.relay.violations, [])

    def test_each_trip_is_handed_on_and_the_last_as_such(self):
        self._buy()
        self._set(power_limit_w=1_000, power_reconnect_s=30, power_trips=2)
        self.bench.house.set_load_w(5_000)
        self._live(600)
        self.assertEqual(self.trips, [1, 0])
        self.assertEqual(self.watch.limit.trips, 2)
        self.assertFalse(self.circumstances.over_power)
        self.assertEqual(self.bench.switching.reason, supply.POWER_LIMIT)
        self.bench.house.set_load_w(800)
        self.bench.ledger.account.standing.set("tripped", 0)
        self._live(300)
        self.assertTrue(self.bench.relay.contact_closed)

    def test_a_contact_that_sticks_open_is_closed_by_a_further_pulse(self):
        self._buy()
        self.bench.relay.contact_closed = False
        self.bench.house.set_contact(False)
        self.bench.relay.welded = True
        self.bench.relay.breaks_loose_after = 3
        self.bench.house.set_load_w(2_000)
        self._live(15)
        self.assertFalse(self.bench.relay.contact_closed)
        self._live(10)
        self.assertTrue(self.bench.relay.contact_closed)
        self._live(60)
        self.assertEqual(self.watch.closed_load.retries, 2)
        self.assertEqual(self.guard.latched, 0)
        self.assertEqual(self.bench.relay.violations, [])

    def test_in_an_empty_flat_three_further_pulses_move_nothing_and_raise_no_alarm(self):
        self._buy()
        pulses = []
        self.bench.close_wire.listen(lambda level: pulses.append(level))
        self._live(120)
        self.assertEqual(sum(pulses), 1 + 3)
        self.assertEqual(self.bench.relay.operations, 0)
        self.assertEqual(self.guard.latched, 0)
        self.assertEqual(self.bench.relay.violations, [])

    def test_a_welded_contact_is_pulled_at_latched_and_charged(self):
        self._buy(2_000)
        self.bench.relay.welded = True
        self.bench.house.set_load_w(3_000)
        self._live(60)
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.guard.latched, tamper.OPEN_LOAD)
        self.assertEqual(len(self.open_pulses), 1 + 3)
        pauses = [later - earlier for earlier, later in zip(self.open_pulses[1:], self.open_pulses[2:])]
        self.assertTrue(min(pauses) >= 10, pauses)
        self.bench.clock.lateness_limit_ms = QUIET_LATENESS_MS
        self._live(2 * 3_600)
        self.assertEqual(len(self.open_pulses), 1 + 3 + 2)
        self.bench.metering.step()
        account = self.bench.ledger.account
        self.assertEqual(account.pulses_total, self.bench.house.pulses_total)
        self.assertTrue(account.money.balance < -1_000_000)
        self.assertEqual(self.bench.relay.violations, [])

    def test_a_contact_that_is_torn_loose_leaves_the_alarm(self):
        self._buy(2_000)
        self.bench.relay.welded = True
        self.bench.relay.breaks_loose_after = 3
        self.bench.house.set_load_w(3_000)
        self._live(60)
        self.assertFalse(self.bench.relay.contact_closed)
        self.assertEqual(len(self.open_pulses), 3)
        self.assertEqual(self.guard.latched, tamper.OPEN_LOAD)

    def test_a_healthy_switch_under_any_load_and_constant_is_never_taken_for_a_welded_one(self):
        for impulses in (1, 100, 1_000, 10_000):
            for load_w in (100, 23_000):
                self._build(impulses)
                self._buy(2_000)
                self.bench.house.set_load_w(load_w)
                self._live(400)
                self.assertEqual(self.watch.open_load.retries, 0, (impulses, load_w))
                self.assertEqual(self.guard.latched, 0)

    def test_the_relay_test_is_no_open_switch(self):
        self._buy()
        self.bench.relay.welded = True
        self.bench.house.set_load_w(3_000)
        self._live(5)

        async def main():
            asyncio.create_task(self.bench.metering.run(helpers.no_beat))
            asyncio.create_task(self.bench.switching.run(helpers.no_beat))
            asyncio.create_task(self.watch.run())
            await self.bench.switching.test_relay()
            await self.bench.clock.sleep_ms(5_000)

        self.bench.clock.run(main())
        self.assertEqual(self.guard.latched, 0)

    def test_after_the_mains_supply_waits_for_delay_and_spread(self):
        self._buy()
        self._set(restore_delay_s=20, restore_spread_s=40)
        self.watch.start(lambda count: (15).to_bytes(count, "little"), self.bench.timekeeper.now_s())
        self.assertEqual(self.watch.restoring_s, 35)
        self._live(33)
        self.assertFalse(self.bench.relay.contact_closed)
        self.assertEqual(self.bench.switching.reason, supply.RESTORING)
        self._live(4)
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.watch.restoring_s, 0)

    def test_without_delay_and_spread_no_chance_is_asked_and_nothing_waits(self):
        self._buy()
        self.watch.start(self.fail, self.bench.timekeeper.now_s())
        self._live(2)
        self.assertTrue(self.bench.relay.contact_closed)

    def test_a_test_keeps_supply_on_and_ends(self):
        self.bench.house.set_load_w(3_000)
        self._live(3)
        self.assertFalse(self.bench.relay.contact_closed)
        self.watch.test(2)
        self._live(118)
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertTrue(self.bench.ledger.account.money.balance < 0)
        self._live(5)
        self.assertFalse(self.bench.relay.contact_closed)
        self.watch.test(10)
        self._live(3)
        self.assertTrue(self.bench.relay.contact_closed)
        self.watch.test(0)
        self._live(3)
        self.assertFalse(self.bench.relay.contact_closed)

    def test_a_test_knows_no_power_limit(self):
        self._buy()
        self._set(power_limit_w=1_000, power_trips=1)
        self.bench.house.set_load_w(5_000)
        self.watch.test(10)
        self._live(590)
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.watch.limit.trips, 0)
        self._live(60)
        self.assertEqual(self.trips, [0])

    def test_what_flows_through_an_open_switch_does_not_trip(self):
        self._set(power_limit_w=1_000, power_trips=1)
        self.bench.relay.welded = True
        self.bench.house.set_load_w(5_000)
        self._live(300)
        self.assertTrue(self.watch.power_w > 4_900)
        self.assertEqual(self.watch.limit.trips, 0)

    def test_a_ledger_that_is_given_up_stops_nothing_here(self):
        self.bench.ledger.close()
        self.watch.step()


if __name__ == "__main__":
    unittest.main()
