"""Pulses since the last look, from a board's free-running hardware counter.

The board provides a counter that silicon advances by one per pulse, that wraps to 0 after `modulus` - 1 and that
nothing else sets while the program runs. In front of it the board needs a filter for the pulse output that it is wired
to. For an S0 output (IEC 62053-31:1998, 4.1.3.3 and 4.1.3.4) on- and off-time are at least 30 ms, and a transition with
its bounce takes less than 5 ms: the filter must pass every pulse of 30 ms after 30 ms of silence, 16.6 a second, and
nothing that is shorter than 5 ms. A counter's own glitch filter is far too quick for that (ESP32: 1,023 cycles of 80
MHz, 12.8 us; RP2040: none): it takes a resistor, a capacitor and a Schmitt trigger. Outputs with shorter pulses need
another filter.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable


def longest_read_interval_ms(modulus: int, pulses_per_second: int) -> int:
    """Return the longest time between two reads, in ms, in which `pulses_per_second` cannot turn the counter fully."""
    return (modulus - 1) * 1000 // pulses_per_second


class PulseCounter:
    """Counts from `taken` on: pulses up to there were taken before. It is 0 if the counter started with this program.

    `note_taken(raw)` gets the new count whenever pulses are taken. A board whose counter outlives the program stores it
    where it outlives the program too. It is called before anyone sees the pulses, so that no pulse counts twice.
    """

    def __init__(
        self,
        read_raw: "Callable[[], int]",
        modulus: int,
        taken: int = 0,
        note_taken: "Callable[[int], None] | None" = None,
    ) -> None:
        self._read_raw = read_raw
        self._modulus = modulus
        self._taken = taken
        self._note_taken = note_taken

    def take(self) -> int:
        """Return the pulses since the last call. Correct within `longest_read_interval_ms`. Allocates nothing."""
        raw = self._read_raw()
        pulses = raw - self._taken
        self._taken = raw
        if self._note_taken is not None:
            self._note_taken(raw)
        if pulses < 0:
            pulses += self._modulus
        return pulses
