"""Virtual time: order of events, sleeps, signals, and programs without any planned event."""

import asyncio
import unittest

from boards.host.world.clock import TICKS_PERIOD, Pause, VirtualClock


class TestTime(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.log = []

    async def _note_after(self, duration_ms, name):
        await self.clock.sleep_ms(duration_ms)
        self.log.append((self.clock.now_us, name))

    def test_sleeps_end_in_order_and_cost_no_real_time(self):
        async def main():
            tasks = [asyncio.create_task(self._note_after(ms, name)) for ms, name in ((86_400_000, "b"), (5, "a"))]
            for task in tasks:
                await task

        self.clock.run(main())
        self.assertEqual(self.log, [(5_000, "a"), (86_400_000_000, "b")])

    def test_an_event_inside_held_time_happens_at_its_own_time(self):
        self.clock.call_at_us(300, lambda: self.log.append(self.clock.now_us))
        self.clock.advance_us(1_000)
        self.assertEqual(self.log, [300])
        self.assertEqual(self.clock.now_us, 1_000)

    def test_events_of_one_instant_run_in_the_order_planned(self):
        for name in "abc":
            self.clock.call_at_us(7, lambda name=name: self.log.append(name))
        self.clock.advance_us(7)
        self.assertEqual(self.log, ["a", "b", "c"])

    def test_ticks_wrap_and_their_difference_does_not(self):
        self.clock.now_us = (TICKS_PERIOD - 5) * 1000
        before = self.clock.ticks_ms()
        self.clock.advance_us(10_000)
        self.assertEqual(self.clock.ticks_ms(), 5)
        self.assertEqual(self.clock.ticks_diff(self.clock.ticks_ms(), before), 10)
        self.assertEqual(self.clock.ticks_diff(before, self.clock.ticks_ms()), -10)

    def test_lateness_stretches_short_sleeps_only(self):
        self.clock.lateness_limit_ms = 1_000

        async def main():
            await self._note_after(10, "short")
            await self._note_after(5_000, "long")

        self.clock.run(main())
        self.assertEqual(self.log, [(1_000_000, "short"), (6_000_000, "long")])

    def test_waiting_for_ever_is_an_error(self):
        async def main():
            await asyncio.Event().wait()

        with self.assertRaises(RuntimeError):
            self.clock.run(main())

    def test_an_abrupt_end_leaves_no_task_behind(self):
        async def endless():
            while True:
                await self.clock.sleep_ms(1)
                self.log.append("alive")

        async def first():
            asyncio.create_task(endless())
            await self.clock.sleep_ms(2)
            raise SystemExit("power cut")

        with self.assertRaises(SystemExit):
            self.clock.run(first())
        count = len(self.log)
        self.clock.run(self._note_after(50, "second"))
        self.assertEqual(self.log[count:], [(52_000, "second")])

    def test_a_paused_program_goes_on_where_it_was(self):
        async def main():
            await self._note_after(10, "first")
            await self._note_after(10, "second")
            return "end"

        def pause_at_15_ms(until_us):
            if self.clock.now_us == 15_000:
                raise Pause
            return min(until_us, 15_000)

        self.clock.on_idle = pause_at_15_ms
        self.clock.start(main())
        with self.assertRaises(Pause):
            self.clock.resume()
        self.assertEqual(self.log, [(10_000, "first")])
        self.clock.on_idle = None
        self.assertEqual(self.clock.resume(), "end")
        self.assertEqual(self.log, [(10_000, "first"), (20_000, "second")])

    def test_another_clock_may_run_while_this_one_is_paused(self):
        signal = self.clock.signal()

        async def main():
            self.log.append(await signal.wait_ms(1_000))

        def pause(_until_us):
            raise Pause

        self.clock.on_idle = pause
        self.clock.start(main())
        with self.assertRaises(Pause):
            self.clock.resume()
        other = VirtualClock()
        other.run(other.sleep_ms(5))
        signal.fire()
        self.clock.on_idle = None
        self.clock.resume()
        self.assertEqual(self.log, [True])
        self.assertEqual(self.clock.now_us, 0)

    def test_events_of_an_abandoned_program_wake_no_task(self):
        def pause(_until_us):
            raise Pause

        self.clock.on_idle = pause
        self.clock.start(self._note_after(10, "dropped"))
        with self.assertRaises(Pause):
            self.clock.resume()
        self.clock.abandon()
        self.clock.advance_us(20_000)
        self.clock.on_idle = None
        self.clock.run(self._note_after(10, "new"))
        self.assertEqual(self.log, [(30_000, "new")])


class TestSignal(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.signal = self.clock.signal()

    def test_times_out(self):
        self.assertFalse(self.clock.run(self.signal.wait_ms(30)))
        self.assertEqual(self.clock.now_us, 30_000)

    def test_fires_while_waited_for(self):
        self.clock.call_at_us(4_000, self.signal.fire)
        self.assertTrue(self.clock.run(self.signal.wait_ms(30)))
        self.assertEqual(self.clock.now_us, 4_000)

    def test_remembers_a_firing_until_cleared(self):
        self.signal.fire()
        self.assertTrue(self.clock.run(self.signal.wait_ms(30)))
        self.signal.clear()
        self.assertFalse(self.clock.run(self.signal.wait_ms(30)))


if __name__ == "__main__":
    unittest.main()
