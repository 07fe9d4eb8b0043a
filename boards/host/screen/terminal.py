"""The terminal of the simulated meter: raw keys in, changed lines out, terminal settings restored at the end.

Works on both Pythons, with any terminal that understands the escape sequences of ECMA-48.
"""

import os
import select
import sys
import termios

from boards.host import files
from boards.host.screen.keys import KeyReader

COLUMNS = 80
ROWS = 24

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"  # a screen of our own, without cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"
_CLEAR = "\x1b[2J"
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
    """Keys and screen, for a `with` statement. The terminal's settings are restored at its end, after an error too.

    `scratch` names a file for the output of `stty`, which MicroPython needs to learn the size.
    """

    def __init__(self, scratch: str) -> None:
        self._attributes: list | None = None
        self._scratch = scratch
        self._shown = []
        self._keys = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._reader = KeyReader(self._poll.poll, lambda: self._keys.read(1))

    def __enter__(self) -> "Terminal":
        self._attributes = termios.tcgetattr(_STDIN)
        _set_raw(_STDIN)
        self._reader.drop_all()  # keys that were pressed before there was a screen
        self._write(_ENTER)
        return self

    def __exit__(self, _kind: object, _error: object, _traceback: object) -> None:
        self._write(_LEAVE)
        if self._attributes is not None:
            termios.tcsetattr(_STDIN, termios.TCSANOW, self._attributes)

    def size(self) -> tuple:
        """Return the columns and rows of the terminal; 80 and 24 if it does not say."""
        ask = getattr(os, "get_terminal_size", None)  # CPython has it
        try:
            columns, rows = _size_by_stty(self._scratch) if ask is None else ask(_STDIN)
        except (OSError, ValueError):
            return COLUMNS, ROWS
        return (columns, rows) if columns > 0 and rows > 0 else (COLUMNS, ROWS)

    def wait_key(self, timeout_ms: int) -> str | None:
        """Return the next key, see `KeyReader.wait_key`."""
        return self._reader.wait_key(timeout_ms)

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
        """Clear the screen and send every line with the next `draw`: the terminal has another size or other content."""
        self._write(_CLEAR)
        self._shown = []

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


def _size_by_stty(scratch: str) -> tuple:
    """Return columns and rows as the program `stty` reports them. Raises OSError or ValueError if it does not."""
    os.system(f"stty size > {files.quoted(scratch)} 2>/dev/null")
    with open(scratch) as file:
        rows, columns = file.read().split()
    return int(columns), int(rows)


def _set_raw(descriptor: int) -> None:
    """Set raw mode: single keys without echo, Ctrl-C included."""
    setraw = getattr(termios, "setraw", None)  # MicroPython has it
    if setraw is not None:
        setraw(descriptor)
    else:
        import tty

        tty.setraw(descriptor, termios.TCSANOW)
