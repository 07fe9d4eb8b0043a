"""Energy from a metering chip: the pulses of its CF1 in the board's counter, and the readings of each leg.

`take` returns impulses. The chip carries the energy, so nothing is lost while the program is busy or restarts.

**Direction.** CF1 gives pulses for energy in either direction, and its sum nets the legs. The meter must charge imports
alone. So a leg whose power flows out leaves the chip's sum at the next look (100 ms), and comes back likewise. Pulses
whose energy was reverse by the chip's own word are counted in `export_pulses` and not returned.

**Energies of the legs** are added up from power and time at each look. They serve people, not the account.
"""

from array import array

from wattpurse.core.leg_energy import LegEnergy, flows_backwards
from wattpurse.drivers import atm90e32 as chips
from wattpurse.drivers.atm90e32_calibration import LEAST_MW, Measurement

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.drivers.atm90e32 import Atm90e32
    from wattpurse.drivers.atm90e32_calibration import Calibration, LegCalibration
    from wattpurse.drivers.pulse_counter import PulseCounter
    from wattpurse.hal import Clock

LONGEST_MS = 1_000  # power that is older says nothing about the energy since then
_STATES = 4  # of each leg in the readings
_MILLIVOLTS = 0
_MILLIAMPERES = 1
_MILLIWATTS = 2
_MILLIHERTZ = 3


