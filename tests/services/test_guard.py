"""The guard over sensor models: each tamper is latched once, and again after clearing if it lasts."""

import asyncio
import unittest

from boards.host.chips.pin import INPUT, Pin, Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.sensor import SensorModel
from tests.services import helpers
from wattpurse.core.guards import tamper
from wattpurse.core.records import events
from wattpurse.drivers.contact import QUICK_SAMPLES, SAMPLE_MS, SLOW_SAMPLES, Contact
from wattpurse.services.guard import Guard

KINDS = (tamper.COVER, tamper.MAGNET, tamper.REVERSE)
TERMS = ("tamper_cover", "tamper_magnet", "tamper_reverse", "tamper_open_load")


class TestGuard(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.wires = [Wire() for _ in KINDS]
        self.sensors = [SensorModel(self.bench.clock, wire, RandomBits(6)) for wire in self.wires]
        for term in TERMS:
            self.bench.ledger.account.terms.set(term, 1)
        self._new_guard()

    def _new_guard(self):
        bench = self.bench
        samples = (QUICK_SAMPLES, QUICK_SAMPLES, SLOW_SAMPLES)
        contacts = [Contact(Pin(wire, INPUT), count) for wire, count in zip(self.wires, samples)]
        self.guard = Guard(tuple(zip(KINDS, contacts)), bench.stores, bench.timekeeper, bench.clock)

    def _live(self, duration_ms):
        async def main():
            task = asyncio.create_task(self.guard.run())
            await self.bench.clock.sleep_ms(duration_ms)
            task.cancel()

        self.bench.clock.run(main())

    def _tampers(self):
        return self.bench.events_of(events.TAMPER)

    def test_nothing_done_is_nothing_latched(self):
        programs = self.bench.flash.programs
        self._live(3_600_000)
        self.assertEqual(self.guard.latched, 0)
        self.assertFalse(self.guard.raises_alarm())
        self.assertEqual(self.bench.flash.programs, programs)

    def test_each_sensor_latches_its_kind_with_one_event_and_it_stays(self):
        for place, kind in enumerate(KINDS):
            self.setUp()
            self.sensors[place].sense(True)
            self._live(SLOW_SAMPLES * SAMPLE_MS)
            self.assertEqual(self.guard.latched, kind)
            self.sensors[place].sense(False)
            self._live(60_000)
            self.assertEqual(self.guard.latched, kind)
            self.assertEqual(self.guard.seen, 0)
            self.assertEqual(self._tampers(), [kind])
            self.assertTrue(self.guard.raises_alarm())

    def test_all_at_once_are_an_event_each(self):
        for sensor in self.sensors:
            sensor.cut_wire()
        self._live(60_000)
        self.assertEqual(self.guard.latched, tamper.COVER | tamper.MAGNET | tamper.REVERSE)
        self.assertEqual(self._tampers(), list(KINDS))

    def test_a_sensor_that_comes_and_goes_for_ever_writes_once(self):
        for _ in range(200):
            self.sensors[0].sense(not self.sensors[0].senses)
            self._live(500)
        self.assertEqual(self._tampers(), [tamper.COVER])

    def test_what_is_ignored_is_not_latched_until_it_is_not_ignored(self):
        self.bench.ledger.account.terms.set("tamper_cover", 0)
        self.sensors[0].sense(True)
        self._live(10_000)
        self.assertEqual(self.guard.latched, 0)
        self.assertEqual(self.guard.seen, tamper.COVER)
        self.bench.ledger.account.terms.set("tamper_cover", 2)
        self._live(SAMPLE_MS)
        self.assertEqual(self._tampers(), [tamper.COVER])
        self.bench.ledger.account.terms.set("tamper_cover", 0)
        self.assertFalse(self.guard.raises_alarm())

    def test_what_lasts_when_it_is_cleared_is_latched_again(self):
        self.sensors[1].sense(True)
        self._live(1_000)
        self.bench.settings.set("tamper", 0)
        self._live(2 * SAMPLE_MS)
        self.assertEqual(self._tampers(), [tamper.MAGNET] * 2)
        self.sensors[1].sense(False)
        self._live(1_000)
        self.bench.settings.set("tamper", 0)
        self._live(1_000)
        self.assertEqual(self.guard.latched, 0)

    def test_it_outlasts_a_power_cut(self):
        self.guard.latch(tamper.OPEN_LOAD)
        self.guard.latch(tamper.OPEN_LOAD | tamper.COVER)
        self.bench.restart()
        self._new_guard()
        self.assertEqual(self.guard.latched, tamper.OPEN_LOAD | tamper.COVER)
        self.assertEqual(self._tampers(), [tamper.OPEN_LOAD, tamper.COVER])

    def test_settings_that_cannot_be_written_are_no_reason_to_be_quiet(self):
        self.bench.flash.faults.bad_sectors.update(range(helpers.SECTORS))
        with self.assertRaises(OSError):
            for _ in range(1_000):  # until the sector at hand is full
                self.guard.latch(tamper.COVER)
                self.bench.settings.set("tamper", 0)

    def test_without_a_ledger_there_are_no_terms_and_nothing_is_latched(self):
        self.bench.ledger.close()
        self.sensors[0].sense(True)
        self._live(1_000)
        self.assertEqual(self.guard.latched, 0)
        self.assertFalse(self.guard.raises_alarm())


if __name__ == "__main__":
    unittest.main()
