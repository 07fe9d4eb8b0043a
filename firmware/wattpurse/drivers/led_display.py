"""TM1637 LED driver with six 7-segment digits (Titan Micro Electronics data sheet, V2.4).

Two wires that look like I2C but differ: no device address, least significant bit first, and the chip answers each byte
by pulling the data line low for the ninth clock. Both pins are open drain with pull-ups. The driver remembers the lit
segments and sends them only when they change. After an error it sends everything again.

Many modules have a capacitor of 10 nF at each line, so that a level takes microseconds to arrive. `half_period_us` is
the time for which the driver holds each level of the clock.

Modules differ in the address of each digit. `order[address]` of a digit order is the position, counted from the left,
of the digit at that address of the chip. `number_of` and `order_of` turn an order into a number for the settings and
back: six decimal digits, each one a position counted from 1.
"""

import asyncio

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattpurse.hal import Pin

DIGITS = 6

SHORTEST_HALF_PERIOD_US = 2  # 250 kHz
HALF_PERIOD_US = 10
LONGEST_HALF_PERIOD_US = 200

SWAPPED = (2, 1, 0, 5, 4, 3)  # most modules of six digits
STRAIGHT = (0, 1, 2, 3, 4, 5)
REVERSED = (5, 4, 3, 2, 1, 0)

_WRITE_ADDRESS_INCREMENT = 0x40
_FIRST_ADDRESS = 0xC0
_DISPLAY_CONTROL = 0x80
_ON = 0x08
# With a longer half period a call that sends would hold the processor for too long.
_LONGEST_AT_ONCE_US = 10