class ChipLeg(LegEnergy):
    """One leg: its energy since the start, and its calibration."""

    def __init__(self, place: int, calibration: "LegCalibration") -> None:
        super().__init__(place)
        self.calibration = calibration
        self._rest_uwh = 0

    def follow(self, power_mw: int, elapsed_ms: int) -> None:
        """Take the power of a look, `elapsed_ms` after the look before."""
        self.is_loaded = not -LEAST_MW < power_mw < LEAST_MW
        if self.is_loaded:
            self.is_backwards = power_mw < 0
            self._add(abs(power_mw) // 36 * elapsed_ms // 100)

    def _add(self, uwh: int) -> None:
        self._rest_uwh += uwh
        self.waiting_mwh = self._rest_uwh // 1000
        self._rest_uwh -= self.waiting_mwh * 1000
        self.join()


class ChipReadings:
    """The newest readings of each leg. `rounds` counts them."""

    def __init__(self, legs: int) -> None:
        self.rounds = 0
        self._values = array("i", [0] * _STATES * legs)

    def set(self, leg: int, which: int, value: int) -> None:
        """Take a reading."""
        self._values[_STATES * leg + which] = value

    def millivolts(self, leg: int) -> int:
        """Return the rms voltage of a leg."""
        return self._values[_STATES * leg + _MILLIVOLTS]

    def milliamperes(self, leg: int) -> int:
        """Return the rms current of a leg; 0 without load."""
        return self._values[_STATES * leg + _MILLIAMPERES] if self.milliwatts(leg) else 0

    def milliwatts(self, leg: int) -> int:
        """Return the mean power of a leg, negative if it flows out; 0 without load."""
        power_mw = self._values[_STATES * leg + _MILLIWATTS]
        return 0 if -LEAST_MW < power_mw < LEAST_MW else power_mw

    def measured_milliwatts(self, leg: int) -> int:
        """Return the mean power of a leg, also if it is so small that it counts as no load."""
        return self._values[_STATES * leg + _MILLIWATTS]

    def apparent_milliwatts(self, leg: int) -> int:
        """Return the product of voltage and current of a leg."""
        return self.millivolts(leg) * self._values[_STATES * leg + _MILLIAMPERES] // 1000

    def factor_percent(self, leg: int) -> int:
        """Return the power factor of a leg in percent; 0 without load."""
        power_mw, apparent = self.milliwatts(leg), self.apparent_milliwatts(leg)
        size = min(100, 100 * abs(power_mw) // apparent) if apparent else 0
        return -size if power_mw < 0 else size

    def millihertz(self, leg: int) -> int:
        """Return the frequency of a leg, 0 without voltage."""
        return self._values[_STATES * leg + _MILLIHERTZ]


class ChipFrontEnd:
    """The counter of a meter with a metering chip: `take` returns impulses. `counter` counts the pulses of CF1.

    `is_lost` is True while the chip does not answer. `samples_lost` is there for readers of other front ends.
    """

    samples_lost = 0

    def __init__(self, chip: "Atm90e32", counter: "PulseCounter", clock: "Clock", calibration: "Calibration") -> None:
        self.chip = chip
        self.export_pulses = 0
        self._counter = counter
        self._clock = clock
        self._looked_ms = clock.ticks_ms()
        self._is_60_hertz = calibration.nominal_v < 200
        self._mode = 0
        self._measured: list[list[int]] | None = None
        self.calibration = calibration
        self.legs: list[ChipLeg] = []
        self.readings = ChipReadings(len(calibration.legs))
        self.set_calibration(calibration)

    def take(self) -> int:
        """Return the impulses of imported energy since the last call. Takes no heap."""
        pulses = self._counter.take()
        if pulses:
            state = self.chip.read(0x71)  # EMM_STATE0
            if state != 0xFFFF and state > 0 and state & 0x08:  # CF1_REVERSED, and not an open wire
                self.export_pulses += pulses
                return 0
        return pulses

    @property
    def is_lost(self) -> bool:
        """True while the chip does not answer, or does not keep its configuration."""
        return not self.chip.is_ready

    @property
    def flows_backwards(self) -> bool:
        """True while energy flows out of the house through a clamp."""
        return flows_backwards(self.legs)

    def set_calibration(self, calibration: "Calibration") -> None:
        """Set the chip up with another calibration."""
        self.calibration = calibration
        if len(self.legs) != len(calibration.legs):
            self.legs = [ChipLeg(place, one) for place, one in enumerate(calibration.legs)]
        for leg, one in zip(self.legs, calibration.legs):
            leg.calibration = one
        self._set_up()

    def look(self) -> None:
        """Check the chip and the direction of each leg, and configure the chip again if it needs it."""
        now_ms = self._clock.ticks_ms()
        elapsed_ms = min(LONGEST_MS, self._clock.ticks_diff(now_ms, self._looked_ms))
        self._looked_ms = now_ms
        if not self.chip.look():
            self._forget()
            return
        try:
            for leg in self.legs:
                power_mw = self.calibration.milliwatts(self.chip.power(leg.place))
                self.readings.set(leg.place, _MILLIWATTS, power_mw)
                leg.follow(power_mw, elapsed_ms)
        except OSError:
            return
        if self._counted() != self._mode:
            self._set_up()

    def read_all(self) -> None:
        """Renew voltage, current and frequency of each leg. An error leaves them as they are."""
        if self.is_lost:
            self.readings.rounds += 1
            return
        try:
            frequency = self.chip.reading(chips.FREQUENCY)
            for leg in self.legs:
                millivolts = self.chip.reading(chips.U_RMS + leg.place) * 10
                milliamperes = self.chip.reading(chips.I_RMS + leg.place) * self.calibration.divisor
                self.readings.set(leg.place, _MILLIVOLTS, millivolts)
                self.readings.set(leg.place, _MILLIAMPERES, milliamperes)
                self.readings.set(leg.place, _MILLIHERTZ, frequency * 10)
        except OSError:
            return
        self.readings.rounds += 1
        if self._measured is not None:
            self._measure()
        was = self._is_60_hertz
        self._is_60_hertz = chips.is_60_hertz(frequency, was)
        if self._is_60_hertz != was:
            self._set_up()

    def begin_measurement(self) -> None:
        """Begin to collect the readings of a measurement on every leg."""
        self._measured = [[0, 0, 0] for _ in self.legs]

    def end_measurement(self) -> list:
        """Return a Measurement of each leg, the means since `begin_measurement`. Raise ValueError if there are none."""
        found = []
        for leg, (count, power_mw, apparent) in zip(self.legs, self._measured or []):
            if not count:
                raise ValueError("the metering chip gave no reading: see 'ct'")
            millihertz = self.readings.millihertz(leg.place)
            found.append(Measurement((2 * power_mw + count) // (2 * count), apparent // count, millihertz))
        self._measured = None
        return found

    def _measure(self) -> None:
        for leg, sums in zip(self.legs, self._measured or []):
            sums[0] += 1
            sums[1] += self.readings.measured_milliwatts(leg.place)
            sums[2] += self.readings.apparent_milliwatts(leg.place)

    def _counted(self) -> int:
        """Return a bit for each leg whose energy flows into the house."""
        bits = 0
        for leg in self.legs:
            if not leg.is_backwards:
                bits |= 1 << leg.place
        return bits

    def _set_up(self) -> None:
        self._mode = self._counted()
        self.chip.set_up(self.calibration.registers(self._mode, self._is_60_hertz))

    def _forget(self) -> None:
        """Forget readings of a chip that does not answer."""
        for leg in self.legs:
            leg.is_loaded = False
            for which in range(_STATES):
                self.readings.set(leg.place, which, 0)
