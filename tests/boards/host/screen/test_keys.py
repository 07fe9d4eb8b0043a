"""Keys from the bytes of a terminal."""

import unittest

from boards.host.screen import keys
from boards.host.screen.keys import KeyReader


class TestKeyReader(unittest.TestCase):
    def _keys(self, data):
        """Return the keys of `data`, which is there at once, and the end of input behind them."""
        waiting = [data[place : place + 1] for place in range(len(data))]
        reader = KeyReader(lambda _timeout_ms: bool(waiting), lambda: waiting.pop(0))
        found = []
        while waiting or reader._returned is not None:
            found.append(reader.wait_key(0))
        self.assertIsNone(reader.wait_key(0))
        return found

    def test_characters(self):
        self.assertEqual(self._keys(b"1q\r\x03"), ["1", "q", "\r", "\x03"])

    def test_page_keys_and_arrows_with_shift_or_without(self):
        self.assertEqual(self._keys(b"\x1b[5~\x1b[6~\x1b[5;2~"), [keys.PAGE_UP, keys.PAGE_DOWN, keys.PAGE_UP])
        self.assertEqual(self._keys(b"\x1b[A\x1b[1;2A\x1bOB\x1b[D"), [keys.UP, keys.UP, keys.DOWN, keys.LEFT])
        self.assertEqual(self._keys(b"\x1b[H\x1b[F"), [keys.HOME, keys.END])

    def test_a_key_without_a_name_takes_no_character_of_the_next_with_it(self):
        self.assertEqual(self._keys(b"\x1b[15~q\x1b[1;5Cz"), [None, "q", None, "z"])

    def test_esc_alone_and_before_another_key(self):
        self.assertEqual(self._keys(b"\x1b"), [keys.ESCAPE])
        self.assertEqual(self._keys(b"\x1bq\x1b\x1b[5~"), [keys.ESCAPE, "q", keys.ESCAPE, keys.PAGE_UP])

    def test_a_character_that_is_not_ascii_is_one_key(self):
        self.assertEqual(self._keys("\u00e9\u20ac\U0001f600x".encode()), ["\u00e9", "\u20ac", "\U0001f600", "x"])

    def test_bytes_that_are_no_character_do_not_vanish(self):
        self.assertEqual(self._keys(b"\xe9q\xff\x80"), ["\ufffd", "q", "\ufffd"])

    def test_a_terminal_that_is_gone(self):
        reader = KeyReader(lambda _timeout_ms: True, lambda: b"")
        self.assertEqual(reader.wait_key(0), keys.END_OF_INPUT)
        reader.drop_all()

    def test_keys_from_before_can_be_dropped(self):
        waiting = [b"o", b"\r"]
        reader = KeyReader(lambda _timeout_ms: bool(waiting), lambda: waiting.pop(0))
        reader.drop_all()
        self.assertIsNone(reader.wait_key(0))


if __name__ == "__main__":
    unittest.main()
