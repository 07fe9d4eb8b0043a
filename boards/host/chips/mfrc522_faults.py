"""What can go wrong with an MFRC522 and the cards before it.

Faults of the air are planned by the count of reader frames from now (1: the next); an authentication is two frames.
Damage to one bit is seen by parity; to two bits of one byte only by the CRC.
"""


class Faults:
    """Plans for one chip model."""

    def __init__(self, chip) -> None:
        self._chip = chip
        self.hung = False
        self.irq_cut = False
        self.spi_dead = None

    def lift(self, frame: int) -> None:
        """All cards are lifted just before they could hear the `frame`-th frame."""
        self._chip.field.plan(frame, _lift_all)

    def lift_during_write(self, frame: int, seed: int) -> None:
        """All cards are lifted while they program what the `frame`-th frame brought; `seed` chooses what is left."""

        def lift_soon(field) -> None:
            programming = [card for card in field.cards if card.is_programming(self._chip.clock.now_us)]
            for card in programming:
                card.seed(seed)
            if programming:
                self._chip.clock.call_at_us(self._chip.clock.now_us + 1000, lambda: _lift_all(field))

        self._chip.field.plan(frame, lambda field: {"after": lift_soon})

    def silence(self, frame: int) -> None:
        """The answer to the `frame`-th frame does not arrive."""
        self._chip.field.plan(frame, lambda field: {"silence": True})

    def flip_to_card(self, frame: int, bits: tuple) -> None:
        """These bits of the `frame`-th frame arrive inverted at the cards."""
        self._chip.field.plan(frame, lambda field: {"to_card": bits})

    def flip_from_card(self, frame: int, bits: tuple) -> None:
        """These bits of the answer to the `frame`-th frame arrive inverted at the reader."""
        self._chip.field.plan(frame, lambda field: {"from_card": bits})

    def hang(self) -> None:
        """The chip answers on SPI but starts no command any more, until its reset pin is used."""
        self._chip.radio.stop()
        self._chip.timer.stop()
        self.hung = True

    def brown_out(self) -> None:
        """The chip's supply dips: it starts afresh without being asked, all registers lost."""
        self._chip.reset_registers()

    def kill_spi(self, level: int = 0) -> None:
        """The data line from the chip sticks at 0x00 or 0xFF, until `heal_spi`."""
        self.spi_dead = level

    def heal_spi(self) -> None:
        """The wire is whole again."""
        self.spi_dead = None

    def cut_irq(self, cut: bool = True) -> None:
        """The interrupt wire is loose, or whole again."""
        self.irq_cut = cut


def _lift_all(field) -> None:
    for card in list(field.cards):
        field.remove(card)
