"""The conversation with the emulator process: frames over two pipes, one side running at a time.

A frame is a header of 16 bytes and a payload (`<BBhId`): kind (an ASCII letter), index (pin, bus or channel), value,
length of the payload, and a time in nanoseconds since the emulation began, as a double (exact for 104 days).

Python sends commands while the board waits, and ends with RUN; the board then runs to the given time and asks again.
A question in the middle of an instruction (an SPI byte, a pin) is answered by RUN too: its value is the answer, its
time how far to run on. What needs no answer is posted, and comes before the next question.

Commands, Python to board:

    R  run to `time`; `value` answers the question; `index` 1: come back as soon as the serial port has written
    D  drive pin `index`: 0, 1, -1 to let go
    L  resistor on pin `index`: 0, 1, -1 for none      W  watch pin `index`: 0 no, 1 post, 2 ask
    P  pulses on pin `index`, the first at `time`; payload three doubles: count (negative: endless), ns high, ns period
    S  SPI bus `index` has a part: 0, 1                I  I2C bus `index` has a part: 0, 1
    A  ADC channel `index` reads `value`               U  payload for the USB serial port
    O  supply: 1 on, 0 off now                         X  reset by the RUN pin
    C  plan a power cut: payload JSON (see `planCut` in tools/emulator/machine.js)
    F  write payload into flash at offset `time`       G  read flash at `time`, payload a 32-bit length; answered by g
    Q  ask for the statistics; answered by q

Events, board to Python; those marked * wait for RUN:

    t* time reached          o* supply off                e* the chip drives pin `index` to `value` (-1: not)
    p  the same, posted      s* SPI byte `value` on bus `index`, answer: the byte of the part
    i* I2C step on bus `index`: payload 0 start, 1 address, 2 write, 3 read, 4 stop; `value` the byte
    u  bytes from the USB serial port                     f  a fault: what silicon would not forgive
    r  reset, payload the cause                           g  flash contents         q  statistics, JSON
"""

import contextlib
import json
import os
import struct
import subprocess

HEADER = struct.Struct("<BBhId")
_CHUNK_BYTES = 1 << 16


class EmulatorEndedError(OSError):
    """The emulator process ended; standard error says why."""


class Link:
    """One emulator process and the frames to and from it."""

    def __init__(self, command: list[str]) -> None:
        # A session of its own: an interrupt from the keyboard is for Python alone.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        self._input = self._process.stdout.fileno()
        self._output = self._process.stdin.fileno()
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._position = 0

    def send(self, kind: bytes, index: int = 0, value: int = 0, time_ns: float = 0, payload: bytes = b"") -> None:
        """Queue one command; it goes out with the next `receive`."""
        self._outgoing += HEADER.pack(kind[0], index, value, len(payload), time_ns)
        self._outgoing += payload

    def receive(self) -> tuple[int, int, int, float, bytes]:
        """Flush the queued commands, wait for a frame: (kind, index, value, time_ns, payload)."""
        if self._outgoing:
            self._flush()
        self._fill(HEADER.size)
        kind, index, value, length, time_ns = HEADER.unpack_from(self._incoming, self._position)
        payload = b""
        if length:
            self._fill(HEADER.size + length)
            start = self._position + HEADER.size
            payload = bytes(self._incoming[start : start + length])
        self._position += HEADER.size + length
        return kind, index, value, time_ns, payload

    def close(self) -> None:
        """End the process, when it has taken up what is queued."""
        if self._process.stdin.closed:
            return
        with contextlib.suppress(EmulatorEndedError):
            self._flush()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _flush(self) -> None:
        view = memoryview(self._outgoing)
        try:
            while view:
                view = view[os.write(self._output, view) :]
        except BrokenPipeError:
            raise EmulatorEndedError("the emulator ended") from None
        self._outgoing = bytearray()

    def _fill(self, length: int) -> None:
        while len(self._incoming) - self._position < length:
            chunk = os.read(self._input, _CHUNK_BYTES)
            if not chunk:
                raise EmulatorEndedError("the emulator ended")
            del self._incoming[: self._position]
            self._position = 0
            self._incoming += chunk


def json_payload(value) -> bytes:
    """`value` as the payload of a frame."""
    return json.dumps(value).encode()
