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

    def test_a_control_character_stays_in_the_line_unseen(self):
        lines, echo = self._type(b"he\x00lp\r")
        self.assertEqual(lines, ["he\x00lp"])
        self.assertEqual(echo, "help\r\n")

    def test_a_character_that_is_not_ascii_is_shown_as_a_question_mark(self):
        self.assertEqual(self._type("stat\u00fcs\u20ac\r".encode()), (["stat\x1as\x1a"], "stat?s?\r\n"))
        self.assertEqual(self._type(b"\xe9\xe9\xffa\r"), (["\x1a\x1a\x1aa"], "???a\r\n"))

    def test_each_character_rubbed_out_is_one_on_the_screen(self):
        lines, echo = self._type("a\u20ac\u00e9".encode() + b"\x08\x08\x08\r")
        self.assertEqual((lines, echo), ([""], "a??" + "\b \b" * 3 + "\r\n"))
        self.assertEqual(self._type(b"a\x00\x1a\x15\r"), ([""], "a?" + "\b \b" * 2 + "\r\n"))

    def test_any_bytes_make_lines_of_limited_length(self):
        random_bits = RandomBits(3)
        lines, _ = self._type(bytes([random_bits(8) for _ in range(20_000)]))
        self.assertTrue(len(lines) > 50)
        self.assertTrue(max(len(line) for line in lines if line is not None) <= 20)


class TestSecrets(unittest.TestCase):
    def _echo(self, line):
        editor = LineEditor(2200)
        echo = "".join([editor.put(byte) for byte in line])
        editor.put(0x0D)
        self.line = editor.take()
        return echo

    def test_the_pin_of_a_login_is_not_shown(self):
        self.assertEqual(self._echo(b"login 246810"), "login ******")
        self.assertEqual(self.line, "login 246810")
        self.assertEqual(self._echo(b" login\t246 810"), " login*** ***")
        self.assertEqual(self._echo(b"--json login 246810"), "--json login ******")

    def test_a_new_pin_is_not_shown(self):
        self.assertEqual(self._echo(b"pin 13579"), "pin *****")
        self.assertEqual(self._echo(b"readout password geheim26"), "readout password ********")

    def test_pin_and_keys_of_a_commissioning_are_not_shown(self):
        key = b"0123456789abcdef0123456789abcdef"
        line = b"commission 4711 " + key + b" " + key + b" 3200/1 prepaid-money 246810 "
        shown = "commission 4711 " + "*" * 32 + " " + "*" * 32 + " 3200/1 prepaid-money ****** "
        self.assertEqual(self._echo(line + b"a1" * 700 + b" by-records"), shown + "a1" * 700 + " by-records")
        self.assertEqual(self._echo(b"keys set meter " + key), "keys set meter " + "*" * 32)

    def test_a_pin_is_not_shown_after_characters_were_rubbed_out(self):
        self.assertEqual(self._echo(b"login 24\x08\x0868"), "login **" + "\b \b" * 2 + "**")
        self.assertEqual(self._echo(b"logim\x08n 24"), "logim\b \bn **")
        self.assertEqual(self._echo(b"login" + b" " * 300 + b"246\x088"), "login" + " " * 300 + "***\b \b*")

    def test_a_command_typed_instead_of_a_login_is_shown(self):
        self.assertEqual(self._echo(b"login 24\x08\x08\x08\x08gs"), "login **" + "\b \b" * 4 + "gs")
        self.assertEqual(self._echo(b"login 24\x15status"), "login **" + "\b \b" * 8 + "status")

    def test_other_commands_are_shown_whole(self):
        for line in (
            b"status --json",
            b"terms set low_credit_mwh 5",
            b"token " + b"ab" * 40,
            b"keys",
            b"help commission",
        ):
            self.assertEqual(self._echo(line), str(line, "ascii"))


if __name__ == "__main__":
    unittest.main()
