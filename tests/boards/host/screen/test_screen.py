"""The picture of the simulated meter: digits of the chip, states of the wires, lines that fit the terminal."""

import json
import os
import unittest

from boards.host import files
from boards.host.cards.folder import CardFolder
from boards.host.cards.ultralight import UltralightCard
from boards.host.screen import keys
from boards.host.screen.card_list import CardList
from boards.host.screen.keyboard import Keyboard
from boards.host.screen.screen import COLUMNS, ROWS, Screen, ascii_glyphs, digit_lines, line_glyphs, too_small
from boards.host.screen.scrollback import Scrollback
from boards.host.world.world import World
from tests import samples
from wattpurse.core.money import contract, supply
from wattpurse.drivers.segments import render


class Shower:
    """A meter that shows one text."""

    text = "C 1.25"

    def __init__(self, board):
        self.board = board
        self.ledger = self
        self.account = None

    def decide(self):
        return 1

    async def run(self):
        self.board.display.show(render(self.text))
        while True:
            await self.board.clock.sleep_ms(1000)


class View:
    """The session's part of the picture. It also takes the keyboard's calls."""

    def __init__(self, cards=None):
        self.notice = "a notice"
        self.cards = cards
        self.console_is_open = False
        self.keypad_is_open = False
        self.typed = ""
        self.answer = Scrollback()
        self.events = []
        self.open_coil_lit = self.close_coil_lit = self.buzzer_heard = False
        self.calls = []

    def speed_text(self):
        return "x60"

    def open_console(self):
        self.console_is_open = True

    def close_console(self):
        self.console_is_open = False

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values: self.calls.append((name,) + values)


def plain(line):
    """Return the line without its colours."""
    while "\x1b" in line:
        start = line.index("\x1b")
        line = line[:start] + line[line.index("m", start) + 1 :]
    return line


class TestDigits(unittest.TestCase):
    def test_each_segment_is_where_it_belongs(self):
        self.assertEqual(
            digit_lines(bytes(render("8")), ascii_glyphs()),
            [
                " " * 30 + " ==   ",
                " " * 30 + "|  |  ",
                " " * 30 + " ==   ",
                " " * 30 + "|  |  ",
                " " * 30 + " ==   ",
            ],
        )
        alone = []
        for segment in range(8):
            lines = digit_lines(bytes((1 << segment, 0, 0, 0, 0, 0)), ascii_glyphs())
            alone.append([row for row, line in enumerate(lines) if line.strip()])
        self.assertEqual(alone, [[0], [1], [3], [4], [3], [1], [2], [4]])

    def test_left_and_right(self):
        lines = digit_lines(bytes(render("1.")), ascii_glyphs())
        self.assertEqual(lines[1], " " * 33 + "|  ")
        self.assertEqual(lines[4], " " * 34 + "o ")


