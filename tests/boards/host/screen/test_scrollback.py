"""Scrolling through the answers of the console."""

import unittest

from boards.host.screen.scrollback import Scrollback, wrapped


class TestScrollback(unittest.TestCase):
    def setUp(self):
        self.answer = Scrollback()
        self.answer.fit(20, 10)

    def _fill(self, count):
        self.answer.add([f"line {number}" for number in range(count)])

    def test_the_newest_rows_are_shown(self):
        self._fill(50)
        self.assertEqual(self.answer.visible(), [f"line {number}" for number in range(40, 50)])
        self.assertTrue(self.answer.is_at_end)

    def test_a_person_scrolls_back_through_a_thousand_lines_and_forward_again(self):
        self._fill(1_500)
        seen = list(self.answer.visible())
        for _ in range(200):
            self.answer.turn(1)
            seen = [row for row in self.answer.visible() if row not in seen] + seen
        self.assertEqual(seen, [f"line {number}" for number in range(1_500)])
        self.assertEqual(self.answer.place(), "rows 1-10 of 1500")
        self.answer.turn(-1)
        self.assertEqual(self.answer.visible()[0], "line 9")
        self.answer.scroll(3)
        self.assertEqual(self.answer.visible()[0], "line 6")
        self.answer.scroll(-10_000)
        self.assertTrue(self.answer.is_at_end)

    def test_rows_being_read_stay_while_the_meter_answers(self):
        self._fill(50)
        self.answer.turn(2)
        before = self.answer.visible()
        self._fill(30)
        self.assertEqual(self.answer.visible(), before)
        self.assertFalse(self.answer.is_at_end)
        self.answer.return_to_end()
        self.assertEqual(self.answer.visible()[-1], "line 29")

    def test_few_rows_do_not_scroll(self):
        self._fill(3)
        self.answer.turn(1)
        self.assertEqual(self.answer.visible(), ["line 0", "line 1", "line 2"])
        self.assertEqual(self.answer.place(), "")

    def test_old_lines_are_dropped_in_the_end(self):
        for _ in range(20):
            self._fill(1_000)
        self.answer.scroll(10**9)
        self.assertTrue(1_000 < len(self.answer._rows) <= 8_000)
        self.assertEqual(len(self.answer.visible()), 10)

    def test_a_long_line_is_read_whole_at_any_width(self):
        line = "one two three four five six seven eight " + "x" * 100
        self.answer.add([line])
        for columns in (20, 70, 33):
            self.answer.fit(columns, 30)
            rows = self.answer.visible()
            self.assertTrue(max([len(row) for row in rows]) <= columns)
            self.assertEqual("".join(rows).replace(" ", ""), line.replace(" ", ""))

    def test_lines_break_at_spaces(self):
        self.assertEqual(wrapped(["one two three", ""], 8), ["one two", "three", ""])
        self.assertEqual(wrapped(["x" * 9, " " * 9], 4), ["xxxx", "xxxx", "x", "    ", "    "])


if __name__ == "__main__":
    unittest.main()
