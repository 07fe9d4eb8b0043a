"""A sensor in a loop to ground, such as a cover switch or a reed contact. It opens the loop while it senses tampering.

The contact bounces. A cut wire opens the loop as well, for good.
"""

from boards.host.chips.button import ButtonModel

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.pin import Wire
    from boards.host.protocols import EventClock, RandomSource


class SensorModel:
    """Holds its wire low until it `senses`. `random_bits(n)` returns n random bits for bounces; None: no bounce."""

    def __init__(self, clock: "EventClock", wire: "Wire", random_bits: "RandomSource | None" = None) -> None:
        self.senses = False
        self.is_cut = False
        self._contact = ButtonModel(clock, wire, random_bits)
        self._contact.hold()

    def sense(self, senses: bool) -> None:
        """Begin or end the tampering: the cover is off, a magnet is near, energy flows backwards."""
        if senses != self.senses:
            self.senses = senses
            self._move()

    def cut_wire(self) -> None:
        """Cut the loop, which is open from now on."""
        self.is_cut = True
        self._move()

    def _move(self) -> None:
        if self.senses or self.is_cut:
            self._contact.let_go()
        else:
            self._contact.hold()
