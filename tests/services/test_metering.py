"""Metering: from the hardware counter into the ledger, with late reads and power cuts at any moment."""

import asyncio
import unittest

from boards.host.chips.power import PowerCut
from tests.services import helpers
from wattpurse.drivers.mains_sensor import SAMPLE_MS
from wattpurse.services.metering import PERIOD_MS

MAINS_W = 23_000  # 100 A at 230 V
LOST_MWH_LIMIT = 1_000


class TestMetering(unittest.TestCase):
    def _live(self, bench, duration_ms, *others):
        async def main():
            asyncio.create_task(bench.metering.run(helpers.no_beat))
            for other in others:
                asyncio.create_task(other())
            await bench.clock.sleep_ms(duration_ms)

        bench.clock.run(main())

    def test_every_pulse_is_registered_and_charged(self):
        bench = helpers.Bench()
        bench.house.set_load_w(MAINS_W)
        self._live(bench, 600_000)
        bench.house.set_load_w(0)
        bench.metering.step()
        account = bench.ledger.account
        self.assertEqual(account.pulses_total, bench.house.pulses_total)
        self.assertTrue(account.pulses_total > 12_000)
        self.assertEqual(account.registers.total_mwh, account.pulses_total * 1_000_000 // 3_200)
        self.assertEqual(account.money.charged, account.registers.total_mwh // 4)

    def test_the_counter_may_wrap_and_be_read_late(self):
        bench = helpers.Bench(modulus=256)
        bench.house.set_load_w(MAINS_W)

        async def hog():
            while True:
                await bench.clock.sleep_ms(500)
                bench.clock.advance_us(11_000_000)

        self._live(bench, 120_000, hog)
        bench.metering.step()
        self.assertEqual(bench.ledger.account.pulses_total, bench.house.pulses_total)
        self.assertTrue(bench.house.pulses_total > 8 * 256)

    def test_a_beat_follows_each_step_that_the_ledger_took(self):
        bench = helpers.Bench()
        beats = []

        async def main():
            asyncio.create_task(bench.metering.run(lambda: beats.append(bench.clock.ticks_ms())))
            await bench.clock.sleep_ms(10 * PERIOD_MS + PERIOD_MS // 2)

        bench.clock.run(main())
        self.assertEqual([later - beats[0] for later in beats], [PERIOD_MS * number for number in range(11)])

    def test_the_mains_are_looked_at_as_often_as_their_sensor_asks(self):
        bench = helpers.Bench()
        looks = []
        bench.metering.watch_mains(lambda: looks.append(bench.clock.ticks_ms()))
        self._live(bench, 10 * SAMPLE_MS - SAMPLE_MS // 2)
        self.assertEqual([later - looks[0] for later in looks], [SAMPLE_MS * number for number in range(10)])

    def test_steps_stay_a_period_apart_while_the_flash_is_erased(self):
        bench = helpers.Bench()
        bench.house.set_load_w(MAINS_W)
        bench.ledger.advance(bench.timekeeper.now_s(), 14_000)  # little room is left in the log
        beats = []

        async def main():
            asyncio.create_task(bench.metering.run(lambda: beats.append(bench.clock.ticks_ms())))
            erased = sum(bench.flash.erases)
            while sum(bench.flash.erases) < erased + 2:
                await bench.clock.sleep_ms(PERIOD_MS)

        bench.clock.run(main())
        gaps = [later - earlier for earlier, later in zip(beats, beats[1:])]
        self.assertTrue(max(gaps) <= PERIOD_MS + 5, max(gaps))

    def test_a_ledger_that_cannot_be_written_ends_the_task(self):
        bench = helpers.Bench()
        bench.house.set_load_w(MAINS_W)
        bench.flash.faults.bad_sectors.update(range(helpers.SECTORS))
        beats = []
        with self.assertRaises(OSError):
            bench.clock.run(bench.metering.run(lambda: beats.append(None)))
        self.assertTrue(len(beats) <= 1)

    def test_an_hour_without_load_writes_the_notes_of_the_time_alone(self):
        bench = helpers.Bench()
        bench.stores.times.note = lambda base_s, time_s, until_s: True
        programs = bench.flash.programs
        self._live(bench, 1_800_000)
        self.assertEqual(bench.flash.programs, programs)


class TestPowerCuts(unittest.TestCase):
    """Power is cut at flash operations all along a busy stretch at 100 A; then the meter starts again."""

    def test_at_most_a_watt_hour_is_unrecorded_and_none_is_made_up(self):
        for impulses in (1_000, 3_200, 10_000):
            image = bytes(helpers.Bench(impulses=impulses).flash.memory)
            for operation in range(1, 130, 5):
                self._cut_at(operation, image, impulses)

    def test_cuts_while_the_log_rolls(self):
        image = bytes(helpers.Bench().flash.memory)
        for operation in range(1, 60, 2):
            self._cut_at(operation, image, 3_200, pulses_before=15_500)

    def _cut_at(self, operation, image, impulses, pulses_before=0):
        bench = helpers.Bench(image, operation, impulses)
        bench.ledger.advance(bench.timekeeper.now_s(), pulses_before)
        bench.house.set_load_w(MAINS_W)
        bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        with self.assertRaises(PowerCut):
            bench.clock.run(bench.metering.run(helpers.no_beat))
        bench.house.set_mains(False)
        bench.restart()
        account = bench.ledger.account
        unrecorded = pulses_before + bench.house.pulses_total - account.pulses_total
        self.assertTrue(0 <= unrecorded * 1_000_000 <= LOST_MWH_LIMIT * impulses, (operation, unrecorded))
        self.assertEqual(account.money.bought, account.money.charged + account.money.balance)
        bench.house.set_mains(True)
        before = account.pulses_total, bench.house.pulses_total
        bench.clock.advance_us(10_000_000)
        came = bench.house.pulses_total - before[1]  # during the step the house draws on
        bench.metering.step()
        short = came - (account.pulses_total - before[0])
        self.assertTrue(0 <= short < max(1, impulses // 4_000), (operation, short))


if __name__ == "__main__":
    unittest.main()
