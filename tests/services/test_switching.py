"""Switching over a relay model: in time, once per change, and never closed where supply has to be off."""

import asyncio
import unittest

from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.records import events
from wattpurse.services.switching import TEST_MS

MAINS_W = 23_000  # 100 A at 230 V
OPENS_WITHIN_US = 300_000


class TestSwitching(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.moves = []
        self.bench.relay.listen(lambda closed: self.moves.append((self.bench.clock.now_us, closed)))

    def _buy(self, amount, sequence=1):
        self.assertEqual(
            self.bench.teller.redeem(helpers.seal(sequence, token.CREDIT_MONEY, amount), carrier.CARD), outcome.ACCEPTED
        )

    def _live(self, *actions):
        """Run metering and switching. `actions` are (milliseconds, call or None)."""

        async def main():
            asyncio.create_task(self.bench.metering.run(helpers.no_beat))
            asyncio.create_task(self.bench.switching.run(helpers.no_beat))
            for milliseconds, action in actions:
                await self.bench.clock.sleep_ms(milliseconds)
                if action is not None:
                    action()

        self.bench.clock.run(main())

    def _reasons(self):
        return self.bench.events_of(events.SUPPLY)

    def test_no_credit_opens_the_switch_at_the_start(self):
        self._live((3_000, None))
        self.assertFalse(self.bench.relay.contact_closed)
        self.assertEqual(self.bench.switching.position, "open")
        self.assertEqual(self.bench.switching.reason, supply.NO_CREDIT)
        self.assertEqual(self._reasons(), [supply.NO_CREDIT])

    def test_a_top_up_closes_it_and_each_change_is_one_event(self):
        start_us = self.bench.clock.now_us
        self._live((3_000, lambda: self._buy(1_000_000)), (3_000, None))
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.bench.switching.position, "closed")
        self.assertEqual([closed for _, closed in self.moves], [False, True])
        self.assertEqual(self._reasons(), [supply.NO_CREDIT, supply.ON])
        self.assertTrue(self.moves[1][0] - start_us - 3_000_000 < 200_000)

    def test_it_opens_in_time_at_the_largest_load(self):
        latest_us = max(self._lateness_us(credit, False) for credit in range(2_000, 2_160, 4))
        self.assertTrue(0 < latest_us < OPENS_WITHIN_US, latest_us)

    def test_it_opens_in_time_when_the_event_log_is_about_to_roll(self):
        latest_us = max(self._lateness_us(credit, True) for credit in range(2_000, 2_160, 16))
        self.assertTrue(0 < latest_us < OPENS_WITHIN_US, latest_us)

    def _lateness_us(self, credit, log_full):
        """Return the time from the microsecond in which the credit was used up to the opening of the contact."""
        self.setUp()
        bench = self.bench
        self._buy(credit)
        if log_full:
            self._fill(lambda: bench.events.note(events.LOGIN, carrier.METER, 0))
        used_up_uj = credit * 4 * 3_600_000  # at 0.25 per kWh a micro-unit buys 4 mWh

        # The switch comes to rest, closed, before the load begins.
        start_us = bench.clock.now_us + 5_000_000
        self._live((5_000, lambda: bench.house.set_load_w(MAINS_W)), (4_000, None))
        self.assertEqual([closed for _, closed in self.moves], [False])
        self.assertEqual(self.bench.relay.violations, [])
        return self.moves[0][0] - start_us - used_up_uj // MAINS_W

    def _fill(self, write):
        """Write until a few more writes would roll the log."""
        bench = self.bench
        erased = sum(bench.flash.erases)
        count = 0
        while sum(bench.flash.erases) == erased:
            write()
            count += 1
        for _ in range(count - 2):
            write()

    def test_after_a_restart_it_is_moved_once_and_noted_once(self):
        self._buy(1_000_000)
        self._live((3_000, None))
        for _ in range(2):
            self.bench.restart()
            pulses = []
            self.bench.close_wire.listen(pulses.append)
            self.assertEqual(self.bench.switching.position, "unknown")
            self._live((10_000, None))
            self.assertEqual(pulses[:2], [1, 0])
            self.assertEqual(len([level for level in pulses if level]), 1)
            self.assertEqual(self.bench.switching.position, "closed")
        self.assertEqual(self._reasons(), [supply.ON])
        self.assertEqual(self.moves, [])

    def test_a_contact_that_power_failed_under_is_put_right(self):
        self.bench.relay.contact_closed = False
        self._buy(1_000_000)
        self._live((3_000, None))
        self.assertTrue(self.bench.relay.contact_closed)

    def test_tamper_opens_and_its_token_closes(self):
        self._buy(1_000_000)
        clear = helpers.seal(2, token.CLEAR_TAMPER)
        self._live(
            (3_000, lambda: self.bench.settings.set("tamper", 1)),
            (3_000, lambda: self.bench.teller.redeem(clear, carrier.CARD)),
            (3_000, None),
        )
        self.assertEqual(self._reasons(), [supply.ON, supply.TAMPER, supply.ON])
        self.assertEqual([closed for _, closed in self.moves], [False, True])

    def test_every_fault_opens_and_says_which(self):
        for fault in (supply.NOT_COMMISSIONED, supply.LEDGER_UNREADABLE, supply.FAULT):
            self.setUp()
            self._buy(1_000_000)
            self.bench.switching._decide = lambda fault=fault: supply.decide(None, fault, Circumstances())
            self._live((3_000, None))
            self.assertFalse(self.bench.relay.contact_closed)
            self.assertEqual(self.bench.switching.reason, fault)
            self.assertEqual(self._reasons(), [fault])

    def test_an_open_switch_is_opened_again_when_told_and_once_each_time(self):
        pulses = []
        self.bench.open_wire.listen(pulses.append)
        self._live((3_000, self.bench.switching.open_again), (3_000, None))
        self.assertEqual(pulses, [1, 0] * 2)
        self.assertTrue(self.bench.switching.must_be_open)
        self.assertEqual(self.bench.switching.position, "open")
        self.assertEqual(self._reasons(), [supply.NO_CREDIT])
        self.assertEqual(self.bench.relay.violations, [])

    def test_a_switch_that_is_to_be_closed_is_never_opened_again(self):
        self._buy(1_000_000)
        self.assertFalse(self.bench.switching.must_be_open)
        self._live((3_000, self.bench.switching.open_again), (3_000, lambda: self.bench.settings.set("tamper", 1)))
        self.assertFalse(self.bench.switching.must_be_open)
        self._live((3_000, None))
        self.assertEqual([closed for _, closed in self.moves], [False])

    def test_a_reason_that_changes_while_open_moves_nothing(self):
        self._live((3_000, lambda: self.bench.settings.set("tamper", 1)), (3_000, None))
        self.assertEqual(self._reasons(), [supply.NO_CREDIT, supply.TAMPER])
        self.assertEqual([closed for _, closed in self.moves], [False])

    def test_credit_that_comes_and_goes_quickly_never_burns_the_relay(self):
        self._buy(1_000)
        self.bench.house.set_load_w(MAINS_W)
        actions = [(1_000 + 170 * step % 900, lambda step=step: self._buy(900, 2 + step)) for step in range(20)]
        self._live(*actions, (5_000, None))
        self.assertEqual(self.bench.relay.violations, [])
        self.assertFalse(self.bench.relay.contact_closed)
        positions = [closed for _, closed in self.moves]
        self.assertEqual(positions[::2], [False] * len(positions[::2]))
        self.assertEqual(positions[1::2], [True] * len(positions[1::2]))


