"""The terminal that the simulated meter is shown in: raw keys in, changed lines out, all put back at the end.

Works on both Pythons; wants a terminal that understands the escape sequences of ECMA-48, as all do.
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
    """Whether both ends, keys and screen, are a terminal."""
    # MicroPython raises OSError where CPython has an exception of its own.
    not_a_terminal = getattr(termios, "error", OSError)
    try:
        termios.tcgetattr(_STDIN)
        termios.tcgetattr(_STDOUT)
    except not_a_terminal:
        return False
    return True


class Terminal:
    """Use it in a `with` statement: whatever happens inside, the terminal is as it was afterwards."""

    def __init__(self) -> None:
        self._attributes = None
        self._shown = []
        self._keys = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def __enter__(self):
        self._attributes = termios.tcgetattr(_STDIN)
        _set_raw(_STDIN)
        self._write(_ENTER)
        return self

    def __exit__(self, _kind, _error, _traceback):
        self._write(_LEAVE)
        termios.tcsetattr(_STDIN, termios.TCSANOW, self._attributes)

    def wait_key(self, timeout_ms: int) -> str | None:
        """The next key within `timeout_ms`, END_OF_INPUT when the terminal is gone, None if there is none.

        Keys that send a sequence (arrows and the like) are taken and dropped.
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
        """Show `lines`; only those that differ from what is shown are sent."""
        out = []
        for row, line in enumerate(lines):
            if row >= len(self._shown) or self._shown[row] != line:
                out.append(f"\x1b[{row + 1};1H{line}\x1b[K")
        if out:
            self._write("".join(out))
        self._shown = list(lines)

    def redraw(self) -> None:
        """Send everything with the next `draw`: something else may have written to the terminal."""
        self._shown = []

    def _read(self):
        data = self._keys.read(1)
        return chr(data[0]) if data else END_OF_INPUT

    def _write(self, text) -> None:
        sys.stdout.write(text)
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


def _set_raw(descriptor) -> None:
    """Keys one by one and unechoed; Ctrl-C is a key too."""
    if hasattr(termios, "setraw"):
        termios.setraw(descriptor)
    else:
        import tty

        tty.setraw(descriptor, termios.TCSANOW)