class TestScreen(unittest.TestCase):
    def setUp(self):
        self.folder = "build/test-screen-" + os.urandom(8).hex()
        self.cards = CardFolder(self.folder)
        files.write_whole(self.folder + "/tenant.json", _image())
        self.world = World(Shower)
        self.world.run_for(1)
        self.view = View(CardList(self.cards, "tenant"))
        self.screen = Screen(self.world, self.cards, ascii_glyphs())

    def tearDown(self):
        files.remove_folder(self.folder)

    def _lines(self, columns=COLUMNS, rows=ROWS):
        self.view.cards.update()
        lines = [plain(line) for line in self.screen.lines(self.view, columns, rows)]
        self.assertEqual(len(lines), rows)
        self.assertEqual([line for line in lines if len(line) >= columns], [])
        return lines

    def _fact(self, name):
        for line in self._lines():
            if line[41:].startswith(name):
                return line[41 + 13 :].strip()
        return None

    def test_the_digits_are_those_of_the_display_chip(self):
        digits = digit_lines(bytes(render(Shower.text)), ascii_glyphs())
        self.assertEqual([line[3:39] for line in self._lines()[2:7]], digits)
        self.world.hardware.display.memory[0] ^= 0x01
        self.assertTrue([line[3:39] for line in self._lines()[2:7]] != digits)

    def test_without_mains_all_is_dark(self):
        self.assertEqual(self._fact("mains"), "on")
        self.world.cut_mains()
        self.world.run_for(1)
        self.assertEqual(self._fact("mains"), "CUT")
        self.assertEqual(self._fact("supply"), "meter without power")
        self.assertEqual([line[3:39].strip() for line in self._lines()[2:7]], [""] * 5)

    def test_switch_coils_load_and_buzzer(self):
        self.world.household.constant_w = 1234
        self.world.household.update()
        self.assertEqual(self._fact("load switch"), "closed")
        self.assertEqual(self._fact("house"), "1234 W")
        self.assertEqual(self._fact("buzzer"), "silent")
        self.world.hardware.relay.contact_closed = False
        self.world.hardware.source.set_contact(False)
        self.view.open_coil_lit = self.view.buzzer_heard = True
        self.assertEqual(self._fact("load switch"), "open coil pulsed: opening")
        self.assertEqual(self._fact("house"), "0 W, would draw 1234 W")
        self.assertEqual(self._fact("buzzer"), "BEEP")

    def test_the_line_that_each_contract_needs(self):
        meter = self.world.meter
        meter.decide = lambda: supply.ON
        meter.account = samples.new_account()
        self.assertEqual((self._fact("rate"), self._fact("supply")), ("ALL, 0.250000 EUR/kWh", "on"))
        meter.account.contract = contract.Term
        meter.account.standing.set("term_until_s", samples.NEW_YEAR_S + 3 * 86_400 + 5)
        self.assertEqual((self._fact("rate"), self._fact("supply")), ("ALL", "on, until 01-04 00:00:05"))
        meter.decide = lambda: supply.EXPIRED
        self.assertEqual(self._fact("supply"), "expired")
        meter.account.contract = contract.Dispenser
        self.assertEqual(self._fact("rate"), "ALL")
        meter.account.terms.set("daily_limit_mwh", 5_000_000)
        meter.account.consume(1_234_567)
        self.assertEqual(self._fact("today"), "3.765 of 5.000 kWh left")

    def test_sensors_and_a_welded_contact(self):
        self.assertEqual([line for line in self._lines() if line.startswith(" sensors")], [])
        hardware = self.world.hardware
        hardware.cover.sense(True)
        hardware.reverse_flow.sense(True)
        hardware.relay.welded = True
        self.assertTrue(" sensors  cover is off, energy flows backwards" in self._lines())
        self.assertEqual(self._fact("load switch"), "closed, welded")

    def test_time_is_local(self):
        self.assertTrue("Thu 2026-11-05 07:00:01   x60" in self._lines()[0])

    def test_cards_in_the_folder_and_on_the_reader(self):
        self.assertTrue(" cards    1 tenant " in self._lines())
        self.world.insert(self.cards.take("tenant"))
        self.assertTrue(" reader   tenant (ntag213, UID 04020304050607)" in self._lines())
        self.assertTrue(" cards   [1 tenant]" in self._lines())

    def test_cards_that_do_not_fit_beside_each_other_go_into_another_line(self):
        for name in ("camper", "customer", "guest", "lodger", "room", "student"):
            files.write_whole(self.folder + "/" + name + ".json", _image())
        lines = self._lines()
        self.assertEqual(len(lines), ROWS)
        place = [number for number, line in enumerate(lines) if line.startswith(" cards    1 tenant   2 ")][0]
        self.assertTrue(lines[place + 1].startswith("          7 "))

    def test_more_than_nine_cards_have_pages(self):
        for number in range(20):
            files.write_whole(f"{self.folder}/card{number}.json", _image())
        self.assertTrue("          page 1 of 3; left and right arrow turn the page" in self._lines())
        self.view.cards.turn(1)
        self.assertTrue("          page 2 of 3; left and right arrow turn the page" in self._lines())
        self.assertFalse([line for line in self._lines() if "tenant" in line])

    def test_nine_cards_with_long_names_leave_room_for_the_rest(self):
        for number in range(12):
            files.write_whole(f"{self.folder}/{number}{'n' * 70}.json", _image())
        self.view.notice = "n" * 500
        self.assertTrue("q quit" in self._lines()[-1])

    def test_a_larger_terminal_is_filled(self):
        self.view.events = [f"event {number}" for number in range(30)]
        self.assertTrue(" event 25" in self._lines(132, 43))
        self.assertEqual(len(self._lines(132, 43)[12]), 131)
        self.view.console_is_open = True
        self.view.answer.add([f"line {number}" for number in range(100)])
        self.assertTrue(" line 70" in self._lines(132, 43))

    def test_a_terminal_that_is_too_small_says_which_size_is_needed(self):
        for columns, rows in ((60, 20), (79, 24), (80, 23), (20, 40)):
            lines = self._lines(columns, rows)
            said = " ".join([line.strip() for line in lines]).strip()
            self.assertTrue(f"This terminal has {columns} columns and {rows} rows." in said)
            self.assertTrue("needs 80 columns and 24 rows" in said)
        self.assertEqual(len(too_small(1, 1)), 1)

    def test_the_console_takes_the_lower_half(self):
        self.view.console_is_open = True
        self.view.answer.add([f"line {number}" for number in range(100)])
        self.view.typed = "x" * 200
        lines = self._lines()
        self.assertTrue(" line 99" in lines)
        self.assertEqual(lines[-2], " " + "x" * 77 + "_")

    def test_the_console_says_how_to_scroll_and_where_it_is(self):
        self.view.console_is_open = True
        self.view.answer.add([f"line {number}" for number in range(1_100)])
        self.assertTrue("PgUp and PgDn scroll" in self._lines()[8])
        self.view.answer.turn(1)
        lines = self._lines()
        self.assertTrue("rows 1076-1088 of 1100; PgUp, PgDn, typing returns to the end" in lines[8])
        self.assertTrue(" line 1075" in lines)
        self.assertFalse(" line 1099" in lines)

    def test_a_pin_is_not_readable_while_it_is_typed(self):
        self.view.console_is_open = True
        self.view.typed = "login 246810"
        lines = self._lines()
        self.assertTrue(" > login ******_" in lines)
        self.assertFalse([line for line in lines if "246810" in line])

    def test_long_and_many_things_are_cut(self):
        self.view.notice = "n" * 200
        self.view.events = ["e" * 200] * 50
        self._lines()

    def test_lines_of_other_glyphs_have_the_same_width(self):
        other = Screen(self.world, self.cards, line_glyphs()).lines(self.view)
        self.assertEqual([len(line) for line in other], [len(line) for line in self.screen.lines(self.view)])


