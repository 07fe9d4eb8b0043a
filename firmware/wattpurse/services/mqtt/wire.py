"""Whole MQTT packets over a stream: each with a deadline and a limit of its size.

A packet is handed on when its last byte has come. Meanwhile other tasks run, however slowly the bytes drip in. A
packet above the limit is shortened to a valid one. The rest of it is thrown away as it arrives.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.hal import Clock

    class Stream(Protocol):
        """A connection that never waits: see `sockets.Stream`."""

        def is_connected(self) -> bool: ...

        def readinto(self, __buffer: memoryview) -> "int | None": ...

        def write(self, __data: memoryview) -> "int | None": ...

        def close(self) -> None: ...


SIZE_LIMIT = 1_280  # the longest token, its topic, and room
CONNECT_MS = 15_000
WRITE_MS = 10_000
PACKET_MS = 10_000
HUGE_PACKET_MS = 60_000

_BUSY_POLL_MS = 5
_IDLE_POLL_MS = 200
_BUSY_FOR_MS = 1_000
_LENGTH_BYTES = 4


class Closed(OSError):
    """The connection has ended."""


class Packet:
    """A packet: `data`, and whether it is whole. One above the limit is not."""

    def __init__(self, data: bytes, is_whole: bool) -> None:
        self.data = data
        self.is_whole = is_whole


class Wire:
    """Packets over `stream`."""

    def __init__(self, stream: "Stream", clock: "Clock") -> None:
        self._stream = stream
        self._clock = clock
        self._buffer = memoryview(bytearray(SIZE_LIMIT))
        self._lively_ms = clock.ticks_ms()
        self._begin_packet()
        self.received = 0
        self.sent = 0

    async def connect(self) -> None:
        """Wait until the other side has accepted the connection. Raise OSError if it refuses, or does not answer."""
        began_ms = self._clock.ticks_ms()
        while not self._stream.is_connected():
            if self._elapsed_ms(began_ms) > CONNECT_MS:
                raise OSError("the broker does not answer")
            await self._clock.sleep_ms(_IDLE_POLL_MS)
        self._lively_ms = self._clock.ticks_ms()

    async def send(self, packet: bytes) -> None:
        """Send one packet, in one write if there is room for it. Raise OSError if the other side takes no more."""
        rest = memoryview(packet)
        began_ms = self._lively_ms = self._clock.ticks_ms()
        while rest:
            count = self._stream.write(rest)
            if count:
                rest = rest[count:]
                self.sent += count
            if rest:
                if self._elapsed_ms(began_ms) > WRITE_MS:
                    raise OSError("the broker takes no more bytes")
                await self._clock.sleep_ms(_BUSY_POLL_MS)

    async def receive(self, timeout_ms: int) -> Packet | None:
        """Return the next packet, or None if none was completed in time. Raise Closed, or OSError after a deadline."""
        began_ms = self._clock.ticks_ms()
        while True:
            packet = self._read()
            if packet is not None:
                return packet
            if self._has_begun and self._elapsed_ms(self._begun_ms) > self._packet_ms():
                raise OSError("the rest of a packet does not come")
            if self._elapsed_ms(began_ms) >= timeout_ms:
                return None
            await self._clock.sleep_ms(self._pause_ms())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    @property
    def _has_begun(self) -> bool:
        return self._size > 0

    def _begin_packet(self) -> None:
        self._size = 0  # bytes read, those thrown away included
        self._head_size = 0  # bytes of the fixed header, 0 until it is complete
        self._length = 0  # bytes behind the fixed header
        self._begun_ms = 0

    def _packet_ms(self) -> int:
        return PACKET_MS if self._head_size + self._length <= SIZE_LIMIT else HUGE_PACKET_MS

    def _pause_ms(self) -> int:
        """Return the time to the next look. A task that reads much of a huge packet lets others run all the same."""
        if self._elapsed_ms(self._lively_ms) < _BUSY_FOR_MS:
            return _BUSY_POLL_MS
        return _IDLE_POLL_MS

    def _elapsed_ms(self, began_ms: int) -> int:
        return self._clock.ticks_diff(self._clock.ticks_ms(), began_ms)

    def _read(self) -> Packet | None:
        """Read bytes that are there, at most a buffer of them. Return a packet that they complete."""
        while self._head_size == 0:
            if not self._take(self._size, self._size + 1):
                return None
            self._look_at_head()
        whole = self._head_size + self._length
        if self._size < whole:
            if self._size < SIZE_LIMIT:
                self._take(self._size, min(whole, SIZE_LIMIT))
            else:
                self._take(SIZE_LIMIT - min(whole - self._size, SIZE_LIMIT // 2), SIZE_LIMIT)
        return self._finished() if self._size == whole else None

    def _take(self, start: int, end: int) -> bool:
        """Read into a part of the buffer. Return False if nothing was there. Raise Closed at the end of the stream."""
        count = self._stream.readinto(self._buffer[start:end])
        if count is None:
            return False
        if count == 0:
            raise Closed("the broker has closed the connection")
        self._lively_ms = self._clock.ticks_ms()
        if self._size == 0:
            self._begun_ms = self._lively_ms
        self._size += count
        self.received += count
        return True

    def _look_at_head(self) -> None:
        """Read the length in the fixed header, once it is complete. Raise OSError if it never ends."""
        place = self._size - 1
        if place == 0:
            return
        self._length |= (self._buffer[place] & 0x7F) << 7 * (place - 1)
        if not self._buffer[place] & 0x80:
            self._head_size = self._size
        elif place == _LENGTH_BYTES:
            raise OSError("the length of a packet has too many bytes")

    def _finished(self) -> Packet:
        """Return the packet that is complete, and begin the next one."""
        whole = self._head_size + self._length
        if whole <= SIZE_LIMIT:
            packet = Packet(bytes(self._buffer[:whole]), True)
        else:
            kept = SIZE_LIMIT // 2 - self._head_size
            head = bytes((self._buffer[0], kept & 0x7F | 0x80, kept >> 7))
            packet = Packet(head + bytes(self._buffer[self._head_size : self._head_size + kept]), False)
        self._begin_packet()
        return packet
