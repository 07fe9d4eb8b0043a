"""A serial line between two boards: bytes take their time, and a fault may lose, repeat or change them.

Each end has the methods of `wattpurse.cards.reader_link.Line`.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.world.clock import VirtualClock

    Fault = Callable[[bytes], bytes]

_BITS = 10


class LineEnd:
    """One end of the line. `fault(data)` returns the bytes that arrive in place of those written here.

    With `is_cut` bytes go nowhere; with `is_gone` both methods raise OSError, as of a USB device that was pulled out.
    `written` counts bytes.
    """

    def __init__(self, clock: "VirtualClock", baud: int) -> None:
        self.fault: Fault | None = None
        self.is_cut = False
        self.is_gone = False
        self.written = 0
        self.other: LineEnd | None = None
        self._clock = clock
        self._baud = baud
        self._free_us = 0
        self._arrived = b""
        self._signal = clock.signal()

    async def read(self, timeout_ms: int) -> bytes:
        """Return the bytes that have arrived, or b"" if none arrive in time."""
        self._check()
        if not self._arrived:
            self._signal.clear()
            await self._signal.wait_ms(timeout_ms)
            self._check()
        data, self._arrived = self._arrived, b""
        return data

    async def write(self, data: bytes) -> None:
        """Put bytes on the line, behind those that are on their way."""
        self._check()
        self.written += len(data)
        self._free_us = max(self._free_us, self._clock.now_us) + len(data) * _BITS * 1_000_000 // self._baud
        if self.is_cut or self.other is None:
            return
        arriving = data if self.fault is None else self.fault(data)
        other = self.other
        self._clock.call_at_us(self._free_us, lambda: other.arrive(arriving))

    def arrive(self, data: bytes) -> None:
        """Take bytes from the line."""
        self._arrived += data
        if data:
            self._signal.fire()

    def _check(self) -> None:
        if self.is_gone:
            raise OSError("the line is gone")


def connect(clock: "VirtualClock", baud: int = 115_200) -> tuple:
    """Return the two ends of a new line."""
    one, other = LineEnd(clock, baud), LineEnd(clock, baud)
    one.other, other.other = other, one
    return one, other
