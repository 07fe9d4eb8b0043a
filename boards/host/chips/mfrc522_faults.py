"""Faults of an MFRC522 and of the cards in its field.

Faults of the air are planned by the count of reader frames from now (1: the next). An authentication is two frames.
Parity detects damage to one bit. Only the CRC detects damage to two bits of one byte.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.cards.field import Field
    from boards.host.chips.mfrc522 import Mfrc522Model


class Faults:
    """Planned and present faults of one chip model."""

    def __init__(self, chip: "Mfrc522Model") -> None:
        self._chip = chip
        self.hung = False
        self.irq_cut = False
        self.spi_dead: int | None = None
        self._stuck: dict[int, tuple[int, int]] = {}

    def lift(self, frame: int) -> None:
        """Lift all cards just before the `frame`-th frame reaches them."""
        self._chip.field.plan(frame, _lift_all)

    def lift_during_write(self, frame: int, seed: int) -> None:
        """Lift all cards while they program the data of the `frame`-th frame; `seed` chooses the torn content."""

        def lift_soon(field: "Field") -> None:
            programming = [card for card in field.cards if card.is_programming(self._chip.clock.now_us)]
            for card in programming:
                card.seed(seed)
            if programming:
                self._chip.clock.call_at_us(self._chip.clock.now_us + 1000, lambda: _lift_all(field))

        self._chip.field.plan(frame, lambda field: {"after": lift_soon})

    def silence(self, frame: int) -> None:
        """Lose the answer to the `frame`-th frame."""
        self._chip.field.plan(frame, lambda field: {"silence": True})

    def lose(self, frame: int) -> None:
        """Lose the `frame`-th frame on its way to the cards."""
        self._chip.field.plan(frame, lambda field: {"unheard": True})

    def delay(self, frame: int, late_us: int) -> None:
        """Let the answer to the `frame`-th frame begin `late_us` later."""
        self._chip.field.plan(frame, lambda field: {"late_us": late_us})

    def flip_to_card(self, frame: int, bits: tuple) -> None:
        """Invert these bits of the `frame`-th frame on its way to the cards."""
        self._chip.field.plan(frame, lambda field: {"to_card": bits})

    def flip_from_card(self, frame: int, bits: tuple) -> None:
        """Invert these bits of the answer to the `frame`-th frame on its way to the reader."""
        self._chip.field.plan(frame, lambda field: {"from_card": bits})

    def hang(self) -> None:
        """Hang the chip: it answers on SPI but starts no command until its reset pin is used."""
        self._chip.radio.stop()
        self._chip.timer.stop()
        self.hung = True

    def brown_out(self) -> None:
        """Restart the chip by a dip of its supply: all registers are lost."""
        self._chip.reset_registers()

    def flip(self, register: int, bit: int) -> None:
        """Invert one bit of a register, as a spike on the supply does."""
        self._chip.registers[register] ^= 1 << bit
        self._chip.follow_registers()

    def stick(self, register: int, bit: int, level: int) -> None:
        """Hold one bit of a register that software sets at `level`, from the next write to it on."""
        self._stuck[register] = 1 << bit, level << bit

    def kept(self, register: int, value: int) -> int:
        """Return the value that the register takes when `value` is written to it."""
        mask, level = self._stuck.get(register, (0, 0))
        return value & (0xFF - mask) | level

    def kill_spi(self, level: int = 0) -> None:
        """Hold the data line from the chip at 0x00 or 0xFF until `heal_spi`."""
        self.spi_dead = level

    def heal_spi(self) -> None:
        """Repair the data line."""
        self.spi_dead = None

    def cut_irq(self, cut: bool = True) -> None:
        """Disconnect the interrupt wire, or connect it again."""
        self.irq_cut = cut


def _lift_all(field: "Field") -> None:
    for card in list(field.cards):
        field.remove(card)
