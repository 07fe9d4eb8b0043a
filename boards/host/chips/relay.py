"""Latching relay with two coils. Its contact keeps the position of the last pulse, with or without supply.

Each coil is a wire; high is current through it. A pulse of `SHORTEST_PULSE_US` moves the contact. Pulses that would
damage or confuse a real relay are noted in `violations`. Faults: `welded` (the contact sticks, closed or open),
`breaks_loose_after` (the number of pulses that free it; None: it stays stuck), `open_coil_broken`,
`close_coil_broken`.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.chips.pin import Wire
    from boards.host.protocols import EventClock


SHORTEST_PULSE_US = 50_000
LONGEST_PULSE_US = 1_000_000


class RelayModel:
    """The relay. `operations` counts the movements of its contact; `listen` reports each of them."""

    def __init__(
        self, clock: "EventClock", open_coil_wire: "Wire", close_coil_wire: "Wire", contact_closed: bool = True
    ) -> None:
        self.contact_closed = contact_closed
        self.welded = False
        self.breaks_loose_after: int | None = None
        self.open_coil_broken = False
        self.close_coil_broken = False
        self.operations = 0
        self.violations = []
        self._clock = clock
        self._open_coil_wire = open_coil_wire
        self._close_coil_wire = close_coil_wire
        self._pulse = 0
        self._listeners: list[Callable[[bool], object]] = []
        open_coil_wire.listen(self._coil_changed)
        close_coil_wire.listen(self._coil_changed)

    def listen(self, listener: "Callable[[bool], object]") -> None:
        """Call `listener(contact_closed)` whenever the contact moves."""
        self._listeners.append(listener)

    def _coil_changed(self, _level: int) -> None:
        """End the present pulse at any change of either coil, and begin another if a coil has current."""
        self._pulse += 1
        opening = self._open_coil_wire.level
        closing = self._close_coil_wire.level
        if opening and closing:
            self.violations.append("both coils at once")
        elif opening or closing:
            pulse = self._pulse
            now_us = self._clock.now_us
            self._clock.call_at_us(now_us + SHORTEST_PULSE_US, lambda: self._pulled(pulse, bool(closing)))
            self._clock.call_at_us(now_us + LONGEST_PULSE_US + 1, lambda: self._overheated(pulse))

    def _pulled(self, pulse: int, closing: bool) -> None:
        if pulse != self._pulse:
            return
        if self.close_coil_broken if closing else self.open_coil_broken:
            return
        if self.welded and closing != self.contact_closed:
            self._strain()
        if self.welded:
            return
        if closing != self.contact_closed:
            self.contact_closed = closing
            self.operations += 1
            for listener in self._listeners:
                listener(closing)

    def _strain(self) -> None:
        """Pull at a stuck contact, which may free it."""
        if self.breaks_loose_after is not None:
            self.breaks_loose_after -= 1
            self.welded = self.breaks_loose_after > 0

    def _overheated(self, pulse: int) -> None:
        if pulse == self._pulse:
            self.violations.append("coil energised for more than a second")
