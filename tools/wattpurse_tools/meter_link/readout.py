"""A reader of IEC 62056-21, mode C: the registers of a meter at its readout head.

    sign-on /?ADDRESS!, identification, option, then the data block; or programming mode with single registers

The line is 300 baud until the option, then as fast as the meter offers. A block that arrives damaged is asked for
again. Every wait has an end.
"""

import re
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

STX = 0x02
ETX = 0x03
ACK = b"\x06"
NAK = b"\x15"
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200)
START_BAUD = BAUDS[0]
ATTEMPTS = 3
BLOCK_LIMIT = 64 * 1024

# Seconds. An answer begins within 1.5 s. A head reacts in 200 ms, and needs the line's new speed after that only.
BEGIN_S = 3.0
GAP_S = 2.0
REACTION_S = 0.25
LONGEST_BLOCK_S = 180.0

_LINE = re.compile(r"([^()]*)((?:\([^()]*\))+)")
_VALUE = re.compile(r"\(([^()]*)\)")
_IDENTIFICATION = re.compile(rb"/([A-Za-z]{3})([0-9])(?:\\(.))?([^\r]*)\r\n")
_ERRORS = {
    "ER01": "the meter has no such register",
    "ER02": "the meter does not know the command",
    "ER03": "the meter does not understand the data set",
    "ER04": "the register is set with the password alone",
    "ER05": "wrong password",
    "ER06": "too soon after a wrong password: wait, up to an hour",
    "ER07": "the meter refuses the value: the clock moves by 15 minutes a day, and never behind its records",
    "ER08": "no password is set: 'readout password' at the console of the meter sets one",
}


class Line(Protocol):
    """A serial port of seven bits and even parity."""

    def write(self, data: bytes, /) -> object:
        """Send characters."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many characters, none after a short time."""
        ...

    def flush(self) -> None:
        """Wait until everything is sent."""

    def set_baud(self, baud: int, /) -> None:
        """Change the speed."""


class Register:
    """One line of a readout: its code, the first value with its unit, and the further values."""

    def __init__(self, code: str, values: list[str]) -> None:
        self.code = code
        self.value, _, self.unit = values[0].partition("*")
        self.further = values[1:]

    def facts(self) -> dict[str, Any]:
        """Return the register for programs, with a time as in RFC 3339 if it has one."""
        facts: dict[str, Any] = {"code": self.code, "value": self.value}
        if self.unit:
            facts["unit"] = self.unit
        moment = time_in([self.value, *self.further])
        if moment is not None:
            facts["time"] = moment
        return facts


class Readout:
    """Registers by code, in the order of the meter, and the words of its identification."""

    def __init__(self, identification: str, registers: list[Register]) -> None:
        self.identification = identification
        self.registers = {one.code: one for one in registers}

    def time(self) -> str | None:
        """Return the clock of the meter as in RFC 3339, or None if the readout does not have it."""
        parts = [self.registers.get(code) for code in ("0.9.2", "0.9.1", "C.70")]
        date, clock, offset = [one.value if one else "" for one in parts]
        return _moment(date + clock, "%y%m%d%H%M%S", offset)

    def facts(self) -> dict[str, Any]:
        """Return everything for programs."""
        meter = self.registers.get("C.1.0")
        return {
            "meter_number": meter.value if meter else None,
            "identification": self.identification,
            "time": self.time(),
            "registers": [one.facts() for one in self.registers.values()],
        }


