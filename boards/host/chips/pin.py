"""Wires of the simulated board and the pins on them. A pin is called as `machine.Pin` is.

The drivers and the pull resistor of a `Wire` decide its level. The wire calls its listeners when the level changes.
Chip models and product code have pins of their own on it, so an open-drain line is low while any of them pulls it low.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import ChargedClock, Driver


OPEN_DRAIN = 0
PUSH_PULL = 1
INPUT = 2


class Wire:
    """One conductor. `pull` is its level while no pin drives it.

    Listeners are called as `listener(level)` after each change. `contentions` counts how often one pin drove the wire
    high while another drove it low. On a board that is a short circuit; here the wire is low then.
    """

    def __init__(self, pull: int = 1) -> None:
        self.level = pull
        self.contentions = 0
        self._pull = pull
        self._pins: list[Driver] = []
        self._listeners: list[Callable[[int], object]] = []

    def listen(self, listener: "Callable[[int], object]") -> None:
        """Call `listener(level)` after every change of the level from now on."""
        self._listeners.append(listener)

    def attach(self, pin: "Driver") -> None:
        """Add a pin to the wire."""
        self._pins.append(pin)

    def detach(self, pin: "Driver") -> None:
        """Take a pin off the wire."""
        self._pins.remove(pin)
        self.settle()

    def settle(self) -> None:
        """Compute the level from all pins, and call the listeners if it has changed."""
        low = high = False
        for pin in self._pins:
            if pin.drives == 0:
                low = True
            elif pin.drives == 1:
                high = True
        if low and high:
            self.contentions += 1
        level = 0 if low else 1 if high else self._pull
        if level != self.level:
            self.level = level
            for listener in self._listeners:
                listener(level)


class Pin:
    """One pin on a wire: `pin(1)` and `pin(0)` drive it (open drain: 1 releases), `pin()` reads the wire's level.

    With a `clock`, every call charges `call_us` to it, as a call takes time on a chip.
    """

    def __init__(
        self, wire: Wire, mode: int = OPEN_DRAIN, clock: "ChargedClock | None" = None, call_us: int = 0
    ) -> None:
        self.drives: int | None = None
        self._wire = wire
        self._mode = mode
        self._clock = clock
        self._call_us = call_us
        self._connected = True
        wire.attach(self)

    def __call__(self, value: int | None = None) -> int | None:
        if self._clock is not None:
            self._clock.advance_us(self._call_us)
        if value is None:
            return self._wire.level
        if self._mode == INPUT:
            raise ValueError("this pin is an input")
        drives = None if value and self._mode == OPEN_DRAIN else 1 if value else 0
        if drives != self.drives:
            self.drives = drives
            if self._connected:
                self._wire.settle()

    def disconnect(self) -> None:
        """Take the pin off its wire, as a reset or a power cut does. Later calls of the old program have no effect."""
        if self._connected:
            self._connected = False
            self._wire.detach(self)
