"""The world around a small test program: power cuts and returns, resets, the console, time, the household."""

import unittest

from boards.host.chips.power import BoardReset, PowerCut
from boards.host.world.world import FIRST_S, World
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.drivers.segments import render


class Program:
    """Counts pulses every 100 ms, echoes the console, and calls the test's function once."""

    def __init__(self, board):
        self.board = board
        self.pulses = 0
        self.wish = None

    async def run(self):
        clock = self.board.clock
        while True:
            self.pulses += self.board.counter.take()
            if self.wish is not None:
                wish, self.wish = self.wish, None
                await wish(self.board)
            await clock.sleep_ms(100)


class Echo:
    """Answers each console line with the same line, a second later."""

    def __init__(self, board):
        self.board = board

    async def run(self):
        while True:
            line = await self.board.console.read_line(20)
            await self.board.clock.sleep_ms(1000)
            self.board.console.write(f"{line}\r\n> ")


class TestTime(unittest.TestCase):
    def test_a_stretch_lasts_as_long_as_asked(self):
        world = World(Program)
        world.run_for(10)
        self.assertEqual(world.clock.now_us, 10_000_000)
        self.assertEqual(world.now_s(), FIRST_S + 10)
        self.assertEqual(world.starts, 1)

    def test_a_condition_ends_it_and_a_limit_ends_it_without(self):
        world = World(Program)
        self.assertTrue(world.run_until(lambda: world.now_s() >= FIRST_S + 5, 10))
        self.assertEqual(world.now_s(), FIRST_S + 5)
        self.assertFalse(world.run_until(lambda: False, 2))
        self.assertEqual(world.clock.now_us, 7_000_000)

    def test_the_program_goes_on_between_stretches(self):
        world = World(Program)
        world.run_for(1)
        program = world.meter
        world.household.constant_w = 3_600_000
        world.household.update()
        for _ in range(10):
            world.run_for(1)
        self.assertIs(world.meter, program)
        self.assertEqual(program.pulses, 10_000)  # 1 kWh a second for ten seconds, at 1,000 pulses


class TestPower(unittest.TestCase):
    def setUp(self):
        self.world = World(Program)
        self.world.run_for(1)

    def _wish(self, wish):
        self.world.meter.wish = wish
        self.world.run_for(1)

    def test_without_mains_nothing_runs_and_nothing_is_measured(self):
        world = self.world
        world.household.constant_w = 1000
        world.cut_mains()
        world.run_for(3600)
        self.assertIsNone(world.meter)
        self.assertFalse(world.mains_on)
        self.assertEqual(world.hardware.source.power_w, 0)
        energy_mwh = world.hardware.source.energy_mwh
        world.run_for(3600)
        self.assertEqual(world.hardware.source.energy_mwh, energy_mwh)

    def test_a_new_life_begins_when_the_mains_return(self):
        world = self.world
        first = world.meter
        world.cut_mains(world.clock.now_us + 5_000_000)
        world.restore_mains(world.clock.now_us + 65_000_000)
        world.run_for(60)
        self.assertIsNone(world.meter)
        world.run_for(10)
        self.assertIsNot(world.meter, first)
        self.assertEqual(world.starts, 2)
        self.assertEqual(world.power_cuts, 1)
        self.assertEqual(world.meter.board.rtc.read(), world.now_s())

    def test_the_cut_comes_at_its_microsecond_inside_held_time(self):
        moments = []

        async def hold(board):
            try:
                board.clock.advance_us(900_000)
            finally:
                moments.append(board.clock.now_us)

        at_us = self.world.clock.now_us + 333_333
        self.world.cut_mains(at_us)
        self._wish(hold)
        self.assertEqual(moments, [at_us])
        self.assertFalse(self.world.mains_on)

    def test_clean_up_code_of_a_program_without_power_moves_nothing(self):
        hardware = self.world.hardware

        async def open_switch(board):
            try:
                board.clock.advance_us(900_000)
            finally:
                board.load_switch.open_now()
                board.display.show(render("dEAd"))

        self.world.cut_mains(self.world.clock.now_us + 500_000)
        self._wish(open_switch)
        self.assertTrue(hardware.relay.contact_closed)
        self.assertEqual(bytes(hardware.display.segments()), bytes(6))
        self.assertEqual((hardware.open_coil_wire.level, hardware.close_coil_wire.level), (0, 0))

    def test_a_program_that_swallows_the_cut_is_dead_all_the_same(self):
        async def swallow(board):
            try:
                board.clock.advance_us(900_000)
            except PowerCut:
                pass

        self.world.cut_mains(self.world.clock.now_us + 500_000)
        self._wish(swallow)
        self.assertIsNone(self.world.meter)
        self.assertEqual(self.world.power_cuts, 1)

    def test_a_cut_inside_the_flash_is_a_cut_of_everything(self):
        async def program(board):
            board.flash.program(0, b"\x00" * 16)

        self.world.hardware.flash.faults.plan_cut(1)
        self._wish(program)
        self.assertFalse(self.world.mains_on)
        self.assertEqual(self.world.power_cuts, 1)
        self.assertEqual(self.world.hardware.source.power_w, 0)

    def test_a_display_that_was_dark_shows_again(self):
        async def show(board):
            board.display.show(render("C 1.25"))

        self._wish(show)
        shown = bytes(self.world.hardware.display.segments())
        self.assertEqual(shown, bytes(render("C 1.25")))
        self.world.cut_mains()
        self.world.run_for(1)
        self.world.restore_mains()
        self.world.run_for(1)
        self._wish(show)
        self.assertEqual(bytes(self.world.hardware.display.segments()), shown)
        self.assertEqual(self.world.hardware.violations(), [])


