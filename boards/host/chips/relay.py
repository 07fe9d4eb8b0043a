"""Latching relay with two coils: its contact stays where the last pulse left it, whatever happens to the supply.

Each coil is a wire; high is current through it. A pulse of `SHORTEST_PULSE_US` moves the contact. What would damage or
confuse a real relay is written down in `violations`. Faults: `welded` (the contact is stuck where it is, closed or
open), `breaks_loose_after` (as many pulses tear it loose; None: none does), `open_coil_broken`, `close_coil_broken`.
"""

SHORTEST_PULSE_US = 50_000
LONGEST_PULSE_US = 1_000_000


class RelayModel:
    """The relay. `operations` counts the times its contact moved; `listen` for where it moved to."""

    def __init__(self, clock, open_coil_wire, close_coil_wire, contact_closed: bool = True) -> None:
        self.contact_closed = contact_closed
        self.welded = False
        self.breaks_loose_after = None
        self.open_coil_broken = False
        self.close_coil_broken = False
        self.operations = 0
        self.violations = []
        self._clock = clock
        self._open_coil_wire = open_coil_wire
        self._close_coil_wire = close_coil_wire
        self._pulse = 0
        self._listeners = []
        open_coil_wire.listen(self._coil_changed)
        close_coil_wire.listen(self._coil_changed)

    def listen(self, listener) -> None:
        """Have `listener(contact_closed)` called when the contact moves."""
        self._listeners.append(listener)

    def _coil_changed(self, _level) -> None:
        """Any change of either coil ends the pulse that was and may begin another."""
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

    def _pulled(self, pulse, closing) -> None:
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
        """A pulse pulls at a contact that is stuck."""
        if self.breaks_loose_after is not None:
            self.breaks_loose_after -= 1
            self.welded = self.breaks_loose_after > 0

    def _overheated(self, pulse) -> None:
        if pulse == self._pulse:
            self.violations.append("coil energised for more than a second")
