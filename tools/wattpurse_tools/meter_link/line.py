"""The service console of a meter on a serial port, for programs: one report after the other, as JSON.

The meter continues to meter meanwhile.
"""

import contextlib
import json
import time
from types import TracebackType
from typing import Any, Self

import serial

from wattpurse_tools.serial_port import SerialPort

_SILENCE_S = 15
_LINE_LIMIT = 16 * 1024 * 1024


class MeterLine:
    """The console on `port`, for a `with` block. Entering it raises OSError if the port cannot be opened."""

    def __init__(self, port: str, silence_s: float = _SILENCE_S) -> None:
        self._port = port
        self._silence_s = silence_s
        self._line = SerialPort(timeout=0.1, exclusive=True)

    def __enter__(self) -> Self:
        self._line.port = self._port
        try:
            self._line.open()
        except serial.SerialException as error:
            hint = "cannot be opened: is the meter plugged in, and no other program at it?"
            raise OSError(f"{self._port}: {hint}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.close()

    def ask(self, report: str) -> dict[str, Any]:
        """Return the facts of a report, such as `events 20`.

        Raise ValueError, with the meter's own words, if it refuses; OSError if it does not answer.
        """
        with contextlib.suppress(serial.SerialException):
            self._line.reset_input_buffer()
        try:
            self._line.write(f"\r{report} --json\r".encode())
            answer = self._read_answer(report)
        except serial.SerialException as error:
            raise OSError(f"{self._port}: the line was lost during {report!r}: {error}") from error
        if "error" in answer:
            raise ValueError(f"{self._port}: the meter refused {report!r}: {answer['error']}")
        return answer

    def _read_answer(self, report: str) -> dict[str, Any]:
        """Return the first line that is a JSON object. Earlier lines are the echo, or output from before."""
        received = bytearray()
        last_received_s = time.monotonic()
        while time.monotonic() - last_received_s < self._silence_s and len(received) < _LINE_LIMIT:
            chunk = self._line.read(4096)
            if not chunk:
                continue
            last_received_s = time.monotonic()
            received += chunk
            while b"\n" in received:
                line, _, received = received.partition(b"\n")
                answer = _object_in(line)
                if answer is not None:
                    return answer
        if b"{" in received:
            raise OSError(f"{self._port}: the meter stopped in the middle of {report!r}; try again")
        raise OSError(f"{self._port}: no answer to {report!r}; is a Wattpurse meter at this port, and does it run?")


def _object_in(line: bytes | bytearray) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
