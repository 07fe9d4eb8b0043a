"""The service console of a meter on a serial port, asked by a program: one report after the other, as JSON.

The meter is not interrupted by this, and goes on metering.
"""

import contextlib
import json
import time

import serial

_SILENCE_S = 15
_LINE_LIMIT = 16 * 1024 * 1024


class MeterLine:
    """The console on `port`, to be used in a `with` block. Raises OSError where there is none, or no meter at it."""

    def __init__(self, port: str, silence_s: float = _SILENCE_S) -> None:
        self._port = port
        self._silence_s = silence_s
        self._line = None

    def __enter__(self):
        try:
            self._line = serial.Serial(self._port, timeout=0.1, exclusive=True)
        except serial.SerialException as error:
            why = "cannot be opened: is the meter plugged in, and no other program at it?"
            raise OSError(f"{self._port}: {why}") from error
        return self

    def __exit__(self, *exception):
        self._line.close()

    def ask(self, report: str) -> dict:
        """What `report` tells. Raises ValueError with the meter's own words where it refuses, OSError for silence."""
        with contextlib.suppress(serial.SerialException):
            self._line.reset_input_buffer()
        try:
            self._line.write(f"\r{report} --json\r".encode())
            answer = self._read_answer(report)
        except serial.SerialException as error:
            raise OSError(f"{self._port}: the line was lost while the meter told of {report!r}: {error}") from error
        if "error" in answer:
            raise ValueError(f"{self._port}: the meter refused {report!r}: {answer['error']}")
        return answer

    def _read_answer(self, report):
        """The first line that is a JSON object: what comes before is the echo, or was said before."""
        heard = bytearray()
        last_heard_s = time.monotonic()
        while time.monotonic() - last_heard_s < self._silence_s and len(heard) < _LINE_LIMIT:
            chunk = self._line.read(4096)
            if not chunk:
                continue
            last_heard_s = time.monotonic()
            heard += chunk
            while b"\n" in heard:
                line, _, heard = heard.partition(b"\n")
                answer = _object_in(line)
                if answer is not None:
                    return answer
        if b"{" in heard:
            raise OSError(f"{self._port}: the meter stopped in the middle of {report!r}; try again")
        raise OSError(f"{self._port}: no answer to {report!r}; is a Wattpurse meter at this port, and does it run?")


def _object_in(line):
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
