"""Load switch: a latching relay with an opening and a closing coil, each driven by one pin (1: current flows).

A pulse of 120 ms moves the contact, which then stays without current. The driver guarantees: never both coils at once;
coils off after every pulse, even an interrupted one; one second of rest between operations, also after a restart,
because the last operation may have been just before it; and a `position` that claims only completed pulses.
"""

import asyncio

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Clock, Pin

OPEN = "open"
CLOSED = "closed"
UNKNOWN = "unknown"

PULSE_MS = 120
REST_MS = 1000


class LoadSwitch:
    """The relay on two pins.

    `hold_ms(n)` lets n milliseconds pass without yielding; only `open_now` uses it. `position` is where the last
    complete pulse left the contact: OPEN, CLOSED, or UNKNOWN after a restart and after an interrupted pulse.
    """

    def __init__(
        self, open_coil_pin: "Pin", close_coil_pin: "Pin", clock: "Clock", hold_ms: "Callable[[int], None]"
    ) -> None:
        self.position = UNKNOWN
        self._open_coil_pin = open_coil_pin
        self._close_coil_pin = close_coil_pin
        self._clock = clock
        self._hold_ms = hold_ms
        self._lock = asyncio.Lock()
        self._pulse = 0
        self.release()

    async def open(self) -> None:
        """End the supply. Pulses the coil in any position, and returns when the coil is off again."""
        await self._operate(self._open_coil_pin, OPEN)

    async def close(self) -> None:
        """Give supply. Pulses the coil in any position, and returns when the coil is off again."""
        await self._operate(self._close_coil_pin, CLOSED)

    def release(self) -> None:
        """Switch both coils off at once. For the first moment after a start and the last before a reset."""
        self._open_coil_pin(0)
        self._close_coil_pin(0)
        self._pulse += 1
        self._ended_ms = self._clock.ticks_ms()

    def open_now(self) -> None:
        """Open at once, during any other operation, holding the processor for 120 ms: the last act before a reset.

        Does not wait for the rest between operations: an unsafe supply is worse than a warm coil.
        """
        self.release()
        self.position = UNKNOWN
        try:
            self._open_coil_pin(1)
            self._hold_ms(PULSE_MS)
        finally:
            self.release()
        self.position = OPEN

    async def _operate(self, coil_pin: "Pin", position: str) -> None:
        """Send one pulse. Further operations wait for their turn. A pulse that `release` ended proves nothing."""
        async with self._lock:
            await self._rest()
            self.release()
            pulse = self._pulse
            self.position = UNKNOWN
            try:
                coil_pin(1)
                await self._clock.sleep_ms(PULSE_MS)
                if pulse == self._pulse:
                    self.position = position
            finally:
                if pulse == self._pulse:
                    self.release()

    async def _rest(self) -> None:
        """Wait until a second has passed since the last pulse. After a wrap of the ticks the wait may be needless."""
        since_ms = self._clock.ticks_diff(self._clock.ticks_ms(), self._ended_ms)
        if 0 <= since_ms < REST_MS:
            await self._clock.sleep_ms(REST_MS - since_ms)
