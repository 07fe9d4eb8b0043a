"""A landlord looks into the records of a tenant's meter: months, peak, top-ups, and that nobody touched the event log.

The meter is in the simulated world. The landlord has the answers of its console, and the tenant's card.
"""

import json
import unittest

from boards.host.chips.aes import aes
from boards.host.chips.flash import SECTOR_SIZE
from tests.stories.whole_meter import METER_KEY, Station, commissioned_world, sealed_credit
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.event_chain import EventChain
from wattpurse.core.records.events import Event
from wattpurse.stores import EVENTS_RING

TOP_UP = 20_000_000
LOAD_W = 400
PEAK_W = 7_000
DAY_S = 86_400
HALF_HOUR_S = 1_800
PEAK_S = 2 * HALF_HOUR_S
LATENESS_MS = 2_000  # so that two days do not take for ever


def pass_quickly(world, seconds):
    """Let time pass in which nobody is at the meter."""
    world.allow_lateness(LATENESS_MS)
    world.run_for(seconds)
    world.allow_lateness(0)
    world.run_for(LATENESS_MS // 1000 + 1)


class TestLandlord(unittest.TestCase):
    """A tenant who has lived there for a day."""

    def setUp(self):
        self.station = Station()
        self.card = self.station.customer_card("classic-1k", sealed_credit(1, TOP_UP) + sealed_credit(2, TOP_UP))
        self.world = world = commissioned_world(load_w=LOAD_W)
        world.insert(self.card)
        world.run_for(3)
        world.remove(self.card)
        pass_quickly(world, DAY_S)
        world.household.constant_w = PEAK_W
        world.household.update()
        self.peak_from_s = world.now_s()
        pass_quickly(world, PEAK_S)
        world.household.constant_w = LOAD_W
        world.household.update()
        pass_quickly(world, 2 * 3_600)
        world.cut_mains()
        pass_quickly(world, 5 * 3_600)
        world.restore_mains()
        pass_quickly(world, 3 * 3_600)
        world.insert(self.card)
        world.run_for(3)
        world.remove(self.card)
        world.run_for(3)

    def tearDown(self):
        self.world.close()

    def test_a_landlord_looks_into_the_records(self):
        self._the_months_are_what_the_registers_say()
        self._the_peak_is_found_and_when_it_was()
        self._every_half_hour_adds_up_and_the_outage_shows()
        self._the_top_ups_are_what_the_station_sold()
        self._the_tenants_card_tells_the_newest_event_the_peak_and_the_use()
        self._nobody_touched_the_event_log_and_the_landlord_can_prove_it_at_home()
        self._someone_who_did_is_found_out_by_the_meter_itself()

    def _ask(self, report):
        return json.loads(self.world.type_line(report + " --json")[0])

    def _the_months_are_what_the_registers_say(self):
        months = self._ask("months")["months"]
        registers = self.world.account.registers
        self.assertEqual(months[0]["total_mwh"], registers.month.total_mwh)
        self.assertEqual(months[0]["charge_microunits"], self.world.account.money.charged)

    def _the_peak_is_found_and_when_it_was(self):
        demand = self._ask("demand")["months"][0]
        self.assertTrue(0.98 * PEAK_W <= demand["power_w"] <= PEAK_W, demand)
        self.assertTrue(self.peak_from_s - HALF_HOUR_S < demand["start_s"] < self.peak_from_s + PEAK_S)
        self.assertEqual(self._ask("months")["months"][0]["demand"], demand)

    def _every_half_hour_adds_up_and_the_outage_shows(self):
        profile = self._ask("profile 30")["profile"]
        used_mwh = sum(one["energy_mwh"] for one in profile)
        running_mwh = self.world.account.registers.total_mwh - used_mwh
        self.assertTrue(0 <= running_mwh <= LOAD_W * HALF_HOUR_S // 3_600 * 1_000 + 1_000)
        self.assertEqual(len([one for one in profile if "outage" in one["flags"] and one["energy_mwh"]]), 2)
        starts = [one["start_s"] for one in profile]
        self.assertEqual(starts, sorted(starts, reverse=True))
        self.assertTrue(max(newer - older for newer, older in zip(starts, starts[1:])) > 4 * 3_600)

    def _the_top_ups_are_what_the_station_sold(self):
        topups = self._ask("topups")["topups"]
        self.assertEqual(
            [(one["sequence"], one["amount"], one["by"]) for one in topups], [(2, TOP_UP, "card"), (1, TOP_UP, "card")]
        )
        self.assertEqual(sum(one["amount"] for one in topups), self.world.account.money.bought)

    def _the_tenants_card_tells_the_newest_event_the_peak_and_the_use(self):
        opened = self.station.statement(self.card)
        links = [one["link"] for one in self._ask("events 500")["events"]]
        self.assertIn(opened["event_link"], links)
        peak = self._ask("demand")["months"][0]
        self.assertEqual(opened["months"][0]["demand_wh"], peak["energy_mwh"] // 1_000)
        self.assertEqual(opened["months"][0]["demand_s"], peak["start_s"])

    def _nobody_touched_the_event_log_and_the_landlord_can_prove_it_at_home(self):
        self.assertEqual(self._ask("events verify")["broken"], 0)
        log = self._ask("events 500")["events"]
        self.assertEqual({one["by"] for one in log}, {"console", "card", "meter"})
        self.assertEqual({verdict for _, verdict in self._judged(log)}, {event_chain.HELD, event_chain.FIRST})
        del log[3]
        broken = [verdict for _, verdict in self._judged(log) if verdict not in event_chain.INTACT]
        self.assertEqual(broken, [event_chain.CHANGED])

    def _someone_who_did_is_found_out_by_the_meter_itself(self):
        first, sectors = EVENTS_RING
        memory = self.world.hardware.flash.memory
        before = bytes(memory)
        for copy in range(2):
            start = (first + copy * sectors) * SECTOR_SIZE + 256 + 4 * 32
            memory[start : start + 32] = b"\xff" * 32
        try:
            self.assertEqual(self._ask("events verify")["broken"], 1)
        finally:
            memory[:] = before

    def _judged(self, log):
        rebuilt = [
            Event(one["time_s"], one["code"], one["by_code"], one["number"], one["extra"], bytes.fromhex(one["link"]))
            for one in log
        ]
        return EventChain(aes, METER_KEY, events.KEY_CHANGES).verdicts(rebuilt)


if __name__ == "__main__":
    unittest.main()