class Reader:
    """A session at the head on `line`. Raises OSError if the meter does not answer, ValueError if it refuses."""

    def __init__(self, line: Line, address: str = "") -> None:
        self._line = line
        self._address = address
        self._baud_digit = 0
        self.identification = ""

    def read_all(self) -> Readout:
        """Return the registers of a whole readout."""
        self._sign_on()
        self._choose(b"0")
        text = self._block(LONGEST_BLOCK_S)
        if not text.endswith("!\r\n"):
            raise ValueError("the readout has no end: is this a meter with IEC 62056-21?")
        lines = [line for line in text[: -len("!\r\n")].split("\r\n") if line]
        return Readout(self.identification, [_register(line) for line in lines])

    def program(self) -> None:
        """Enter programming mode."""
        self._sign_on()
        self._choose(b"1")
        request = self._frame(BEGIN_S)
        if not request.startswith(b"\x01P0"):
            raise ValueError("the meter does not ask for a password; has it a programming mode?")

    def log_in(self, password: str) -> None:
        """Give the password."""
        self._command("P1", f"({password})")

    def read(self, code: str) -> Register:
        """Return a single register."""
        return _register(self._command("R1", f"{code}()"))

    def write(self, code: str, value: str) -> None:
        """Set a register."""
        self._command("W1", f"{code}({value})")

    def end(self) -> None:
        """End programming mode. The meter needs a moment to listen at 300 baud again."""
        self._send(framed(b"B0\x03"))
        time.sleep(REACTION_S)

    def _sign_on(self) -> None:
        self._line.set_baud(START_BAUD)
        for _ in range(ATTEMPTS):
            self._line.write(f"/?{self._address}!\r\n".encode())
            self._line.flush()
            heard = self._until(b"\n", BEGIN_S)
            found = _IDENTIFICATION.search(heard)
            if found:
                break
        else:
            reason = "it sends something else" if heard else "nobody answers"
            raise OSError(f"no meter at the readout head: {reason}; see docs/readout.md")
        self._baud_digit = int(found[2])
        self.identification = found[1].decode() + " " + found[4].decode("ascii", "replace")

    def _choose(self, mode: bytes) -> None:
        time.sleep(REACTION_S)
        digit = self._baud_digit if self._baud_digit < len(BAUDS) else 0
        self._line.write(b"\x060" + str(digit).encode() + mode + b"\r\n")
        self._line.flush()
        time.sleep(REACTION_S)  # the last character may still be in the adapter
        self._line.set_baud(BAUDS[digit])

    def _command(self, name: str, data: str) -> str:
        """Send a command and return the data set in its answer, "" if the meter just agrees."""
        self._send(framed(name.encode() + b"\x02" + data.encode() + b"\x03"))
        for _ in range(ATTEMPTS):
            answer = self._frame(BEGIN_S)
            if answer == ACK:
                return ""
            if answer == NAK:
                self._send(framed(name.encode() + b"\x02" + data.encode() + b"\x03"))
            elif answer.startswith(b"\x01B0"):
                raise OSError("the meter has ended the session")
            elif is_whole(answer):
                return _agreed(answer[1:-2].decode("ascii", "replace"))
            else:
                self._send(NAK)
        raise OSError("the line is disturbed: look at the place of the head")

    def _block(self, limit_s: float) -> str:
        for _ in range(ATTEMPTS):
            frame = self._frame(limit_s)
            if is_whole(frame):
                return _agreed(frame[1:-2].decode("ascii", "replace"))
            self._send(NAK)
        raise OSError("the readout arrived damaged each time: look at the place of the head")

    def _send(self, data: bytes) -> None:
        time.sleep(REACTION_S)
        self._line.write(data)
        self._line.flush()

    def _frame(self, limit_s: float) -> bytes:
        """Return a frame up to its check, or a single ACK or NAK. It drops the bytes before that."""
        heard = b""
        end_s = time.monotonic() + BEGIN_S
        while not heard and time.monotonic() < end_s:
            one = self._line.read(1)
            if one in (ACK, NAK):
                return one
            heard = one if one in (b"\x01", b"\x02") else b""
        if not heard:
            raise OSError("the meter does not answer any more: is the head in its place?")
        return heard + self._until(bytes((ETX,)), limit_s) + self._line.read(1)

    def _until(self, last: bytes, limit_s: float) -> bytes:
        """Return the characters up to `last`, or as many as come before a long gap."""
        heard = bytearray()
        end_s = time.monotonic() + limit_s
        gap_end_s = time.monotonic() + max(BEGIN_S, GAP_S)
        while time.monotonic() < min(end_s, gap_end_s) and len(heard) < BLOCK_LIMIT:
            one = self._line.read(1)
            if one:
                heard += one
                gap_end_s = time.monotonic() + GAP_S
            if one == last:
                break
        return bytes(heard)


def framed(body: bytes) -> bytes:
    """Return a command with its frame: `body` ends with ETX."""
    return b"\x01" + body + bytes((check_of(body),))


def check_of(data: bytes) -> int:
    """Return the block check of characters."""
    value = 0
    for one in data:
        value ^= one & 0x7F
    return value


def is_whole(frame: bytes) -> bool:
    """Return True if an answer has its frame and its check."""
    return len(frame) > 3 and frame[0] == STX and frame[-2] == ETX and frame[-1] & 0x7F == check_of(frame[1:-1])


def time_in(values: list[str]) -> str | None:
    """Return the time in the values of a register as in RFC 3339: YYMMDDhhmm and behind it the offset from UTC."""
    for value, offset in zip(values, values[1:], strict=False):
        moment = _moment(value, "%y%m%d%H%M", offset)
        if moment is not None:
            return moment
    return None


def _moment(text: str, form: str, offset: str) -> str | None:
    found = re.fullmatch(r"([+-])(\d\d):(\d\d)", offset)
    if found is None or not text.isdigit():
        return None
    minutes = (int(found[2]) * 60 + int(found[3])) * (-1 if found[1] == "-" else 1)
    try:
        local = datetime.strptime(text, form)
    except ValueError:
        return None
    return local.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat()


def _agreed(text: str) -> str:
    """Return the data of an answer. Raises ValueError for an error of the meter."""
    found = re.fullmatch(r"\((ER\w*)\)", text)
    if found:
        raise ValueError(f"{_ERRORS.get(found[1], 'the meter refuses')} ({found[1]})")
    return text


def _register(line: str) -> Register:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"the meter sent a line that is no register: {line[:40]!r}")
    return Register(found[1], _VALUE.findall(found[2]))
