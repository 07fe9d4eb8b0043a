"""The terminal of the simulated meter: raw keys in, changed lines out, terminal settings restored at the end.

Works on both Pythons, with any terminal that understands the escape sequences of ECMA-48.
"""

import select
import sys
import termios

COLUMNS = 80
ROWS = 24

ESCAPE = "\x1b"
INTERRUPT = "\x03"
END_OF_INPUT = ""

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"  # a screen of our own, without cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"
_STDIN = 0
_STDOUT = 1


def is_interactive() -> bool:
    """Return True if both keys and screen are a terminal."""
    # MicroPython raises OSError where CPython has an exception of its own.
    not_a_terminal = getattr(termios, "error", OSError)
    try:
        termios.tcgetattr(_STDIN)
        termios.tcgetattr(_STDOUT)
    except not_a_terminal:
        return False
    return True


class Terminal:
    """Keys and screen, for a `with` statement. The terminal's settings are restored at its end, after an error too."""

    def __init__(self) -> None:
        self._attributes: list | None = None
        self._shown = []
        self._keys = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def __enter__(self) -> "Terminal":
        self._attributes = termios.tcgetattr(_STDIN)
        _set_raw(_STDIN)
        self._write(_ENTER)
        return self

    def __exit__(self, _kind: object, _error: object, _traceback: object) -> None:
        self._write(_LEAVE)
        if self._attributes is not None:
            termios.tcsetattr(_STDIN, termios.TCSANOW, self._attributes)

    def wait_key(self, timeout_ms: int) -> str | None:
        """Return the next key within `timeout_ms`, END_OF_INPUT if the terminal is gone, None if there is no key.

        Keys that send a sequence, such as arrows, are dropped.
        """
        if not self._poll.poll(timeout_ms):
            return None
        key = self._read()
        if key != ESCAPE or not self._poll.poll(0):
            return key
        while self._poll.poll(0):
            self._read()
        return None

    def draw(self, lines: list) -> None:
        """Show `lines`. Only lines that have changed are sent."""
        out = []
        for row, line in enumerate(lines):
            if row >= len(self._shown) or self._shown[row] != line:
                out.append(f"\x1b[{row + 1};1H{line}\x1b[K")
        if out:
            self._write("".join(out))
        self._shown = list(lines)

    def redraw(self) -> None:
        """Send every line with the next `draw`: another program may have written to the terminal."""
        self._shown = []

    def _read(self) -> str:
        data = self._keys.read(1)
        return chr(data[0]) if data else END_OF_INPUT

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


def _set_raw(descriptor: int) -> None:
    """Set raw mode: single keys without echo, Ctrl-C included."""
    setraw = getattr(termios, "setraw", None)  # MicroPython has it
    if setraw is not None:
        setraw(descriptor)
    else:
        import tty

        tty.setraw(descriptor, termios.TCSANOW)
