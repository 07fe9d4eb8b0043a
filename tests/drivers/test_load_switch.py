"""The load switch over two coil wires into the relay model: pulses, rests, turns, cancellations, and the last act."""

import asyncio
import unittest

from boards.host.chips.pin import PUSH_PULL, Pin, Wire
from boards.host.chips.relay import RelayModel
from boards.host.world.clock import TICKS_PERIOD, VirtualClock
from wattpurse.drivers.load_switch import CLOSED, OPEN, UNKNOWN, LoadSwitch

START_US = 5_000_000


class TestLoadSwitch(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.open_wire, self.close_wire = Wire(pull=0), Wire(pull=0)
        self.relay = RelayModel(self.clock, self.open_wire, self.close_wire)
        self.edges = []
        self.open_wire.listen(lambda level: self.edges.append((self.clock.now_us - START_US, OPEN, level)))
        self.close_wire.listen(lambda level: self.edges.append((self.clock.now_us - START_US, CLOSED, level)))
        self.switch = self._started()
        self.clock.advance_us(START_US)

    def _started(self):
        self.open_pin, self.close_pin = Pin(self.open_wire, PUSH_PULL), Pin(self.close_wire, PUSH_PULL)
        return LoadSwitch(self.open_pin, self.close_pin, self.clock, lambda ms: self.clock.advance_us(ms * 1000))

    def _assert_at_rest(self):
        self.assertEqual((self.open_wire.level, self.close_wire.level), (0, 0))
        self.assertEqual(self.relay.violations, [])

    def test_a_pulse_of_120_ms_moves_the_contact(self):
        self.assertEqual(self.switch.position, UNKNOWN)
        self.clock.run(self.switch.open())
        self.assertEqual(self.edges, [(0, OPEN, 1), (120_000, OPEN, 0)])
        self.assertEqual(self.switch.position, OPEN)
        self.assertFalse(self.relay.contact_closed)
        self._assert_at_rest()

    def test_a_second_passes_between_operations(self):
        async def main():
            await self.switch.open()
            await self.switch.close()

        self.clock.run(main())
        self.assertEqual(self.edges[2:], [(1_120_000, CLOSED, 1), (1_240_000, CLOSED, 0)])
        self.assertEqual(self.switch.position, CLOSED)
        self.assertTrue(self.relay.contact_closed)
        self._assert_at_rest()

    def test_no_needless_rest_after_a_long_time(self):
        async def main():
            await self.switch.open()
            await self.clock.sleep_ms(TICKS_PERIOD // 2 + 5_000)
            called_us = self.clock.now_us
            await self.switch.close()
            return self.clock.now_us - called_us

        self.assertEqual(self.clock.run(main()), 120_000)

    def test_a_restart_does_not_shorten_the_rest(self):
        self.clock.run(self.switch.open())
        self.edges.clear()
        self.open_pin.disconnect()
        self.close_pin.disconnect()
        self.clock.run(self._started().close())
        self.assertEqual(self.edges[0], (1_120_000, CLOSED, 1))

    def test_tasks_that_call_at_once_take_turns(self):
        async def main():
            calls = (self.switch.open, self.switch.close, self.switch.open, self.switch.close)
            await asyncio.gather(*[call() for call in calls])

        self.clock.run(main())
        self.assertEqual([edge[1:] for edge in self.edges], [(OPEN, 1), (OPEN, 0), (CLOSED, 1), (CLOSED, 0)] * 2)
        rises = [at_us for at_us, _, level in self.edges if level]
        self.assertEqual(rises, [0, 1_120_000, 2_240_000, 3_360_000])
        self.assertEqual(self.switch.position, CLOSED)
        self._assert_at_rest()

    def _cancel_after_ms(self, delay_ms):
        """Open and close, the closing cancelled `delay_ms` after both were asked for; then open again."""

        async def main():
            opening = asyncio.create_task(self.switch.open())
            closing = asyncio.create_task(self.switch.close())
            await self.clock.sleep_ms(delay_ms)
            closing.cancel()
            try:
                await closing
            except asyncio.CancelledError:
                pass
            coils = (self.close_wire.level, self.clock.now_us - START_US)
            position = self.switch.position
            await opening
            await self.switch.open()
            return coils, position

        return self.clock.run(main())

    def test_cancelled_in_a_pulse_leaves_the_coil_off_and_the_position_open_to_doubt(self):
        for delay_ms in (1_121, 1_150, 1_239):
            with self.subTest(delay_ms=delay_ms):
                self.setUp()
                (coil, at_us), position = self._cancel_after_ms(delay_ms)
                self.assertEqual((coil, at_us), (0, delay_ms * 1000))
                self.assertEqual(position, UNKNOWN)
                self.assertEqual(self.edges[-2][0], at_us + 1_000_000)
                self.assertEqual(self.switch.position, OPEN)
                self._assert_at_rest()

    def test_cancelled_while_it_waits_its_turn_or_rests_does_nothing(self):
        for delay_ms in (10, 500):
            with self.subTest(delay_ms=delay_ms):
                self.setUp()
                self._cancel_after_ms(delay_ms)
                self.assertEqual([edge[1] for edge in self.edges], [OPEN] * 4)
                self._assert_at_rest()

    def test_release_ends_a_pulse_at_once(self):
        async def main():
            task = asyncio.create_task(self.switch.open())
            await self.clock.sleep_ms(60)
            self.switch.release()
            released = self.open_wire.level
            await task
            return released

        self.assertEqual(self.clock.run(main()), 0)
        self.assertEqual(self.switch.position, UNKNOWN)
        self._assert_at_rest()

    def test_open_now_takes_over_from_a_closing_pulse(self):
        async def main():
            closing = asyncio.create_task(self.switch.close())
            await self.clock.sleep_ms(60)
            self.switch.open_now()
            position = self.switch.position
            await closing
            return position

        self.assertEqual(self.clock.run(main()), OPEN)
        self.assertEqual(self.edges, [(0, CLOSED, 1), (60_000, CLOSED, 0), (60_000, OPEN, 1), (180_000, OPEN, 0)])
        self.assertEqual(self.switch.position, OPEN)
        self.assertFalse(self.relay.contact_closed)
        self._assert_at_rest()

    def test_open_now_leaves_no_coil_on_when_holding_fails(self):
        def fail(_duration_ms):
            raise OSError("no time")

        switch = LoadSwitch(self.open_pin, self.close_pin, self.clock, fail)
        with self.assertRaises(OSError):
            switch.open_now()
        self.assertEqual(switch.position, UNKNOWN)
        self._assert_at_rest()

    def test_a_restart_in_a_pulse_begins_with_both_coils_off(self):
        self.open_pin(1)
        self.close_pin(1)
        self.relay.violations.clear()
        LoadSwitch(self.open_pin, self.close_pin, self.clock, None)
        self._assert_at_rest()

    def test_a_late_loop_does_not_burn_the_coil(self):
        self.clock.lateness_limit_ms = 1_000
        self.clock.run(self.switch.open())
        self._assert_at_rest()


if __name__ == "__main__":
    unittest.main()
