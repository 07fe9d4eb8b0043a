"""A keypad of four rows and three columns: on seven pins, or on an MCP23008 expander.

It is scanned every 20 ms, and every 8 ms while keys move. A key counts when two scans agree, so bounces of up to 8 ms
are ignored, and a quick typist needs 30 ms for a press and 20 ms between two. A key is reported once, when it is
pressed, and again after it was released. Two keys at once are none: with three of them pressed the matrix shows a
fourth that nobody touches. A key that stays pressed alone after the others are released counts then, so a quick typist
loses nothing.

A row is driven low, all others float, so that no two pins are shorted by keys. Microchip data sheet DS21919 has the
registers of the MCP23008.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.hal import I2c, Pin

    class Lines(Protocol):
        """The seven lines of a keypad."""

        def scan(self) -> int: ...


KEYS = "123456789*0#"
ROWS = 4
COLUMNS = 3
ADDRESS = 0x20  # A0 to A2 to ground

_IDLE_MS = 20
_MOVING_MS = 8
_ROW_LINES = 0x0F
_COLUMN_LINES = 0x70
_DIRECTION = 0x00  # 1: input
_PORT = 0x09
# All registers from the first one: directions, no inversion, no interrupts, sequential writes, pull-ups, levels low.
_CONFIGURATION = bytes((0xFF & ~_ROW_LINES, 0, 0, 0, 0, 0, _ROW_LINES | _COLUMN_LINES, 0, 0, 0, 0))
_SCANS_TO_CONFIGURE = 50


class PinLines:
    """Four row pins, open drain, and three column pins, inputs with pull-ups."""

    def __init__(self, rows: "tuple[Callable[[int], object], ...]", columns: "tuple[Pin, ...]") -> None:
        self._rows = rows
        self._columns = columns
        for row in rows:
            row(1)

    def scan(self) -> int:
        """Return a bit for each key that is pressed, or seems to be."""
        keys = 0
        for place, row in enumerate(self._rows):
            row(0)
            for column, pin in enumerate(self._columns):
                if not pin():
                    keys |= 1 << COLUMNS * place + column
            row(1)
        return keys


class ExpanderLines:
    """An MCP23008 on `i2c`: rows on GP0 to GP3, columns on GP4 to GP6. Raises OSError when it does not answer."""

    def __init__(self, i2c: "I2c", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._byte = bytearray(1)
        self._scans = 0

    def scan(self) -> int:
        """Return a bit for each key that is pressed, or seems to be.

        All rows are low between two scans, so that one reading tells that no key is pressed. Once a second the chip is
        configured anew: a disturbance may have changed its registers.
        """
        if self._scans % _SCANS_TO_CONFIGURE == 0:
            self._i2c.writeto_mem(self._address, _DIRECTION, _CONFIGURATION)
        self._scans += 1
        if not self._columns():
            return 0
        keys = 0
        for place in range(ROWS):
            self._drive(1 << place)
            keys |= self._columns() << COLUMNS * place
        self._drive(_ROW_LINES)
        return keys

    def _drive(self, rows: int) -> None:
        """Drive these rows low, and let the others float."""
        self._byte[0] = 0xFF & ~rows
        self._i2c.writeto_mem(self._address, _DIRECTION, self._byte)

    def _columns(self) -> int:
        """Return a bit for each column that is low."""
        self._i2c.readfrom_mem_into(self._address, _PORT, self._byte)
        return (~self._byte[0] & _COLUMN_LINES) >> ROWS


class Keypad:
    """The keys on `lines`."""

    def __init__(self, lines: "Lines") -> None:
        self._lines = lines
        self._last = 0
        self._reported = 0

    @property
    def pause_ms(self) -> int:
        """The time until the next scan is due."""
        return _MOVING_MS if self._last or self._reported else _IDLE_MS

    def sample(self) -> str | None:
        """Scan once. Call after each `pause_ms`. Return the key whose press this scan completes, or None."""
        keys = self._lines.scan()
        is_steady = keys == self._last
        self._last = keys
        if not is_steady:
            return None
        if keys == 0:
            self._reported = 0
        if keys & (keys - 1) or keys == self._reported:
            return None
        self._reported = keys
        return KEYS[_place_of(keys)]


def _place_of(bit: int) -> int:
    """Return the place of the one bit that is set."""
    place = 0
    while bit > 1:
        bit >>= 1
        place += 1
    return place
