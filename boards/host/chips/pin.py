"""Wires of the simulated board and the pins on them, called like `machine.Pin`.

A `Wire` has the level that its drivers and its pull resistor give it and tells its listeners when that changes. Chip
models and product code hold pins of their own on it, so an open-drain line is low while anyone pulls it low.
"""

OPEN_DRAIN = 0
PUSH_PULL = 1
INPUT = 2


class Wire:
    """One conductor. `pull` is the level it takes when nobody drives it.

    Listeners are called as `listener(level)` after each change. `contentions` counts the times one pin drove it high
    while another drove it low, which on a board is a short circuit; the low side wins here.
    """

    def __init__(self, pull: int = 1) -> None:
        self.level = pull
        self.contentions = 0
        self._pull = pull
        self._pins = []
        self._listeners = []

    def listen(self, listener) -> None:
        """Have `listener(level)` called after every change of the level."""
        self._listeners.append(listener)

    def attach(self, pin) -> None:
        """Put one more pin on the wire."""
        self._pins.append(pin)

    def detach(self, pin) -> None:
        """Take a pin off the wire."""
        self._pins.remove(pin)
        self.settle()

    def settle(self) -> None:
        """Work out the level anew from all the pins and tell the listeners if it is another one."""
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

    With a `clock`, every call charges `call_us` to it, as the call costs on a chip.
    """

    def __init__(self, wire: Wire, mode: int = OPEN_DRAIN, clock=None, call_us: int = 0) -> None:
        self.drives = None
        self._wire = wire
        self._mode = mode
        self._clock = clock
        self._call_us = call_us
        self._connected = True
        wire.attach(self)

    def __call__(self, value=None):
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
        """The chip lost its power or was reset: the pin drives nothing, whatever the old program still does to it."""
        if self._connected:
            self._connected = False
            self._wire.detach(self)
