"""A cellular modem on a serial line, by ITU-T V.250 and 3GPP TS 27.007: commands, then data.

Bytes of the meter come by `receive`; the modem's own go to `send`. While it carries data, bytes go on to `on_data`, and
`give` brings the other end's. A test sets the hindrances by hand: no SIM, no network, a dead line.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import EventClock

READY = "READY"
HOME = 1
SEARCHING = 2
DENIED = 3
ROAMING = 5
NO_SIM_ERROR = 10

_ANSWER_US = 8_000
_DIAL_US = 300_000
_GUARD_US = 1_000_000
_ESCAPE = 3
_LONGEST_COMMAND = 556


class ModemModel:
    """The modem. `sim` is a state of the SIM, or the number of a CME error."""

    def __init__(self, clock: "EventClock", send: "Callable[[bytes], object]") -> None:
        self._clock = clock
        self._send = send
        self.on_data: Callable[[int], object] = _ignore
        self.on_carrier: Callable[[bool], object] = _ignore
        self.has_supply = True
        self.is_dead = False
        self.sim: str | int = READY
        self.registration = HOME
        self.signal = 20
        self.dial_answer = "CONNECT 115200"
        self.apn = ""
        self.commands = []
        self.carries_data = False
        self._has_echo = True
        self._has_numbers = False
        self._line = bytearray()
        self._last_us = 0
        self._pluses = 0
        self._moves = 0

    def receive(self, byte: int) -> None:
        """Take a byte of the meter."""
        if not self.has_supply:
            return
        if self.carries_data:
            self._take_data(byte)
        else:
            self._take_command(byte)

    def give(self, data: bytes) -> None:
        """Bring bytes of the other end to the meter, if the line carries data."""
        if self.carries_data and not self.is_dead and self.has_supply:
            self._send(data)

    def drop_carrier(self) -> None:
        """Lose the connection: the modem says so, and takes commands again."""
        self._leave_data("NO CARRIER")

    # Data

    def _take_data(self, byte: int) -> None:
        silent_us = self._clock.now_us - self._last_us
        self._last_us = self._clock.now_us
        self._moves += 1
        is_plus = byte == ord("+")
        if is_plus and (self._pluses or silent_us >= _GUARD_US) and (not self._pluses or silent_us < _GUARD_US):
            self._pluses += 1
        else:
            self._pluses = 0
        if self._pluses == _ESCAPE:
            moves = self._moves
            self._clock.call_at_us(self._clock.now_us + _GUARD_US, lambda: self._escape(moves))
        if not self.is_dead:
            self.on_data(byte)

    def _escape(self, moves: int) -> None:
        if moves == self._moves and self.carries_data:
            self._leave_data("OK")

    def _leave_data(self, result: str) -> None:
        self.carries_data = False
        self.is_dead = False
        self._pluses = 0
        self._line = bytearray()
        self._say(result)
        self.on_carrier(False)

    # Commands

    def _take_command(self, byte: int) -> None:
        if self._has_echo:
            self._send(bytes((byte,)))
        if byte != ord("\r"):
            self._line.append(byte)
            if len(self._line) > _LONGEST_COMMAND:
                self._line = bytearray()
            return
        command = "".join([chr(character) for character in self._line if 32 <= character < 127])
        self._line = bytearray()
        start = command.find("AT")
        if start < 0:
            return
        command = command[start:]
        self.commands.append(command)
        delay_us = _DIAL_US if command.startswith("ATD") else _ANSWER_US
        self._clock.call_at_us(self._clock.now_us + delay_us, lambda: self._obey(command))

    def _obey(self, command: str) -> None:
        if not self.has_supply:
            return
        if command.startswith("ATD"):
            self._dial()
        elif command in ("AT", "ATH"):
            self._say("OK")
        elif command in ("ATE0", "ATE1"):
            self._has_echo = command == "ATE1"
            self._say("OK")
        elif command == "AT+CMEE=1":
            self._has_numbers = True
            self._say("OK")
        elif command == "AT+CPIN?":
            self._tell_sim()
        elif command in ("AT+CEREG?", "AT+CGREG?", "AT+CREG?"):
            self._say(f"{command[2:-1]}: 0,{self.registration}", "OK")
        elif command == "AT+CSQ":
            self._say(f"+CSQ: {self.signal},0", "OK")
        elif command.startswith('AT+CGDCONT=1,"IP","') and command.endswith('"'):
            self.apn = command.split('"')[3]
            self._say("OK")
        else:
            self._say("ERROR")

    def _tell_sim(self) -> None:
        if isinstance(self.sim, str):
            self._say("+CPIN: " + self.sim, "OK")
        else:
            self._say(f"+CME ERROR: {self.sim}" if self._has_numbers else "ERROR")

    def _dial(self) -> None:
        self._say(self.dial_answer)
        if self.dial_answer.startswith("CONNECT"):
            self.carries_data = True
            self._last_us = self._clock.now_us
            self.on_carrier(True)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self._send(f"\r\n{line}\r\n".encode())


def _ignore(_value: int | bool) -> None:
    """Drop a value without a listener."""
