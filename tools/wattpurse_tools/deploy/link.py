"""A board on a serial port, reached with the real `mpremote`.

The first command interrupts the program on the board. The program stays interrupted until the board is reset. With
`resume`, mpremote makes no soft reset of its own.
"""

import contextlib
import json
import subprocess
import sys
import time
from typing import Any

from wattpurse_tools.serial_port import SerialPort

try:
    import termios

    _PORT_ERRORS = (OSError, termios.error)
except ImportError:  # Windows has none
    _PORT_ERRORS = (OSError,)

MPREMOTE = (sys.executable, "-m", "mpremote")
TIMEOUT_S = 1200
INTERRUPT_TIMEOUT_S = 30

_ASK_EVERY_S = 2
_NO_INTERRUPT = "could not enter raw repl"
_LOGIN_HINT = "; a commissioned meter takes an interrupt only from someone with rights: log in at its console first"


class BoardLink:
    """The board on `port`. `run`, `execute` and `reset` raise OSError with the message of `mpremote` or the board."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._is_interrupted = False

    def run(self, *arguments: str) -> str:
        """Run one `mpremote` command on the board and return its output."""
        if not self._is_interrupted:
            self._run(INTERRUPT_TIMEOUT_S, "exec", "")
            self._is_interrupted = True
        return self._run(TIMEOUT_S, *arguments)

    def _run(self, timeout_s: int, *arguments: str) -> str:
        """Run one `mpremote` command within `timeout_s`. A board that takes no interrupt may not answer."""
        command = [*MPREMOTE, "connect", self.port, "resume", *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            hint = "" if self._is_interrupted else _LOGIN_HINT
            raise OSError(f"{self.port}: no answer from the board within {timeout_s} s{hint}") from None
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
            hint = _LOGIN_HINT if _NO_INTERRUPT in done.stderr + done.stdout else ""
            raise OSError(f"{self.port}: {lines[-1] if lines else 'mpremote failed'}{hint}")
        return done.stdout

    def execute(self, code: str) -> Any:  # noqa: ANN401 - any type that JSON has
        """Run `code` on the board. Return the value of its last line of output, which is JSON; None if it has none."""
        printed = self.run("exec", code).strip()
        return json.loads(printed.splitlines()[-1]) if printed else None

    def reset(self) -> None:
        """Start the board anew."""
        self.run("reset")

    def try_to_reset(self) -> None:
        """Reset the board if possible. Another error is on its way already, so a failure here is not reported."""
        with contextlib.suppress(OSError):
            self.reset()

    def wait_for_meter(self, timeout_s: int) -> bool:
        """Ask the service console for its status until it answers; False if it does not within `timeout_s`."""
        end_s = time.monotonic() + timeout_s
        heard = b""
        while time.monotonic() < end_s:
            try:
                with SerialPort(self.port, timeout=_ASK_EVERY_S, write_timeout=_ASK_EVERY_S) as line:
                    line.write(b"\rstatus\r")
                    heard = line.read_until(b"load switch")
            except _PORT_ERRORS:  # the port of a board that starts anew is gone for a moment
                time.sleep(_ASK_EVERY_S)
            if b"load switch" in heard:
                return True
        return False
