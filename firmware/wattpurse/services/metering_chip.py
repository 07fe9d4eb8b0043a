"""A meter with the metering chip ATM90E32AS: its clamps, as `services.clamps` watches them, and the chip itself.

The look ten times a second (`sample`) checks the chip. A chip that had lost its configuration is an event, and so is a
chip that does not answer. The latter is as a sensor with a cut wire: it counts as reverse flow, and the term
`tamper_reverse` decides about supply. Energy of that time is lost.
"""

from wattpurse.core.records import events
from wattpurse.drivers import atm90e32_calibration
from wattpurse.drivers.atm90e32 import Atm90e32
from wattpurse.drivers.chip_front_end import ChipFrontEnd
from wattpurse.services.clamps import FINE, NO_DIVIDER, Clamps

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.drivers.atm90e32_calibration import Calibration
    from wattpurse.drivers.chip_front_end import ChipLeg
    from wattpurse.hal import Board

NO_CHIP = "this board has no metering chip: see docs/ct.md"
LOST = "the metering chip does not answer, nothing is metered: check its supply and its wires"

_LOOKS_LOST = 20  # two seconds without an answer are believed
_NO_VOLTAGE_MV = 10_000


class MeteringChip(Clamps):
    """The metering chip of a board. `is_lost` is True once it has not answered for two seconds."""

    rules = atm90e32_calibration
    setting = "metering_chip"

    front_end: ChipFrontEnd  # pyright: ignore[reportIncompatibleVariableOverride]
    is_lost = False
    _silent_looks = 0
    _is_lost_told = False
    _restorations_told = 0

    @property
    def impulses(self) -> int:
        """The meter constant of the chip, in impulses per kWh."""
        return self.front_end.calibration.impulses

    def build(self, board: "Board", calibration: "Calibration") -> ChipFrontEnd:  # pyright: ignore
        """Return the front end of `board`. Raises ValueError if the board has none."""
        device = board.build_metering_spi()
        if device is None:
            raise ValueError(NO_CHIP)
        spi, select = device
        return ChipFrontEnd(Atm90e32(spi=spi, select=select), board.counter, board.clock, calibration)

    def sample(self) -> bool:
        """Check the chip. Return True while energy flows out of the house, or the chip does not answer."""
        self.front_end.look()
        self._silent_looks = self._silent_looks + 1 if self.front_end.is_lost else 0
        self.is_lost = self._silent_looks >= _LOOKS_LOST
        return self.is_lost or self.front_end.flows_backwards

    def step(self) -> None:
        """Read voltage, current and frequency. Each change is an event."""
        self.front_end.read_all()
        if self.is_lost != self._is_lost_told:
            self._is_lost_told = self.is_lost
            self.note(events.METERING_CHIP_LOST if self.is_lost else events.METERING_CHIP_BACK, 0)
        restorations = self.front_end.chip.restorations
        if restorations != self._restorations_told and not self.front_end.is_lost:
            self.note(events.METERING_CHIP_RESTORED, restorations - self._restorations_told)
            self._restorations_told = restorations
        if not self.front_end.is_lost:
            super().step()

    def faults(self) -> list:
        """Return a sentence for the chip, and for each clamp that looks wrong."""
        return [LOST] if self.front_end.is_lost else super().faults()

    def wiring_of(self, leg: "ChipLeg") -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return NO_DIVIDER if the leg has no voltage. A clamp without a cable reads as no load."""
        return NO_DIVIDER if self.front_end.readings.millivolts(leg.place) < _NO_VOLTAGE_MV else FINE
