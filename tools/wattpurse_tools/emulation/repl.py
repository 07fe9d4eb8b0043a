"""MicroPython's raw REPL on the emulated board, in virtual time: run code and read its output.

The protocol is the one `mpremote` uses (MicroPython documentation, "The MicroPython interactive interpreter mode").
"""

from wattpurse_tools.emulation.emulator import EmulatedPico

_INTERRUPT = b"\r\x03\x03"
_RAW = b"\r\x01"
_RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
_FRIENDLY = b"\r\x02"
_EXECUTE = b"\x04"
_SETTLE_MS = 50


class RemoteError(Exception):
    """The code raised an error on the board; the text is its traceback."""


class RawRepl:
    """The raw REPL of a board that has booted, or is about to."""

    def __init__(self, pico: EmulatedPico, timeout_ms: int = 5000) -> None:
        self._pico = pico
        end_us = pico.now_us + timeout_ms * 1000
        pico.run_until(lambda: pico.statistics()["usb"], timeout_ms, step_us=20_000)
        while not self._entered():
            if pico.now_us >= end_us:
                raise TimeoutError(f"no raw REPL, only {bytes(pico.serial_received)!r}")

    def _entered(self) -> bool:
        """Interrupt the program and ask for the raw REPL. Return False if a starting program swallowed either."""
        self._pico.serial_write(_INTERRUPT)
        self._pico.run_ms(_SETTLE_MS)
        self._pico.serial_received.clear()
        self._pico.serial_write(_RAW)
        entered = self._pico.run_until(lambda: self._pico.serial_received.endswith(_RAW_PROMPT), _SETTLE_MS)
        self._pico.serial_received.clear()
        return entered

    def start(self, code: str) -> None:
        """Begin to run `code` and return at once: this call does not run the board."""
        self._pico.serial_write(code.encode() + _EXECUTE)

    def finish(self, timeout_ms: int = 10_000) -> str:
        """Wait until the code begun by `start` ends, and return its output. Raise RemoteError if it raised an error."""
        self._pico.serial_read_until(b"OK", timeout_ms)
        printed = self._pico.serial_read_until(_EXECUTE, timeout_ms)[:-1]
        error = self._pico.serial_read_until(_EXECUTE, timeout_ms)[:-1]
        self._pico.serial_read_until(b">", timeout_ms)
        if error:
            raise RemoteError(error.decode())
        return printed.decode().replace("\r\n", "\n")

    def execute(self, code: str, timeout_ms: int = 10_000) -> str:
        """Run `code` to its end and return its output. Raise RemoteError if it raised an error."""
        self.start(code)
        return self.finish(timeout_ms)

    def leave(self) -> None:
        """Return to the friendly REPL."""
        self._pico.serial_write(_FRIENDLY)
