"""The supervisor on virtual time: its reaction to tasks that raise, end, fall silent or hold the processor."""

import asyncio
import unittest

from boards.host.chips.power import BoardReset, PowerCut
from boards.host.chips.watchdog import LONGEST_MS, WatchdogModel
from boards.host.world.clock import VirtualClock
from wattpurse import supervisor as supervision
from wattpurse.core.records import events
from wattpurse.supervisor import Supervisor


class CountedWatchdog(WatchdogModel):
    """The watchdog model, and when it was fed."""

    def __init__(self, clock):
        super().__init__(clock)
        self.fed_ms = []
        self._watched_clock = clock

    def feed(self):
        super().feed()
        self.fed_ms.append(self._watched_clock.now_us // 1000)


class TestSupervisor(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.watchdog = CountedWatchdog(self.clock)
        self.done = []
        self.notes = []
        self.supervisor = self._supervisor()

    def _supervisor(self, **changed):
        parts = {
            "clock": self.clock,
            "watchdog": self.watchdog,
            "fail_safe": self._fail_safe,
            "reset": self._reset,
            "note": self._note,
            "report": lambda text: self.done.append(text),
        }
        parts.update(changed)
        return Supervisor(**parts)

    def _fail_safe(self):
        self.safe_ms = self.clock.now_us // 1000
        self.done.append("load opened")

    def _reset(self):
        self.done.append("reset")
        raise BoardReset("reset")

    def _note(self, code, number):
        self.notes.append((self.clock.now_us // 1000, code, number))
        self.done.append("noted")

    async def _healthy(self, beat):
        while True:
            beat()
            await self.clock.sleep_ms(100)

    def _live(self, duration_ms):
        async def main():
            asyncio.create_task(self.supervisor.run())
            await self.clock.sleep_ms(duration_ms)

        self.clock.run(main())

    def _live_until_reset(self):
        with self.assertRaises(BoardReset):
            self.clock.run(self.supervisor.run())

    def _assert_failed_safely(self, fault, words):
        self.assertEqual(self.done[0], "load opened")
        self.assertEqual(self.done[1], "noted")
        self.assertIn(words, self.done[2])
        self.assertEqual(self.done[3:], ["reset"])
        self.assertEqual([note[1:] for note in self.notes], [(events.FAULT, fault)])

    def test_healthy_tasks_run_on_and_the_watchdog_is_fed(self):
        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add_critical("switching", self._healthy)
        self._live(60_000)
        self.assertEqual(self.done, [])
        self.assertEqual(self.watchdog.fed_ms, list(range(0, 60_000, supervision.PERIOD_MS)))

    def test_a_critical_task_that_raises_makes_the_meter_safe(self):
        async def failing(beat):
            beat()
            await self.clock.sleep_ms(2_100)
            raise OSError("flash is gone")

        self.supervisor.add_critical("switching", self._healthy)
        self.supervisor.add_critical("metering", failing)
        self._live_until_reset()
        self._assert_failed_safely(supervision.FAULT_RAISED, "metering failed: OSError")
        self.assertTrue(self.safe_ms <= 2_600)

    def test_a_critical_task_that_ends_makes_the_meter_safe(self):
        async def ending(beat):
            beat()

        self.supervisor.add_critical("switching", ending)
        self._live_until_reset()
        self._assert_failed_safely(supervision.FAULT_RAISED, "switching failed")

    def test_a_critical_task_that_is_silent_makes_the_meter_safe(self):
        async def silent(beat):
            await self.clock.sleep_ms(10_000)
            beat()
            await self.clock.sleep_ms(1_000_000)

        for _ in range(2):
            self.setUp()
            self.supervisor.add_critical("metering", self._healthy)
            self.supervisor.add_critical("switching", silent)
            self._live_until_reset()
            self._assert_failed_safely(supervision.FAULT_SILENT, "switching failed: silent")
        limit_ms = supervision.HEARTBEAT_LIMIT_MS
        self.assertTrue(limit_ms < self.safe_ms <= limit_ms + supervision.PERIOD_MS)
        self.assertTrue(max(ms for ms in self.watchdog.fed_ms if ms < self.safe_ms) <= limit_ms)

    def test_a_slow_heart_is_alive(self):
        async def slow(beat):
            while True:
                beat()
                await self.clock.sleep_ms(supervision.HEARTBEAT_LIMIT_MS)

        self.supervisor.add_critical("metering", slow)
        self._live(100_000)
        self.assertEqual(self.done, [])

    def test_a_loop_that_hangs_starves_the_watchdog(self):
        async def hanging():
            await self.clock.sleep_ms(3_100)
            while True:
                self.clock.advance_us(10_000)

        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add("display", hanging)
        self._live_until_reset()
        self.assertEqual(self.done, [])
        self.assertEqual(self.clock.now_us // 1000, 3_000 + LONGEST_MS)

    def test_a_reset_comes_even_if_the_last_acts_fail(self):
        def broken(*_):
            raise OSError("no coil, no log, no console")

        async def failing(_beat):
            raise ValueError("any")

        for part in ("fail_safe", "note", "report"):
            self.setUp()
            self.supervisor = self._supervisor(**{part: broken})
            self.supervisor.add_critical("metering", failing)
            self._live_until_reset()
            self.assertEqual(self.done[-1], "reset")
            self.assertEqual("load opened" in self.done, part != "fail_safe")

    def test_other_tasks_start_again_after_growing_pauses(self):
        starts_ms = []

        async def failing():
            starts_ms.append(self.clock.now_us // 1000)
            await self.clock.sleep_ms(10)
            raise ValueError("no display")

        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add("display", failing)
        self._live(3_000_000)
        pauses = [later - earlier - 10 for earlier, later in zip(starts_ms, starts_ms[1:])]
        doubling = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000]
        self.assertEqual(pauses[:9], doubling)
        self.assertTrue(len(pauses) > 12)
        self.assertEqual(pauses[9:], [supervision.LONGEST_PAUSE_MS] * len(pauses[9:]))
        self.assertEqual([note[1:] for note in self.notes], [(events.FAULT, 3)])
        self.assertNotIn("load opened", self.done)

    def test_a_task_that_ran_long_starts_again_soon(self):
        starts_ms = []

        async def running():
            starts_ms.append(self.clock.now_us // 1000)
            await self.clock.sleep_ms(1_000 if len(starts_ms) < 4 else 400_000)

        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add("console", running)
        self._live(1_300_000)
        pauses = [later - earlier for earlier, later in zip(starts_ms, starts_ms[1:])]
        self.assertEqual(pauses, [2_000, 3_000, 5_000, 401_000, 401_000, 401_000])

    def test_one_failing_task_leaves_the_others_alone(self):
        ticks = []

        async def failing():
            raise ValueError("any")

        async def steady():
            while True:
                ticks.append(self.clock.now_us)
                await self.clock.sleep_ms(1_000)

        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add("display", failing)
        self.supervisor.add("console", steady)
        self._live(59_500)
        self.assertEqual(len(ticks), 60)

    def test_a_task_added_while_the_others_run_starts_at_once_and_again_after_a_failure(self):
        started_ms = []

        async def failing():
            started_ms.append(self.clock.now_us // 1_000)
            raise ValueError("any")

        async def adding():
            await self.clock.sleep_ms(5_000)
            self.supervisor.add("bluetooth", failing)
            while True:
                await self.clock.sleep_ms(1_000)

        self.supervisor.add_critical("metering", self._healthy)
        self.supervisor.add("console", adding)
        self._live(20_000)
        self.assertEqual(started_ms[:2], [5_000, 5_000 + supervision.FIRST_PAUSE_MS])

    def test_a_power_cut_is_nobodys_fault(self):
        async def cut(_beat):
            raise PowerCut("now")

        self.supervisor.add_critical("metering", cut)
        with self.assertRaises(PowerCut):
            self.clock.run(self.supervisor.run())
        self.assertEqual(self.done, [])


if __name__ == "__main__":
    unittest.main()
