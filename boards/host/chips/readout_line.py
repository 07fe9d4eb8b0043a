"""The UART of a readout head, with both ends of its line: the meter's port (see `hal.ReadoutPort`) and the reader's.

Every character takes its time on the line, ten bits. An end that listens at another baud rate than that of the sender
hears other characters. With `hears_itself` the meter's head receives its own light, as heads do.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock

_BITS = 10
_START_BAUD = 300
_LONGEST_WRITE = 32
_RECEIVER_BYTES = 256
_GARBLED = 0x55


class ReadoutLineModel:
    """The line. `reader_baud` is the speed of the reader, which a test changes as a reader does; None: as the meter.

    `heard` has `(time_us, character)` of everything the reader has received. `violations` has misuses of the UART.
    """

    def __init__(self, clock: "EventClock") -> None:
        self.reader_baud: int | None = _START_BAUD
        self.hears_itself = False
        self.heard = []
        self.violations = []
        self._clock = clock
        self.board_started()

    def board_started(self) -> None:
        """Start anew with the board: nothing is under way."""
        self._baud = _START_BAUD
        self._arriving = []  # (time_us, character) on their way to the meter
        self._sent_us = self._clock.now_us
        self._reader_sent_us = self._clock.now_us

    def send(self, data: bytes, at_us: "int | None" = None) -> int:
        """Send characters to the meter, from now on or from `at_us`. Return the time of their end."""
        begin_us = max(self._clock.now_us if at_us is None else at_us, self._reader_sent_us)
        baud = self.reader_baud or self._baud
        for byte in data:
            begin_us += _BITS * 1_000_000 // baud
            self._arriving.append((begin_us, byte & 0x7F, baud))
        self._reader_sent_us = begin_us
        return begin_us

    def take_heard(self) -> bytes:
        """Return the characters that the reader has received since the last call, up to the present."""
        now_us = self._clock.now_us
        arrived = [character for time_us, character in self.heard if time_us <= now_us]
        self.heard = [one for one in self.heard if one[0] > now_us]
        return bytes(arrived)

    def set_baud(self, baud: int) -> None:
        """Change the speed."""
        if not self.is_sent():
            self.violations.append("the speed changed amid a character")
        self._baud = baud
        now_us = self._clock.now_us
        self._arriving = [one for one in self._arriving if one[0] > now_us]

    def read(self, buffer: bytearray) -> int:
        """Fill `buffer` as far as characters have arrived. Return their number. The UART keeps the oldest ones."""
        now_us = self._clock.now_us
        count = arrived = 0
        for time_us, character, baud in self._arriving:
            if time_us > now_us:
                break
            arrived += 1
            if count < len(buffer):
                buffer[count] = character if baud == self._baud else character ^ _GARBLED
                count += 1
        if arrived > _RECEIVER_BYTES:
            del self._arriving[_RECEIVER_BYTES:arrived]
        del self._arriving[:count]
        return count

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        """Send up to 32 characters."""
        if len(data) > _LONGEST_WRITE:
            self.violations.append("more characters than a write may have")
        time_us = max(self._clock.now_us, self._sent_us)
        if time_us - self._clock.now_us > _LONGEST_WRITE * _BITS * 1_000_000 // self._baud:
            self.violations.append("a write before the one before was sent")
        for byte in bytes(data):
            time_us += _BITS * 1_000_000 // self._baud
            self.heard.append((time_us, byte if self.reader_baud in (None, self._baud) else byte ^ _GARBLED))
            if self.hears_itself:
                self._arriving.append((time_us, byte, self._baud))
        self._sent_us = time_us

    def is_sent(self) -> bool:
        """Return True once the line is quiet."""
        return self._clock.now_us >= self._sent_us
