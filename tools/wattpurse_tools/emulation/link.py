"""The conversation with the emulator process: frames over two pipes. One side runs at a time.

A frame is a header of 16 bytes and a payload (`<BBhId`): kind (an ASCII letter), index (pin, bus or channel), value,
length of the payload, and a time in nanoseconds since the emulation began, as a double (exact for 104 days).

Python sends commands while the board waits, and ends with RUN. The board then runs to the given time and asks again.
RUN also answers a question in the middle of an instruction (an SPI byte, a pin): its value is the answer, its time is
the end of the next run. An event that needs no answer is posted: it arrives before the next question.

Commands, Python to board:

    R  run to `time`; `value` answers the question; `index` 1: return once the serial port has written
    D  drive pin `index`: 0, 1, -1 to release it
    L  resistor on pin `index`: 0, 1, -1 for none      W  watch pin `index`: 0 no, 1 post, 2 ask
    P  pulses on pin `index`, the first at `time`; payload three doubles: count (negative: endless), ns high, ns period
    S  SPI bus `index` has a part: 0, 1                I  I2C bus `index` has a part: 0, 1
    A  ADC channel `index` reads `value`               U  payload for the USB serial port
    V  signal at ADC channel `index`: payload doubles (level at rest, dither, ns of its period, ns of the signal's) and
       4,096 levels as 32-bit floats                   K  curve of the ADC: payload a code for each level, 16 bits
    N  noise of the ADC: payload levels, 16 bits
    B  UART `index` has a part: GPIO numbers, TX plus 256 times RX
    T  payload for UART `index`, behind bytes on their way
    O  supply: 1 on, 0 off now                         X  reset by the RUN pin
    C  plan a power cut: payload JSON (see `planCut` in tools/emulator/machine.js)
    F  write payload into flash at offset `time`       G  read flash at `time`, payload a 32-bit length; answered by g
    Q  ask for the statistics; answered by q

Events, board to Python; those marked * wait for RUN:

    t* time reached          o* supply off                e* the chip drives pin `index` to `value` (-1: not)
    p  the same, posted      s* SPI byte `value` on bus `index`, answer: the byte of the part
    i* I2C step on bus `index`: payload 0 start, 1 address, 2 write, 3 read, 4 stop; `value` the byte
    u  bytes from the USB serial port                     b  byte `value` from UART `index`, after its stop bit
    r  reset, payload the cause                           f  a fault: an access that silicon would not forgive
    g  flash contents                                     q  statistics, JSON
"""

import contextlib
import json
import os
import struct
import subprocess

HEADER = struct.Struct("<BBhId")
_CHUNK_BYTES = 1 << 16


class EmulatorEndedError(OSError):
    """The emulator process ended; its standard error gives the reason."""


class Link:
    """One emulator process and the frames to and from it."""

    def __init__(self, command: list[str]) -> None:
        # The process has a session of its own, so an interrupt from the keyboard reaches Python alone.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        assert self._process.stdin is not None and self._process.stdout is not None, "both are pipes"
        self._to_board = self._process.stdin
        self._from_board = self._process.stdout
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._position = 0

    def send(self, kind: bytes, index: int = 0, value: int = 0, time_ns: float = 0, payload: bytes = b"") -> None:
        """Queue one command. The next `receive` sends it."""
        self._outgoing += HEADER.pack(kind[0], index, value, len(payload), time_ns)
        self._outgoing += payload

    def receive(self) -> tuple[int, int, int, float, bytes]:
        """Send the queued commands and wait for a frame. Return `(kind, index, value, time_ns, payload)`."""
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
        """Send the queued commands, then end the process."""
        if self._to_board.closed:
            return
        with contextlib.suppress(EmulatorEndedError):
            self._flush()
        self._to_board.close()
        self._from_board.close()
        self._process.wait()

    def _flush(self) -> None:
        view = memoryview(self._outgoing)
        try:
            while view:
                view = view[os.write(self._to_board.fileno(), view) :]
        except BrokenPipeError:
            raise EmulatorEndedError("the emulator ended") from None
        self._outgoing = bytearray()

    def _fill(self, length: int) -> None:
        while len(self._incoming) - self._position < length:
            chunk = os.read(self._from_board.fileno(), _CHUNK_BYTES)
            if not chunk:
                raise EmulatorEndedError("the emulator ended")
            del self._incoming[: self._position]
            self._position = 0
            self._incoming += chunk


def json_payload(value: object) -> bytes:
    """Encode `value` as the payload of a frame."""
    return json.dumps(value).encode()
