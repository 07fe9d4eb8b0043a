"""A text display of two lines of 16 letters: HD44780 in 4-bit mode behind a PCF8574 expander on I2C.

Sources: Hitachi data sheet HD44780U, ADE-207-272(Z), tables 6 and 7, figure 24 (initialisation by instruction) and the
bus timing; NXP data sheet PCF8574, clauses 8.1 and 8.3. The usual module has RS, RW, E and the backlight on P0 to P3
and D4 to D7 on P4 to P7.

RS must be stable 60 ns before E rises. The outputs of the expander change together, so a byte sets RS first, and the
next one raises E. The chip needs 37 us for most instructions, 53 us with the slowest oscillator. A byte on the bus
takes 90 us at 100 kHz, the most that a PCF8574 takes, so no write has to wait. Clearing the display takes 1.52 ms, and
2.2 ms with the slowest oscillator. The busy flag is not used.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.hal import Clock

    class PlainI2c(Protocol):
        """A bus as MicroPython's `machine.I2C`, for a device without registers."""

        def writeto(self, __address: int, __data: "bytes | bytearray") -> object: ...

        def readfrom_into(self, __address: int, __buffer: bytearray) -> None: ...


ADDRESS = 0x27  # A0 to A2 open on the module
COLUMNS = 16
LINES = 2

_RS = 0x01
_E = 0x04
_LIGHT = 0x08
_POWER_UP_MS = 50  # 40 ms after the supply has reached 2.7 V
_FIRST_WAIT_MS = 5  # more than 4.1 ms
_SECOND_WAIT_MS = 1  # more than 100 us
_CLEAR_MS = 3
_EIGHT_BITS = 0x30
_FOUR_BITS = 0x20
_TWO_LINES = 0x28
_OFF = 0x08
_CLEAR = 0x01
_RIGHTWARDS = 0x06
_ON = 0x0C
_SET_ADDRESS = 0x80
_SECOND_LINE = 0x40
_BLANK = 0x20
_LAST_LETTER = 0x7D  # behind it the character ROM of type A00 has arrows in place of ASCII
_NO_LETTER = 0x3F
_LETTERS_AT_ONCE = 4


class TextLcd:
    """The display on `i2c`. `show` notes a text, and `refresh` writes the letters that differ.

    A display that does not answer, or that was unplugged, is set up anew at the next `refresh`.
    """

    def __init__(self, i2c: "PlainI2c", clock: "Clock", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._clock = clock
        self._address = address
        self._wanted = bytearray(b" " * (LINES * COLUMNS))
        self._shown = bytearray(LINES * COLUMNS)
        self._is_ready = False
        self._bytes = bytearray(5)
        self._byte = bytearray(1)

    @property
    def is_ready(self) -> bool:
        """True once the chip is set up and has answered since."""
        return self._is_ready

    def show(self, first: str, second: str = "") -> None:
        """Note the text of both lines. A longer text is cut off."""
        for line, text in enumerate((first, second)):
            for column in range(COLUMNS):
                letter = ord(text[column]) if column < len(text) else _BLANK
                known = letter if _BLANK <= letter <= _LAST_LETTER else _NO_LETTER
                self._wanted[line * COLUMNS + column] = known

    def renew(self) -> None:
        """Set the chip up anew at the next `refresh`: a disturbance may have changed it."""
        self._is_ready = False

    async def refresh(self) -> None:
        """Write the letters that differ. Raises OSError if the display does not answer."""
        try:
            if not self._is_ready:
                await self._set_up()
            await self._write_changes()
        except OSError:
            self._is_ready = False
            raise

    async def _set_up(self) -> None:
        """Initialise by instruction, which works from any state of the chip.

        The expander keeps its outputs when the processor restarts, and has all of them high after power-up. So E is
        lowered first, and nothing else changes with it.
        """
        self._i2c.readfrom_into(self._address, self._byte)
        self._port(self._byte[0] & ~_E)
        self._port(_LIGHT)
        await self._clock.sleep_ms(_POWER_UP_MS)
        for wait_ms in (_FIRST_WAIT_MS, _SECOND_WAIT_MS, _SECOND_WAIT_MS):
            self._half(_EIGHT_BITS)
            await self._clock.sleep_ms(wait_ms)
        self._half(_FOUR_BITS)
        await self._clock.sleep_ms(_SECOND_WAIT_MS)
        for instruction in (_TWO_LINES, _OFF, _CLEAR):
            self._write(instruction, 0)
        await self._clock.sleep_ms(_CLEAR_MS)
        for instruction in (_RIGHTWARDS, _ON):
            self._write(instruction, 0)
        self._shown[:] = b" " * len(self._shown)
        self._is_ready = True

    async def _write_changes(self) -> None:
        written, at = 0, -1
        for place in range(LINES * COLUMNS):
            if self._shown[place] == self._wanted[place]:
                continue
            if place != at:
                line, column = divmod(place, COLUMNS)
                self._write(_SET_ADDRESS | line * _SECOND_LINE | column, 0)
            letter = self._wanted[place]
            self._write(letter, _RS)
            self._shown[place] = letter
            at = place + 1 if (place + 1) % COLUMNS else -1
            written += 1
            if written % _LETTERS_AT_ONCE == 0:
                await self._clock.sleep_ms(0)

    def _write(self, value: int, register: int) -> None:
        """Write a byte to the chip as two halves, the upper one first."""
        base = _LIGHT | register
        high, low = base | value & 0xF0, base | value << 4 & 0xF0
        data = self._bytes
        data[0], data[1], data[2], data[3], data[4] = high, high | _E, high, low | _E, low
        self._i2c.writeto(self._address, data)

    def _half(self, value: int) -> None:
        """Write the upper half of an instruction alone."""
        for port in (_LIGHT | value, _LIGHT | value | _E, _LIGHT | value):
            self._port(port)

    def _port(self, value: int) -> None:
        self._byte[0] = value
        self._i2c.writeto(self._address, self._byte)
