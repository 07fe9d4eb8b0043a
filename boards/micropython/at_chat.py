"""A conversation with a modem in AT commands, by ITU-T V.250 and 3GPP TS 27.007, on a UART.

Every wait has an end. The bytes are taken one by one, so that those behind the line `CONNECT` stay for PPP.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.hal import Clock

    class Uart(Protocol):
        """A UART as MicroPython's `machine.UART`."""

        def any(self) -> int: ...

        def read(self, __count: int) -> "bytes | None": ...

        def write(self, __data: bytes) -> "int | None": ...


_LOOK_MS = 10
_LONGEST_LINE = 160
_MOST_LINES = 16
_GUARD_MS = 1_100  # V.250 wants a second of silence on both sides of +++
_ENDS = ("OK", "ERROR", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE")
_WORDS = {
    "NO CARRIER": "the modem found no carrier",
    "BUSY": "the number is busy",
    "NO ANSWER": "the number does not answer",
    "NO DIALTONE": "the modem has no dial tone",
    "NO DIAL TONE": "the modem has no dial tone",
}


class Refused(OSError):
    """The modem answered a command with an error. `result` is its last line."""

    def __init__(self, command: str, result: str) -> None:
        super().__init__(_WORDS.get(result, f"the modem answers '{result}' to {command}"))
        self.result = result


class Unanswered(OSError):
    """The modem gave no final answer in time."""


class AtChat:
    """The conversation on `uart`."""

    def __init__(self, uart: "Uart", clock: "Clock") -> None:
        self._uart = uart
        self._clock = clock

    async def ask(self, command: str, timeout_ms: int) -> list:
        """Send a command and return the lines of its answer, without its echo and the final OK.

        A line `CONNECT` ends an answer too, and is its last line. Raise Refused or Unanswered.
        """
        self.drop_input()
        self._uart.write(command.encode() + b"\r")
        begun_ms = self._clock.ticks_ms()
        lines = []
        while True:
            left_ms = timeout_ms - self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms)
            line = await self._line(left_ms)
            if line is None:
                raise Unanswered(f"the modem does not answer {command} within {timeout_ms} ms")
            if line == "OK":
                return lines
            if line in _ENDS or line.startswith("+CME ERROR:"):
                raise Refused(command, line)
            if line and line != command and len(lines) < _MOST_LINES:
                lines.append(line)
            if line.startswith("CONNECT"):
                return lines

    async def escape(self) -> None:
        """Bring a modem that carries data back to commands: +++ between two silences. This takes two seconds."""
        await self._clock.sleep_ms(_GUARD_MS)
        self._uart.write(b"+++")
        await self._clock.sleep_ms(_GUARD_MS)
        self.drop_input()

    def drop_input(self) -> None:
        """Drop the bytes that have come."""
        count = self._uart.any()
        if count:
            self._uart.read(count)

    async def _line(self, timeout_ms: int) -> str | None:
        """Return the next line without its end, None if it does not come in time. A long line is cut."""
        begun_ms = self._clock.ticks_ms()
        line = bytearray()
        while True:
            while self._uart.any():
                byte = self._uart.read(1)
                if byte == b"\n":
                    return _text(line)
                if byte is not None and len(line) < _LONGEST_LINE:
                    line += byte
            if self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms) >= timeout_ms:
                return None
            await self._clock.sleep_ms(_LOOK_MS)


def _text(line: bytearray) -> str:
    """Return a line of plain characters; the noise of a line that carried data becomes question marks."""
    return "".join([chr(byte) if 32 <= byte < 127 else "?" for byte in line if byte not in b"\r"]).strip()
