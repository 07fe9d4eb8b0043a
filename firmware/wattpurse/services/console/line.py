"""Lines from the bytes of a terminal: echo, rubbing out, and an end to lines that are too long.

For a board whose console is a bare serial line. Its `read_line` puts in byte after byte, writes the echo, and takes the
line when it is complete.
"""

_BACKSPACE = 0x08
_KILL_LINE = 0x15
_SUBSTITUTE = 0x1A
_ESCAPE = 0x1B
_DELETE = 0x7F
_LINE_FEED = 0x0A
_CARRIAGE_RETURN = 0x0D
_RUB_OUT = "\b \b"

_IN_TEXT = 0
_AFTER_ESCAPE = 1
_IN_SEQUENCE = 2  # of an arrow or function key: ESC [ digits, then one character (ECMA-48, section 5.4)


class LineEditor:
    """One line at a time of at most `limit` characters. A longer one is lost as a whole: then `take` returns None."""

    def __init__(self, limit: int) -> None:
        self.is_complete = False
        self._limit = limit
        self._line = bytearray()
        self._overlong = False
        self._after_return = False
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
        """Keep a character. A byte that is no ASCII is kept as a character that no command has."""
        if len(self._line) >= self._limit:
            self._overlong = True
            return ""
        self._line.append(byte if byte < _DELETE else _SUBSTITUTE)
        return chr(byte) if 0x20 <= byte < _DELETE else ""

    def _rub_out(self, count: int) -> str:
        count = min(count, len(self._line))
        self._line = self._line[: len(self._line) - count]
        return _RUB_OUT * count

    def _pass_escape(self, byte: int) -> None:
        if byte == _ESCAPE:
            self._state = _AFTER_ESCAPE
        elif self._state == _AFTER_ESCAPE and byte == 0x5B:
            self._state = _IN_SEQUENCE
        elif self._state == _AFTER_ESCAPE or 0x40 <= byte <= 0x7E:
            self._state = _IN_TEXT
