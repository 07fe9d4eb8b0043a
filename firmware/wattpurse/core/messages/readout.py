"""Messages of IEC 62056-21, mode C, from the view of the meter: requests from bytes, and the frames of answers.

    sign-on         / ? [device address] ! CR LF
    identification  / W P S baud \\ @ W A T T P U R S E CR LF
    option          ACK 0 baud mode CR LF     mode 0: readout, mode 1: programming
    readout         STX data lines ! CR LF ETX BCC
    command         SOH P|R|W|B digit [STX data set ETX | ETX] BCC
    answer          STX data set ETX BCC, ACK or NAK; an error is the data set (ERnn)
    data set        address ( value )

A character has seven bits. BCC is the exclusive or of the characters behind the first SOH or STX, up to the ETX
included. A receiver keeps at most LONGEST characters of a message.
"""

SOH = 0x01
STX = 0x02
ETX = 0x03
ACK = 0x06
NAK = 0x15

# Kinds of messages that a receiver tells apart.
NOTHING = 0
SIGN_ON = 1
OPTION = 2
COMMAND = 3
DAMAGED = 4  # a command with a wrong BCC, or a longer one than any that the meter knows
REPEAT = 5  # a NAK

READOUT = 0x30
PROGRAMMING = 0x31

START_BAUD = 300
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200)  # by the digit that names them
BITS_OF_CHARACTER = 10  # start, seven bits, parity, stop
LONGEST = 80
ADDRESS_LIMIT = 32

# Errors, as the standard lets a meter define them.
NO_SUCH_REGISTER = b"(ER01)"
NO_SUCH_COMMAND = b"(ER02)"
BAD_DATA_SET = b"(ER03)"
NEEDS_PASSWORD = b"(ER04)"
WRONG_PASSWORD = b"(ER05)"
TOO_SOON = b"(ER06)"
VALUE_REFUSED = b"(ER07)"
NO_PASSWORD_SET = b"(ER08)"

_SLASH = 0x2F
_LINE_FEED = 0x0A
_CARRIAGE_RETURN = 0x0D
_ZERO = 0x30
_SEVEN_BITS = 0x7F
_IDLE = 0
_IN_COMMAND = 3
_AT_CHECK = 4
_SPECIAL = b"()/!*"


class Receiver:
    """Finds messages in the characters that arrive. Everything between two messages is dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray(LONGEST)
        self._length = 0
        self._state = _IDLE
        self._check = 0
        self._is_overlong = False

    @property
    def is_inside(self) -> bool:
        """True between the first and the last character of a message."""
        return self._state != _IDLE

    def reset(self) -> None:
        """Forget a message that was begun."""
        self._state = _IDLE

    def message(self) -> bytes:
        """Return the text of the message that `put` has told: without SOH, ACK, slash, line end, last ETX and BCC."""
        return bytes(memoryview(self._buffer)[: self._length])

    def put(self, byte: int) -> int:
        """Take a character. Return the kind of the message that it ends, else NOTHING."""
        byte &= _SEVEN_BITS
        state = self._state
        if state == _AT_CHECK:
            self._state = _IDLE
            return COMMAND if byte == self._check and not self._is_overlong else DAMAGED
        if byte in (_SLASH, SOH) or (state == _IDLE and byte in (ACK, NAK)):
            return self._begin(byte)
        if state == _IDLE:
            return NOTHING
        if state == _IN_COMMAND:
            self._check ^= byte
            if byte == ETX:
                self._state = _AT_CHECK
            else:
                self._keep(byte)
        elif byte == _LINE_FEED:
            return self._end_line(state)
        else:
            self._keep(byte)
        return NOTHING

    def _begin(self, byte: int) -> int:
        self._length = self._check = 0
        self._is_overlong = False
        if byte == NAK:
            return REPEAT
        self._state = SIGN_ON if byte == _SLASH else OPTION if byte == ACK else _IN_COMMAND
        return NOTHING

    def _keep(self, byte: int) -> None:
        if self._length == LONGEST:
            self._is_overlong = True
            return
        self._buffer[self._length] = byte
        self._length += 1

    def _end_line(self, state: int) -> int:
        """End a line. One that has no carriage return, or is too long, was none."""
        self._state = _IDLE
        self._length -= 1
        whole = not self._is_overlong and self._length >= 0 and self._buffer[self._length] == _CARRIAGE_RETURN
        return state if whole else NOTHING


class Check:
    """The block check character of a frame that is sent piece by piece."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, data: "bytes | bytearray | memoryview") -> None:
        """Take in characters behind the first one of the frame."""
        value = self.value
        for byte in data:
            value ^= byte
        self.value = value


def framed(data: bytes) -> bytes:
    """Return an answer of one data set with its frame."""
    check = Check()
    check.add(data)
    return bytes((STX,)) + data + bytes((ETX, check.value ^ ETX))


def password_request(meter_number: int) -> bytes:
    """Return the message P0, which asks for a password and names the meter."""
    body = b"P0\x02(" + str(meter_number).encode() + b")\x03"
    check = Check()
    check.add(body)
    return bytes((SOH,)) + body + bytes((check.value,))


def identification(baud_digit: int) -> bytes:
    """Return the identification of a meter that offers this baud rate. Its upper case means 200 ms of reaction time."""
    return b"/WPS" + bytes((_ZERO + baud_digit,)) + b"\\@WATTPURSE\r\n"


def is_for(message: bytes, address: bytes) -> bool:
    """Return True if a sign-on is for the meter with this device address. Zeros at its begin do not count.

    A sign-on without an address is for every meter.
    """
    if message[:1] != b"?" or message[-1:] != b"!" or len(message) > ADDRESS_LIMIT + 2:
        return False
    asked = message[1:-1].lstrip(b"0")
    return not asked or asked == address.lstrip(b"0")


def option_of(message: bytes) -> tuple | None:
    """Return `(baud, mode)` of an option, as digits, or None if it has another form."""
    if len(message) != 3 or message[0] != _ZERO:
        return None
    return message[1] - _ZERO, message[2]


def command_of(message: bytes) -> tuple:
    """Return `(command, data)` of a command: its letter with its digit, and the data set or None without one."""
    if len(message) == 2:
        return message, None
    return (message[:2], message[3:]) if message[2:3] == bytes((STX,)) else (b"", None)


def data_set_of(data: bytes | None) -> tuple:
    """Return `(address, value)` of a data set. Raise ValueError for any other form."""
    opened = -1 if data is None else data.find(b"(")
    if data is None or opened < 0 or data[-1:] != b")":
        raise ValueError("a data set is an address, and a value in brackets")
    address, value = data[:opened], data[opened + 1 : -1]
    for byte in address + value:
        if not 0x20 <= byte < _SEVEN_BITS or (byte in _SPECIAL and byte != 0x2A):
            raise ValueError("a data set has plain characters")
    return address, value
