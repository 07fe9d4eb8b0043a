"""A technician installs a display whose digits are wired in another order than those of the board."""

import unittest

from tests.stories.story import ContractStory
from wattpurse.core.messages import token
from wattpurse.core.records import events
from wattpurse.drivers.led_display import REVERSED, STRAIGHT, SWAPPED
from wattpurse.drivers.segments import render

GRIDS_FROM_LEFT = (5, 0, 3, 1, 4, 2)


class TestTheDisplayModule(ContractStory):
    """The technician names the wiring, or types the digits that the test shows, and the meter keeps it."""

    load_w = 0

    def order(self, words):
        self.technician("display order " + words)

    def test_credit_is_shown_right_on_each_wiring_that_has_a_name(self):
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 12_350_000)))
        for name, grids in (("straight", STRAIGHT), ("reversed", REVERSED), ("swapped", SWAPPED)):
            self.world.hardware.display.grid_order = grids
            self.order(name)
            self.assertTrue(self.is_shown("123456", 1))
            self.assertTrue(self.is_shown("C 12.35", 20), name)

    def test_the_digits_of_the_test_name_any_wiring_and_a_restart_keeps_it(self):
        self.world.hardware.display.grid_order = GRIDS_FROM_LEFT
        self.technician("display test")
        self.world.run_for(1)
        self.order(self._digits_seen())
        self.assertTrue(self.is_shown("123456", 1))
        self.world.reset_board()
        self.world.run_until(lambda: self.account is not None, 10)
        self.assertTrue(self.is_shown("C  0.00"))
        self.assertIn("setting changed, by console", self.type("events 9"))

    def test_what_is_no_order_is_refused_and_changes_nothing(self):
        self.type("login 135790")
        for words in ("", "upside-down", "12345", "112233", "1234567", "abcdef"):
            self.assertTrue(self.world.type_line("display order " + words)[0].startswith("refused"), words)
        self.assertTrue(self.is_shown("C  0.00"))

    def test_it_takes_a_technician(self):
        self.assertTrue(self.world.type_line("display order straight")[0].startswith("refused"))

    def _digits_seen(self):
        lit = self.world.hardware.display.segments()
        return "".join(["123456"[list(render("123456")).index(shape)] for shape in lit])


class TestAModuleWithCapacitors(ContractStory):
    """The module's lines are slow. The technician slows the meter down, and the meter keeps that."""

    load_w = 0

    def test_a_module_that_wants_slower_edges_shows_credit_once_it_gets_them(self):
        display = self.world.hardware.display
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 12_350_000)))
        display.edge_us = 60
        self.world.run_for(61)
        self.assertNotEqual(display.violations, [])
        self.technician("display delay 80")
        self.assertTrue(self.is_shown("123456", 1))
        display.violations.clear()
        self.assertTrue(self.is_shown("C 12.35", 20))
        self.world.reset_board()
        self.world.run_until(lambda: self.account is not None, 10)
        self.world.run_for(2)
        self.assertTrue(self.is_shown("C 12.35", 20))
        self.assertEqual(display.violations, [])

    def test_a_delay_that_no_display_needs_is_refused(self):
        self.type("login 135790")
        for words in ("", "0", "201", "long", "10 20"):
            self.assertTrue(self.world.type_line("display delay " + words)[0].startswith("refused"), words)


class TestADisplayThatDoesNotAnswer(ContractStory):
    """Somebody has to hear of a dark display, because the customer sees no credit on it."""

    def codes(self):
        return [event.code for event in self.world.meter.events.recent(20)]

    def test_it_is_an_alarm_and_an_event_until_it_is_back(self):
        self.world.hardware.display.connected = False
        self.world.run_for(90)
        self.assertIn("display", self._alarms())
        self.assertEqual(self.codes().count(events.DISPLAY_LOST), 1)
        self.world.hardware.display.connected = True
        self.world.run_for(90)
        self.assertNotIn("display", self._alarms())
        self.assertEqual(self.codes().count(events.DISPLAY_BACK), 1)
        statement = self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 5_000_000)))
        self.assertEqual(statement["alarms"], [])

    def test_the_station_hears_of_it_by_the_next_card(self):
        self.world.hardware.display.connected = False
        self.world.run_for(90)
        statement = self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 5_000_000)))
        self.assertEqual(statement["alarms"], ["display"])

    def _alarms(self):
        return [line for line in self.type("status").split("\n") if line.startswith("alarms")][0]


if __name__ == "__main__":
    unittest.main()
