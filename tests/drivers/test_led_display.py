"""The display driver over the wire into the chip model."""

import asyncio
import unittest

from boards.host.chips.display import DisplayModel
from boards.host.chips.pin import Pin, Wire
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.led_display import HALF_PERIOD_US, REVERSED, STRAIGHT, SWAPPED, LedDisplay, number_of, order_of
from wattpurse.drivers.segments import render

PIN_CALL_US = 2


class TestLedDisplay(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.clock_wire, self.data_wire = Wire(), Wire()
        self.chip = DisplayModel(self.clock_wire, self.data_wire, self.clock)
        self.display = self._driver(PIN_CALL_US)

    def _driver(self, call_us, delay_us=None, **order):
        clock_pin = Pin(self.clock_wire, clock=self.clock, call_us=call_us)
        data_pin = Pin(self.data_wire, clock=self.clock, call_us=call_us)
        return LedDisplay(clock_pin, data_pin, delay_us or self.clock.advance_us, **order)

    def _assert_clean(self):
        self.assertEqual(self.chip.violations, [])
        self.assertEqual(self.data_wire.contentions, 0)

    def test_shows_what_it_is_given_from_left_to_right(self):
        self.display.show(render("1234.56"))
        self.assertEqual(self.chip.segments(), bytes(render("1234.56")))
        self.assertEqual(self.chip.brightness, 7)
        self._assert_clean()

    def test_every_bit_arrives_at_every_digit(self):
        for position in range(6):
            for bit in range(8):
                segments = bytearray(6)
                segments[position] = 1 << bit
                self.display.show(segments)
                self.assertEqual(self.chip.segments(), bytes(segments))
        self._assert_clean()

    def test_another_wiring_of_the_digits(self):
        grids_from_left = (5, 0, 3, 1, 4, 2)
        order = tuple([grids_from_left.index(address) for address in range(6)])
        self.chip = DisplayModel(self.clock_wire, self.data_wire, self.clock, grids_from_left)
        self._driver(PIN_CALL_US, digit_order=order).show(render("123456"))
        self.assertEqual(self.chip.segments(), bytes(render("123456")))

    def test_a_digit_order_names_each_position_once(self):
        for order in ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 4), (1, 2, 3, 4, 5, 6)):
            with self.assertRaises(ValueError):
                self._driver(PIN_CALL_US, digit_order=order)

    def test_the_order_can_be_changed_while_something_is_shown(self):
        for order in (STRAIGHT, REVERSED, SWAPPED):
            self.chip.grid_order = order
            self.display.show(render("123456"))
            self.display.wire(order)
            self.assertEqual(self.chip.segments(), bytes(render("123456")))
        self.assertRaises(ValueError, self.display.wire, (0, 1, 2, 3, 4, 4))

    def test_every_order_has_a_number_for_the_settings(self):
        for order in (STRAIGHT, REVERSED, SWAPPED, (5, 0, 3, 1, 4, 2)):
            self.assertEqual(order_of(number_of(order)), order)
        self.assertEqual(number_of(SWAPPED), 321654)
        for number in (0, 12345, 123450, 111111, 1234567):
            self.assertRaises(ValueError, order_of, number)

    def test_a_data_line_that_is_held_low_is_an_error(self):
        short = Pin(self.data_wire)
        short(0)
        self.assertRaises(OSError, self.display.show, render("1"))
        short(1)
        self.display.show(render("1"))
        self.assertEqual(self.chip.segments(), bytes(render("1")))

    def test_sends_only_what_changed(self):
        self.display.show(render("12"))
        transfers = self.chip.transfers
        self.display.show(render("12"))
        self.display.brightness(7)
        self.assertEqual(self.chip.transfers, transfers)
        self.display.show(render("13"))
        self.assertTrue(self.chip.transfers > transfers)

    def test_changing_the_callers_buffer_is_seen_as_a_change(self):
        segments = render("12")
        self.display.show(segments)
        segments[5] = 0
        self.display.show(segments)
        self.assertEqual(self.chip.segments(), bytes(segments))

    def test_brightness(self):
        self.display.show(render("8"))
        for level in range(8):
            self.display.brightness(level)
            self.assertEqual(self.chip.brightness, level)
        for level in (-1, 8):
            with self.assertRaises(ValueError):
                self.display.brightness(level)
        self._assert_clean()

    def test_brightness_does_not_light_a_dark_display(self):
        self.display.off()
        self.display.brightness(2)
        self.assertFalse(self.chip.is_on)
        self.display.show(render("1"))
        self.assertEqual(self.chip.brightness, 2)

    def test_off_and_on_again(self):
        self.display.show(render("888888"))
        self.display.off()
        self.assertEqual(self.chip.segments(), bytes(6))
        self.display.show(render("888888"))
        self.assertEqual(self.chip.segments(), bytes(render("888888")))

    def test_off_darkens_a_display_that_was_lit_before_a_restart(self):
        self.display.show(render("888888"))
        self._driver(PIN_CALL_US).off()
        self.assertEqual(self.chip.segments(), bytes(6))

    def test_six_digits_are_expected(self):
        with self.assertRaises(ValueError):
            self.display.show(bytes(5))

    def test_a_chip_that_does_not_answer_is_an_error_and_all_is_sent_again_later(self):
        self.display.show(render("1"))
        self.chip.connected = False
        with self.assertRaises(OSError):
            self.display.show(render("2"))
        self.chip.connected = True
        self.display.show(render("2"))
        self.assertEqual(self.chip.segments(), bytes(render("2")))
        self._assert_clean()

    def test_refresh_repairs_a_chip_that_lost_its_power(self):
        self.display.show(render("123456"))
        self.chip.power_lost()
        self.chip.power_up()
        self.display.show(render("123456"))
        self.assertEqual(self.chip.segments(), bytes(6))
        self.display.refresh()
        self.assertEqual(self.chip.segments(), bytes(render("123456")))

    def test_recovers_a_chip_that_a_reset_left_anywhere_in_a_transfer(self):
        for calls in range(1, 90):
            self.clock_wire, self.data_wire = Wire(), Wire()
            self.chip = DisplayModel(self.clock_wire, self.data_wire, self.clock)
            clock_pin = Pin(self.clock_wire, clock=self.clock, call_us=PIN_CALL_US)
            data_pin = Pin(self.data_wire, clock=self.clock, call_us=PIN_CALL_US)
            self._show_until_reset(LedDisplay(_Fuse(clock_pin, calls), data_pin, self.clock.advance_us))
            clock_pin.disconnect()
            data_pin.disconnect()
            display = self._driver(PIN_CALL_US)
            try:
                display.show(render("123456"))
            except OSError:
                display.show(render("123456"))
            self.assertEqual(self.chip.segments(), bytes(render("123456")))

    def _show_until_reset(self, display):
        with self.assertRaises(SystemExit):
            display.show(render("888888"))

    def test_a_module_that_wants_slower_edges_gets_them(self):
        self.chip.edge_us = 60
        with self.assertRaises(OSError):
            self.display.show(render("1"))
        self.assertEqual(self.chip.violations, ["an edge of the clock within 60 us of the last"])
        self.chip.violations.clear()
        self.display.set_half_period(60)
        self.display.show(render("1"))
        self.clock.run(self.display.finish())
        self.assertEqual(self.chip.segments(), bytes(render("1")))
        self._assert_clean()

    def test_the_delay_is_waited_for_whatever_the_board_takes_for_a_call(self):
        for call_us in (0, 1, 7):
            self.display = self._driver(call_us)
            self.display.show(render("1"))
            self.assertEqual(self.chip.segments(), bytes(render("1")))
        self._assert_clean()

    def test_slow_lines_hold_the_processor_for_a_byte_at_most(self):
        self.chip.edge_us = 100
        self.display.set_half_period(100)
        turns = []

        async def other_task():
            while True:
                turns.append(self.clock.now_us)
                await asyncio.sleep(0)

        async def show():
            other = asyncio.create_task(other_task())
            self.display.show(render("123456"))
            self.assertTrue(self.display.is_behind)
            await self.display.finish()
            other.cancel()

        self.clock.run(show())
        self.assertFalse(self.display.is_behind)
        self.assertEqual(self.chip.segments(), bytes(render("123456")))
        longest_us = max([later - earlier for earlier, later in zip(turns, turns[1:])])
        self.assertTrue(longest_us <= 2 * 10 * 100 + 600 + 100 * PIN_CALL_US)
        self._assert_clean()

    def test_a_slow_chip_that_does_not_answer_is_an_error_and_all_is_sent_again_later(self):
        self.display.set_half_period(100)
        self.chip.connected = False
        self.display.show(render("2"))
        with self.assertRaises(OSError):
            self.clock.run(self.display.finish())
        self.chip.connected = True
        self.display.show(render("2"))
        self.clock.run(self.display.finish())
        self.assertEqual(self.chip.segments(), bytes(render("2")))

    def test_a_half_period_outside_its_limits_is_refused(self):
        for half_period_us in (0, 1, 201):
            self.assertRaises(ValueError, self.display.set_half_period, half_period_us)
        self.assertEqual(self.display.half_period_us, HALF_PERIOD_US)

    def test_a_refresh_takes_few_pin_calls(self):
        self.chip.edge_us = 0
        self.display = self._driver(PIN_CALL_US, lambda _: None)
        self.display.show(render("1"))
        started_us = self.clock.now_us
        self.display.show(render("2"))
        # 8 bytes of 8 bits at 3 calls and an acknowledge at 4, three starts and stops at 6.
        self.assertEqual((self.clock.now_us - started_us) // PIN_CALL_US, 8 * (8 * 3 + 4) + 3 * 6 + 1 * (8 * 3 + 4))


class _Fuse:
    """A pin through which the board is reset at the n-th call."""

    def __init__(self, pin, calls):
        self._pin = pin
        self._calls = calls

    def __call__(self, *value):
        self._calls -= 1
        if self._calls == 0:
            raise SystemExit("reset")
        return self._pin(*value)


if __name__ == "__main__":
    unittest.main()
