"""The line between a meter and its room reader: RS-485, half duplex, at a baud rate, with its troubles.

Every byte takes ten bits. Bytes of two ends at the same time spoil each other. The line can be cut, be noisy, and let
the sender hear itself. Each end has the calls of `reader_link.Line`. A piece that was written arrives at once when its
last bit has, as the driver of a UART on a chip hands it over.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock, RandomSource

BAUD = 115_200

_BITS = 10
_NOISE_BITS = 16


class RoomLineModel:
    """The line. `noise` is the chance of a byte to be changed, in 65,536ths. `is_cut` cuts the pair of wires.

    `collisions` counts pieces that were spoiled by another end, `bytes_sent` all bytes. With `has_echo` an end hears
    itself. `random_bits(n)` returns n random bits.
    """

    def __init__(self, clock: "EventClock", random_bits: "RandomSource", baud: int = BAUD) -> None:
        self.noise = 0
        self.is_cut = False
        self.has_echo = False
        self.collisions = 0
        self.bytes_sent = 0
        self._clock = clock
        self._random_bits = random_bits
        self._byte_us = _BITS * 1_000_000 / baud
        self._ends: list[RoomLineEnd] = []
        self._pieces: list[_Piece] = []

    def end(self) -> "RoomLineEnd":
        """Return a new end of the line."""
        end = RoomLineEnd(self, self._clock)
        self._ends.append(end)
        return end

    def disconnect(self, end: "RoomLineEnd") -> None:
        """Take an end off the line."""
        if end in self._ends:
            self._ends.remove(end)

    def cut(self) -> None:
        """Cut the line now, also amid a frame."""
        self.is_cut = True
        now_us = self._clock.now_us
        for piece in self._pieces:
            if piece.begun_us < now_us < piece.end_us:
                piece.keeps = min(piece.keeps, int((now_us - piece.begun_us) / self._byte_us))

    def mend(self) -> None:
        """Restore the line."""
        self.is_cut = False

    def send(self, end: "RoomLineEnd", data: bytes) -> None:
        """Let an end send bytes behind those that it is sending."""
        self.bytes_sent += len(data)
        begun_us = max(self._clock.now_us, end.sent_us)
        end.sent_us = round(begun_us + len(data) * self._byte_us)
        piece = _Piece(end, data, begun_us, end.sent_us)
        for other in self._pieces:
            if other.sender is not end and other.end_us > begun_us and piece.end_us > other.begun_us:
                other.is_spoiled = piece.is_spoiled = True
                self.collisions += 1
        self._pieces.append(piece)
        self._clock.call_at_us(piece.end_us, lambda: self._arrive(piece))

    def _arrive(self, piece: "_Piece") -> None:
        self._pieces.remove(piece)
        if piece.sender not in self._ends:
            return
        for end in list(self._ends):
            if end is piece.sender:
                if self.has_echo:
                    end.take(piece.data)
            elif not self.is_cut or piece.keeps < len(piece.data):
                end.take(self._changed(piece))

    def _changed(self, piece: "_Piece") -> bytes:
        """Return the bytes as they arrive."""
        data = bytearray(piece.data[: piece.keeps])
        for place in range(len(data)):
            if piece.is_spoiled:
                data[place] &= self._random_bits(8)
            elif self.noise and self._random_bits(_NOISE_BITS) < self.noise:
                data[place] ^= 1 << self._random_bits(3)
        return bytes(data)


class _Piece:
    """Bytes under way: `keeps` of them arrive."""

    def __init__(self, sender: "RoomLineEnd", data: bytes, begun_us: int, end_us: int) -> None:
        self.sender = sender
        self.data = data
        self.begun_us = begun_us
        self.end_us = end_us
        self.keeps = len(data)
        self.is_spoiled = False


class RoomLineEnd:
    """One end of the line, as `reader_link.Line`. `sent_us` is the time at which its last bit is sent."""

    def __init__(self, line: RoomLineModel, clock: "EventClock") -> None:
        self.sent_us = 0
        self._line = line
        self._signal = clock.signal()
        self._data = bytearray()

    async def read(self, timeout_ms: int) -> bytes:
        """Return the bytes that have arrived, b"" if none come in time."""
        if not self._data:
            self._signal.clear()
            await self._signal.wait_ms(timeout_ms)
        data, self._data = bytes(self._data), bytearray()
        return data

    async def write(self, data: bytes) -> None:
        """Begin to send."""
        self._line.send(self, bytes(data))

    def take(self, data: bytes) -> None:
        """Receive bytes."""
        self._data.extend(data)
        self._signal.fire()
