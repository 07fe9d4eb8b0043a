"""A sensor in a loop to ground, such as a cover switch or a reed contact: it opens the loop on what it senses.

The contact bounces. The loop is closed while all is well. A cut wire opens it as what is sensed does, and stays.
"""

from boards.host.chips.button import ButtonModel


class SensorModel:
    """Holds its wire low until it `senses`. `random_bits(n)` gives n random bits for bounces; None: no bounce."""

    def __init__(self, clock, wire, random_bits=None) -> None:
        self.senses = False
        self.is_cut = False
        self._contact = ButtonModel(clock, wire, random_bits)
        self._contact.hold()

    def sense(self, senses: bool) -> None:
        """What it is there for begins or ends: the cover is taken off, a magnet comes near, energy flows backwards."""
        if senses != self.senses:
            self.senses = senses
            self._move()

    def cut_wire(self) -> None:
        """Somebody cuts the loop: it is open from now on."""
        self.is_cut = True
        self._move()

    def _move(self) -> None:
        if self.senses or self.is_cut:
            self._contact.let_go()
        else:
            self._contact.hold()
