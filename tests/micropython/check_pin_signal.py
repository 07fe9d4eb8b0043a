"""An interrupt pin on MicroPython's own event loop: edges, timeouts, other tasks meanwhile."""

import asyncio
import time
import unittest

from boards.micropython.pin_signal import PinSignal

FALLING = 2


class Pin:
    """A pin with an interrupt and nothing else."""

    def irq(self, handler, trigger, hard=False):
        self.handler = handler
        self.trigger = trigger
        self.hard = hard


class TestPinSignal(unittest.TestCase):
    def setUp(self):
        asyncio.new_event_loop()
        self.pin = Pin()
        self.signal = PinSignal(self.pin, FALLING, True)

    def fall(self):
        self.pin.handler(self.pin)

    async def fall_after(self, delay_ms):
        await asyncio.sleep_ms(delay_ms)
        self.fall()

    def test_it_asks_for_the_falling_edge_in_the_interrupt(self):
        self.assertEqual((self.pin.trigger, self.pin.hard), (FALLING, True))
        self.assertFalse(PinSignal(self.pin, FALLING, False) is None)
        self.assertFalse(self.pin.hard)

    def test_an_edge_before_the_wait_counts_until_cleared(self):
        self.fall()
        self.assertTrue(asyncio.run(self.signal.wait_ms(1000)))
        self.assertTrue(asyncio.run(self.signal.wait_ms(1000)))
        self.signal.clear()
        self.assertFalse(asyncio.run(self.signal.wait_ms(1)))

    def test_a_wait_in_place_gives_the_edge_a_millisecond(self):
        begun_us = time.ticks_us()
        self.assertFalse(self.signal.comes_at_once())
        self.assertTrue(time.ticks_diff(time.ticks_us(), begun_us) > 1_000)
        self.fall()
        self.assertTrue(self.signal.comes_at_once())

    def test_an_edge_ends_the_wait(self):
        async def wait():
            asyncio.create_task(self.fall_after(5))
            started_ms = time.ticks_ms()
            fired = await self.signal.wait_ms(10_000)
            return fired, time.ticks_diff(time.ticks_ms(), started_ms)

        fired, elapsed_ms = asyncio.run(wait())
        self.assertTrue(fired)
        self.assertLess(elapsed_ms, 1_000)

    def test_the_timeout_comes_though_no_other_task_is_due(self):
        self.assertFalse(asyncio.run(self.signal.wait_ms(5)))

    def test_wait_after_wait(self):
        async def waits():
            outcomes = []
            for turn in range(6):
                self.signal.clear()
                if turn % 2:
                    asyncio.create_task(self.fall_after(1))
                outcomes.append(await self.signal.wait_ms(1_000 if turn % 2 else 5))
            return outcomes

        self.assertEqual(asyncio.run(waits()), [False, True] * 3)

    def test_a_wait_given_up_leaves_nothing_behind(self):
        async def give_up():
            task = asyncio.create_task(self.signal.wait_ms(10_000))
            await asyncio.sleep_ms(1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            asyncio.create_task(self.fall_after(1))
            return await self.signal.wait_ms(1_000)

        self.assertTrue(asyncio.run(give_up()))


if __name__ == "__main__":
    unittest.main()