class TestRelayTest(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.coil_pulses = []
        self.bench.open_wire.listen(lambda level: self.coil_pulses.append(("open", level)))
        self.bench.close_wire.listen(lambda level: self.coil_pulses.append(("close", level)))

    def _buy(self):
        self.bench.teller.redeem(helpers.seal(1, token.CREDIT_MONEY, 1_000_000), carrier.CARD)

    def _test(self, meanwhile=None):
        """Run switching, and after three seconds the relay test. Return its result."""

        async def main():
            asyncio.create_task(self.bench.switching.run(helpers.no_beat))
            await self.bench.clock.sleep_ms(3_000)
            self.coil_pulses.clear()
            if meanwhile is not None:
                asyncio.create_task(meanwhile())
            passed = await self.bench.switching.test_relay()
            await self.bench.clock.sleep_ms(5_000)
            return passed

        return self.bench.clock.run(main())

    def test_it_opens_once_and_closes_once(self):
        self._buy()
        self.assertTrue(self._test())
        self.assertEqual(self.coil_pulses, [("open", 1), ("open", 0), ("close", 1), ("close", 0)])
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.bench.events_of(events.SUPPLY), [supply.ON])

    def test_it_is_refused_where_supply_is_off(self):
        with self.assertRaises(ValueError):
            self._test()
        self.assertFalse(self.bench.relay.contact_closed)
        self.assertEqual(self.coil_pulses, [])

    def test_credit_that_runs_out_meanwhile_leaves_it_open(self):
        self._buy()

        async def tamper():
            await self.bench.clock.sleep_ms(TEST_MS // 2)
            self.bench.settings.set("tamper", 1)

        self.assertTrue(self._test(tamper))
        self.assertEqual(self.coil_pulses, [("open", 1), ("open", 0)])
        self.assertFalse(self.bench.relay.contact_closed)

    def test_two_at_once_are_refused(self):
        self._buy()
        refused = []

        async def second():
            await self.bench.clock.sleep_ms(500)
            try:
                await self.bench.switching.test_relay()
            except ValueError as error:
                refused.append(error)

        self.assertTrue(self._test(second))
        self.assertEqual(len(refused), 1)
        self.assertEqual(len(self.coil_pulses), 4)

    def test_one_that_is_given_up_leaves_supply_as_it_has_to_be(self):
        self._buy()

        async def main():
            asyncio.create_task(self.bench.switching.run(helpers.no_beat))
            await self.bench.clock.sleep_ms(3_000)
            test = asyncio.create_task(self.bench.switching.test_relay())
            await self.bench.clock.sleep_ms(1_000)
            test.cancel()
            await self.bench.clock.sleep_ms(3_000)

        self.bench.clock.run(main())
        self.assertTrue(self.bench.relay.contact_closed)
        self.assertEqual(self.bench.switching.position, "closed")


if __name__ == "__main__":
    unittest.main()