class LedDisplay:
    """Six digits on two open-drain pins.

    `digit_order` is the order in force. `delay_us(n)` waits at least n microseconds and does not yield. It is called
    with `half_period_us` twice a bit.

    With a half period of 10 us or less, a call that sends does so at once and does not yield meanwhile. With a longer
    one it only notes the change, and `finish` sends all byte by byte, with other tasks between.
    """

    def __init__(
        self,
        clock_pin: "Pin",
        data_pin: "Pin",
        delay_us: "Callable[[int], None]",
        digit_order: tuple = SWAPPED,
    ) -> None:
        expect_order(digit_order)
        self.digit_order = digit_order
        self._clock_pin = clock_pin
        self._data_pin = data_pin
        self._delay_us = delay_us
        self._wanted = bytearray(DIGITS)
        self._level = 7
        self._is_on = False
        self._is_sent = False
        self.half_period_us = HALF_PERIOD_US
        self._is_behind = False
        self._command = bytearray(1)
        self._frame = bytearray(1 + DIGITS)

    @property
    def is_behind(self) -> bool:
        """True while something waits for `finish`."""
        return self._is_behind

    def show(self, segments: bytes | bytearray) -> None:
        """Light six digits, one byte each from left to right: bit 0 segment a to bit 6 g, bit 7 the decimal point.

        Turns the display on. Raises OSError when the chip does not answer, ValueError unless there are six bytes.
        """
        if len(segments) != DIGITS:
            raise ValueError("six digits expected")
        if self._is_sent and self._is_on and segments == self._wanted:
            return
        self._wanted[:] = segments
        self._is_on = True
        self._send()

    def show_anew(self, segments: bytes | bytearray, level: int) -> None:
        """Light six digits in one sending, even if nothing changed. Raises OSError when the chip does not answer."""
        self._wanted[:] = segments
        self._level = level
        self._is_on = True
        self._send()

    def brightness(self, level: int) -> None:
        """Set the brightness, 0 (1/16 of the time lit) to 7 (14/16). Raises OSError when the chip does not answer."""
        if not 0 <= level <= 7:
            raise ValueError("brightness is 0 to 7")
        if level != self._level:
            self._level = level
            if self._is_on:
                self._send()

    def wire(self, digit_order: tuple) -> None:
        """Send the digits in another order from now on. Raises OSError when the chip does not answer, or ValueError."""
        expect_order(digit_order)
        self.digit_order = digit_order
        if self._is_on:
            self._send()

    def set_half_period(self, half_period_us: int) -> None:
        """Hold each level of the clock for this long. Raises OSError when the chip does not answer, or ValueError."""
        expect_half_period(half_period_us)
        self.half_period_us = half_period_us
        if self._is_on:
            self._send()

    async def finish(self) -> None:
        """Send the change that waits, with other tasks between the bytes. Raises OSError, as `show`.

        Only one task may call it. A change that comes meanwhile is sent as well.
        """
        while self._is_behind:
            self._is_behind = False
            for frame in self._frames():
                for _ in self._bytes_sent(frame):
                    await asyncio.sleep(0)
            self._is_sent = not self._is_behind

    def off(self) -> None:
        """Darken all digits. Raises OSError when the chip does not answer."""
        if self._is_on or not self._is_sent:
            self._is_on = False
            self._send()

    def refresh(self) -> None:
        """Send everything again even if nothing changed: a disturbance may have changed the chip's memory."""
        self._send()

    def _send(self) -> None:
        """Send all, or note it for `finish` if the lines are slow."""
        self._is_sent = False
        if self.half_period_us > _LONGEST_AT_ONCE_US:
            self._is_behind = True
            return
        self._is_behind = False
        for frame in self._frames():
            for _ in self._bytes_sent(frame):
                pass
        self._is_sent = True

    def _frames(self) -> "Iterator[bytearray]":
        """Yield data mode, six digits and display control, always all three, so that a chip that lost power recovers.

        The frames share their memory. Each holds the newest content.
        """
        command = self._command
        command[0] = _WRITE_ADDRESS_INCREMENT
        yield command
        frame = self._frame
        frame[0] = _FIRST_ADDRESS
        for address in range(DIGITS):
            frame[1 + address] = self._wanted[self.digit_order[address]]
        yield frame
        command[0] = _DISPLAY_CONTROL | (_ON if self._is_on else 0) | self._level
        yield command

    def _bytes_sent(self, frame: bytearray) -> "Iterator[None]":
        """Send start, bytes, stop, and yield after each byte, with the clock high.

        A line that is held low looks like a chip that acknowledges everything, so the line has to rise after the stop.
        Written without calls, because on a chip every call costs as much as the bit it would send.
        """
        clock = self._clock_pin
        data = self._data_pin
        delay_us = self._delay_us
        half_us = self.half_period_us
        answered = True
        data(0)
        delay_us(half_us)
        for byte in frame:
            for _ in range(8):
                clock(0)
                data(byte & 1)
                byte >>= 1
                delay_us(half_us)
                clock(1)
                delay_us(half_us)
            clock(0)
            data(1)
            delay_us(half_us)
            clock(1)
            delay_us(half_us)
            if data():
                answered = False
                break
            yield
        clock(0)
        data(0)
        delay_us(half_us)
        clock(1)
        delay_us(half_us)
        data(1)
        delay_us(half_us)
        if not answered or not data():
            raise OSError("display does not answer")


def number_of(digit_order: tuple) -> int:
    """Return a digit order as a number."""
    number = 0
    for position in digit_order:
        number = number * 10 + position + 1
    return number


def order_of(number: int) -> tuple:
    """Return the digit order of a number. Raises ValueError if it names none."""
    order = tuple([int(digit) - 1 for digit in str(number)])
    expect_order(order)
    return order


def expect_half_period(half_period_us: int) -> None:
    """Raise ValueError for a half period outside the limits."""
    if not SHORTEST_HALF_PERIOD_US <= half_period_us <= LONGEST_HALF_PERIOD_US:
        raise ValueError(f"the half period is {SHORTEST_HALF_PERIOD_US} to {LONGEST_HALF_PERIOD_US} microseconds")


def expect_order(digit_order: tuple) -> None:
    """Raise ValueError for a tuple that is no digit order."""
    if sorted(digit_order) != list(range(DIGITS)):
        raise ValueError("digit order must name each of the six positions once")