class TestReset(unittest.TestCase):
    def setUp(self):
        self.world = World(Program)
        self.world.run_for(1)
        self.first = self.world.meter

    def _assert_one_reset(self):
        self.assertIsNot(self.world.meter, self.first)
        self.assertIsNotNone(self.world.meter)
        self.assertEqual(self.world.starts, 2)
        self.assertEqual(self.world.power_cuts, 0)
        self.assertTrue(self.world.mains_on)

    def test_the_board_resets_itself(self):
        async def reset(board):
            with self.assertRaises(BoardReset):
                board.reset()
            board.reset()

        self.first.wish = reset
        self.world.run_for(1)
        self._assert_one_reset()

    def test_the_reset_line_is_pulled(self):
        self.world.reset_board()
        self.world.run_for(1)
        self._assert_one_reset()

    def test_a_watchdog_fed_once_must_be_fed(self):
        async def feed(board):
            board.watchdog.feed()

        self.first.wish = feed
        self.world.run_for(8)
        self.assertIs(self.world.meter, self.first)
        self.world.run_for(1)
        self._assert_one_reset()
        self.assertTrue(self.world.hardware.watchdog.has_reset_board)
        self.world.run_for(60)
        self.assertEqual(self.world.starts, 2)
        self.world.reset_board()
        self.world.run_for(1)
        self.assertFalse(self.world.hardware.watchdog.has_reset_board)

    def test_a_watchdog_that_is_fed_is_quiet(self):
        async def keep_feeding(board):
            for _ in range(20):
                board.watchdog.feed()
                await board.clock.sleep_ms(8_000)

        self.first.wish = keep_feeding
        self.world.run_for(160)
        self.assertEqual(self.world.starts, 1)


class TestConsole(unittest.TestCase):
    def test_a_line_is_answered_however_long_that_takes(self):
        world = World(Echo)
        self.assertEqual(world.type_line("status"), ["status", ">"])
        self.assertEqual(world.type_line("again"), ["again", ">"])

    def test_a_line_too_long_is_no_line(self):
        world = World(Echo)
        self.assertEqual(world.type_line("x" * 21)[0], "None")

    def test_nobody_at_the_console(self):
        world = World(Program)
        with self.assertRaises(ValueError):
            world.type_line("status", 5)


class TestHousehold(unittest.TestCase):
    def _day_kwh(self, seed):
        world = World(Program, seed=seed)
        world.allow_lateness(60_000)
        world.run_for(DAY_S)
        return world.hardware.source.energy_mwh // 1_000_000

    def test_a_day_is_that_of_a_household_and_the_same_for_the_same_seed(self):
        kwh = self._day_kwh(5)
        self.assertTrue(4 <= kwh <= 15)
        self.assertEqual(self._day_kwh(5), kwh)

    def test_extra_load_is_added_and_never_below_zero(self):
        world = World(Program)
        world.household.constant_w = 100
        world.household.change_extra(500)
        self.assertEqual(world.hardware.source.load_w, 600)
        world.household.change_extra(-1000)
        self.assertEqual(world.hardware.source.load_w, 100)


if __name__ == "__main__":
    unittest.main()
