"""An input that tells when the mains fail, while the supply of the board still holds.

An optocoupler holds the pin to ground while mains are good, and its capacitor bridges the zero crossings. A pull-up
makes it read 1 when they fail, so a cut wire is a failure too. An unused input is tied to ground.

A failure is believed quickly, because the supply does not hold for long. Good mains are believed after a second: they
bounce when they return.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Pin

SAMPLE_MS = 50  # as long as a period of metering, which takes the samples
SAMPLES_OF_A_FAILURE = 2  # 50 ms to 100 ms
SAMPLES_OF_A_RETURN = 20


class MainsSensor:
    """The input on one pin. `has_failed` is its debounced state, good at the start."""

    def __init__(self, pin: "Pin") -> None:
        self.has_failed = False
        self._pin = pin
        self._others = 0

    def begin(self) -> bool:
        """Take the present level for true, at a start, and return `has_failed`."""
        self.has_failed = bool(self._pin())
        self._others = 0
        return self.has_failed

    def sample(self) -> bool:
        """Look at the pin once, and return `has_failed`. Call every SAMPLE_MS."""
        if bool(self._pin()) == self.has_failed:
            self._others = 0
            return self.has_failed
        self._others += 1
        if self._others >= (SAMPLES_OF_A_RETURN if self.has_failed else SAMPLES_OF_A_FAILURE):
            self.has_failed = not self.has_failed
            self._others = 0
        return self.has_failed