class TestKeyboard(unittest.TestCase):
    def setUp(self):
        self.view = View()
        self.keyboard = Keyboard(self.view)

    def _press(self, keys):
        for key in keys:
            self.keyboard.take(key)
        return self.view.calls

    def test_the_actions_of_the_keys(self):
        self.assertEqual(
            self._press("10 Lm+-><rogvwq"),
            [
                ("toggle_card", 1),
                ("take_card_away",),
                ("press_button",),
                ("hold_button",),
                ("toggle_mains",),
                ("change_load", 500),
                ("change_load", -500),
                ("change_speed", 1),
                ("change_speed", -1),
                ("reset_board",),
                ("toggle_sensor", "cover"),
                ("toggle_sensor", "magnet"),
                ("toggle_sensor", "reverse_flow"),
                ("toggle_welding",),
                ("quit",),
            ],
        )

    def test_keys_without_a_meaning_do_nothing(self):
        self.assertEqual(self._press(["x", "y", "\x1b", "\r", "\n", "\u00e9", keys.UP, keys.PAGE_DOWN]), [])

    def test_at_the_console_keys_are_text(self):
        self._press("cstatuz\x7fs")
        self.assertEqual(self.view.typed, "status")
        self.assertEqual(self._press("\r"), [("send_line",)])
        self._press("\x1b")
        self.assertEqual(self._press("q"), [("send_line",), ("quit",)])

    def test_page_keys_and_arrows_scroll_at_the_console_until_something_is_typed(self):
        answer = self.view.answer
        answer.fit(20, 5)
        answer.add([f"line {number}" for number in range(50)])
        self._press(["c", keys.PAGE_UP, keys.UP])
        self.assertEqual(answer.place(), "rows 41-45 of 50")
        self._press([keys.HOME])
        self.assertEqual(answer.place(), "rows 1-5 of 50")
        self._press([keys.DOWN, keys.PAGE_DOWN])
        self.assertEqual(answer.place(), "rows 6-10 of 50")
        self.assertEqual(self.view.typed, "")
        self._press("s")
        self.assertTrue(answer.is_at_end)
        self._press([keys.HOME, keys.END])
        self.assertTrue(answer.is_at_end)

    def test_arrows_turn_the_page_of_cards(self):
        turned = []
        self.view.cards = self
        self.turn = turned.append
        self._press([keys.RIGHT, keys.LEFT, keys.UP, keys.PAGE_UP])
        self.assertEqual(turned, [1, -1])

    def test_a_character_that_the_console_cannot_take_is_answered_in_words(self):
        self._press(["c", "a", "\u00e9", "b"])
        self.assertEqual(self.view.typed, "ab")
        self.assertEqual(self.view.calls, [("refuse_character", "\u00e9")])

    def test_a_line_can_be_begun_anew(self):
        self._press("clogin 24\x15status")
        self.assertEqual(self.view.typed, "status")

    def test_the_picture_can_be_drawn_anew(self):
        self.assertEqual(self._press([keys.REDRAW, "c", keys.REDRAW]), [("redraw",)] * 2)

    def test_an_interrupt_and_a_terminal_that_is_gone_end_it_wherever_it_is(self):
        self.assertEqual(self._press(["c", "\x03"]), [("quit",)])
        self.assertEqual(self._press([""]), [("quit",)] * 2)


def _image():
    return json.dumps(UltralightCard("ntag213", bytes((4, 2, 3, 4, 5, 6, 7))).image())


if __name__ == "__main__":
    unittest.main()
