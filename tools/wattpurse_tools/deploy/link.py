"""A board on a serial port, reached with the real `mpremote`.

Whatever runs on the board is interrupted by the first command and stays so until the board is reset. There is no soft
reset (`resume`) but those asked for.
"""

import contextlib
import json
import subprocess
import sys
import time

import serial

try:
    import termios

    _PORT_ERRORS = (OSError, termios.error)
except ImportError:  # there is none on Windows
    _PORT_ERRORS = (OSError,)

MPREMOTE = (sys.executable, "-m", "mpremote")
TIMEOUT_S = 1200

_ASK_EVERY_S = 2


class BoardLink:
    """The board on `port`. `run`, `execute` and `reset` raise OSError with what `mpremote` or the board said."""

    def __init__(self, port: str) -> None:
        self.port = port

    def run(self, *arguments: str) -> str:
        """One `mpremote` command on the board; what it printed."""
        command = [*MPREMOTE, "connect", self.port, "resume", *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise OSError(f"{self.port}: no answer from the board within {TIMEOUT_S} s") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise OSError(f"{self.port}: {said[-1] if said else 'mpremote failed'}")
        return done.stdout

    def execute(self, code: str):
        """Run `code` on the board; the value of the last line it printed, which is JSON, or None if it printed none."""
        printed = self.run("exec", code).strip()
        return json.loads(printed.splitlines()[-1]) if printed else None

    def reset(self) -> None:
        """Start the board anew."""
        self.run("reset")

    def try_to_reset(self) -> None:
        """The same where it may be of no use: another error is already on its way."""
        with contextlib.suppress(OSError):
            self.reset()

    def wait_for_meter(self, timeout_s: int) -> bool:
        """Ask the service console for its status until it answers; False if it does not within `timeout_s`."""
        end_s = time.monotonic() + timeout_s
        heard = b""
        while time.monotonic() < end_s:
            try:
                with serial.Serial(self.port, timeout=_ASK_EVERY_S, write_timeout=_ASK_EVERY_S) as line:
                    line.write(b"\rstatus\r")
                    heard = line.read_until(b"load switch")
            except _PORT_ERRORS:  # a board that starts anew is away for a moment
                time.sleep(_ASK_EVERY_S)
            if b"load switch" in heard:
                return True
        return False
