"""Clamps around the two legs of a house: the load of `PulseSource` as currents, for the converter of the board.

Leg 1 has heaters, leg 2 motors and power supplies: its current lags and has harmonics. The energy of both legs is that
of the source. The load switch interrupts the current, and the voltage stays.
"""

from boards.host.chips.atm90e32 import Atm90e32Model, ChipInputs
from boards.host.chips.clamps import ClampInputs, ClampRing
from boards.host.chips.converter import Converter
from boards.host.chips.waves import transfer, wave

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.pulse_source import PulseSource
    from boards.host.protocols import EventClock

LAG_DEGREES = 18
HARMONICS = ((3, 0.15, 40.0), (5, 0.08, 0.0))


class HouseClamps:
    """The clamps and dividers of a house. `seed` decides the curve of the converter.

    `shares` are the parts of the load on both legs. Call `hold` before a change of `inputs`, and `follow` after a
    change of the shares or of a voltage.
    """

    def __init__(self, clock: "EventClock", source: "PulseSource", seed: int = 1) -> None:
        self.shares = [1, 1]
        self._inputs: ClampInputs | None = None
        self._factors = [1.0, 1.0]
        self._clock = clock
        self._source = source
        self._seed = seed
        self._converter: Converter | None = None
        self._ring: ClampRing | None = None
        self.chip: Atm90e32Model | None = None
        source.listen(self.follow)

    @property
    def inputs(self) -> ClampInputs:
        """The signals at the board's inputs, made at the first use: a house without clamps spares their tables."""
        if self._inputs is None:
            self._inputs = ClampInputs(2)
        return self._inputs

    def sampler(self) -> ClampRing:
        """Return the running converter. The first call after a reset starts it."""
        if self._converter is None:
            self._converter = Converter(self._seed)
            self._furnish()
        if self._ring is None:
            inputs = self.inputs
            self.follow()
            self._ring = ClampRing(self._clock, inputs, self._converter)
        return self._ring

    def metering_chip(self) -> Atm90e32Model:
        """Return the metering chip behind the clamps. The first call wires it up, and its CF1 as the pulse output."""
        if self.chip is None:
            self._furnish()
            self.follow()
            self.chip = Atm90e32Model(self._clock, self.inputs, ChipInputs(), self._seed)
        return self.chip

    def read_pulses(self) -> int:
        """Return the count of the board's counter, which counts CF1 once the metering chip is wired up."""
        return self._source.read_raw() if self.chip is None else self.chip.read_raw()

    def board_powered(self) -> None:
        """Reset the counter of CF1, as a reset of the board does."""
        if self.chip is not None:
            self.chip.board_powered()

    def mains_back(self) -> None:
        """Reset the metering chip: its supply has come back."""
        if self.chip is not None:
            self.chip.power_up()

    def stop(self) -> None:
        """Stop the converter, as a reset of the chip does: its ring is empty when it starts again."""
        self._ring = None

    def hold(self) -> None:
        """Make the samples up to now, before somebody changes the inputs."""
        if self._ring is not None:
            self._ring.catch_up()
        if self.chip is not None:
            self.chip.catch_up()

    def follow(self) -> None:
        """Take over the load of the house, after the samples before the change were made."""
        if self._inputs is None:
            return
        self.hold()
        for leg, share, factor in zip(self.inputs.legs, self.shares, self._factors):
            power_w = self._source.power_w * share / sum(self.shares)
            leg.amps = power_w / leg.volts / factor if leg.volts else 0.0

    def _furnish(self) -> None:
        """Put motors and power supplies on leg 2."""
        self.inputs.legs[1].amp_wave = wave(LAG_DEGREES, HARMONICS)
        self._factors = [transfer(leg.volt_wave, leg.amp_wave) for leg in self.inputs.legs]
