"""Display, button and buzzer in the room, with the calls of the drivers at the meter itself.

All three share one request, which brings the newest segments and the pattern to play. A press comes with the answer to
any request. While nobody else asks, the panel asks ten times a second.
"""

import asyncio

from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room
from wattpurse.drivers.button import LONG, SHORT
from wattpurse.drivers.led_display import DIGITS, HALF_PERIOD_US, SWAPPED, expect_half_period, expect_order

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.hal import Clock

    class Link(Protocol):
        """The link to the board in the room, as `cards.room_link.RoomLink`."""

        sessions: int

        async def ask(self, __kind: int, __content: bytes, __work_ms: int = 0) -> tuple: ...

    class Reader(Protocol):
        """The card reader in the room, as `cards.room_reader.RoomReader`."""

        wants_rest: bool


POLL_MS = 100

_WORK_MS = 60  # the lines of a slow display take so long
_PRESSES_KEPT = 4
_PRESSES = {room.SHORT_PRESS: SHORT, room.LONG_PRESS: LONG}


class Panel:
    """The three devices at the other end of `link`. `reader` is there too; it may sleep once it `wants_rest`."""

    def __init__(self, link: "Link", reader: "Reader", clock: "Clock") -> None:
        self.segments: bytes | None = None
        self.level = 7
        self.half_period_us = HALF_PERIOD_US
        self.is_behind = False
        self.presses = []
        self._link = link
        self._reader = reader
        self._clock = clock
        self._sound = b""
        self._asked_ms = clock.ticks_ms()
        self._session = 0

    def take_press(self, press: int) -> None:
        """Keep a press that the board has reported."""
        if press in _PRESSES and len(self.presses) < _PRESSES_KEPT:
            self.presses.append(_PRESSES[press])

    def play(self, pattern: tuple) -> None:
        """Let the board play a pattern, at once. An empty one silences it."""
        units = [min(255, duration_ms // room.SOUND_UNIT_MS) for duration_ms in pattern[: room.SOUNDS_LIMIT]]
        self._sound = bytes([len(units)] + units)
        asyncio.create_task(self.poll())

    @property
    def knows_all(self) -> bool:
        """True if the board in the room shows the newest segments, as far as the meter knows."""
        return self._session == self._link.sessions and not self.is_behind

    async def flush(self) -> None:
        """Send all that the board does not know yet. Raises OSError if it does not answer, or its display does not."""
        content = self._content()
        self.is_behind = False
        self._asked_ms = self._clock.ticks_ms()
        try:
            status, _ = await self._link.ask(room.PANEL, content, _WORK_MS)
        except OSError:
            self.is_behind = True
            raise
        self._session = self._link.sessions
        if status != frames.OK:
            raise OSError("the display in the room does not answer")

    async def poll(self) -> None:
        """Send the news, and take a press. A line that is lost is noticed by others."""
        try:
            await self.flush()
        except OSError:
            pass

    async def poll_when_due(self) -> None:
        """Ask the board, unless something was sent a moment ago."""
        if self._clock.ticks_diff(self._clock.ticks_ms(), self._asked_ms) >= POLL_MS:
            await self.poll()

    def _content(self) -> bytes:
        """Return the content of PANEL."""
        flags, content = 0, b""
        if not self.knows_all:
            if self.segments is None:
                flags |= room.DARK
            else:
                flags |= room.SEGMENTS
                content = self.segments + bytes((self.level, self.half_period_us))
        if self._sound:
            flags |= room.SOUND
            content += self._sound
            self._sound = b""
        if self._reader.wants_rest:
            flags |= room.REST
            self._reader.wants_rest = False
        return bytes((flags,)) + content


class RoomDisplay:
    """Six digits in the room, as `led_display.LedDisplay`. A call only notes the change, and `finish` sends it."""

    def __init__(self, panel: Panel, digit_order: tuple = SWAPPED) -> None:
        expect_order(digit_order)
        self.digit_order = digit_order
        self._panel = panel
        self._wanted = bytearray(DIGITS)
        self._is_on = False

    @property
    def half_period_us(self) -> int:
        """The time for which the board holds each level of the display's clock."""
        return self._panel.half_period_us

    @property
    def is_behind(self) -> bool:
        """True while something waits for `finish`."""
        return not self._panel.knows_all

    def show(self, segments: bytes | bytearray) -> None:
        """Light six digits. Raises ValueError unless there are six bytes."""
        if len(segments) != DIGITS:
            raise ValueError("six digits expected")
        if not self._is_on or segments != self._wanted:
            self._wanted[:] = segments
            self._is_on = True
            self.refresh()

    def brightness(self, level: int) -> None:
        """Set the brightness, 0 to 7."""
        if not 0 <= level <= 7:
            raise ValueError("brightness is 0 to 7")
        if level != self._panel.level:
            self._panel.level = level
            self.refresh()

    def wire(self, digit_order: tuple) -> None:
        """Send the digits in another order from now on. Raises ValueError for no order."""
        expect_order(digit_order)
        self.digit_order = digit_order
        self.refresh()

    def set_half_period(self, half_period_us: int) -> None:
        """Hold each level of the clock for this long. Raises ValueError outside the limits."""
        expect_half_period(half_period_us)
        self._panel.half_period_us = half_period_us
        self.refresh()

    async def finish(self) -> None:
        """Send the change that waits. Raises OSError if the board or its display does not answer."""
        await self._panel.flush()

    def off(self) -> None:
        """Darken all digits."""
        self._is_on = False
        self.refresh()

    def refresh(self) -> None:
        """Send everything again, even if nothing changed."""
        panel = self._panel
        panel.segments = self._in_order() if self._is_on else None
        panel.is_behind = True

    def _in_order(self) -> bytes:
        """Return the segments so that they are right though the board sends them as to most modules."""
        segments = bytearray(DIGITS)
        for place, own in zip(SWAPPED, self.digit_order):
            segments[place] = self._wanted[own]
        return bytes(segments)


class RoomButton:
    """The button in the room, as `button.Button`: the board there takes its samples."""

    def __init__(self, panel: Panel, clock: "Clock") -> None:
        self._panel = panel
        self._clock = clock

    async def wait_press(self, timeout_ms: int) -> str | None:
        """Wait at most `timeout_ms` and a request for a press. Return SHORT, LONG or None."""
        clock, presses = self._clock, self._panel.presses
        started_ms = clock.ticks_ms()
        while not presses:
            left_ms = timeout_ms - clock.ticks_diff(clock.ticks_ms(), started_ms)
            if left_ms <= 0:
                return None
            await clock.sleep_ms(min(POLL_MS, left_ms))
            await self._panel.poll_when_due()
        return presses.pop(0)


class RoomBuzzer:
    """The buzzer in the room, as `buzzer.Buzzer`."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def play(self, pattern: tuple) -> None:
        """Begin a pattern, and return at once. Ends the pattern that was playing."""
        self._panel.play(pattern)

    def stop(self) -> None:
        """Silence the buzzer soon."""
        self._panel.play(())
