"""Lines from the bytes of a terminal: echo, rubbing out, and an end to lines that are too long.

The echo shows `*` for a PIN or a key, and `?` for a character that is not ASCII.

For a board whose console is a bare serial line. Its `read_line` puts in byte after byte, writes the echo, and takes the
line when it is complete.
"""

from wattpurse.services.console.secrets import next_is_secret

_BACKSPACE = 0x08
_KILL_LINE = 0x15
_SUBSTITUTE = 0x1A
_ESCAPE = 0x1B
_SPACE = 0x20
_DELETE = 0x7F
_BLANKS = b" \t"
_LINE_FEED = 0x0A
_CARRIAGE_RETURN = 0x0D
_RUB_OUT = "\b \b"
_SECRETS_WITHIN = 256  # every secret word of a command begins within so many characters

_IN_TEXT = 0
_AFTER_ESCAPE = 1
_IN_SEQUENCE = 2  # an arrow or function key: ESC [ digits, then one character (ECMA-48, section 5.4)


class LineEditor:
    """One line at a time of at most `limit` characters. A longer one is lost as a whole: then `take` returns None."""

    def __init__(self, limit: int) -> None:
        self.is_complete = False
        self._limit = limit
        self._line = bytearray()
        self._overlong = False
        self._after_return = False
        self._is_secret = False
        self._in_character = False  # after a byte that is not ASCII
        self._state = _IN_TEXT

    def put(self, byte: int) -> str:
        """Take one byte, and return the text for the terminal to show. Do not call while a complete line waits."""
        second_of_two = self._after_return and byte == _LINE_FEED
        self._after_return = byte == _CARRIAGE_RETURN
        if second_of_two:
            return ""
        if byte in (_CARRIAGE_RETURN, _LINE_FEED):
            self._state = _IN_TEXT
            self.is_complete = True
            return "\r\n"
        if byte == _ESCAPE or self._state != _IN_TEXT:
            self._pass_escape(byte)
            return ""
        if byte in (_BACKSPACE, _DELETE):
            return self._rub_out(1)
        if byte == _KILL_LINE:
            self._overlong = False
            return self._rub_out(len(self._line))
        return self._append(byte)

    def take(self) -> str | None:
        """Return the complete line, or None if it was too long; then the next one begins."""
        line = None if self._overlong else str(bytes(self._line), "ascii")
        self._line = bytearray()
        self._overlong = False
        self.is_complete = False
        return line

    def _append(self, byte: int) -> str:
        """Keep a character. One that is not ASCII is kept as a character that no command has."""
        continues = self._in_character and 0x80 <= byte < 0xC0  # UTF-8: a further byte of the same character
        self._in_character = byte > _DELETE
        if continues:
            return ""
        if len(self._line) >= self._limit:
            self._overlong = True
            return ""
        if not self._line or self._line[-1] in _BLANKS:
            self._judge_word()
        self._line.append(byte if byte < _DELETE else _SUBSTITUTE)
        if byte > _DELETE or byte == _SUBSTITUTE:
            return "?"
        if byte < _SPACE:
            return ""
        return "*" if self._is_secret and byte != _SPACE else chr(byte)

    def _judge_word(self) -> None:
        """Note whether the word at the end of the line, or the one that begins there, is a secret."""
        head = bytes(self._line[:_SECRETS_WITHIN])
        words = str(head, "ascii").split()
        if head and head[-1] not in _BLANKS:
            words.pop()
        self._is_secret = next_is_secret(words)

    def _rub_out(self, count: int) -> str:
        count = min(count, len(self._line))
        shown = [byte for byte in self._line[len(self._line) - count :] if byte >= _SPACE or byte == _SUBSTITUTE]
        self._line = self._line[: len(self._line) - count]
        self._in_character = False
        self._judge_word()
        return _RUB_OUT * len(shown)

    def _pass_escape(self, byte: int) -> None:
        if byte == _ESCAPE:
            self._state = _AFTER_ESCAPE
        elif self._state == _AFTER_ESCAPE and byte == 0x5B:
            self._state = _IN_SEQUENCE
        elif self._state == _AFTER_ESCAPE or 0x40 <= byte <= 0x7E:
            self._state = _IN_TEXT
