"""A sensor that opens a loop to ground: cover switch, reed contact or another output, debounced by sampling.

The loop is closed in normal state. A pull-up makes it read 1 when it opens, so a cut wire is an alarm too. Suitable
sensors: a cover switch that the cover keeps closed; a reed contact that a magnet opens (form B); an output of a
metering chip that goes high while energy flows backwards (ADE7755: REVP, which changes with a pulse and is not
latched). A level is believed when `samples` of them in a row agree. An unused input is tied to ground.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Pin

SAMPLE_MS = 100
QUICK_SAMPLES = 3  # 200 ms to 300 ms: longer than a knock on the meter's case
SLOW_SAMPLES = 10  # 900 ms to 1 s: longer than a motor that runs out gives energy back


class Contact:
    """A loop on one pin. `is_open` is its debounced state, closed at the start."""

    def __init__(self, pin: "Pin", samples: int) -> None:
        self.is_open = False
        self._pin = pin
        self._samples = samples
        self._others = 0

    def sample(self) -> bool:
        """Look at the pin once, and return `is_open`. Call every SAMPLE_MS."""
        if bool(self._pin()) == self.is_open:
            self._others = 0
        else:
            self._others += 1
            if self._others >= self._samples:
                self.is_open = not self.is_open
                self._others = 0
        return self.is_open
