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
_END_REPORT = "version --json"


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

    def order(self, command: str) -> str:
        """Return the meter's answer to a command that is no report. Raise OSError if none comes.

        A report follows the command: its answer marks the end of the command's own.
        """
        with contextlib.suppress(serial.SerialException):
            self._line.reset_input_buffer()
        name = command.split(" ")[0]
        try:
            self._line.write(f"\r{command}\r{_END_REPORT}\r".encode())
            said = self._read_until_end(name)
        except serial.SerialException as error:
            raise OSError(f"{self._port}: the line was lost during {name!r}: {error}") from error
        # The echo of both lines is no answer. The echo of a PIN shows stars.
        lines = [line for line in said if line and line != _END_REPORT]
        return "\n".join(line for place, line in enumerate(lines) if place or not line.startswith(name))

    def _read_until_end(self, name: str) -> list[str]:
        """Return the lines before the first line that is a JSON object."""
        received = bytearray()
        last_received_s = time.monotonic()
        while time.monotonic() - last_received_s < self._silence_s and len(received) < _LINE_LIMIT:
            chunk = self._read_some()
            if chunk:
                last_received_s = time.monotonic()
                received += chunk
            lines = received.split(b"\n")[:-1]
            ends = [place for place, line in enumerate(lines) if _object_in(line) is not None]
            if ends:
                return [line.decode(errors="replace").strip() for line in lines[: ends[0]]]
        raise OSError(f"{self._port}: no answer to {name!r}; is a Wattpurse meter at this port, and does it run?")

    def _read_some(self) -> bytes:
        """Return the bytes that have come, or wait for one. Raise SerialException if the line is lost."""
        try:
            return self._line.read(self._line.in_waiting or 1)
        except OSError as error:
            raise serial.SerialException(str(error)) from error

    def _read_answer(self, report: str) -> dict[str, Any]:
        """Return the first line that is a JSON object. Earlier lines are the echo, or output from before."""
        received = bytearray()
        last_received_s = time.monotonic()
        while time.monotonic() - last_received_s < self._silence_s and len(received) < _LINE_LIMIT:
            chunk = self._read_some()
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
