"""Lines as a terminal sends them."""

import unittest

from boards.host.chips.random_bits import RandomBits
from wattpurse.services.console.line import LineEditor


class TestLineEditor(unittest.TestCase):
    def setUp(self):
        self.editor = LineEditor(20)

    def _type(self, data):
        """Type bytes; give back the lines and the echo."""
        lines = []
        echo = ""
        for byte in data:
            echo += self.editor.put(byte)
            if self.editor.is_complete:
                lines.append(self.editor.take())
        return lines, echo

    def test_a_line_ends_with_return_line_feed_or_both(self):
        lines, echo = self._type(b"status\rmonths\nclock\r\nevents\r\n\r\n")
        self.assertEqual(lines, ["status", "months", "clock", "events", ""])
        self.assertTrue(echo.startswith("status\r\nmonths\r\n"))

    def test_rubbing_out(self):
        lines, echo = self._type(b"\x08\x7fstati\x08us.\x7f\r")
        self.assertEqual(lines, ["status"])
        self.assertEqual(echo, "stati\b \bus.\b \b\r\n")

    def test_a_line_can_be_begun_anew(self):
        self.assertEqual(self._type(b"login 1234\x15help\r")[0], ["help"])
        self.assertEqual(self._type(b"x" * 30 + b"\x15help\r")[0], ["help"])

    def test_keys_that_send_sequences_leave_nothing(self):
        self.assertEqual(self._type(b"st\x1b[Aat\x1b[3~us\x1bO\r")[0], ["status"])
        self.assertEqual(self._type(b"help\x1b[\rclock\r")[0], ["help", "clock"])

    def test_a_line_too_long_is_dropped_as_a_whole(self):
        self.assertEqual(self._type(b"x" * 20 + b"\r" + b"y" * 21 + b"\rhelp\r")[0], ["x" * 20, None, "help"])

    def test_a_character_rubbed_out_of_a_line_too_long_does_not_make_it_good(self):
        self.assertEqual(self._type(b"y" * 21 + b"\x08\r")[0], [None])

    def test_what_is_no_text_stays_in_the_line_unseen(self):
        lines, echo = self._type(b"he\x00\xfflp\r")
        self.assertEqual(lines, ["he\x00\x1alp"])
        self.assertEqual(echo, "help\r\n")

    def test_any_bytes_make_lines_of_limited_length(self):
        random_bits = RandomBits(3)
        lines, _ = self._type(bytes([random_bits(8) for _ in range(20_000)]))
        self.assertTrue(len(lines) > 50)
        self.assertTrue(max(len(line) for line in lines if line is not None) <= 20)


if __name__ == "__main__":
    unittest.main()
