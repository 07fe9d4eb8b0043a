"""A text display with an HD44780 behind a PCF8574, as a device on the I2C bus model.

Sources: Hitachi data sheet HD44780U, ADE-207-272(Z): tables 4, 6 and 7, figure 24, bus timing; NXP data sheet PCF8574.
The supply may rise too slowly for the internal reset. So the chip begins in any state: 8-bit mode, 4-bit mode, or
4-bit mode with half of an instruction received. `violations` lists breaches of the data sheet. An instruction that
comes while the chip is busy is lost, as on silicon. Times are those of the slowest oscillator, 190 kHz.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import ChargedClock, RandomSource


RS = 0x01
RW = 0x02
E = 0x04
LIGHT = 0x08

COLUMNS = 16
LINE_BYTES = 40

POWER_UP_US = 40_000
INSTRUCTION_US = 53
DATA_US = 59
CLEAR_US = 2_160
# Waits behind the first and the second write after power-up (figure 24).
SET_UP_WAITS_US = (4_100, 100)


class LcdModel:
    """The display and its expander. `random_bits(n)` decides the state after power-up."""

    def __init__(self, clock: "ChargedClock", random_bits: "RandomSource") -> None:
        self.violations: list[str] = []
        self.has_supply = True
        self._clock = clock
        self._random_bits = random_bits
        self.power_up()

    def power_up(self) -> None:
        """Begin with an unknown state. The expander has all outputs high (PCF8574, clause 8.1)."""
        self._port = 0xFF
        self._bits = 4 if self._random_bits(1) else 8
        self._half: int | None = self._random_bits(4) if self._bits == 4 and self._random_bits(1) else None
        self._ram = bytearray([self._random_bits(8) for _ in range(2 * LINE_BYTES)])
        self._address = self._random_bits(6)
        self._is_on = False
        self._is_rightward = False
        self._has_two_lines = False
        self._ready_us = self._clock.now_us + POWER_UP_US
        self._writes = 0

    @property
    def text(self) -> tuple:
        """The two lines that a person sees. They are blank without backlight, and while the display is off."""
        if not (self._is_on and self.has_supply and self._has_two_lines and self._port & LIGHT):
            return "", ""
        lines = [bytes(self._ram[start : start + COLUMNS]) for start in (0, LINE_BYTES)]
        return tuple([line.decode().rstrip() for line in lines])

    def answers(self) -> bool:
        """Return True if the expander acknowledges its address."""
        return self.has_supply

    def select(self, register: int) -> None:
        """Take the first byte of a write: the expander has no registers."""
        self.write_byte(register)

    def read_byte(self) -> int:
        """Return the levels of the pins."""
        return self._port

    def write_byte(self, value: int) -> None:
        """Set the outputs. All change together."""
        before, self._port = self._port, value
        rises, falls = value & E and not before & E, before & E and not value & E
        if (rises or before & value & E or falls) and (before ^ value) & (RS | RW):
            self.violations.append("RS or RW changed with E high, or at its edge")
        if falls and not before & RW:  # with RW high it is the end of a read
            if (before ^ value) & 0xF0:
                self.violations.append("data changed at the falling edge of E")
            self._latch(value >> 4, bool(value & RS))

    def _latch(self, half: int, is_data: bool) -> None:
        if self._clock.now_us < self._ready_us:
            self.violations.append(f"written {self._ready_us - self._clock.now_us} us too early")
            return
        self._ready_us = self._clock.now_us
        if self._bits == 8:
            self._execute(half << 4, is_data)  # D0 to D3 are not connected, and read as 0 here
        elif self._half is None:
            self._half = half
        else:
            value, self._half = self._half << 4 | half, None
            self._execute(value, is_data)
        if self._writes < len(SET_UP_WAITS_US):
            self._ready_us = max(self._ready_us, self._clock.now_us + SET_UP_WAITS_US[self._writes])
            self._writes += 1

    def _execute(self, value: int, is_data: bool) -> None:
        self._ready_us = self._clock.now_us + (DATA_US if is_data else INSTRUCTION_US)
        if is_data:
            self._ram[self._address % len(self._ram)] = value
            self._step()
        elif value & 0x80:
            self._address = value & 0x3F if not value & 0x40 else LINE_BYTES + (value & 0x3F)
        elif value & 0x20 and not value & 0x40:
            self._set_function(value)
        elif value == 0x01:
            self._ram[:] = b" " * len(self._ram)
            self._address, self._is_rightward = 0, True
            self._ready_us = self._clock.now_us + CLEAR_US
        elif 0x02 <= value <= 0x03:
            self._address = 0
            self._ready_us = self._clock.now_us + CLEAR_US
        elif 0x04 <= value <= 0x07:
            self._is_rightward = bool(value & 0x02)
        elif 0x08 <= value <= 0x0F:
            self._is_on = bool(value & 0x04)

    def _set_function(self, value: int) -> None:
        self._bits = 8 if value & 0x10 else 4
        self._has_two_lines = bool(value & 0x08)

    def _step(self) -> None:
        self._address = (self._address + (1 if self._is_rightward else -1)) % len(self._ram)
