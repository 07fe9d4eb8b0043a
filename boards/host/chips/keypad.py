"""A keypad of four rows and three columns: contacts that join lines, as copper does, and bounce.

Lines 0 to 3 are the rows, 4 to 6 the columns. Three pressed keys of a rectangle join all its lines, so that a scan sees
the fourth as well. `Mcp23008Model` has the lines on its pins GP0 to GP6 (Microchip data sheet DS21919).
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock, RandomSource


KEYS = "123456789*0#"
ROWS = 4
COLUMNS = 3

DIRECTION = 0x00
INVERSION = 0x01
OPTIONS = 0x05
PULL_UPS = 0x06
FLAGS = 0x07
CAPTURED = 0x08
PORT = 0x09
LATCH = 0x0A
REGISTER_COUNT = 0x0B

# The pace of a person. The meter sees no key while it erases. Where nothing was erased ahead, that is two sectors one
# after the other, of 45 ms each, and the records behind them: a press and a pause are longer than that and two scans.
PRESS_MS = 160
PRESS_EVERY_MS = 320

_BOUNCE_STEP_US = 600


class KeyMatrix:
    """The contacts. `random_bits(n)` returns n random bits for bounces; None: no bounce."""

    def __init__(self, clock: "EventClock", random_bits: "RandomSource | None" = None) -> None:
        self._clock = clock
        self._random_bits = random_bits
        self._joined: set[int] = set()
        self._wanted: set[int] = set()
        self._driven: set[int] = set()

    def press(self, key: str, duration_ms: int = PRESS_MS) -> None:
        """Press a key now and release it after `duration_ms`."""
        self.hold(key)
        self._clock.call_at_us(self._clock.now_us + duration_ms * 1000, lambda: self.let_go(key))

    def hold(self, key: str) -> None:
        """Press a key and keep it pressed."""
        place = KEYS.index(key)
        self._wanted.add(place)
        self._move(place)

    def let_go(self, key: str) -> None:
        """Release a key."""
        place = KEYS.index(key)
        self._wanted.discard(place)
        self._move(place)

    def low(self, driven: "set[int]") -> "set[int]":
        """Return the lines that are low while the `driven` ones are held low."""
        low = set(driven)
        before = -1
        while len(low) != before:
            before = len(low)
            for place in self._joined:
                row, column = place // COLUMNS, ROWS + place % COLUMNS
                if row in low or column in low:
                    low.update((row, column))
        return low

    def pin(self, line: int) -> "KeyPin":
        """Return an open-drain pin with a pull-up on a line."""
        return KeyPin(self, line)

    def drive(self, line: int, level: int) -> None:
        """Hold a line low by a pin, or release it."""
        if level:
            self._driven.discard(line)
        else:
            self._driven.add(line)

    def level(self, line: int) -> int:
        """Return the level of a line with a pull-up, as pins drive the others."""
        return int(line not in self.low(self._driven))

    def _move(self, place: int) -> None:
        """Move a contact. It bounces for some milliseconds."""
        self._settle(place)
        if self._random_bits is None:
            return
        for bounce in range(self._random_bits(2)):
            at_us = self._clock.now_us + (2 * bounce + 1) * _BOUNCE_STEP_US
            self._clock.call_at_us(at_us, lambda: self._bounce(place))
            self._clock.call_at_us(at_us + _BOUNCE_STEP_US, lambda: self._settle(place))

    def _settle(self, place: int) -> None:
        if place in self._wanted:
            self._joined.add(place)
        else:
            self._joined.discard(place)

    def _bounce(self, place: int) -> None:
        if place in self._wanted:
            self._joined.discard(place)
        else:
            self._joined.add(place)


class KeyPin:
    """One pin of the board on a line: a call with a level drives it, without one it reads."""

    def __init__(self, matrix: KeyMatrix, line: int) -> None:
        self._matrix = matrix
        self._line = line

    def __call__(self, level: int | None = None) -> int | None:
        if level is None:
            return self._matrix.level(self._line)
        self._matrix.drive(self._line, level)
        return None


class Mcp23008Model:
    """The expander, with the keypad on its pins. `violations` lists levels that short two of its outputs."""

    def __init__(self, matrix: KeyMatrix) -> None:
        self.violations: list[str] = []
        self.registers = bytearray(REGISTER_COUNT)
        self._matrix = matrix
        self._pointer = 0
        self.power_up()

    def power_up(self) -> None:
        """Begin with the registers of a reset: all pins are inputs, without pull-ups."""
        self.registers[:] = bytes(REGISTER_COUNT)
        self.registers[DIRECTION] = 0xFF

    def answers(self) -> bool:
        """Return True: the chip acknowledges its address."""
        return True

    def select(self, register: int) -> None:
        """Begin a transfer at a register."""
        self._pointer = register

    def read_byte(self) -> int:
        """Return the register at the pointer, which moves on."""
        register = self._take_pointer()
        return self._port() if register == PORT else self.registers[register]

    def write_byte(self, value: int) -> None:
        """Write the register at the pointer, which moves on. A write to the port goes into the latch."""
        register = self._take_pointer()
        if register in (PORT, LATCH):
            self.registers[LATCH] = value
        elif register not in (FLAGS, CAPTURED):
            self.registers[register] = value
        outputs = ~self.registers[DIRECTION] & 0xFF
        if any(self._is_on(outputs & self.registers[LATCH], line) for line in self._low()):
            self.violations.append(f"outputs {outputs:08b} are shorted by pressed keys")

    def _take_pointer(self) -> int:
        """Return the pointer. It moves on unless the option bit 5 stops it."""
        register = self._pointer % REGISTER_COUNT
        if not self.registers[OPTIONS] & 0x20:
            self._pointer = register + 1
        return register

    def _low(self) -> "set[int]":
        """Return the lines that are low by the outputs and the keys."""
        outputs = ~self.registers[DIRECTION] & ~self.registers[LATCH]
        return self._matrix.low({line for line in range(ROWS + COLUMNS) if self._is_on(outputs, line)})

    def _port(self) -> int:
        """Return the levels of the pins. An input without a pull-up reads as 0."""
        levels = self.registers[PULL_UPS] | ~self.registers[DIRECTION] & 0xFF & self.registers[LATCH]
        for line in self._low():
            levels &= ~(1 << line)
        return (levels ^ self.registers[INVERSION]) & 0xFF

    def _is_on(self, bits: int, line: int) -> bool:
        return bool(bits >> line & 1)
