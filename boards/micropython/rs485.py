"""A line of RS-485 on a UART of the chip, half duplex: the driver of the line is on while the UART sends, never longer.

The other end answers two milliseconds after the last bit. A short frame is therefore sent in place: a collection of
garbage by another task would hold the line for twenty. A timer of the chip ends a long one, which would hold the loop.
The transceiver's receiver is off meanwhile (DE and RE joined), so that the chip does not hear itself.

A read returns a whole frame of `reader_frames` at once: to wake a task costs as much time as five bytes take. The event
loop polls the UART without a pause meanwhile, between the other tasks: each look at it sets the event that would wake
the processor (`uart_drain_rx_fifo` in ports/rp2/machine_uart.c leaves a mutex). So a read sleeps first for as long as
the bytes are under way that were written before it, and no answer can be there.
"""

import asyncio
import io
import time

from machine import UART, Timer

from wattpurse.core.messages.reader_frames import CRC_SIZE, FRAME_LIMIT, HEAD_SIZE, MARK

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from machine import Pin

BAUD = 115_200

_BITS = 10
_US_PER_BYTE = _BITS * 1_000_000 // BAUD + 1
_BUFFER_BYTES = 512
_SHORTEST_FRAME = HEAD_SIZE + CRC_SIZE + 2
_MOST_IN_PLACE = 40  # under 4 ms
_LATE_MS = 4
# The driver waits so long for a UART that is late. `sleep_ms` counts ticks of a millisecond (mp_hal_delay_ms in
# ports/rp2/mphalport.c): it may end one early, and the time was rounded down by up to another. So up to 2 ms of a frame
# may be left, without a byte that an interrupt held up. After _LATE_MS the other end has given the frame up.
_SPIN_US = _LATE_MS * 1000
_SHORTEST_ANSWER_MS = 2
_STREAM_POLL = 3  # the request that asks a stream whether it is ready (MicroPython, py/stream.h)


class Rs485Line:
    """The line of `reader_link.Line` on UART `number`, by the pins `send` and `receive`. `drive` enables the driver."""

    def __init__(self, number: int, send: "Pin", receive: "Pin", drive: "Pin") -> None:
        drive(0)
        receive.irq(handler=None)  # edges of a byte are no interrupts of a reader that had the pin
        self._drive = drive
        self._uart = UART(number, baudrate=BAUD, tx=send, rx=receive, txbuf=_BUFFER_BYTES, rxbuf=_BUFFER_BYTES)
        self._timer = Timer(-1)
        self._silent_ms = 0
        self._arrival = _Arrival(self._uart)
        self._stream = asyncio.StreamReader(self._arrival)  # pyright: ignore[reportArgumentType]

    async def write(self, data: bytes) -> None:
        """Begin to send, and drive the line until all is sent."""
        self._drive(1)
        self._uart.write(data)
        sending_us = len(data) * _US_PER_BYTE
        if len(data) <= _MOST_IN_PLACE:
            time.sleep_ms(sending_us // 1000)
            self._end_of_sending(None)
            self._silent_ms = _SHORTEST_ANSWER_MS
        else:
            self._silent_ms = sending_us // 1000 + _SHORTEST_ANSWER_MS
            once = Timer.ONE_SHOT  # the port takes a period in ticks of 1 us, and the stubs do not know that
            self._timer.init(mode=once, period=sending_us, tick_hz=1_000_000, callback=self._end_of_sending)  # pyright: ignore[reportCallIssue]

    async def read(self, timeout_ms: int) -> bytes:
        """Return the next frame as it arrived, or other bytes; b"" if none come in time."""
        uart = self._uart
        silent_ms, self._silent_ms = self._silent_ms, 0
        if silent_ms:
            await asyncio.sleep_ms(silent_ms)
        if not await self._arrived(_SHORTEST_FRAME, timeout_ms):
            return uart.read() or b""
        data = uart.read(_SHORTEST_FRAME) or b""
        if len(data) < HEAD_SIZE or data[0] != MARK:
            return data
        left = min(FRAME_LIMIT, HEAD_SIZE + data[1] + CRC_SIZE) - len(data)
        if left > 0:
            await self._arrived(left, left * _US_PER_BYTE // 1000 + _LATE_MS)
            data += uart.read(left) or b""
        return data

    async def _arrived(self, count: int, timeout_ms: int) -> bool:
        """Wait until `count` bytes are there, at most `timeout_ms`. Return True if they are."""
        if self._uart.any() < count:
            self._arrival.wanted = count
            self._arrival.deadline_ms = time.ticks_add(time.ticks_ms(), timeout_ms)
            await self._stream.read(0)
        return self._uart.any() >= count

    def _end_of_sending(self, _timer: "Timer | None") -> None:
        """Stop driving the line. The last bit may be on its way still."""
        begun_us = time.ticks_us()
        while not self._uart.txdone() and time.ticks_diff(time.ticks_us(), begun_us) < _SPIN_US:
            pass
        self._drive(0)


class _Arrival(io.IOBase):
    """The arrival of `wanted` bytes at a UART, or the end of the wait, as a stream that the event loop polls."""

    def __init__(self, uart: UART) -> None:
        self.wanted = 0
        self.deadline_ms = 0
        self._uart = uart

    def ioctl(self, request: int, flags: int) -> int:
        """Tell the event loop that the stream is ready if the bytes are there or the time is up."""
        if request != _STREAM_POLL:
            return -1
        if self._uart.any() >= self.wanted or time.ticks_diff(self.deadline_ms, time.ticks_ms()) <= 0:
            return flags
        return 0

    def read(self, _size: int) -> bytes:
        """Return nothing: the event loop only needs to know that the stream is ready."""
        return b""
