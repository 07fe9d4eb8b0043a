"""Keys from the bytes of a terminal: characters in UTF-8, and the sequences of arrows and page keys (ECMA-48)."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable


ESCAPE = "\x1b"
INTERRUPT = "\x03"
REDRAW = "\x0c"
END_OF_INPUT = ""
UP = "up"
DOWN = "down"
LEFT = "left"
RIGHT = "right"
HOME = "home"
END = "end"
PAGE_UP = "page up"
PAGE_DOWN = "page down"

# A key that sends a sequence sends it at once; a person who presses Esc is slower with the next key.
_SEQUENCE_MS = 25
_SEQUENCE_LIMIT = 16
_NO_TEXT = "\ufffd"

# Behind the introducer. Shift with an arrow does as the arrow does: some terminals keep one of the two to themselves.
_SEQUENCES = {
    "A": UP,
    "B": DOWN,
    "C": RIGHT,
    "D": LEFT,
    "1;2A": UP,
    "1;2B": DOWN,
    "1;2C": RIGHT,
    "1;2D": LEFT,
    "H": HOME,
    "F": END,
    "1~": HOME,
    "4~": END,
    "5~": PAGE_UP,
    "6~": PAGE_DOWN,
    "5;2~": PAGE_UP,
    "6;2~": PAGE_DOWN,
}


class KeyReader:
    """Keys of a terminal. `wait(timeout_ms)` tells whether a byte is there; `read()` returns it, b"" at the end."""

    def __init__(self, wait: "Callable[[int], object]", read: "Callable[[], bytes]") -> None:
        self._wait = wait
        self._read_bytes = read
        self._returned: int | None = None  # a byte that was read too far

    def wait_key(self, timeout_ms: int) -> str | None:
        """Return the next key within `timeout_ms`, END_OF_INPUT if the terminal is gone, None if there is no key.

        A key is one character, or the name of a key that sends a sequence. Such a key without a name is dropped.
        """
        if not self._has_byte(timeout_ms):
            return None
        byte = self._read()
        if byte is None:
            return END_OF_INPUT
        if byte == ord(ESCAPE):
            return self._sequence()
        return chr(byte) if byte < 0x80 else self._character(byte)

    def drop_all(self) -> None:
        """Drop the keys that were pressed until now."""
        while self._has_byte(0) and self._read() is not None:
            pass

    def _sequence(self) -> str | None:
        """Return the key whose sequence began with ESC; ESCAPE if that key was Esc itself."""
        introducer = self._read() if self._has_byte(_SEQUENCE_MS) else None
        if introducer is None or chr(introducer) not in "[O":
            self._returned = introducer
            return ESCAPE
        sequence = ""
        while len(sequence) < _SEQUENCE_LIMIT and self._has_byte(_SEQUENCE_MS):
            byte = self._read()
            if byte is None:
                break
            sequence += chr(byte)
            if "@" <= sequence[-1] <= "~":
                break
        return _SEQUENCES.get(sequence)

    def _character(self, first: int) -> str:
        """Return the character whose UTF-8 begins with the byte `first`, the replacement character if it is none."""
        data = bytearray((first,))
        further = 3 if first >= 0xF0 else 2 if first >= 0xE0 else 1 if first >= 0xC0 else 0
        while len(data) <= further and self._has_byte(_SEQUENCE_MS):
            byte = self._read()
            if byte is None or not 0x80 <= byte < 0xC0:
                self._returned = byte
                break
            data.append(byte)
        try:
            return str(bytes(data), "utf-8")
        except UnicodeError:
            return _NO_TEXT

    def _has_byte(self, timeout_ms: int) -> bool:
        return self._returned is not None or bool(self._wait(timeout_ms))

    def _read(self) -> int | None:
        """Return the next byte, or None if the terminal is gone."""
        returned, self._returned = self._returned, None
        if returned is not None:
            return returned
        data = self._read_bytes()
        return data[0] if data else None
